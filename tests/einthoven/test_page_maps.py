"""Maps in report and page: drawn back on the photograph at its own place, and told how far they can be trusted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

from benchmarks.examined_table import render_examined
from benchmarks.tables import replaced
from digitize import digitize
from digitize.dewarp import Flattening
from digitize.result import Digitization
from ecg import LEADS, Page
from einthoven.diagnosis import examined as table
from einthoven.diagnosis.examined import Examined, examined, trust_line
from einthoven.report.pictures import _MAX_WIDTH_PX, _smaller, map_on_page, shows_on_page
from explain.result import Explanation
from explain.through_page import on_picture, page_heat
from synth import demo_page


@pytest.fixture(scope="module")
def reading() -> Digitization:
    """A page at 300 dots per inch, wider than what a report shows, turned by a few degrees."""
    page = demo_page().page
    large = cv2.resize(page.image, None, fx=1.5, fy=1.5, interpolation=cv2.INTER_CUBIC)
    return digitize(Page(large, 300, "large"))


def explanation() -> Explanation:
    values = np.zeros((12, 1000), np.float32)
    values[LEADS.index("V1"), 600:650] = 1.0
    return Explanation(
        values, LEADS, 100.0, values, "mi", "mi", 0.9, 0.5, True, "m", "saliency", "", False, None, 1, 0.1
    )


def test_a_map_on_a_smaller_picture_lies_where_it_lies_on_the_large_one(reading: Digitization) -> None:
    small = _smaller(reading)
    share = _MAX_WIDTH_PX / reading.page.image.shape[1]
    assert small.page.image.shape[1] == _MAX_WIDTH_PX
    assert share < 1
    whole = cv2.resize(page_heat(reading, explanation()), small.page.image.shape[1::-1], interpolation=cv2.INTER_AREA)
    own = page_heat(small, explanation())
    assert own.any()
    # Bands of 3 mm: their edges may differ by a pixel.
    both, either = np.minimum(own, whole).sum(), np.maximum(own, whole).sum()
    assert both / either > 0.8


def test_curled_sheets_shrink_with_their_lattice() -> None:
    rng = np.random.default_rng(1)
    flat = Flattening(np.eye(3), rng.uniform(0, 2840, (5, 6, 2)), 100, (500, 400), 8.0, 0.1)
    image = np.full((1000, 2840, 3), 255, np.uint8)
    whole = Digitization(None, Page(image, None, "x"), "accepted", flattening=flat)
    points = rng.uniform(0, 390, (20, 2))
    np.testing.assert_allclose(on_picture(_smaller(whole), points), on_picture(whole, points) / 2)


def test_small_pages_stay_as_they_are(reading: Digitization) -> None:
    narrow = replace(reading, page=Page(reading.page.image[:, :800], None, "x"))
    assert _smaller(narrow) is narrow


def test_the_picture_is_a_tinted_page(reading: Digitization) -> None:
    content, ratio = map_on_page(SimpleNamespace(explanation=explanation()), reading)  # type: ignore[arg-type]
    drawn = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    assert drawn.shape[1] == _MAX_WIDTH_PX
    assert drawn.shape[0] / drawn.shape[1] == pytest.approx(ratio)
    tinted = drawn[..., 2].astype(int) - drawn[..., 0] > 100
    assert 0.0005 < tinted.mean() < 0.05


def test_only_what_was_read_off_the_page_is_drawn_on_it(reading: Digitization) -> None:
    def seen(**changes: Any) -> Any:
        whole = {"digitization": reading, "seen": reading.record, "record": reading.record}
        return SimpleNamespace(**{**whole, **changes})

    assert shows_on_page(seen())
    assert not shows_on_page(seen(seen=object())), "the strip of the published method"
    assert not shows_on_page(seen(digitization=None)), "a record"
    assert not shows_on_page(seen(digitization=replace(reading, traces=())))


def _results(**changes: Any) -> dict[str, Any]:
    def told(value: float, passed: bool) -> dict[str, Any]:
        return {"value": value, "lo": value - 0.1, "hi": value + 0.1, "n": 30, "passed": passed}

    drawn = {
        "leading_lead": {"saliency": told(0.82, True), "random": told(0.3, False)},
        "st_t": {"saliency": told(1.1, True)},
        # What the random map passes too tells nothing.
        "territory": {"saliency": told(2.0, True), "random": told(2.1, True)},
        "deletion": {"saliency": told(0.3, True), "constant": told(0.0, False)},
    }
    real = {"deletion": {"saliency": told(0.0, False)}, "seeds": {"saliency": {**told(0, False), "lo": None}}}
    content = {"sha256": "a" * 64, "constant_fails": True, "examinations": {"infarctions": drawn, "fold9": real}}
    return {"m": {**content, **changes}}


def test_what_the_examinations_said_is_told_beside_the_map(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "<!-- begin examined -->\n<!-- end examined -->\n"
    path = tmp_path / "examined.md"
    path.write_text(replaced(text, "examined", render_examined(_results())), encoding="utf-8")
    monkeypatch.setattr(table, "_TABLE", path)
    # Passed on drawn hearts and failed on real ones is failed.
    assert examined("a" * 64, "saliency", "MI") == Examined("infarction", 2, 3, ("deletion",), 0.82)
    assert examined("a" * 64, "random", "MI") is None
    assert examined("b" * 64, "saliency", "MI") is None


def test_a_map_of_a_rhythm_is_judged_by_maps_of_rhythms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "examined.md"
    found = _results()
    beats = {"share_pvc": {"saliency": {"value": 2.0, "lo": 1.5, "hi": 2.5, "n": 9, "passed": True}}}
    found["m"]["examinations"]["premature"] = beats
    found["p"] = {**found["m"], "sha256": "c" * 64, "examinations": {"pages": beats}}
    path.write_text(render_examined(found), encoding="utf-8")
    monkeypatch.setattr(table, "_TABLE", path)
    assert examined("a" * 64, "saliency", "HB") == Examined("premature beats", 1, 1, (), None)
    assert examined("a" * 64, "saliency", "HMI") == examined("a" * 64, "saliency", "mi_sttc")
    assert examined("a" * 64, "saliency", "CD") is None, "nobody has looked at conduction disorders"
    assert examined("c" * 64, "saliency", "CD") == Examined("pages", 1, 1, (), None)


def test_examinations_that_a_constant_map_passes_say_nothing() -> None:
    assert "saliency" not in render_examined(_results(constant_fails=False))


def test_a_kind_of_map_that_failed_is_told_so() -> None:
    told = trust_line(Examined("infarction", 0, 2, ("deletion", "seeds"), 0.5))
    assert told == (
        "on infarction passed 0 of 2 examinations of this model, not: deletion, seeds; led to the injured wall in 50 % "
        "of drawn infarctions; do not rely on it: without what it points at the answer falls no more than by chance"
    )
    assert "do not rely" not in trust_line(Examined("infarction", 1, 2, ("seeds",), 0.5))


def test_leads_are_listed_in_their_usual_order_and_extra_ones_after_them() -> None:
    from digitize.result import LeadQuality
    from einthoven.report.words import lead_rows

    good = LeadQuality(1.0, 0.9, 0.0, 20.0, "good")
    read = dict.fromkeys(("V6", "V4R", "aVL", "I"), good)
    rows = lead_rows(Digitization(None, Page(np.zeros((9, 9, 3), np.uint8)), "accepted", quality=read))
    assert [row[0] for row in rows] == ["I", "aVL", "V6", "V4R"]


def test_of_models_that_answer_together_the_one_that_is_explained_is_named() -> None:
    from tiny_models import heart

    from classify.predict import ClassifyOptions, classify_record
    from einthoven.diagnosis import DiagnoseOptions
    from einthoven.diagnosis.explaining import explained
    from einthoven.diagnosis.findings import findings_of

    record = heart()
    alone = classify_record(record, ClassifyOptions(task="mi"))
    joined = replace(alone, model=f"page_trees + {alone.model}")
    for answer, notes in ((alone, 0), (joined, 1)):
        told, why_not = explained(record, answer, findings_of(answer)[0], DiagnoseOptions(method="saliency"))
        assert why_not == ()
        assert told is not None
        named = [note for note in told.document["notes"] if "answered together" in note]
        assert len(named) == notes
        assert all(note == f"page_trees, {alone.model} answered together; explained is {alone.model}" for note in named)
