"""The published systems' own lists of tests, each test named after its item; networks at their real size.

Their weights do not ship, so the tests make them (`published_networks`). What a person sees stands in
``tests/web/test_web_published.py``.
"""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from published_networks import NETWORKS, alone, drawn_hearts, train_briefly

import einthoven
from classify.inputs import to_input
from classify.models import MODELS
from classify.predict import classify_record
from digitize.rhythm_strip import rhythm_strip
from ecg import LEADS, ECGRecord, Page
from ecg.formats import read_record, write_csv, write_wfdb
from ecg.record import resample
from einthoven.cli import main
from einthoven.diagnosis import Diagnosis
from einthoven.report import report_bytes
from synth import draw_page

ROOT = Path(__file__).resolve().parents[2]
LEAD_II, TWELVE, IMAGE = 0.48, 0.43, 0.91


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A cache of models with the three networks in it, where the published route finds them."""
    folder = tmp_path_factory.mktemp("cache")
    for name in NETWORKS:
        train_briefly(name, folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EINTHOVEN_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="module")
def ill() -> ECGRecord:
    return drawn_hearts()[3][0]


@pytest.fixture(scope="module")
def page(ill: ECGRecord) -> Page:
    return draw_page(ill, "clean", 5).page


@pytest.fixture(scope="module")
def of_twelve(ill: ECGRecord, tmp_path_factory: pytest.TempPathFactory) -> Diagnosis:
    path = write_wfdb(ill, tmp_path_factory.mktemp("twelve"), "r")
    return einthoven.diagnose(path, route="published", method="gradcam")


@pytest.fixture(scope="module")
def of_page(page: Page) -> Diagnosis:
    return einthoven.diagnose(page, route="published", method="gradcam")


def pdf_text(content: bytes) -> str:
    import pypdfium2

    document = pypdfium2.PdfDocument(content)
    return "\n".join(one.get_textpage().get_text_range() for one in document)


def pdf_pictures(content: bytes) -> int:
    import pypdfium2
    from pypdfium2.raw import FPDF_PAGEOBJ_IMAGE

    return sum(len(list(one.get_objects(filter=[FPDF_PAGEOBJ_IMAGE]))) for one in pypdfium2.PdfDocument(content))


# Unit


def test_unit_z_score(ill: ECGRecord) -> None:
    x = to_input(ill, MODELS["twelve_lead_cnn"].spec)
    assert (x.shape, x.dtype) == ((12, 5000), np.float32)
    np.testing.assert_allclose(x.mean(axis=1), 0, atol=1e-4)
    np.testing.assert_allclose(x.std(axis=1), 1, atol=1e-3)
    row = ill["V2"].astype(np.float64)
    np.testing.assert_allclose(x[LEADS.index("V2")], (row - row.mean()) / row.std(), atol=1e-3)


def test_unit_wfdb_import(ill: ECGRecord, tmp_path: Path) -> None:
    record = einthoven.read(write_wfdb(ill, tmp_path, "r"))
    assert (record.leads, record.fs, record.n_samples) == (LEADS, 500, 5000)
    np.testing.assert_allclose(record.signal, ill.signal, atol=0.001)


def test_unit_csv_import(ill: ECGRecord, tmp_path: Path) -> None:
    record = einthoven.read(write_csv(ill, tmp_path / "r.csv"))
    assert (record.leads, record.fs) == (LEADS, 500)
    np.testing.assert_allclose(record.signal, ill.signal, atol=0.001)


@pytest.mark.parametrize(("kind", "name"), [("twelve", "twelve_lead_cnn"), ("one", "lead_ii_cnn")])
def test_unit_routing_of_records(ill: ECGRecord, kind: str, name: str) -> None:
    record = ill if kind == "twelve" else alone(ill)
    assert classify_record(record, _published()).model == name


def test_unit_routing_of_pages(of_page: Diagnosis) -> None:
    assert of_page.predictions[0].model == "image_signal_cnn"


def _published(**changes: Any) -> Any:
    from classify.predict import ClassifyOptions

    return replace(ClassifyOptions(task="mi_sttc", route="published"), **changes)


def test_unit_lead_ii_inference() -> None:
    assert MODELS["lead_ii_cnn"].n_parameters == 20_532_609
    found = [classify_record(alone(record), _published()).probabilities[0] for record, _ in drawn_hearts()]
    _told_apart(found)


def test_unit_12_lead_inference() -> None:
    found = [classify_record(record, _published()).probabilities[0] for record, _ in drawn_hearts()]
    _told_apart(found)


def _told_apart(found: list[float]) -> None:
    """The network has learnt the hearts that it was shown: its answers are those of its weights, not a constant."""
    assert all(0 <= p <= 1 for p in found)
    sick = [p for p, (_, ill) in zip(found, drawn_hearts(), strict=True) if ill]
    well = [p for p, (_, ill) in zip(found, drawn_hearts(), strict=True) if not ill]
    assert np.mean(sick) > np.mean(well)


def test_unit_strip_extraction(page: Page) -> None:
    strip = rhythm_strip(page)
    assert (strip.shape, strip.dtype) == ((1, 5000), np.float32)
    assert strip.mean() == pytest.approx(0, abs=1e-3)
    assert strip.std() == pytest.approx(1, abs=1e-2)


def test_unit_image_cnn_inference(page: Page) -> None:
    strip = ECGRecord(rhythm_strip(page), 500, ("II",), {"units": "NU"})
    found = classify_record(strip, _published(model="image_signal_cnn"))
    assert found.status == "answered"
    assert 0 <= found.probabilities[0] <= 1


def test_unit_grad_cam_of_12_leads(of_twelve: Diagnosis) -> None:
    found = of_twelve.explained.explanation
    assert (found.method, found.values.shape, found.fs) == ("gradcam", (12, 5000), 500)
    assert np.isfinite(found.values).all()
    assert found.values.max() > 0


def test_unit_saliency(ill: ECGRecord) -> None:
    found = _explained(ill, "saliency")
    assert found.values.shape == (12, 5000)
    assert (found.values >= 0).all()
    assert found.values.any()


def test_unit_grad_cam_of_one_lead(ill: ECGRecord) -> None:
    found = _explained(alone(ill), "gradcam")
    assert found.values[LEADS.index("II")].max() > 0
    assert not np.delete(found.values, LEADS.index("II"), axis=0).any()


def _explained(record: ECGRecord, method: str) -> Any:
    from explain.subject import open_subject

    name = "twelve_lead_cnn" if len(record.leads) == 12 else "lead_ii_cnn"
    return einthoven.explain(open_subject(name), record, task="mi_sttc", method=method)


def test_unit_valid_pdf(of_twelve: Diagnosis) -> None:
    content = report_bytes(of_twelve)
    assert content.startswith(b"%PDF-")
    assert content.rstrip().endswith(b"%%EOF")
    assert "Einthoven: report on one ECG" in pdf_text(content)


@pytest.mark.parametrize(("name", "threshold"), [*zip(NETWORKS, (LEAD_II, TWELVE, IMAGE), strict=True)])
def test_unit_thresholds(name: str, threshold: float) -> None:
    assert MODELS[name].published_threshold == threshold


@pytest.mark.parametrize("fs", [100.0, 250.0, 1000.0])
def test_unit_resampling(ill: ECGRecord, fs: float) -> None:
    there = resample(ill, fs)
    x = to_input(there, MODELS["twelve_lead_cnn"].spec)
    assert x.shape == (12, 5000)
    # What lies under half of the lower rate comes back: the shape of the trace.
    r = np.corrcoef(x[1], to_input(ill, MODELS["twelve_lead_cnn"].spec)[1])[0, 1]
    assert r > 0.99


# Integration


def _whole(d: Diagnosis) -> None:
    assert d.status == "answered", d.reasons
    assert [f.decision is not None for f in d.findings] == [True]
    assert d.explained.explanation.values.shape == (12, 5000)
    assert d.explained.explanation.values[LEADS.index("II")].any()
    text = pdf_text(report_bytes(d))
    assert "infarction or a change of ST or T" in text
    assert f"{d.findings[0].probability:.2f}" in text


def test_integration_wfdb_to_class_grad_cam_and_pdf(of_twelve: Diagnosis) -> None:
    assert of_twelve.origin.format == "wfdb"
    _whole(of_twelve)


def test_integration_csv_to_class_grad_cam_and_pdf(ill: ECGRecord, tmp_path: Path) -> None:
    d = einthoven.diagnose(write_csv(ill, tmp_path / "r.csv"), route="published", method="gradcam")
    assert d.origin.format == "csv"
    _whole(d)


def test_integration_12_column_csv_fully_drawn(ill: ECGRecord, tmp_path: Path) -> None:
    from einthoven.report.chart import plan_charts
    from einthoven.web.chart import paper_svgs

    record = read_record(write_csv(ill, tmp_path / "r.csv"))
    drawn = [cell.lead for chart in plan_charts(record) for cell in chart.cells]
    assert drawn == list(LEADS)
    assert "".join(paper_svgs(record)).count('<path d="M') >= 12


def test_integration_one_column_csv_to_lead_ii(ill: ECGRecord, tmp_path: Path) -> None:
    path = tmp_path / "one.csv"
    np.savetxt(path, ill["II"], fmt="%.4f", header="II", comments="")
    from ecg.formats.options import ReadOptions

    d = einthoven.diagnose(path, route="published", method="gradcam", reading=ReadOptions(fs=500))
    assert d.record.leads == ("II",)
    assert d.predictions[0].model == "lead_ii_cnn"
    _whole(d)


def test_integration_image_to_extraction_image_cnn_and_research_note(of_page: Diagnosis) -> None:
    assert of_page.status == "answered"
    assert of_page.seen.signal.shape == (1, 5000)
    assert of_page.experimental
    assert any("published strip method" in reason for reason in of_page.reasons)
    text = pdf_text(report_bytes(of_page))
    assert "EXPERIMENTAL" in text
    assert "for tests only" in text  # the model's own limits: on what it was trained


def test_integration_pdf_with_its_figures(of_twelve: Diagnosis, of_page: Diagnosis) -> None:
    assert pdf_pictures(report_bytes(of_twelve)) == 1  # the map
    assert pdf_pictures(report_bytes(of_page)) >= 2  # the page with its reading, and the map


def test_integration_deployment_files() -> None:
    docker = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert "einthoven" in docker
    assert "HEALTHCHECK" in docker
    for line in docker.splitlines():
        if line.startswith("COPY "):
            assert all((ROOT / name).exists() for name in line.split()[1:-1]), line
    assert (ROOT / "packages.txt").read_text(encoding="utf-8").split()
    import tomllib

    settings = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    assert settings["server"]["maxUploadSize"] == 200
    assert "-e .[dev]" in (ROOT / "requirements.txt").read_text(encoding="utf-8")


# System


def test_system_unsupported_type(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "song.mp3"
    path.write_bytes(b"ID3\x04\x00" + bytes(100))
    assert main(["diagnose", str(path), "-o", str(tmp_path / "out")]) == 1
    told = capsys.readouterr().err
    assert "song.mp3" in told
    assert len(told.strip().splitlines()) == 1


def test_system_corrupt_csv(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "bad.csv"
    path.write_text("time_s,I,II\n0,0.1,oops\n0.002,,\n", encoding="utf-8")
    assert main(["diagnose", str(path), "-o", str(tmp_path / "out")]) == 1
    told = capsys.readouterr().err
    assert "bad.csv" in told
    assert "Traceback" not in told


def test_system_poor_image_to_the_end_as_experimental(page: Page, tmp_path: Path) -> None:
    """A small, grey, badly compressed copy is read to the report, which says on every page what to think of it."""
    small = Image.fromarray(page.image).convert("L").reduce(2)
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=18)
    (tmp_path / "poor.jpg").write_bytes(buffer.getvalue())
    from digitize.options import DigitizeOptions

    options = DigitizeOptions(force=True)
    d = einthoven.diagnose(tmp_path / "poor.jpg", route="published", digitize=options, explain=False)
    assert d.experimental
    assert d.findings[0].probability is not None
    assert pdf_text(report_bytes(d)).count("EXPERIMENTAL") >= 3


@pytest.mark.parametrize(("leads", "threshold"), [(1, LEAD_II), (12, TWELVE)])
def test_system_thresholds_of_records_exactly_with_route_published(
    ill: ECGRecord, tmp_path: Path, leads: int, threshold: float
) -> None:
    record = ill if leads == 12 else alone(ill)
    _exactly(write_csv(record, tmp_path / "r.csv"), threshold)


def test_system_threshold_of_pages_exactly_with_route_published(page: Page, tmp_path: Path) -> None:
    Image.fromarray(page.image).save(tmp_path / "r.png", dpi=(200, 200))
    _exactly(tmp_path / "r.png", IMAGE)


def _exactly(path: Path, threshold: float) -> None:
    out = path.parent / "out"
    assert main(["diagnose", str(path), "-o", str(out), "--route", "published", "--no-explain", "--no-report"]) == 0
    (finding,) = json.loads((out / "r_diagnosis.json").read_text(encoding="utf-8"))["findings"]
    assert finding["threshold"] == threshold
    assert finding["decision"] == int(finding["probability"] >= threshold)


def test_system_cpu_only(ill: ECGRecord, cache: Path) -> None:
    """No device but the processor is used, and none is asked for."""
    import torch

    from explain.subject import open_subject

    network = open_subject("twelve_lead_cnn").network
    assert {p.device.type for p in network.parameters()} == {"cpu"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.Tensor, "cuda", _no_device)
        patch.setattr(torch.nn.Module, "cuda", _no_device)
        assert einthoven.diagnose(ill, route="published", method="gradcam").status == "answered"


def _no_device(*_given: object, **_named: object) -> None:
    raise AssertionError("a device was asked for")
