"""The chain from a record or page to a diagnosis: when it answers, when it does not, and what it says then."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from handmade_readings import refused_reading
from jsonschema import Draft202012Validator
from tiny_models import heart, reading_of, write_model

import einthoven
from digitize.result import Digitization, LeadQuality
from ecg import LEADS, DigitizationError, ECGRecord, OptionsError, Page
from ecg.errors import ModelError
from ecg.formats import write_wfdb
from einthoven.diagnosis import NOTICE, DiagnoseOptions, Diagnosis, Finding, diagnose, diagnose_file
from einthoven.diagnosis.document import diagnosis_document
from einthoven.diagnosis.findings import contradictions, headline, leading
from einthoven.diagnosis.options import published_threshold

ROOT = Path(__file__).resolve().parents[2]
BLANK = Page(np.full((40, 80, 3), 255, np.uint8))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(write_model(tmp_path_factory.mktemp("models") / "twelve"))


@pytest.fixture(scope="module")
def eager(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A model that gives every label."""
    return str(write_model(tmp_path_factory.mktemp("models") / "eager", thresholds=0.0))


@pytest.fixture
def read_as(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let the digitizer read every page as this."""

    def install(reading: Digitization | DigitizationError) -> None:
        def digitize(page: Page, options: object = None) -> Digitization:
            if isinstance(reading, DigitizationError):
                raise reading
            return replace(reading, page=page)

        monkeypatch.setattr("digitize.digitize", digitize, raising=False)

    return install


def valid(diagnosis: Diagnosis) -> dict[str, Any]:
    """Document of a diagnosis, checked by its schema and by JSON itself."""
    content = json.loads(json.dumps(diagnosis_document(diagnosis, stem="x"), allow_nan=False))
    schema = json.loads((ROOT / "docs/schemas/diagnosis.schema.json").read_text(encoding="utf-8"))
    errors = [f"{e.json_path}: {e.message}" for e in Draft202012Validator(schema).iter_errors(content)]
    assert not errors
    return content


def test_a_record_is_measured_answered_and_documented(model: str) -> None:
    d = diagnose(heart(age=61, sex="F"), model=model, explain=False)
    assert d.status == "answered"
    assert [f.label for f in d.findings] == ["NORM", "MI", "STTC", "CD", "HYP", "mi_sttc"]
    for f in d.findings:
        assert f.decision == (f.probability >= f.threshold)
    assert d.measurements is not None
    assert d.measurements.rate.quality == "good"
    content = valid(d)
    assert content["status"] == "answered"
    assert content["digitization"] is None
    assert content["person"] == {"age": 61, "sex": "F", "age_from": "file", "sex_from": "file"}
    assert content["models"][0]["sha256"] == d.predictions[0].card.sha256
    assert content["notice"] == NOTICE
    assert content["findings"][1]["validation"]["superclass MI auroc"] == {"value": 0.9, "lo": 0.88, "hi": 0.92}
    assert content["findings"][0]["validation"]["superclass auroc"]["lo"] == 0.88
    assert set(content["seconds"]) == {"measure", "classify"}


def test_the_answer_is_explained_by_the_model_that_gave_it(eager: str) -> None:
    d = diagnose(heart(), model=eager, method="saliency")
    assert d.explained is not None
    content = valid(d)["explanation"]
    assert content["model"] == "eager"
    assert content["target"] == leading(d.findings[:5]).label
    assert sum(content["lead_share"].values()) == pytest.approx(1, abs=1e-6)
    assert content["probability"] == pytest.approx(d.predictions[0].probabilities[LEADS_OF(content["target"])])
    assert content["text"]["clinician"] == d.explained.clinician
    with pytest.raises(OptionsError, match="there is no method"):
        diagnose(heart(), model=eager, method="saliencey")


def LEADS_OF(label: str) -> int:  # noqa: N802 - reads as a constant
    return ("NORM", "MI", "STTC", "CD", "HYP").index(label)


def test_a_child_and_a_signal_without_a_heart_get_no_answer(model: str) -> None:
    child = diagnose(heart(age=9), model=model)
    assert child.status == "abstained"
    assert child.headline.startswith("No answer: the patient is 9 years old")
    assert all(f.decision is None and f.probability is not None for f in child.findings)
    assert child.explained is None
    valid(child)
    flat = diagnose(ECGRecord(np.zeros((12, 5000)), 500, LEADS), model=model)
    assert flat.status == "abstained"
    assert "no heartbeat was found" in flat.reasons[0]
    valid(flat)


def test_a_signal_without_a_unit_has_no_st_level_and_no_answer_from_a_model_of_millivolts(model: str) -> None:
    d = diagnose(heart(units="NU"), model=model)
    assert d.status == "abstained"
    assert "this model needs millivolts" in d.headline
    assert {m.reason for m in d.measurements.st.values()} == {"the record has no unit"}
    assert valid(d)["signal"]["units"] == "NU"


def test_a_page_is_asked_the_four_classes_too(model: str, read_as: Any) -> None:
    read_as(reading_of(heart()))
    d = diagnose(BLANK, model=model, explain=False)
    assert d.status == "answered"
    assert not d.experimental
    assert {f.task for f in d.findings} == {"superclass", "mi_sttc", "four_class"}
    four = [f for f in d.findings if f.task == "four_class"]
    assert sum(f.probability for f in four) == pytest.approx(1)
    assert [f.decision for f in four].count(True) == 1
    assert d.models[0].role == "reads printed names and scales"
    content = valid(d)
    assert content["digitization"]["status"] == "accepted"
    assert content["signal"]["seconds_of_lead"]["V1"] == 2.5


def test_the_four_classes_of_a_page_are_answered_as_classify_answers_them(monkeypatch: pytest.MonkeyPatch) -> None:
    from classify.images import routes
    from synth import demo_page

    # The drawn page looks like none that the models of pages learnt from; here it may.
    monkeypatch.setattr(routes, "page_likeness", lambda *_: None)
    d = diagnose(demo_page().page, explain=False)
    by_task = {p.task: p.model for p in d.predictions}
    assert by_task["four_class"] == " + ".join(routes.page_route("four_class"))
    assert by_task["superclass"] == "default"
    assert [m.role for m in d.models if "four_class" in m.role], "what answered is named"


def test_a_page_that_needs_review_is_answered_as_experimental(model: str, read_as: Any) -> None:
    read_as(reading_of(heart(), status="review", reasons=("poorly read: V1",)))
    d = diagnose(BLANK, model=model, explain=False)
    assert d.status == "answered"
    assert d.experimental
    assert d.reasons[0] == "the page needs review: poorly read: V1"
    assert d.warnings[0].startswith("EXPERIMENTAL")
    assert valid(d)["experimental"] is True


def test_a_page_with_too_few_good_leads_gets_no_answer(model: str, read_as: Any) -> None:
    poor = {lead: LeadQuality(0.4, 0.9, 0.0, 3.0, "poor", ("faint",)) for lead in LEADS[:5]}
    good = reading_of(heart()).quality
    read_as(reading_of(heart(), status="review", reasons=("faint",), quality={**good, **poor}))
    d = diagnose(BLANK, model=model)
    assert d.status == "abstained"
    assert d.reasons[0] == "7 leads of the page were read well enough, this model needs 8"
    assert d.experimental
    valid(d)


def test_a_refused_page_stays_unread_unless_forced(model: str, read_as: Any) -> None:
    read_as(DigitizationError("grid", "no grid was found", "pass --px-per-mm"))
    d = diagnose(BLANK, model=model)
    assert (d.status, d.findings, d.record, d.measurements) == ("refused", (), None, None)
    assert d.headline == "Not read: grid: no grid was found; pass --px-per-mm."
    assert valid(d)["measurements"] == {}
    read_as(reading_of(heart(), status="refused", forced=True, reasons=("most leads were read poorly",)))
    d = diagnose(BLANK, model=model, explain=False)
    assert d.status == "refused"
    assert d.forced
    assert d.findings[0].decision is not None
    assert d.warnings[0].startswith("FORCED")
    assert valid(d)["warnings"]


def test_a_file_of_several_pages_wants_one_named(model: str, read_as: Any, monkeypatch: Any, tmp_path: Path) -> None:
    from PIL import Image

    path = tmp_path / "two.tif"
    frames = [Image.fromarray(np.full((40, 80, 3), v, np.uint8)) for v in (255, 250)]
    frames[0].save(path, save_all=True, append_images=frames[1:])
    made = [reading_of(heart()), refused_reading()]
    monkeypatch.setattr("digitize.read_file", lambda *_: iter(made), raising=False)
    with pytest.raises(OptionsError, match="several ECGs"):
        diagnose(path, model=model, explain=False)
    assert diagnose(path, model=model, page=2).status == "refused"
    with pytest.raises(OptionsError, match="no page 3"):
        diagnose(path, model=model, page=3)
    both = list(diagnose_file(path, model=model, explain=False))
    assert [(d.status, d.origin.page, d.origin.format) for d in both] == [
        ("answered", 1, "tiff"),
        ("refused", 2, "tiff"),
    ]
    assert len(both[0].origin.sha256) == 64


def test_the_digest_of_a_wfdb_record_covers_its_signals(model: str, tmp_path: Path) -> None:
    write_wfdb(heart(), tmp_path, "a")
    one = diagnose(tmp_path / "a.hea", model=model, explain=False).origin
    assert (one.kind, one.format) == ("record", "wfdb")
    with (tmp_path / "a.dat").open("r+b") as file:
        file.seek(4000)
        file.write(b"\x01\x00")
    other = next(iter(diagnose_file(tmp_path / "a", model=model, explain=False))).origin
    assert other.sha256 != one.sha256


@pytest.mark.parametrize(("leads", "page", "threshold"), [(1, False, 0.48), (12, False, 0.43), (1, True, 0.91)])
def test_the_published_route_decides_at_the_published_thresholds(leads: int, page: bool, threshold: float) -> None:
    from classify.protocols import PUBLISHED_THRESHOLDS

    assert PUBLISHED_THRESHOLDS[published_threshold(leads, page)] == threshold


def test_the_published_route_applies_its_threshold_exactly(tmp_path: Path) -> None:
    lead_ii = write_model(tmp_path / "lead_ii", leads=("II",), min_leads=1)
    record = heart()
    alone = ECGRecord(record["II"][None], 500, ("II",))
    d = diagnose(alone, model=str(lead_ii), route="published", explain=False)
    assert [f.task for f in d.findings] == ["mi_sttc"]
    assert d.findings[0].threshold == 0.48
    assert d.findings[0].decision == (d.findings[0].probability >= 0.48)
    p = d.findings[0].probability
    for threshold, given in ((repr(p), True), (repr(float(np.nextafter(p, 1))), False)):
        d = diagnose(alone, model=str(lead_ii), route="published", threshold=threshold, explain=False)
        assert d.findings[0].decision is given


def test_wrong_options_are_told_before_anything_is_read(model: str) -> None:
    with pytest.raises(OptionsError, match="there is no task 'mii'"):
        DiagnoseOptions(tasks=("mii",))
    with pytest.raises(OptionsError, match="unknown option of diagnose"):
        diagnose(heart(), colour="blue")
    with pytest.raises(OptionsError, match="age must be"):
        diagnose(heart(), age=-1)
    with pytest.raises(ModelError, match="not ami"):
        diagnose(heart(), model=model, tasks=("superclass", "ami"))


def finding(label: str, p: float | None, threshold: float | None = 0.4, decision: bool | None = None) -> Finding:
    task = "mi_sttc" if label == "mi_sttc" else "superclass"
    decided = decision if decision is not None or p is None or threshold is None else p >= threshold
    return Finding(task, label, label.lower(), p, threshold, decided, "answered", "m")


def test_headlines() -> None:
    normal, mi, cd = finding("NORM", 0.9), finding("MI", 0.5), finding("CD", 0.8)
    assert headline([normal], "answered", ()) == "The model finds a norm (probability 0.90; threshold 0.40)."
    told = headline([normal, mi, cd], "answered", ())
    assert told == ("The model finds cd (probability 0.80; threshold 0.40) and mi (probability 0.50; threshold 0.40).")
    none = headline([finding("NORM", 0.1), finding("MI", 0.3)], "answered", ())
    assert none == "The model finds none of the 2; nearest is mi (probability 0.30; threshold 0.40)."
    assert headline([finding("mi_sttc", 0.1)], "answered", ()).startswith("The model does not find mi_sttc")
    assert headline([mi], "abstained", ("too few leads",)) == "No answer: too few leads."


def test_what_is_explained_is_the_finding_furthest_over_its_threshold() -> None:
    normal, mi, cd = finding("NORM", 0.99), finding("MI", 0.5), finding("CD", 0.8)
    assert leading([normal, mi, cd]) is cd
    assert leading([normal, finding("MI", 0.1)]) is normal
    assert leading([finding("NORM", 0.1), finding("MI", 0.3)]).label == "MI"
    assert leading([finding("MI", None)]) is None
    # A low threshold that is well passed leads over a high one that is just reached.
    assert leading([finding("MI", 0.5, 0.1), finding("CD", 0.72, 0.7)]).label == "MI"


def test_contradictions_are_told() -> None:
    yes, no = finding("mi_sttc", 0.9), finding("mi_sttc", 0.1)
    normal, mi = finding("NORM", 0.9), finding("MI", 0.9)
    assert contradictions([normal, no]) == ()
    assert contradictions([mi, yes]) == ()
    assert "normal ECG and a finding at once" in contradictions([normal, mi, yes])[0]
    assert "two questions disagree" in contradictions([mi, no])[0]


def test_the_public_name_is_this_function() -> None:
    assert einthoven.diagnose is diagnose
    assert einthoven.measure(heart()).rate.unit == "1/min"


def test_several_ecgs_on_a_page_are_told_apart(model: str, monkeypatch: Any, tmp_path: Path) -> None:
    from PIL import Image

    path = tmp_path / "pair.png"
    Image.fromarray(np.full((40, 80, 3), 255, np.uint8)).save(path)
    made = [reading_of(heart(), part=(1, 2)), reading_of(heart(4), part=(2, 2))]
    monkeypatch.setattr("digitize.read_file", lambda *_: iter(made), raising=False)
    both = list(diagnose_file(path, model=model, explain=False))
    assert [(d.origin.page, d.origin.part) for d in both] == [(1, (1, 2)), (1, (2, 2))]
    assert valid(both[1])["input"]["ecg"] == 2
    with pytest.raises(OptionsError, match="name one with page= and ecg="):
        diagnose(path, model=model, page=1)
    assert diagnose(path, model=model, page=1, ecg=2, explain=False).origin.part == (2, 2)
