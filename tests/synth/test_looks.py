"""Device looks: that they fit, differ, repeat, and tell nothing of the heart."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from ecg import LEADS, ECGRecord, OptionsError
from synth.blocks import extent_mm
from synth.looks import LOOKS, sample_look
from synth.looks.parts import leads_of, pick, sample_dpi
from synth.render import render
from synth.style import PageStyle

META = {"age": 61.0, "sex": "F", "labels": ("norm",), "rate_per_min": 72.0}


def looks(name, n):
    return [sample_look(np.random.default_rng([5, k]), meta=META, look=name) for k in range(n)]


@pytest.mark.parametrize("name", LOOKS)
def test_pages_of_every_look_hold_their_leads_and_print(name):
    t = np.arange(5000) / 500
    record = ECGRecord(np.tile(0.3 * np.sin(2 * np.pi * t), (12, 1)), 500, LEADS)
    for style in looks(name, 6):
        assert style.look == name
        page = render(record, None, replace(style, dpi=50.0))
        width, height = style.size_px[0], style.size_px[1]
        for trace in page.traces:
            assert trace.x.min() >= 0
            assert trace.x.max() <= 50 / 25.4 * style.paper_mm[0]
            assert np.nanmin(trace.y) >= 0
            assert np.nanmax(trace.y) <= 50 / 25.4 * style.paper_mm[1]
        for block in style.blocks:
            left, top, right, bottom = extent_mm(block)
            assert left >= 0
            assert top >= 0
            assert right <= style.paper_mm[0]
            assert bottom <= style.paper_mm[1]
        assert width * height <= 16.5e6


def test_a_look_repeats_and_does_not_depend_on_the_label():
    for name in LOOKS:
        one, same = (sample_look(np.random.default_rng(3), meta=META, look=name) for _ in range(2))
        ill = sample_look(np.random.default_rng(3), meta={**META, "labels": ("ami_anterior",)}, look=name)
        assert one == same
        assert replace(one, blocks=()) == replace(ill, blocks=())


def a4(style):
    return style.paper_mm == (297.0, 210.0)


#: What tells each look from the others.
MARKS = {
    "cart": lambda s: (a4(s) or s.paper_mm[0] == 279.4) and s.major_width_mm < 0.33 and s.font != "plotter",
    "zfold": lambda s: 280 <= s.paper_mm[0] <= 300 and s.font in ("mono", "mono-narrow", "matrix", "narrow"),
    "dotgrid": lambda s: s.grid_kind in ("dotted", "dots", "five") and s.paper_mm[1] == 210.0,
    "archive": lambda s: s.major_width_mm >= 0.3 and s.grid_area_mm is not None,
    "office": lambda s: s.margin_top_mm >= 20 and s.font != "plotter" and s.grid_margin_mm >= 5,
    "threechannel": lambda s: s.paper_mm[1] in (58.0, 63.0, 80.0) and s.layout[:2] == "3x",
    "telemetry": lambda s: s.paper_mm[1] <= 58.0 and s.layout in ("1x1", "2x1"),
    "ambulance": lambda s: 90.0 <= s.paper_mm[1] <= 106.0 and s.name_mm < 3,
    "monitor": lambda s: max(s.paper_rgb) < 128,
    "viewer": lambda s: s.minor_width_mm == 0.26 and max(s.paper_rgb) > 128,
    "heatpen": lambda s: s.pen_taper >= 0.4,
    "plotter": lambda s: s.font == "plotter",
    "nordic": lambda s: s.speed_mm_per_s == 50.0 and a4(s),
}


def test_looks_are_told_apart_by_their_marks():
    assert set(MARKS) == set(LOOKS)
    pages = {name: looks(name, 15) for name in LOOKS}
    for name, mark in MARKS.items():
        assert all(mark(style) for style in pages[name])
        others = [mark(style) for other in LOOKS for style in pages[other] if other != name]
        assert np.mean(others) < 0.25, name


def test_layouts_of_the_mixture_are_those_in_use():
    styles = [sample_look(np.random.default_rng([1, k]), "phone", META) for k in range(300)]
    layouts = Counter(style.layout for style in styles)
    assert layouts.most_common(1)[0][0] == "3x4+1"
    assert {"3x4", "3x4+3", "6x2", "12x1", "4x3"} <= set(layouts)
    assert len({style.look for style in styles}) == 11  # all but the two screens
    assert any("-aVR" in row for style in styles for row in style.rows)
    assert {style.speed_mm_per_s for style in styles} == {12.5, 25.0, 50.0}
    assert {5.0, 10.0, 20.0} <= {style.gain_mm_per_mv for style in styles}
    assert any(style.chest_gain_mm_per_mv for style in styles)
    assert len({style.rhythm for style in styles if len(style.rhythm) == 1}) > 3
    assert any(style.paper_mm[1] > style.paper_mm[0] for style in styles)


def test_screens_are_shown_for_the_screen_preset_alone():
    for k in range(60):
        assert sample_look(np.random.default_rng(k), "fax", META).look not in ("monitor", "viewer")
    shown = Counter(sample_look(np.random.default_rng(k), "screen", META).look for k in range(100))
    assert shown["monitor"] + shown["viewer"] > 50


def test_cabrera_order_takes_the_limb_leads_alone():
    leads = leads_of(np.random.default_rng(0), "6x2", cabrera=1.0)
    assert [row[0] for row in leads["rows"]] == ["aVL", "I", "-aVR", "II", "aVF", "III"]
    assert [row[1] for row in leads["rows"]] == ["V1", "V2", "V3", "V4", "V5", "V6"]
    five = leads_of(np.random.default_rng(0), "3x5")
    assert [row[4] for row in five["rows"]] == ["II", "V1", "V5"]


def test_shares_are_kept():
    rng = np.random.default_rng(0)
    drawn = Counter(pick(rng, {"a": 3.0, "b": 1.0}) for _ in range(4000))
    assert drawn["a"] / 4000 == pytest.approx(0.75, abs=0.02)
    assert max(sample_dpi(rng, (297.0, 210.0)) for _ in range(300)) == 400.0


def test_strips_are_as_long_as_the_record():
    long = [sample_look(np.random.default_rng(k), meta={"duration_s": 30.0}, look="telemetry") for k in range(30)]
    assert max(style.seconds for style in long) == 30.0
    assert max(style.seconds for style in looks("telemetry", 30)) <= 10.0


def test_an_unknown_look_is_refused():
    with pytest.raises(OptionsError, match="nordic"):
        sample_look(np.random.default_rng(0), look="papyrus")
    with pytest.raises(OptionsError, match="pen_taper"):
        PageStyle(pen_taper=1.0)
    with pytest.raises(OptionsError, match="clip_mm"):
        PageStyle(clip_mm=0.0)
