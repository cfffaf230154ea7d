"""Grades of leads and the page's status."""

from __future__ import annotations

import numpy as np
import pytest

from digitize.quality import beat_rate, beats_together, grade_lead, judge_page, missing_lead
from digitize.result import LeadQuality
from ecg import LEADS, ECGRecord, PaperScale

SCALE = PaperScale.from_dpi(200)
ORDER = ("missing", "poor", "fair", "good")


def grade(coverage: float = 1.0, contrast: float = 0.9, overlap: float = 0.0, snr_db: float | None = 18) -> LeadQuality:
    return grade_lead(coverage, contrast, overlap, snr_db, SCALE)


def test_a_clean_lead_is_good_without_reasons() -> None:
    assert grade() == LeadQuality(1.0, 0.9, 0.0, 18, "good", ())


@pytest.mark.parametrize(
    "worse",
    [
        [{"coverage": c} for c in (1.0, 0.97, 0.9, 0.8, 0.6, 0.4, 0.1)],
        [{"overlap": o} for o in (0.0, 0.05, 0.15, 0.3, 0.6, 1.0)],
        [{"snr_db": v} for v in (25.0, 12.0, 11.9, 6.0, 5.9, -3.0)],
        [{"contrast": c} for c in (0.9, 0.5, 0.15, 0.05)],
    ],
)
def test_grades_fall_with_the_evidence(worse: list[dict[str, float]]) -> None:
    ranks = [ORDER.index(grade(**w).grade) for w in worse]
    assert ranks == sorted(ranks, reverse=True)
    assert ranks[-1] < ranks[0]


def test_every_grade_below_good_has_its_reason() -> None:
    for q, word in (
        (grade(coverage=0.8), "80%"),
        (grade(overlap=0.4), "touches 40%"),
        (grade(contrast=0.1), "faint"),
        (grade(snr_db=9.4), "expected at 9 dB"),
        (grade(snr_db=2.0), "far from the true one"),
    ):
        assert q.grade != "good"
        assert any(word in r for r in q.reasons)


def test_a_coarse_picture_is_a_reason() -> None:
    coarse = grade_lead(1.0, 0.9, 0.0, 20.0, PaperScale.from_dpi(60))
    assert coarse.grade != "good"
    assert any("2.4 pixels per millimetre" in r for r in coarse.reasons)


def test_a_lead_without_a_prediction_is_poor() -> None:
    quality = grade(coverage=0.0, snr_db=None)
    assert quality.snr_pred_db is None
    assert quality.grade == "poor"


def test_a_missing_lead_says_why() -> None:
    assert missing_lead("not printed").grade == "missing"
    assert missing_lead("not printed").reasons == ("not printed",)
    assert missing_lead("not printed").snr_pred_db is None


GOOD = dict.fromkeys(LEADS, LeadQuality(1.0, 0.9, 0.0, 20.0, "good"))


def test_a_good_page_is_accepted(heart: ECGRecord) -> None:
    assert judge_page(heart, GOOD, (), 0.8) == ("accepted", ())


def swapped(record: ECGRecord, a: str, b: str) -> ECGRecord:
    """Record with two leads under each other's name."""
    signal = np.array(record.signal)
    i, j = record.leads.index(a), record.leads.index(b)
    signal[[i, j]] = signal[[j, i]]
    return ECGRecord(signal, record.fs, record.leads)


@pytest.mark.parametrize(("a", "b"), [("II", "III"), ("II", "V1"), ("I", "aVR"), ("II", "aVR")])
def test_swapped_limb_leads_ask_for_review(heart: ECGRecord, a: str, b: str) -> None:
    status, reasons = judge_page(swapped(heart, a, b), GOOD, (), 0.8)
    assert status == "review"
    assert any("swapped" in r for r in reasons)


def test_a_small_lead_ii_that_errors_of_i_and_iii_drown_is_no_swap(heart: ECGRecord) -> None:
    """I and III are each other's opposite: what little II shows is error, and r with I + III is near 0."""
    signal = np.array(heart.signal)
    one = signal[heart.leads.index("I")] - signal[heart.leads.index("I")].mean()
    noise = np.random.default_rng(0).normal(0, 0.15 * one.std(), (3, one.size))
    for k, (lead, clean) in enumerate((("I", one), ("II", 0 * one), ("III", -one))):
        signal[heart.leads.index(lead)] = clean + noise[k]
    for lead, clean in (("aVR", -0.5 * one), ("aVL", one), ("aVF", -0.5 * one)):
        signal[heart.leads.index(lead)] = clean
    _, reasons = judge_page(ECGRecord(signal, heart.fs, heart.leads), GOOD, (), 0.8)
    assert not any("II and I + III" in r for r in reasons)


@pytest.mark.parametrize(
    ("doubts", "margin", "word"),
    [(("the pulses differ",), 0.8, "pulses differ"), ((), 0.05, "margin 0.05")],
)
def test_doubts_and_a_near_rival_layout_ask_for_review(
    heart: ECGRecord, doubts: tuple[str, ...], margin: float, word: str
) -> None:
    status, reasons = judge_page(heart, GOOD, doubts, margin)
    assert status == "review"
    assert any(word in r for r in reasons)


def test_a_poor_lead_asks_for_review_by_name(heart: ECGRecord) -> None:
    quality = {**GOOD, "V3": LeadQuality(0.4, 0.9, 0.0, 3.0, "poor"), "aVL": missing_lead("cut off")}
    status, reasons = judge_page(heart, quality, (), 0.8)
    assert status == "review"
    assert any("V3" in r and "aVL" in r for r in reasons)


def beating(rate: float, seconds: float = 10.0) -> ECGRecord:
    t = np.arange(round(seconds * 500)) / 500
    beat = np.exp(-0.5 * (((t + 0.2) % (60 / rate) - 0.1) / 0.012) ** 2)
    signal = np.full((12, t.size), np.nan)
    signal[1] = beat
    return ECGRecord(signal, 500, LEADS)


@pytest.mark.parametrize("rate", [30.0, 60.0, 100.0, 180.0])
def test_the_rate_is_that_of_the_beats(rate: float) -> None:
    found = beat_rate(beating(rate))
    assert found is not None
    assert found == pytest.approx(rate, rel=0.03)


def test_a_rate_that_no_heart_has_asks_for_review() -> None:
    # 160/min read at half the paper's speed comes out at 320/min.
    status, reasons = judge_page(beating(320.0), GOOD, (), 0.8)
    assert status == "review"
    assert any("/min" in r for r in reasons)


def test_a_beat_that_falls_as_steeply_as_it_rises_is_one_beat() -> None:
    """Strokes up and down, 0.25 s apart, of beats 0.75 s apart: 80/min, not 160 or more."""
    t = np.arange(5000) / 500
    phase = t % 0.75
    line = np.interp(phase, [0, 0.2, 0.23, 0.45, 0.48, 0.75], [0, 0, 1, 1, 0, 0])
    assert beat_rate(ECGRecord(line[None], 500, ("II",))) == pytest.approx(80, rel=0.03)


def test_two_beats_in_five_seconds_are_a_rate() -> None:
    slow = beating(26.0, 5.0)
    assert beat_rate(slow) == pytest.approx(26, rel=0.03)
    assert beat_rate(beating(26.0, 2.5)) is None


@pytest.mark.parametrize(("rate", "assumed", "expected"), [(35.0, True, "review"), (35.0, False, "accepted")])
def test_a_rate_that_is_rare_speaks_against_a_speed_that_is_assumed(rate: float, assumed: bool, expected: str) -> None:
    status, reasons = judge_page(beating(rate), GOOD, (), 0.8, speed_assumed=assumed)
    assert status == expected
    assert any("35/min" in r for r in reasons) == assumed


@pytest.mark.parametrize("expected_db", [11.0, 11.9])
def test_a_page_that_is_expected_to_be_unfaithful_asks_for_review(heart: ECGRecord, expected_db: float) -> None:
    fair = dict.fromkeys(LEADS, LeadQuality(1.0, 0.9, 0.0, expected_db, "fair"))
    status, reasons = judge_page(heart, fair, (), 0.8)
    assert (status, reasons) == ("review", ("the signals are expected at 11 dB only, 15 are good",))


def test_too_short_or_empty_a_record_has_no_rate() -> None:
    assert beat_rate(ECGRecord(np.full((12, 5000), np.nan), 500, LEADS)) is None
    assert beat_rate(beating(60.0, 1.5)) is None


def test_leads_of_one_heart_beat_together_and_other_lines_do_not(heart: ECGRecord) -> None:
    found = beats_together(heart)
    assert found is not None
    assert found > 0.9
    walks = np.cumsum(np.random.default_rng(0).normal(0, 0.02, (12, 5000)), axis=1)
    other = ECGRecord(walks, 500, LEADS)
    apart = beats_together(other)
    assert apart is not None
    assert apart < 0.25
    status, reasons = judge_page(other, GOOD, (), 0.8)
    assert status == "refused"
    assert any("is it an ECG" in r for r in reasons)


def test_columns_are_compared_within_themselves_and_one_lead_with_nothing(heart: ECGRecord) -> None:
    signal = np.full((12, 5000), np.nan)
    for k in range(12):
        at = slice(1250 * (k // 3), 1250 * (k // 3 + 1))
        signal[k, at] = heart.signal[k, at]
    found = beats_together(ECGRecord(signal, 500, LEADS))
    assert found is not None
    assert found > 0.9
    assert beats_together(beating(60.0)) is None
