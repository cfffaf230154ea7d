"""Shares of waves, leads and territories against maps whose place is known."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from subjects import heart, page_of

from ecg.errors import RecordError
from ecg.record import LEADS, ECGRecord
from explain.anatomy import TERRITORY_LEADS, WAVES, anatomy, shown_on, wave_labels
from explain.result import Explanation
from synth.physiology import TERRITORIES


def explanation(values: np.ndarray, **changes: Any) -> Explanation:
    given: dict[str, Any] = {
        "values": values.astype(np.float32),
        "leads": LEADS,
        "fs": 100.0,
        "on_input": values.astype(np.float32),
        "task": "mi",
        "target": "mi",
        "probability": 0.8,
        "threshold": 0.3,
        "decision": True,
        "model": "m",
        "method": "saliency",
        "baseline": "",
        "signed": False,
        "delta": None,
        "steps": 1,
        "seconds": 0.1,
    }
    return Explanation(**{**given, **changes})


def test_an_even_map_has_the_shares_of_the_area() -> None:
    for record in (heart(), page_of(heart())):
        labels, shown = wave_labels(record, 100, 1000), shown_on(record, 100, 1000)
        found = anatomy(explanation(np.ones((12, 1000))), labels, shown)
        for shares in (found.lead_share, found.wave_share, found.territory_share):
            assert shares == pytest.approx({name: found.area_share[name] for name in shares})
        assert sum(found.lead_share.values()) == pytest.approx(1)
        assert sum(found.wave_share.values()) == pytest.approx(1)
        assert found.ratio("ST", "T") == pytest.approx(1)
        assert found.ratio("inferior") == pytest.approx(1)


def test_a_map_on_st_of_the_inferior_leads_is_told_as_that() -> None:
    record = heart("ami_inferior")
    labels, shown = wave_labels(record, 100, 1000), shown_on(record, 100, 1000)
    values = np.zeros((12, 1000))
    for lead in TERRITORY_LEADS["inferior"]:
        row = LEADS.index(lead)
        values[row, labels[row] == WAVES.index("ST")] = 1.0
    values[LEADS.index("V5")] = -3.0  # speaks against
    values[LEADS.index("III")] *= 2
    found = anatomy(explanation(values, signed=True), labels, shown)
    assert found.wave_share["ST"] == 1
    assert found.territory_share["inferior"] == 1
    assert found.territory_share["anterior"] == 0
    assert found.lead_share["III"] == pytest.approx(0.5)
    assert found.leading_lead == "III"
    assert found.ratio("inferior") == pytest.approx(4)
    denied = anatomy(explanation(values, signed=True, decision=False), labels, shown)
    assert denied.leading_lead == "V5", "what spoke for the answer no"
    assert anatomy(explanation(np.abs(values)), labels, shown).leading_lead == "V5", "unsigned maps count by their size"


def test_the_leading_lead_is_not_the_one_that_is_printed_longest() -> None:
    page = page_of(heart())
    labels, shown = wave_labels(page, 100, 1000), shown_on(page, 100, 1000)
    values = np.where(shown, 1.0, 0.0)
    values[LEADS.index("V3"), shown[LEADS.index("V3")]] = 1.5
    found = anatomy(explanation(values), labels, shown)
    assert found.lead_share["II"] == max(found.lead_share.values())
    assert found.leading_lead == "V3"


def test_the_truth_of_a_synthetic_record_gives_its_waves() -> None:
    record = heart("norm")
    labels = wave_labels(record, 500, 5000)
    for marks in record.meta["waves"][1:-1]:
        at = {name: round(marks[name] * 500) for name in ("p_peak_s", "r_s", "t_peak_s", "qrs_offset_s")}
        assert WAVES[labels[0, at["p_peak_s"]]] == "P"
        assert WAVES[labels[0, at["r_s"]]] == "QRS"
        assert WAVES[labels[0, at["t_peak_s"]]] == "T"
        assert WAVES[labels[0, at["qrs_offset_s"] + 20]] == "ST", "at least 80 ms after the J point"


def test_delineated_waves_are_those_of_the_truth_for_the_most_part() -> None:
    record = heart("norm")
    bare = ECGRecord(record.signal, record.fs, record.leads)
    truth, found = wave_labels(record, 500, 5000), wave_labels(bare, 500, 5000)
    row = LEADS.index("II")
    for wave, least in (("QRS", 0.7), ("T", 0.6)):
        k = WAVES.index(wave)
        both = ((truth[row] == k) & (found[row] == k)).sum()
        assert both / (truth[row] == k).sum() > least


def test_an_unbelievable_delineation_is_left_out() -> None:
    from explain.anatomy import _spans

    nan = math.nan
    assert _spans(nan, nan, 1.0, 1.5, 1.6, 1.8) == {}, "a QRS of half a second"
    assert _spans(nan, nan, nan, nan, 1.6, 1.8) == {}
    assert set(_spans(0.2, 0.3, 1.0, 1.1, 1.2, 2.2)) == {"QRS", "ST"}, "PR of 0.8 s, QT of 1.2 s"
    assert _spans(0.84, 0.95, 1.0, 1.1, 1.12, 1.4) == {
        "QRS": (1.0, 1.1),
        "P": (0.84, 0.95),
        "T": (pytest.approx(1.18), 1.4),
        "ST": (1.1, pytest.approx(1.18)),
    }


def test_without_attribution_nothing_leads() -> None:
    record = heart()
    labels, shown = wave_labels(record, 100, 1000), shown_on(record, 100, 1000)
    found = anatomy(explanation(np.zeros((12, 1000))), labels, shown)
    assert found.leading_lead == ""
    assert set(found.lead_share.values()) == {0.0}
    assert math.isnan(found.ratio("V9"))


def test_territories_are_those_of_the_generator() -> None:
    assert set(TERRITORY_LEADS) == set(TERRITORIES)
    for name, territory in TERRITORIES.items():
        pairs = {lead for pair in territory.pairs for lead in pair}
        assert pairs & set(TERRITORY_LEADS[name]), name


def test_an_explanation_is_checked() -> None:
    with pytest.raises(RecordError, match="finite values"):
        explanation(np.full((12, 10), np.nan))
    with pytest.raises(RecordError, match="a row for each"):
        explanation(np.zeros((3, 10)))
