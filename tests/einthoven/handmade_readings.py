"""Readings made by hand, so that what the commands write is tested apart from how well pages are read."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from digitize.result import Digitization, LeadQuality, LeadTrace, ScaleEvidence
from ecg import LAYOUTS, LEADS, ECGRecord, LeadBox, Page, PaperScale

SCALE = PaperScale(8.0, 8.0)


def make_reading(page: Page | None = None, **changes: object) -> Digitization:
    """Page of 800 x 400 px on which leads I and II were read; the other ten are missing."""
    page = page or Page(np.full((400, 800, 3), 255, np.uint8), 200, "page.png")
    signal = np.full((12, 1250), np.nan)
    signal[0] = np.sin(np.arange(1250) / 500 * 2 * np.pi)
    signal[1] = 0.5
    x = np.arange(100.0, 600.0)
    box = LeadBox("I", (100.0, 50.0, 600.0, 150.0), 0.0, 2.5)
    d = Digitization(
        record=ECGRecord(signal, 500, LEADS),
        page=page,
        status="review",
        reasons=("V1: not found",),
        scale=SCALE,
        evidence=ScaleEvidence("grid", "grid", "assumed", "pulse"),
        layout=LAYOUTS["3x4+1"],
        layout_margin=0.5,
        timing="measured",
        boxes=(box,),
        traces=(LeadTrace(box, x, 100 - 80 * np.sin((x - 100) / 200 * 2 * np.pi), 100.0),),
        quality={
            "I": LeadQuality(1.0, 0.9, 0.0, 18.0, "good"),
            "V1": LeadQuality(0.0, float("nan"), 0.0, None, "missing", ("no trace",)),
        },
        assumed=("25 mm/s",),
        corners=np.array([[90.0, 40], [700, 40], [700, 350], [90, 350]]),
        homography=np.eye(3),
        steps=({"stage": "grid", "pitch_px": np.float64(8.0), "seen": np.array([1, 2]), "snr": float("nan")},),
    )
    return replace(d, **changes)  # type: ignore[arg-type]


def refused_reading(page: Page | None = None) -> Digitization:
    return make_reading(
        page,
        record=None,
        status="refused",
        reasons=("grid: no grid was found; pass --px-per-mm",),
        scale=None,
        evidence=None,
        layout=None,
        boxes=(),
        traces=(),
        quality={},
        corners=None,
        homography=None,
    )
