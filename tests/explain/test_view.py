"""From leads to the rows of an input and back."""

from __future__ import annotations

import numpy as np
import pytest
from subjects import heart, page_of

from classify.inputs import to_input
from classify.models import MODELS
from ecg.limb import LIMB_FROM_I_II
from ecg.record import LEADS, ECGRecord, select
from explain.view import view_of

PAPER = MODELS["resnet1d_se"].spec
TWELVE = MODELS["xresnet1d101"].spec


def along(direction: np.ndarray, fs: float = 100.0) -> ECGRecord:
    """Heart whose limb leads all follow one direction (I, II), chest leads flat."""
    t = np.arange(round(10 * fs)) / fs
    beat = np.exp(-0.5 * (((t % 0.8) - 0.4) / 0.02) ** 2)
    limb = LIMB_FROM_I_II @ direction[:, None] * beat
    return ECGRecord(np.concatenate([limb, np.zeros((6, t.size))]), fs, LEADS)


def test_the_leads_make_the_input_they_were_taken_from() -> None:
    for record in (heart(), page_of(heart()), page_of(heart(), None)):
        view = view_of(record, PAPER)
        rebuilt = np.einsum("ln,rln->rn", np.nan_to_num(view.signal), view.carry)
        assert np.allclose(rebuilt, view.x[:8], atol=2e-3), "mV; levels of leads of a page are their own"
        assert np.array_equal(view.x, to_input(record, PAPER))


def test_a_gradient_on_rows_and_on_leads_sums_to_the_same() -> None:
    rng = np.random.default_rng(0)
    for record in (heart(), page_of(heart())):
        view = view_of(record, PAPER)
        gradient = rng.normal(size=view.x.shape).astype(np.float32)
        on_rows = float((gradient[:8] * view.x[:8]).sum())
        on_leads = float((view.back(gradient) * np.nan_to_num(view.signal)).sum())
        assert on_leads == pytest.approx(on_rows, rel=1e-3, abs=0.05)


@pytest.mark.parametrize("lead", LEADS[:6])
def test_what_one_limb_lead_alone_decides_is_told_by_that_lead(lead: str) -> None:
    """A model that reads one limb lead, on a heart whose vector points along it."""
    weights = LIMB_FROM_I_II[LEADS.index(lead)]
    angle = np.radians({"I": 0, "II": 60, "III": 120, "aVR": -150, "aVL": -30, "aVF": 90}[lead])
    record = along(np.array([np.cos(angle), np.cos(angle - np.pi / 3)]))
    view = view_of(record, PAPER)
    gradient = np.zeros_like(view.x)
    gradient[:2] = weights[:, None]  # d lead / d (I, II)
    share = np.abs(view.back(gradient) * np.nan_to_num(view.signal)).sum(axis=1)
    share /= share.sum()
    assert LEADS[int(share.argmax())] == lead
    assert share.max() == pytest.approx(1 / 3, rel=1e-3), "squared cosines of six leads 30 degrees apart sum to 3"
    assert not share[6:].any()


@pytest.mark.parametrize("lead", LEADS[6:])
def test_chest_leads_keep_what_is_theirs(lead: str) -> None:
    view = view_of(heart(), PAPER)
    gradient = np.zeros_like(view.x)
    gradient[PAPER.leads.index(lead)] = 1.0
    back = view.back(gradient)
    assert np.array_equal(np.flatnonzero(back.any(axis=1)), [LEADS.index(lead)])


def test_presence_has_no_lead() -> None:
    view = view_of(heart(), PAPER)
    gradient = np.zeros_like(view.x)
    gradient[8:] = 1.0
    assert not view.back(gradient).any()


def test_what_is_not_shown_gets_nothing_and_a_derived_lead_pays_to_those_that_told_it() -> None:
    page = page_of(heart())
    view = view_of(page, PAPER)
    back = view.back(np.ones_like(view.x))
    assert not back[~view.shown].any()
    # In the second quarter aVR, aVL, aVF and the strip of II are printed: together they tell I.
    second = slice(300, 450)
    i_row = np.zeros_like(view.x)
    i_row[0] = 1.0
    told = view.back(i_row)[:, second]
    assert not told[0].any(), "I is not printed there"
    assert all(told[LEADS.index(name)].any() for name in ("aVR", "aVL"))
    # In the last half only II is printed: nothing tells I, and II pays for itself.
    assert not view.back(i_row)[:, 600:].any()
    ii_row = np.zeros_like(view.x)
    ii_row[1] = 1.0
    assert (view.back(ii_row)[1, 600:1000] == 1).all()


def test_changed_leads_make_the_input_of_the_changed_record() -> None:
    record = heart()
    view = view_of(record, PAPER)
    change = np.zeros((2, 12, 1000), dtype=np.float32)
    change[0, LEADS.index("V3"), 200:300] = 0.5
    change[1, LEADS.index("III"), 200:300] = 0.7
    x = view.changed(change)
    assert np.allclose(x[0, PAPER.leads.index("V3"), 200:300] - view.x[4, 200:300], 0.5)
    assert np.array_equal(x[:, 8:], view.x[None, 8:].repeat(2, axis=0))
    moved = x[1, :2, 250] - view.x[:2, 250]
    gain = np.sqrt(np.array([1, 1, 1, 4 / 3, 4 / 3, 4 / 3]))  # an augmented lead counts as its bipolar neighbours do
    least_squares = np.linalg.lstsq(LIMB_FROM_I_II * gain[:, None], np.eye(6)[2] * 0.7 * gain, rcond=None)[0]
    assert np.allclose(moved, least_squares, atol=1e-6)


def test_leads_that_a_network_takes_as_they_are_keep_their_own() -> None:
    view = view_of(heart(), TWELVE)
    gradient = np.zeros_like(view.x)
    gradient[2] = 1.0
    back = view.back(gradient)
    assert back[2].all()
    assert not np.delete(back, 2, axis=0).any()
    few = view_of(select(heart(), ("I", "II", *LEADS[6:])), TWELVE)
    back = few.back(gradient)
    assert not back[2].any(), "III is not shown: I and II, of which it was made, pay for it"
    assert np.allclose(back[0], -1, atol=1e-6)
    assert np.allclose(back[1], 1, atol=1e-6)


def test_a_median_beat_is_laid_over_every_beat_of_the_record() -> None:
    record = heart("norm")
    view = view_of(record, MODELS["ecg_smart_net"].spec)
    assert view.frame == "beat"
    values = np.zeros(view.signal.shape, dtype=np.float32)
    values[:, 75] = 1.0  # the middle of QRS
    placed = view.on_record(values)
    assert placed.shape == (12, 2500)
    marks = [w for w in record.meta["waves"] if w["beat"] == "N"]
    at = np.flatnonzero(placed[1])
    assert len(at) >= len(marks) - 2
    for sample in at:
        assert any(w["qrs_onset_s"] - 0.02 <= sample / 250 <= w["qrs_offset_s"] + 0.02 for w in marks)
