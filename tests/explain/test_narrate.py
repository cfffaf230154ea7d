"""A text says what was measured, all of it that counts, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from subjects import heart
from test_anatomy import explanation

from classify.labels import TASKS
from ecg.measure import measure
from explain.anatomy import anatomy, shown_on, wave_labels
from explain.narrate import WORDS, Facts, facts_of, hottest_third, narrate, published_text

FULL = Facts(
    target="MI",
    probability=0.83,
    decision=True,
    threshold=0.3,
    leads=("V2", "V3"),
    waves=("ST", "T"),
    rate_per_min=71.6,
    st_mv={"V2": 0.21, "V3": 0.18},
    page="review",
    page_reasons=("leads may be swapped",),
    method="integrated_gradients",
)
MUTATIONS: list[tuple[dict[str, Any], str, str]] = [
    ({"target": "HYP"}, "myocardial infarction", "hypertrophy"),
    ({"probability": 0.41}, "0.83", "0.41"),
    ({"decision": False}, "gives", "does not give"),
    ({"threshold": 0.5}, "0.30", "0.50"),
    ({"threshold": None}, "threshold", ""),
    ({"leads": ("II", "III")}, "in V2 and V3.", "in II and III"),
    ({"leads": ()}, "T in V2 and V3", "on ST and T."),
    ({"waves": ("QRS",)}, "ST and T", "on QRS in"),
    ({"waves": ()}, "on ST and T", "lies in V2 and V3"),
    ({"waves": (), "leads": ()}, "weighed most", ""),
    ({"span_s": (5.92, 7.31)}, "V3.", "V3, mostly from 5.9 to 7.3 s."),
    ({"span_s": (5.92, 7.31), "waves": (), "leads": ()}, "lies on", "lies from 5.9 to 7.3 s."),
    ({"rate_per_min": 130.0}, "72/min", "130/min"),
    ({"rate_per_min": None}, "heart rate", ""),
    ({"st_mv": {"V2": -0.1}}, "+0.21", "-0.10 mV in V2"),
    ({"st_mv": {}}, "J point", ""),
    ({"page": "accepted", "page_reasons": ()}, "needs review", "without objections"),
    ({"page": "", "page_reasons": ()}, "page", ""),
    ({"page_reasons": ()}, "swapped", ""),
    ({"status": "abstained", "reasons": ("a pacemaker",)}, "gives", "abstains from judging"),
    ({"status": "refused", "probability": None}, "0.83", "No answer was given"),
]


@pytest.mark.parametrize(("change", "gone", "there"), MUTATIONS)
def test_each_fact_that_changes_changes_its_clause(change: dict[str, Any], gone: str, there: str) -> None:
    before, after = narrate(FULL), narrate(replace(FULL, **change))
    assert gone in before
    assert before != after
    assert there in after
    if change.get("decision") is not False:
        assert gone not in after


def test_every_fact_is_mutated() -> None:
    told = {name for change, _, _ in MUTATIONS for name in change}
    assert told == set(Facts.__dataclass_fields__) - {"method"}


def test_both_texts_have_two_or_three_sentences() -> None:
    for style in ("clinician", "patient"):
        text = narrate(FULL, style)
        assert 2 <= text.replace("0.", "0").count(".") <= 3, text
    assert narrate(FULL) == (
        "The model gives myocardial infarction a probability of 0.83 (threshold 0.30). What weighed most for this lies "
        "on ST and T in V2 and V3. Measured: heart rate 72/min; ST at the J point +0.21 mV in V2, +0.18 mV in V3; read "
        "from a page that needs review (leads may be swapped)."
    )


def test_one_beat_unlike_the_others_is_told_by_its_time() -> None:
    record = heart("pvc")
    labels, shown = wave_labels(record, 100, 1000), shown_on(record, 100, 1000)
    values = np.full((12, 1000), 0.01)
    values[:, 420:460] = 1.0
    found = anatomy(explanation(values, target="HB", task="four_class"), labels, shown)
    assert found.span_s is not None
    assert 4.2 <= found.span_s[0] < found.span_s[1] <= 4.6
    facts = facts_of(explanation(values, target="HB", task="four_class"), found, measure(record))
    assert not facts.st_mv, "the level of ST says nothing of a rhythm"
    assert "mostly from 4." in narrate(facts)
    assert "mostly 4 to 5 seconds from its start" in narrate(facts, "patient")
    assert anatomy(explanation(np.ones((12, 1000))), labels, shown).span_s is None
    shown[:, 250:] = False
    assert anatomy(explanation(values), labels, shown).span_s is None, "a page shows each lead for a part of the time"


def test_no_finding_is_claimed_that_was_not_measured() -> None:
    bare = Facts("MI", 0.83, True, threshold=0.3)
    for style in ("clinician", "patient"):
        text = narrate(bare, style)
        for word in ("mV", "/min", "beat", "ST", "elevation", "page", "lead", "picture"):
            assert word not in text, (style, word)


@pytest.mark.parametrize("target", sorted({label for task in TASKS.values() for label in task.labels}))
def test_every_label_has_words_for_yes_no_and_abstention(target: str) -> None:
    assert target in WORDS
    for style, at in (("clinician", 0), ("patient", 1)):
        texts = {
            narrate(replace(FULL, target=target, **change), style)
            for change in ({}, {"decision": False}, {"status": "abstained"}, {"status": "refused", "probability": None})
        }
        assert len(texts) == 4
        if at == 0:
            assert all(WORDS[target][0] in text for text in texts)
        assert not any("signs of signs" in text for text in texts)


def test_a_patient_is_told_no_codes_and_to_see_a_doctor() -> None:
    text = narrate(FULL, "patient")
    assert "83 in 100" in text
    assert "no diagnosis" in text
    assert "doctor" in text
    assert "the stretch right after the main spike and the wave after the beat" in text
    for code in ("MI", "ST", "QRS", "mV", "threshold"):
        assert code not in text.replace("called V2 and V3", "")
    assert "hard to read" in text
    assert "hard to read" not in narrate(replace(FULL, page="accepted"), "patient")


def test_facts_are_those_of_the_map_and_the_record() -> None:
    record = heart("ami_inferior")
    labels, shown = wave_labels(record, 100, 1000), shown_on(record, 100, 1000)
    values = np.zeros((12, 1000))
    values[2:3, labels[2] == 3] = 1.0  # ST of III
    e = explanation(values)
    measured = measure(record)
    facts = facts_of(e, anatomy(e, labels, shown), measured)
    assert facts.leads == ("III",)
    assert facts.waves == ("ST",)
    assert facts.st_mv == {"III": measured.st["III"].value}
    assert facts.rate_per_min == measured.rate.value
    without = facts_of(e, anatomy(e, labels, shown))
    assert without.rate_per_min is None
    assert without.st_mv == {}


def test_the_published_form_says_where_and_claims_nothing() -> None:
    heat = np.zeros((6, 90))
    heat[:, 70:] = 1.0
    assert hottest_third(heat) == "right"
    assert hottest_third(heat[:, ::-1]) == "left"
    assert hottest_third(np.roll(heat, -30, axis=1)) == "central"
    e = explanation(np.tile(heat[:1], (12, 1)), target="MI", probability=0.987)
    text = published_text(e)
    assert "right third" in text
    assert text.endswith("Confidence: 0.99.")
    texts = {published_text(explanation(np.ones((12, 9)), target=label)) for label in ("NORM", "MI", "HMI", "HB", "CD")}
    assert len(texts) == 5
    assert not any(word in t for t in texts for word in ("elevation", "ST ", "wave", "lead"))
