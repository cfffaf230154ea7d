"""What becomes of a page that was read as a picture: grades of its leads, its status, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from digitize.calibrate import Calibration
from digitize.features import lead_signs
from digitize.frame import Frame
from digitize.layout import LayoutMatch
from digitize.lines import LineReading
from digitize.plausibility import (
    coarse_picture,
    named_doubts,
    odd_length,
    placed_doubts,
    short_columns,
    stopped_pen,
    unknown_gain,
)
from digitize.prediction import predict_snr
from digitize.pulse import Pulse
from digitize.quality import NOT_PRINTED, grade_lead, judge_page, missing_lead
from digitize.result import LeadQuality, Status
from digitize.segment import InkMap
from digitize.sheet import Sheet
from digitize.signs import line_signs, page_signs
from digitize.stroke import Pen
from ecg import LEADS, ECGRecord

__all__ = ["Verdict", "verdict"]


@dataclass(frozen=True, eq=False)
class Verdict:
    """Judgement of a reading.

    Parameters
    ----------
    quality : mapping lead -> LeadQuality
        Of every lead of the layout, and of those of the twelve that it lacks.
    signs : mapping lead -> float array [signs]
        What the predicted fidelity follows from.
    status : str
    reasons : tuple of str
    """

    quality: Mapping[str, LeadQuality]
    signs: Mapping[str, NDArray[np.float64]]
    status: Status
    reasons: tuple[str, ...]


def verdict(
    seen: ECGRecord,
    readings: Sequence[LineReading],
    frame: Frame,
    sheet: Sheet,
    ink: InkMap,
    pen: Pen,
    pulses: Sequence[Pulse],
    calibration: Calibration,
    match: LayoutMatch,
    overruled: tuple[str, ...] = (),
) -> Verdict:
    """Judge a reading by all that was seen on the way.

    Parameters
    ----------
    seen : ECGRecord
        Leads as read, before the limb leads were weighed against each other.
    readings : sequence of LineReading
    frame : Frame
    sheet : Sheet
    ink : InkMap
    pen : Pen
    pulses : sequence of Pulse
    calibration : Calibration
    match : LayoutMatch
    overruled : tuple of str
        Refusals that a person forced the reader past.

    Returns
    -------
    Verdict
    """
    lines = [line_signs(reading, frame.share, calibration.scale.px_per_mm_y) for reading in readings]
    signs = lead_signs(lines, page_signs(seen, sheet, pen, ink.contrast, pulses, calibration, match))
    quality = _quality(readings, ink, calibration, predict_snr(signs))
    how, scale = calibration.evidence, calibration.scale
    doubts = calibration.doubts + match.doubts + placed_doubts(match, frame.names, scale.px_per_mm_x)
    doubts += named_doubts(match, frame.names) + coarse_picture(scale.px_per_mm_x)
    doubts += short_columns(match, scale.px_per_s) + stopped_pen(seen)
    if how.px_per_mm_x == "pulse":
        doubts += odd_length(match.bounds_px, scale.px_per_s)
    if how.gain_mm_per_mv == "assumed":
        doubts += unknown_gain(seen, scale.gain_mm_per_mv)
    unknown = how.speed_mm_per_s == "assumed"
    status, reasons = judge_page(seen, quality, doubts, match.margin, named=match.named, speed_assumed=unknown)
    return Verdict(quality, signs, "refused" if overruled else status, overruled + reasons)


def _quality(
    readings: Sequence[LineReading], ink: InkMap, calibration: Calibration, snr_db: Mapping[str, float]
) -> dict[str, LeadQuality]:
    """Quality of every lead of the layout, of the longer print where it stands twice, and of those it lacks."""
    quality: dict[str, LeadQuality] = {}
    length: dict[str, int] = {}
    for r in readings:
        lead = r.trace.box.lead.removeprefix("-")
        if r.trace.y.size > length.get(lead, 0):
            length[lead] = r.trace.y.size
            quality[lead] = grade_lead(r.coverage, ink.contrast, r.overlap, snr_db.get(lead), calibration.scale)
    missing = {lead: missing_lead(NOT_PRINTED) for lead in LEADS if lead not in quality}
    return {**quality, **missing}
