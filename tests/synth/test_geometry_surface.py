import numpy as np
import pytest

from synth.degrade.geometry_crumple import crumple, sample_creases, sample_crumple
from synth.degrade.geometry_device import feed, lens, sample_feed
from synth.degrade.geometry_surface import brightness, curl, folds, sample_curl, sample_folds
from synth.degrade.geometry_tear import sample_tear, tear
from synth.degrade.geometry_warp import Frame

FRAME = Frame((2339, 1654), 200 / 25.4)
LAMP = {"from_deg": 0.0, "height_deg": 45.0, "share": 1.0}
#: Straight down from so far that nothing grows with its height.
ABOVE = {"view": [0.0, 0.0], "distance": 1e9, "lamp": LAMP}


def across(step, warp, arc_px):
    """Where points at arc lengths from the middle, along x, are seen: the backward map, inverted by its own table."""
    x = np.linspace(0, FRAME.size[0], 40001)
    seen, _ = warp.back(x, np.full_like(x, FRAME.middle[1]))
    return np.interp(np.asarray(arc_px) + FRAME.middle[0], seen, x) - FRAME.middle[0]


def test_a_sheet_bent_to_a_circle_is_seen_as_its_sine():
    end_deg = 40.0
    step = {"axis_deg": 0.0, "slope_deg": np.linspace(-end_deg, end_deg, 9).tolist(), **ABOVE}
    half = FRAME.size[0] / 2
    radius = half / np.radians(end_deg)  # slope and arc grow together
    arc = np.linspace(-0.85, 0.85, 21) * half
    np.testing.assert_allclose(across(step, curl(FRAME, step), arc), radius * np.sin(arc / radius), atol=0.5)


def test_an_oblique_look_lifts_what_is_high():
    step = {"axis_deg": 0.0, "slope_deg": [20.0] * 9, **ABOVE, "view": [0.0, 0.3]}
    warp = curl(FRAME, step)
    x = np.array([600.0, 1600.0])
    _, y = warp.back(x, np.full(2, 800.0))
    # 1000 px further along the picture the sheet is 1000 tan 20° higher, and is seen 0.3 of it further down.
    assert y[1] - y[0] == pytest.approx(-0.3 * 1000 * np.tan(np.radians(20)), rel=1e-3)


def test_what_is_nearer_to_the_camera_is_larger():
    step = {"axis_deg": 0.0, "slope_deg": [0.0, 0, 0, 0, 30.0, 0, 0, 0, 0], **ABOVE, "distance": 1.0}
    warp = curl(FRAME, step)
    x = np.array([100.0, 100.0, 2200.0, 2200.0])
    _, y = warp.back(x, np.array([400.0, 1200.0, 400.0, 1200.0]))
    low, high = y[1] - y[0], y[3] - y[2]
    assert low == pytest.approx(800, rel=5e-3)  # the curve dips a little before it climbs
    climbed = _climb_px(step, warp)
    assert high == pytest.approx(800 * (1 - climbed / FRAME.diagonal), rel=5e-3)


def _climb_px(step, warp):
    """Height of the right part over the left one, from how far it is seen shifted by another view."""
    other = curl(FRAME, {**step, "view": [0.0, 0.1], "distance": 1e9})
    x, y = np.array([2200.0]), np.array([FRAME.middle[1]])
    return float((y - other.back(x, y)[1])[0] / 0.1)


def test_folded_halves_stand_at_their_slope():
    step = {"axis_deg": 0.0, "at": [0.5], "slope_deg": [12.0], "reach_mm": 1e6, "mark": 0.0, "width_mm": 0.5}
    step = {**step, "phase": 0.0, **ABOVE}
    arc = np.array([-800.0, -200.0, 200.0, 800.0])
    np.testing.assert_allclose(across(step, folds(FRAME, step), arc), arc * np.cos(np.radians(12)), atol=1.0)
    light = folds(FRAME, step).light(*(np.float32(v) for v in (FRAME.middle[0] + arc, np.full(4, 500.0))))
    # Towards the fold the left half rises to the right, away from the light: Lambert's law for a lamp 45° high.
    want = [(1 - s * np.tan(np.radians(12))) * np.cos(np.radians(12)) for s in (1, 1, -1, -1)]
    np.testing.assert_allclose(light, want, atol=0.01)


def test_brightness_is_lamberts():
    flat, towards, away = (np.array(v) for v in (0.0, -1.0, 0.5))
    step = {"lamp": LAMP}
    assert brightness(flat, flat, step) == pytest.approx(1.0)
    assert brightness(towards, flat, step) == pytest.approx(1.3)  # sqrt(2), held at the limit
    assert brightness(away, flat, step) == pytest.approx(0.5 / np.sqrt(1.25))
    assert brightness(flat, away, step) == pytest.approx(1 / np.sqrt(1.25))  # across the light
    half = {"lamp": {**LAMP, "share": 0.5}}
    assert brightness(away, flat, half) == pytest.approx(0.5 + 0.25 / np.sqrt(1.25))


def test_a_relief_shifts_by_view_and_height_and_is_lit_by_its_slopes():
    step = {**sample_crumple(np.random.default_rng(1), 0.8, 0.8), "view": [0.2, 0.0], "corners": [1.0] * 4}
    warp = crumple(FRAME, step)
    x, y = np.meshgrid(np.arange(400.0, 1200.0), np.arange(500.0, 900.0))
    shifted, same = warp.back(x, y)
    np.testing.assert_array_equal(same, y)
    height = (x - shifted) / 0.2
    slope = np.gradient(height)
    coarse = brightness(slope[1], slope[0], step)
    lit = warp.light(np.float32(x), np.float32(y))
    assert np.corrcoef(coarse.ravel(), lit.ravel())[0, 1] > 0.9
    assert 0.3 < height.std() / FRAME.px_per_mm < 3  # mm
    flat = crumple(FRAME, {**step, "strength": 0.0})
    np.testing.assert_array_equal(flat.light(np.float32(x), np.float32(y)), 1.0)


def test_a_barrel_bows_outwards():
    warp = lens(FRAME, {"k1": 0.05})
    (x0, y0), half = FRAME.middle, FRAME.diagonal / 2
    x, _ = warp.back(np.array([x0, x0 + half / 2]), np.array([y0, y0]))
    assert x[0] == x0
    assert x[1] - x0 == pytest.approx(half / 2 * (1 + 0.05 / 4))


def test_rollers_never_run_backwards():
    for seed in range(40):
        step = {**sample_feed(np.random.default_rng(seed), 5.0), "along": "x"}
        x, _ = feed(FRAME, step).back(np.arange(0.0, 2339), np.zeros(2339))
        assert np.diff(x).min() > 0


def test_a_cut_is_a_straight_line_and_a_tear_strays_from_it():
    cut = {"ends": [[0.8, 0.0], [1.0, 0.3]], "ragged": 0.0, "phase": 0.0}
    warp = tear(FRAME, cut)
    ends = np.array(cut["ends"]) * FRAME.size
    x, y = (np.linspace(a, b, 2000, dtype=np.float32) for a, b in zip(*ends, strict=True))
    np.testing.assert_allclose(warp.edge(x, y), 0, atol=1e-2)
    corner, middle = (warp.edge(*(np.float32([v]) for v in point)) for point in ((2339, 0), FRAME.middle))
    assert corner[0] < 0 < middle[0]
    ragged = np.concatenate([tear(FRAME, {**cut, "ragged": 1.0, "phase": p}).edge(x, y) for p in np.arange(40) * 7.3])
    assert ragged.std() / FRAME.px_per_mm == pytest.approx(1.0, rel=0.15)


@pytest.mark.parametrize("sample", [sample_curl, sample_folds])
def test_axes_can_be_chosen(sample):
    for seed in range(30):
        assert abs(sample(np.random.default_rng(seed), 10.0, "across")["axis_deg"] - 90) < 40
        step = sample(np.random.default_rng(seed), 10.0, "along")
        assert abs(step["axis_deg"]) < 40
        assert max(abs(v) for v in step["slope_deg"]) <= 10.0


def test_samples_are_plain_and_repeat():
    samplers = (
        lambda rng: sample_curl(rng, 20.0),
        lambda rng: sample_folds(rng, 10.0),
        lambda rng: sample_crumple(rng, 0.1, 1.0),
        lambda rng: sample_creases(rng, 6, 1.0),
        lambda rng: sample_tear(rng, 0.3),
        lambda rng: sample_feed(rng, 0.5),
    )

    def plain(value):
        if isinstance(value, list):
            return all(plain(v) for v in value)
        if isinstance(value, dict):
            return all(plain(v) for v in value.values())
        return type(value) in (int, float, str)

    for sample in samplers:
        step = sample(np.random.default_rng(3))
        assert plain(step)
        assert step == sample(np.random.default_rng(3)) != sample(np.random.default_rng(4))
