import os
import shutil
from pathlib import Path, PurePath

import numpy as np
import pyedflib
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pydicom.data import get_testdata_file

from ecg import LEADS, ECGRecord, FormatError, OptionsError, Page
from ecg.formats import (
    PAGE_KINDS,
    RECORD_KINDS,
    ReadOptions,
    identify,
    lead_name,
    read,
    read_pages,
    read_record,
    safe_stem,
    write_csv,
    write_dicom,
    write_wfdb,
)
from ecg.formats.atomic import replacing
from ecg.formats.names import MDC_LEADS, millivolts, unique_names


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    """One good file of every kind, by kind."""
    folder = tmp_path_factory.mktemp("samples")
    record = ECGRecord(np.random.default_rng(0).normal(scale=0.5, size=(12, 300)), 500, LEADS)
    picture = Image.fromarray(
        np.kron(np.random.default_rng(1).integers(0, 256, (8, 9, 3), np.uint8), np.ones((8, 8, 1), np.uint8))
    )
    for kind, name in {
        "png": "PNG",
        "jpeg": "JPEG",
        "tiff": "TIFF",
        "webp": "WEBP",
        "bmp": "BMP",
        "pdf": "PDF",
    }.items():
        picture.save(folder / f"page.{kind}", name)
    writer = pyedflib.EdfWriter(str(folder / "a.edf"), 1, file_type=pyedflib.FILETYPE_EDF)
    writer.setSignalHeader(
        0,
        pyedflib.highlevel.make_signal_header(
            "II", dimension="mV", sample_frequency=300, physical_min=-5, physical_max=5
        ),
    )
    writer.writeSamples([record["II"].astype(float)])
    writer.close()
    files = {kind: folder / f"page.{kind}" for kind in ("png", "jpeg", "tiff", "webp", "bmp", "pdf")}
    files["edf"] = folder / "a.edf"
    files["wfdb"] = write_wfdb(record, folder, "rec")
    files["csv"] = write_csv(record, folder / "a.csv")
    files["dicom-waveform"] = write_dicom(record, folder / "a.dcm")
    files["dicom-image"] = Path(shutil.copy(get_testdata_file("SC_rgb_rle.dcm"), folder / "b.dcm"))
    return files


def copied(path, folder, name, data=None):
    """A copy under another name, with its signal file if it is a WFDB header."""
    target = folder / name
    target.write_bytes(path.read_bytes() if data is None else data)
    if path.suffix == ".hea" and path.with_suffix(".dat").exists():
        shutil.copy(path.with_suffix(".dat"), folder)
    return target


# --- routing ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [*RECORD_KINDS, *PAGE_KINDS])
def test_every_kind_is_told_and_read(samples, kind):
    path = samples[kind]
    assert identify(path) == kind
    got = read(str(path))
    if kind in RECORD_KINDS:
        assert isinstance(got, ECGRecord)
        assert got.n_samples == 300
        assert read_record(path).leads == got.leads
        with pytest.raises(FormatError, match="expected a page"):
            read_pages(path)
    else:
        assert all(isinstance(page, Page) for page in got)
        assert next(read_pages(path)).source == path.name
        with pytest.raises(FormatError, match=r"expected a record.*digitize it first"):
            read_record(path)


@pytest.mark.parametrize("kind", [*RECORD_KINDS, *PAGE_KINDS])
@pytest.mark.parametrize("suffix", [".png", ".pdf", ".csv", ".dcm", ".dat", ""])
def test_the_suffix_does_not_matter(samples, tmp_path, kind, suffix):
    path = copied(samples[kind], tmp_path, f"x{suffix}")
    assert identify(path) == kind
    if kind != "wfdb":  # the library behind it finds a header by its suffix
        assert read(path) is not None


# --- what is no file, or not a good one -------------------------------------------------------------------------------


def read_all(path, options=None):
    """Read a file to its last page."""
    got = read(path, options)
    return got if isinstance(got, ECGRecord) else list(got)


def one_line(path, options=None):
    with pytest.raises(FormatError) as caught:
        read_all(path, options)
    message = str(caught.value)
    assert message.isprintable()
    assert len(message) < 400
    return message


def test_what_is_no_file(tmp_path):
    (tmp_path / "empty.png").touch()
    os.mkfifo(tmp_path / "pipe")
    assert "found none" in one_line(tmp_path / "none.png")
    assert "got a folder" in one_line(tmp_path)
    assert "empty (0 bytes)" in one_line(tmp_path / "empty.png")
    assert "regular file" in one_line(tmp_path / "pipe")
    assert "cannot be opened" in one_line("a\x00b.png")
    assert "check the path" in one_line("x" * 5000)


def test_hostile_names_do_not_reach_the_terminal(tmp_path):
    path = tmp_path / "a\x1b[31m\nb.png"
    path.write_bytes(b"nothing")
    assert one_line(path).startswith("a?[31m b.png: ")


def test_the_size_of_a_file_is_bounded(samples):
    for path in samples.values():
        assert "allowed; raise max_file_mb" in one_line(path, ReadOptions(max_file_mb=1e-5))


@pytest.mark.parametrize(
    "data", [b"hello\n", b"\x00" * 500, b"PK\x03\x04" + b"x" * 400, b"GIF89a" + b"\x00" * 99, b'{"a": 1}']
)
def test_other_files_say_what_is_expected(tmp_path, data):
    path = tmp_path / "a.png"
    path.write_bytes(data)
    assert "expected a page (PNG, JPEG, TIFF, WebP, BMP, PDF, DICOM) or a record" in one_line(path)


MAGIC = {
    "png": b"\x89PNG\r\n\x1a\n", "jpeg": b"\xff\xd8\xff\xe0", "tiff": b"II*\x00", "webp": b"RIFF\x00\x00\x00\x00WEBP",
    "bmp": b"BM\x00\x00\x00\x00\x00\x00\x00\x00", "pdf": b"%PDF-1.7\n", "edf": b"0       ",
    "dicom": bytes(128) + b"DICM",
    "wfdb": b"a 1 500 10\na.dat 16 1000/mV 16 0 0 0 0 II\n", "csv": b"time_s,I\n0,1\n",
}  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(sorted(MAGIC)), st.binary(max_size=600))
@pytest.mark.filterwarnings("ignore")  # the decoders behind warn about rubbish as they like
def test_rubbish_behind_a_good_beginning_is_one_line(tmp_path_factory, kind, rubbish):
    path = tmp_path_factory.getbasetemp() / f"rubbish-{kind}"
    path.write_bytes(MAGIC[kind] + rubbish)
    try:
        read_all(path)
    except FormatError as error:
        message = str(error)
    else:
        message = "read"  # by chance the rubbish may be good
    assert message.isprintable()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", [*RECORD_KINDS, *PAGE_KINDS])
def test_any_truncation_is_one_line_or_a_result(samples, tmp_path, kind):
    whole = samples[kind].read_bytes()
    rng = np.random.default_rng(4)
    sizes = sorted({*rng.integers(1, len(whole), 25).tolist(), 1, 2, 3, 10, 133, len(whole) - 1} - {0})
    messages = []
    for size in (s for s in sizes if s < len(whole)):
        path = copied(samples[kind], tmp_path, samples[kind].name, whole[:size])
        try:
            read_all(path)
        except FormatError as error:
            messages.append(str(error))
    assert all(message.isprintable() for message in messages)
    assert len(messages) > len(sizes) // 3


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", [*RECORD_KINDS, *PAGE_KINDS])
def test_any_flipped_bytes_are_one_line_or_a_result(samples, tmp_path, kind):
    whole = np.frombuffer(samples[kind].read_bytes(), np.uint8)
    rng = np.random.default_rng(5)
    for _ in range(25):
        damaged = whole.copy()
        damaged[rng.integers(0, min(whole.size, 400), 4)] = rng.integers(0, 256, 4)  # headers break more than samples
        path = copied(samples[kind], tmp_path, samples[kind].name, damaged.tobytes())
        message = ""
        try:
            read_all(path)
        except FormatError as error:
            message = str(error)
        assert message == "" or message.isprintable()


def test_a_truncated_signal_file_is_refused(samples, tmp_path):
    header = copied(samples["wfdb"], tmp_path, "rec.hea")
    whole = (tmp_path / "rec.dat").read_bytes()
    for size in (1, 24, len(whole) // 2, len(whole) - 1):
        (tmp_path / "rec.dat").write_bytes(whole[:size])
        assert "rec.hea: expected 3600 samples, rec.dat holds" in one_line(header)
    (tmp_path / "rec.dat").write_bytes(b"")
    assert "rec.dat: the file is empty" in one_line(header)


# --- options ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value"),
    [("fs", 0), ("fs", float("nan")), ("max_megapixels", -1), ("max_file_mb", float("inf")), ("max_pdf_pages", 0),
     ("pdf_dpi", 0), ("units", "mm"), ("pdf_backend", "gs")],
)  # fmt: skip
def test_impossible_options_are_refused(field, value):
    with pytest.raises(OptionsError, match=field):
        ReadOptions(**{field: value})


# --- names ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lead", [*LEADS, "V3R", "V4R", "V7", "V8", "V9", "X", "Y", "Z"])
def test_every_spelling_of_a_lead_is_one_name(lead):
    spellings = [
        lead,
        lead.lower(),
        lead.upper(),
        f"lead {lead}",
        f"Lead_{lead.upper()}",
        f" {lead} ",
        f"ECG {lead}",
        f"ekg_{lead}",
    ]
    spellings += [f"MDC_ECG_LEAD_{lead.upper()}", f"ECG lead: {lead}", f"{lead}\x00"]
    number = next(n for n, name in MDC_LEADS.items() if name == lead)
    spellings += [f"2:{number}", str(131072 + number)]
    assert {lead_name(spelling) for spelling in spellings} == {lead}


@pytest.mark.parametrize(
    ("raw", "name"),
    [("-aVR", "-aVR"), ("−AVR", "-aVR"), ("MDC_ECG_LEAD_AVRneg", "-aVR"), ("a VR", "aVR"), ("DII", "II"),
     ("Lead 3", "III"),
     ("vz", "Z"), ("MLII", "MLII"), ("V10", "V10"), ("ECG1", "ECG1"), ("3", "3"), ("2:999", "2:999"), ("", "unknown"),
     ("ECG", "ECG"), ("CM5", "CM5"), ("  odd   name ", "odd name")],
)  # fmt: skip
def test_other_names(raw, name):
    assert lead_name(raw) == name


@given(st.text(max_size=40))
def test_names_settle_at_once(raw):
    name = lead_name(raw)
    assert lead_name(name) == name
    assert name


@given(st.lists(st.sampled_from(["II", "II_2", "ECG", "V1"]), max_size=8))
def test_numbered_names_differ_and_first_ones_stay(names):
    unique = unique_names(names)
    assert len(set(unique)) == len(names)
    assert all(new.startswith(old) for old, new in zip(names, unique, strict=True))


@given(st.text(max_size=40))
def test_safe_stems_are_safe(stem):
    safe = safe_stem(stem)
    assert safe
    assert set(safe) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")
    assert len(safe) == max(1, len(stem))


def test_stems_follow_the_contract():
    assert safe_stem("scan 3 (1)") == "scan_3__1_"
    assert safe_stem(PurePath("a/b/Prüfung.v2.pdf")) == "Pr_fung_v2"


def test_units():
    assert [millivolts(u) for u in ("mV", "µV", "μV", "uV", "V", "nV", "Volt")] == [1, 1e-3, 1e-3, 1e-3, 1e3, 1e-6, 1e3]
    assert millivolts("") is millivolts("NU") is None


# --- whole files or none ----------------------------------------------------------------------------------------------


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")

    def fail():
        with replacing(path) as temporary:
            temporary.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
