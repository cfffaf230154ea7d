"""Signs of a reading, and the fidelity that trees predict from them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from digitize import digitize
from digitize.dewarp import Flattening
from digitize.features import SIGNS, lead_signs
from digitize.prediction import HIGHEST_DB, LOWEST_DB, Trees, load_trees, predict_snr
from digitize.signs import LineSigns, PageSigns, ink_beside, ripple
from ecg import ECGRecord, Page, PaperScale
from ecg.checkpoint import save
from ecg.errors import ModelError
from ecg.fidelity import page_fidelity
from synth import PageStyle, render

SCALE = PaperScale.from_dpi(200)


def line(lead: str = "II", **change: object) -> LineSigns:
    """2.5 s of a wave at 500 Hz, three pixels tall and well met by its ink."""
    t = np.arange(1250) / 500
    y = 300 - 60 * np.exp(-(((t % 0.8 - 0.4) / 0.015) ** 2))
    known = LineSigns(lead, y, 0.0, 0.39, np.ones(1250), 1.0, 0.0, 0.05, 0.1, 0.1, np.ones(1250), np.zeros((4, 1250)))
    return replace(known, **change)  # type: ignore[arg-type]


def page(heart: ECGRecord, **change: object) -> PageSigns:
    known = PageSigns(
        seen=heart,
        scale=SCALE,
        pen_px=2.5,
        softness_px=0.5,
        contrast=0.9,
        bounds_px=(100.0, 600.0, 1100.0),
        places=12,
        named=12,
        margin=0.9,
        scale_doubts=0,
        layout_doubts=0,
        grid=True,
        gain_by_pulse=True,
        gain_assumed=False,
        speed_assumed=False,
        pulses_px=(78.7,),
        coherence=0.9,
        strength=6.0,
        residual_mm=None,
        ripple=None,
        together=0.95,
        rate=70.0,
    )
    return replace(known, **change)  # type: ignore[arg-type]


def sign(name: str, heart: ECGRecord, known: LineSigns | None = None, **change: object) -> float:
    found = lead_signs([known or line()], page(heart, **change))
    return float(found["II"][SIGNS.index(name)])


def test_signs_are_numbers_in_the_order_of_their_names(heart: ECGRecord) -> None:
    found = lead_signs([line("I"), line("II"), line("V1")], page(heart))
    assert list(found) == ["I", "II", "V1"]
    assert len(set(SIGNS)) == len(SIGNS)
    for values in found.values():
        assert values.shape == (len(SIGNS),)
        assert np.isfinite(values).all()


def test_signs_say_what_they_are_named_after(heart: ECGRecord) -> None:
    assert sign("gaps", heart, line(coverage=0.7)) == pytest.approx(0.3)
    assert sign("px_per_mm", heart) == pytest.approx(np.log(200 / 25.4))
    assert sign("pulse_off", heart) == pytest.approx(0.0, abs=0.01)
    assert sign("pulse_off", heart, pulses_px=(39.4,)) == pytest.approx(0.3), "half as tall, cut at 0.3"
    assert sign("uneven", heart, bounds_px=(0, 100, 200, 330)) == pytest.approx(0.3)
    assert sign("limb", heart) == 1
    on = np.ones(1250)
    on[:125] = 0.2
    assert sign("ink_missing", heart, line(on=on)) == pytest.approx(0.1)


def test_beats_that_repeat_are_told_from_noise(heart: ECGRecord) -> None:
    noise = np.random.default_rng(0).normal(0, 0.3, heart.signal.shape)
    loud = ECGRecord(heart.signal + noise.astype(np.float32), heart.fs, heart.leads)
    assert sign("repeat", loud) > sign("repeat", heart) + 1
    assert sign("einthoven", loud) > sign("einthoven", heart) + 1


def test_what_is_missing_is_left_out_and_no_sign_fails(heart: ECGRecord) -> None:
    empty = line(y=np.full(1250, np.nan))
    assert lead_signs([empty], page(heart)) == {}
    nothing = ECGRecord(np.full((12, 100), np.nan), 500, heart.leads)
    found = lead_signs([line()], page(nothing, pulses_px=(), together=None, rate=None, bounds_px=(0.0, 9.0)))
    assert np.isfinite(found["II"]).all()


def test_the_longer_line_of_a_lead_counts(heart: ECGRecord) -> None:
    short = line(y=np.full(400, 3.0), coverage=0.5, weight=np.ones(400), on=np.ones(400), beside=np.zeros((4, 400)))
    found = lead_signs([short, line()], page(heart))
    assert found["II"][SIGNS.index("gaps")] == 0


def test_leads_printed_twice_are_compared_over_their_own_seconds(heart: ECGRecord) -> None:
    """The strip repeats the short lead, 12 samples later, under noise of a tenth of its power."""
    t = np.arange(5000) / 500
    y = 300 - 60 * np.exp(-(((t % 0.83 - 0.4) / 0.02) ** 2))
    rng = np.random.default_rng(0)
    noise = rng.normal(0, np.sqrt(0.1 * np.var(y)), 1250)
    known = {"weight": np.ones(1250), "on": np.ones(1250), "beside": np.zeros((4, 1250))}
    strip = line(y=y, weight=np.ones(5000), on=np.ones(5000), beside=np.zeros((4, 5000)))
    short = line(y=y[1250:2500] + noise, start_s=2.5 + 0.024, **known)
    found = lead_signs([short, strip], page(heart))["II"]
    assert found[SIGNS.index("has_strip")] == 1
    assert np.exp(found[SIGNS.index("strip")]) == pytest.approx(0.11, abs=0.02)
    assert sign("has_strip", heart) == 0


def test_a_length_that_no_device_prints_is_told(heart: ECGRecord) -> None:
    ten = 250 * SCALE.px_per_mm_x
    assert sign("length_off", heart, bounds_px=(0.0, ten / 2, ten)) == pytest.approx(0, abs=1e-6)
    assert sign("length_off", heart, bounds_px=(0.0, 1.03 * ten)) == pytest.approx(0.03, abs=0.001)


def test_a_ripple_in_a_bent_sheet_is_seen_and_a_slope_is_none() -> None:
    x, y = np.meshgrid(np.arange(40.0), np.arange(30.0))

    def of(x: np.ndarray, y: np.ndarray) -> float:
        return ripple(Flattening(np.eye(3), np.stack([x, y], axis=2), 1, (40, 30), 4.0, 0.0))

    assert of(x + 0.2 * y, y) == pytest.approx(0, abs=1e-9)
    assert of(x + 0.3 * np.sin(y), y) > 0.2 > of(x + 0.3 * np.sin(y / 8), y)


def test_ink_is_looked_up_on_and_beside_the_line() -> None:
    share = np.zeros((100, 50), np.float32)
    share[40], share[49] = 0.8, 0.5
    x, y = np.arange(50.0), np.full(50, 40.0)
    on, beside = ink_beside(share, x, y, 7.5)  # 1.2 mm are 9 px
    np.testing.assert_allclose(on, 0.8, atol=1e-6)
    np.testing.assert_allclose(beside[2], 0.5, atol=1e-6)
    assert beside[[0, 1, 3]].max() == 0


def test_trees_follow_their_bounds() -> None:
    """Two levels: sign 0 at the root, sign 1 below it."""
    trees = Trees(np.array([[0, 1, 1]]), np.array([[0.0, 1.0, 2.0]]), np.array([[1.0, 2.0, 3.0, 4.0]]), 10.0)
    cases = np.array([[-1, 0.5], [-1, 1.5], [1, 1.5], [1, 2.5], [0.0, 1.0]])
    np.testing.assert_allclose(trees(cases), [11, 12, 13, 14, 11])


def test_predictions_stay_within_what_was_fitted() -> None:
    flat = Trees(np.zeros((1, 1), np.int64), np.zeros((1, 1)), np.array([[-99.0, 99.0]]), 0.0)
    signs = {"I": np.full(len(SIGNS), -1.0), "II": np.full(len(SIGNS), 1.0)}
    assert predict_snr(signs, flat) == {"I": LOWEST_DB, "II": HIGHEST_DB}
    assert predict_snr({}, flat) == {}


def test_trees_for_other_signs_are_refused(tmp_path) -> None:
    from ecg.checkpoint import load

    arrays, card = load(load_trees.__wrapped__.__globals__["WEIGHTS"])
    save(tmp_path, arrays, replace(card, input_spec={"signs": ["another"]}), exact=tuple(arrays))
    with pytest.raises(ModelError, match="other signs"):
        load_trees(tmp_path)


def test_older_trees_find_their_signs_by_name(tmp_path) -> None:
    from ecg.checkpoint import load

    arrays, card = load(load_trees.__wrapped__.__globals__["WEIGHTS"])
    known = card.input_spec["signs"]
    asked = known[int(arrays["sign"][0, 0])]
    turned = [*known[1:], known[0]]
    arrays["sign"] = np.array([turned.index(name) for name in known], np.int16)[arrays["sign"]]
    save(tmp_path, arrays, replace(card, input_spec={"signs": turned}), exact=tuple(arrays))
    trees = load_trees(tmp_path)
    assert SIGNS[trees.sign[0, 0]] == asked
    np.testing.assert_array_equal(trees.sign, load_trees().sign)


def test_a_worse_picture_of_the_same_page_is_predicted_to_be_worse(heart: ECGRecord) -> None:
    """The same heart, clean and out of focus under noise."""
    import cv2

    drawn = render(heart, None, PageStyle(dpi=130.0))
    rng = np.random.default_rng(0)
    soft = cv2.GaussianBlur(np.asarray(drawn.page.image), (0, 0), 1.6)
    noisy = np.clip(soft + rng.normal(0, 30, soft.shape), 0, 255).astype(np.uint8)
    clean, worse = digitize(drawn.page), digitize(Page(noisy))
    assert clean.snr_pred_db is not None
    assert worse.snr_pred_db is not None
    true = [page_fidelity(drawn.record, d.record, moody=False).median_snr_db for d in (clean, worse)]
    assert true[1] < true[0] - 1
    assert worse.snr_pred_db < clean.snr_pred_db - 1
    assert set(clean.signs) == {lead for lead, q in clean.quality.items() if q.snr_pred_db is not None}
