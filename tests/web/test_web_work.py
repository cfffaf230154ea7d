"""From sent files to what a page shows: hostile names and bombs refused in one line, good files read whole."""

from __future__ import annotations

import io
import json
import tempfile
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest

from ecg import LEADS, ECGRecord
from ecg.errors import ECGError, FormatError
from ecg.formats import read_record, write_csv, write_dicom, write_wfdb
from einthoven.web.chart import MOST_SAMPLES_PER_MM, paper_svgs
from einthoven.web.examples import EXAMPLES, drawn, thumbnail
from einthoven.web.uploads import Upload, put_down, safe_name
from einthoven.web.work import Asked, Result, needs_rate, read_ecg


@pytest.fixture(scope="module")
def record() -> ECGRecord:
    from synth import sample_physiology, synthesize_record

    made = synthesize_record(sample_physiology(np.random.default_rng(3), "norm"))
    return ECGRecord(made.signal, made.fs, made.leads)


@pytest.fixture(scope="module")
def read(record: ECGRecord, tmp_path_factory: pytest.TempPathFactory) -> Result:
    """A table of twelve leads, read whole by the models that ship; the explanation has tests of its own."""
    path = write_csv(record, tmp_path_factory.mktemp("sent") / "x.csv")
    return read_ecg(Asked((Upload("../my scan=1.csv", path.read_bytes()),), age=61.0, sex="F", explain=False))


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("/abs/olute.png", "olute.png"),
        ("a\x00b.png", "ab.png"),
        (".bashrc", "bashrc"),
        ("--help", "help"),
        ("..", "ecg"),
        ("", "ecg"),
        ("<img src=x>.png", "_img_src_x_.png"),
        ("x" * 300 + ".png", "x" * 96 + ".png"),
        ("Ω.dcm", "_.dcm"),
        ("CON.png", "CON.png"),
    ],
)
def test_no_sent_name_leads_out_of_its_folder(sent: str, kept: str, tmp_path: Path) -> None:
    assert safe_name(sent) == kept
    path = put_down((Upload(sent, b"x"),), tmp_path, 1)
    assert path.parent == tmp_path
    assert path.read_bytes() == b"x"


@pytest.mark.parametrize(
    ("names", "why"),
    [
        ((), "got none"),
        (("a.hea",), "expected the .dat"),
        (("a.dat",), "expected the .hea"),
        (("a.png", "b.png"), "one by one"),
        (("a.hea", "a.dat", "b.png"), "one by one"),
        (("a.hea", "b.hea", "a.dat"), "one by one"),
        (("a.hea", "x/a.dat", "y/a.dat"), "different names"),
    ],
)
def test_files_that_are_not_one_ecg_are_one_line(names: tuple[str, ...], why: str, tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=why) as caught:
        put_down(tuple(Upload(name, b"x") for name in names), tmp_path, 1)
    assert "\n" not in str(caught.value)


def test_too_large_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="at most 1 MiB"):
        put_down((Upload("a.png", bytes((1 << 20) + 1)),), tmp_path, 1)
    assert list(tmp_path.iterdir()) == []


def _png_bomb() -> bytes:
    """A PNG of 100,000 x 100,000 pixels in a few kB."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    side = (100_000).to_bytes(4, "big")
    header = chunk(b"IHDR", side + side + bytes([8, 2, 0, 0, 0]))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(1 << 20))) + chunk(b"IEND", b"")


def _zip_bomb() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("ecg.csv", bytes(20 << 20))
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("bomb.png", _png_bomb()),
        ("bomb.zip", _zip_bomb()),
        ("program.exe", b"MZ" + bytes(range(256))),
        ("page.html", b"<script>alert(1)</script>"),
        ("page.svg", b"<svg xmlns='http://www.w3.org/2000/svg'><image href='file:///etc/passwd'/></svg>"),
        ("empty.png", b""),
        ("half.pdf", b"%PDF-1.7\n1 0 obj"),
        ("half.jpg", b"\xff\xd8\xff\xe0" + bytes(100)),
        ("words.csv", b"I,II\nnot,a number\nat,all\n"),
        ("<b>bad</b>.csv", b"I,II\n1,2\n3\n"),
    ],
)
def test_every_attack_is_one_line_and_leaves_nothing(
    name: str, content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(ECGError) as caught:
        read_ecg(Asked((Upload(name, content),), fs=500.0, explain=False))
    assert "\n" not in str(caught.value)
    assert str(tmp_path) not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_header_cannot_name_files_of_the_server() -> None:
    header = b"a 1 500 100\n../../../../etc/passwd 16 1000 16 0 0 0 0 II\n"
    with pytest.raises(ECGError) as caught:
        read_ecg(Asked((Upload("a.hea", header), Upload("a.dat", bytes(200))), explain=False))
    assert "root:" not in str(caught.value)


def test_a_table_is_answered_and_its_files_read_back(read: Result, record: ECGRecord, tmp_path: Path) -> None:
    d = read.diagnosis
    assert d.status == "answered", d.reasons
    assert read.stem == "my_scan_1"
    assert d.origin.source == "my_scan_1.csv"
    assert d.predictions[0].age == 61.0
    files = {f.name: f for f in read.files}
    assert set(files) == {f"my_scan_1{end}" for end in ("_report.pdf", "_diagnosis.json", "_wfdb.zip", ".csv", ".dcm")}
    assert files["my_scan_1_report.pdf"].content.startswith(b"%PDF-")
    document = json.loads(files["my_scan_1_diagnosis.json"].content)
    assert (document["status"], document["source"]) == ("answered", "my_scan_1.csv")
    for name, file in files.items():
        (tmp_path / name).write_bytes(file.content)
    zipfile.ZipFile(tmp_path / "my_scan_1_wfdb.zip").extractall(tmp_path)
    for name in ("my_scan_1.hea", "my_scan_1.csv", "my_scan_1.dcm"):
        back = read_record(tmp_path / name)
        assert back.leads == LEADS
        np.testing.assert_allclose(back.signal, record.signal, atol=0.002)


def test_stages_are_told_in_their_order(record: ECGRecord, tmp_path: Path) -> None:
    write_wfdb(record, tmp_path, "x")
    sent = tuple(Upload(p.name, p.read_bytes()) for p in sorted(tmp_path.iterdir()))
    told: list[int] = []
    found = read_ecg(Asked(sent, explain=False), tell=told.append)
    assert told == [0, 1, 3]
    assert found.diagnosis.origin.format == "wfdb"


def test_dicom_needs_no_suffix(record: ECGRecord, tmp_path: Path) -> None:
    content = write_dicom(record, tmp_path / "x.dcm").read_bytes()
    found = read_ecg(Asked((Upload("IM000001", content),), explain=False))
    assert found.diagnosis.origin.format == "dicom-waveform"


def test_the_rate_is_asked_for_where_no_time_tells_it(record: ECGRecord, tmp_path: Path) -> None:
    timed = write_csv(record, tmp_path / "x.csv").read_bytes()
    bare = b"\n".join(line.split(b",", 1)[1] for line in timed.splitlines())
    assert not needs_rate((Upload("a.csv", timed),))
    assert needs_rate((Upload("a.csv", bare),))
    assert not needs_rate((Upload("a.png", b"\x89PNG\r\n\x1a\n"),))
    assert not needs_rate(())
    with pytest.raises(FormatError, match="sampling rate"):
        read_ecg(Asked((Upload("a.csv", bare),), explain=False))
    assert read_ecg(Asked((Upload("a.csv", bare),), fs=500.0, explain=False)).diagnosis.record is not None


def test_the_chart_shows_every_sample_s_peak_at_true_scale(record: ECGRecord) -> None:
    pulse = np.zeros((1, 5000), np.float32)
    pulse[0, 2500] = 2.0  # one sample of 2 mV, 20 mm above the level
    (svg,) = paper_svgs(ECGRecord(pulse, 500, ("II",)))
    d = svg.split('<path d="M')[-1].split('"')[0]
    points = np.array([float(v) for v in d.split()]).reshape(-1, 2)
    assert np.ptp(points[:, 1]) == pytest.approx(20.0, abs=0.01)
    assert np.ptp(points[:, 0]) == pytest.approx(9.998 * 25, abs=0.05)
    sheets = paper_svgs(record)
    assert len(sheets) == 2
    assert all(f">{lead}</text>" in "".join(sheets) for lead in LEADS)
    assert max(map(len, sheets)) < 6 * 10 * 25 * MOST_SAMPLES_PER_MM * 16
    assert paper_svgs(ECGRecord(np.full((1, 10), np.nan), 500, ("II",))) == ()


def test_names_of_leads_are_no_markup() -> None:
    name = "<script>alert(1)</script>"
    (svg,) = paper_svgs(ECGRecord(np.zeros((1, 100)), 500, (name,)))
    assert "<script" not in svg


def test_examples_are_files_that_can_be_read() -> None:
    import cv2

    for key, example in EXAMPLES.items():
        if example.preset not in ("", "clean"):
            continue  # drawing damage takes seconds and has tests of its own
        sent = drawn(key)
        if example.preset:
            assert cv2.imdecode(np.frombuffer(sent.content, np.uint8), cv2.IMREAD_COLOR) is not None
            assert thumbnail(key).startswith(b"\xff\xd8")
        else:
            assert sent.content.startswith(b"time_s,I,II")
            assert thumbnail(key) == b""
