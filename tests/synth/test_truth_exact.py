"""How exact the truth is: against the ink that is drawn, and against the record that was drawn."""

from __future__ import annotations

import os
from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from ecg import LEADS, ECGRecord, resample
from synth.degrade import GEOMETRY, apply_steps, sample_steps
from synth.render import render
from synth.source import MIXTURE
from synth.style import PRESETS, PageStyle

#: How far to either side of the line its ink is looked for, in pixels; a neighbour's ink makes the place unfit.
REACH_PX = 6.0


@pytest.fixture(scope="module")
def drawn():
    """Thin black waves on white, nothing else: what is dark is a trace, and none has a sharp bend."""
    t = np.arange(5000) / 500
    waves = [0.2 * np.sin(2 * np.pi * (0.7 + 0.1 * k) * t + k) for k in range(len(LEADS))]
    record = ECGRecord(np.array(waves), 500.0, LEADS)
    white, black = (255, 255, 255), (0, 0, 0)
    style = PageStyle(grid=False, separator="none", scale_text=False, pulse="none", names="none", trace_width_mm=0.25)
    return render(record, "3x4+1", replace(style, paper_rgb=white, trace_rgb=black, text_rgb=black))


def distances(page):
    """Distances in pixels from the true middle line to the ink's, along the normals of the line.

    Where the line runs straight and alone: a bend pulls the ink's middle inwards, another line's ink is not its own.
    """
    darkness = 255.0 - page.page.image.min(axis=2)
    offsets = np.linspace(-REACH_PX, REACH_PX, 49)
    found = []
    for trace in page.traces:
        points = np.column_stack([trace.x, trace.y])
        along = np.gradient(points, axis=0)
        length = np.hypot(*along.T)
        bend = np.hypot(*np.gradient(along / length[:, None], axis=0).T) / length  # per pixel
        inside = (points > 10).all(axis=1) & (points < np.array(page.masks.shape[::-1]) - 11).all(axis=1)
        fit = np.flatnonzero(np.isfinite(bend) & (bend < 0.02) & inside)[::5]
        normal = np.column_stack([-along[fit, 1], along[fit, 0]]) / length[fit, None]
        at = points[fit, None] + offsets[None, :, None] * normal[:, None]
        profile = map_coordinates(darkness, [at[..., 1], at[..., 0]], order=1)
        profile -= np.median(profile, axis=1, keepdims=True)  # shading
        profile = np.clip(profile - 12, 0, None)
        alone = (profile[:, :8].max(axis=1) < 8) & (profile[:, -8:].max(axis=1) < 8) & (profile.max(axis=1) > 40)
        weight = profile[alone]
        found.append((weight * offsets).sum(axis=1) / weight.sum(axis=1))
    return np.concatenate(found)


@pytest.mark.parametrize("preset", sorted(set(PRESETS) - {MIXTURE}))
def test_truth_stays_with_the_ink_under_the_geometry_of_every_preset(drawn, preset):
    medians = []
    for seed in range(3):
        steps = [step for step in sample_steps(np.random.default_rng(seed), preset) if step["name"] in GEOMETRY]
        found = distances(apply_steps(drawn, steps))
        assert found.size > 200
        medians.append(np.median(np.abs(found)))
        assert abs(np.median(found)) < 0.25, "the truth lies to one side of the ink"
    # Half a pixel is what docs/synth.md promises; 0.03 is what was measured.
    assert max(medians) <= 0.15


def read_back(page, lead_index):
    """Record of one trace from its truth, as an ideal reader gets it: the mean of the line in each pixel column."""
    trace = page.traces[lead_index]
    scale = page.scale
    columns = np.rint(trace.x).astype(int)
    there = np.unique(columns)
    middle = np.array([trace.y[columns == column].mean() for column in there])
    level = np.interp(there, trace.baseline[:, 0], trace.baseline[:, 1])
    mv = (level - middle) / (scale.px_per_mm_y * scale.gain_mm_per_mv)
    return np.interp(trace.x, there, mv)


def snr_db(truth, reading):
    return 10 * np.log10(np.mean((truth - truth.mean()) ** 2) / np.mean((truth - reading) ** 2))


def test_a_sine_is_read_back_as_the_mean_over_a_pixel_predicts():
    """A column lasts T = 5.08 ms: its mean takes sinc(f T) of a sine, joining the means by lines two more."""
    t = np.arange(5000) / 500
    record = ECGRecord(np.tile(np.sin(2 * np.pi * 20 * t), (12, 1)), 500.0, LEADS)
    page = render(record, "3x4+1")
    got = read_back(page, len(page.traces) - 1)
    gain = np.dot(got, record["II"]) / np.dot(record["II"], record["II"])
    assert gain == pytest.approx(np.sinc(20 * 25.4 / 200 / 25) ** 3, abs=0.005)


@pytest.mark.data
@pytest.mark.skipif(not os.environ.get("EINTHOVEN_DATA"), reason="EINTHOVEN_DATA names no data")
def test_thirty_real_records_are_read_back_from_their_truth():
    from ecg.datasets import ptb_xl

    items = ptb_xl(None, 500, range(1, 9))
    chosen = [items[i] for i in np.random.default_rng(30).choice(len(items), 30, replace=False)]
    ratios = []
    for item in chosen:
        record = resample(item.record(), 500.0)
        page = render(record, "3x4+1", PageStyle())
        for k, trace in enumerate(page.traces):
            there = record[trace.lead][trace.first : trace.first + trace.x.size]
            if np.ptp(there) > 0.05:  # a lead that lies still has no signal to compare with
                ratios.append(snr_db(there.astype(float), read_back(page, k)))
    assert len(ratios) > 350
    assert np.median(ratios) >= 25
