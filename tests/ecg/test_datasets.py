import csv
import json
import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ecg import LEADS, ECGRecord, FormatError, OptionsError
from ecg.datasets import FOUR_CLASSES, SUPERCLASSES, data_root, four_class, image_folder, kit_pages, ptb_xl
from ecg.formats import write_wfdb
from ecg.formats.kit import read_kit_geometry

STATEMENTS = """,description,diagnostic,form,rhythm,diagnostic_class,diagnostic_subclass
NORM,normal,1.0,,,NORM,NORM
IMI,inferior MI,1.0,,,MI,IMI
ASMI,anteroseptal MI,1.0,,,MI,AMI
NDT,non-diagnostic T,1.0,1.0,,STTC,STTC
LVH,hypertrophy,1.0,,,HYP,LVH
ABQRS,abnormal QRS,,1.0,,,
SR,sinus rhythm,,,1.0,,
"""
#: ecg_id, patient_id, age, sex, site, scp_codes, stadium, fold
RECORDS = [
    (1, "15.0", "56.0", "1", "0.0", {"NORM": 100.0, "SR": 0.0}, "", 3),
    (2, "13.0", "300.0", "0", "", {"LVH": 0.0, "NDT": 35.0, "ASMI": 80.0, "IMI": 15.0}, "Stadium II-III", 9),
    (3, "13.0", "", "", "2.0", {"SR": 0.0, "ABQRS": 0.0}, "unknown", 9),
    (4, "9.0", "40.0", "0", "1.0", {"NORM": 80.0}, "", 10),
]


NAMES = ("filename_lr", "filename_hr")


@pytest.fixture
def ptb(tmp_path):
    """A set of four records in the layout of PTB-XL; the last one is not on disk."""
    (tmp_path / "scp_statements.csv").write_text(STATEMENTS)
    with (tmp_path / "ptbxl_database.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(
            (
                "ecg_id",
                "patient_id",
                "age",
                "sex",
                "site",
                "device",
                "scp_codes",
                "infarction_stadium1",
                "strat_fold",
                *NAMES,
            )
        )
        for ecg_id, patient, age, sex, site, codes, stadium, fold in RECORDS:
            low, high = (f"records{fs}/00000/{ecg_id:05d}_{tail}" for fs, tail in ((100, "lr"), (500, "hr")))
            writer.writerow([ecg_id, patient, age, sex, site, "CS-12   E", repr(codes), stadium, fold, low, high])
            if ecg_id != 4:
                record = ECGRecord(np.full((12, 1000), ecg_id / 10), 100, LEADS)
                write_wfdb(record, tmp_path / Path(low).parent, Path(low).name)
    return tmp_path


# --- PTB-XL -----------------------------------------------------------------------------------------------------------


def test_superclasses_are_those_of_the_benchmark(ptb):
    one, two, three = ptb_xl(ptb)
    assert (one.labels, one.subclasses) == (("NORM",), ("NORM",))
    # Every diagnostic statement counts, likelihood 0 ("none given") included; the order is that of SUPERCLASSES.
    assert two.labels == ("MI", "STTC", "HYP")
    assert two.subclasses == ("AMI", "IMI", "LVH", "STTC")
    assert three.labels == ()
    assert dict(two.statements)["NDT"] == 35.0


def test_a_least_likelihood_drops_the_others(ptb):
    assert [item.labels for item in ptb_xl(ptb, min_likelihood=50)] == [("NORM",), ("MI",), ()]


def test_persons_and_places(ptb):
    one, two, three = ptb_xl(ptb)
    assert (one.ecg_id, one.patient_id, one.fold, one.age, one.sex, one.site) == (1, 15, 3, 56.0, "F", 0)
    assert (two.age, two.sex, two.site, two.stadium) == (90.0, "M", None, "Stadium II-III")
    assert (three.age, three.sex, three.stadium, one.stadium) == (None, None, "unknown", None)
    assert one.device == "CS-12 E"


def test_folds_and_rates_are_chosen_and_absent_records_left_out(ptb):
    assert [item.ecg_id for item in ptb_xl(ptb)] == [1, 2, 3]
    assert [item.ecg_id for item in ptb_xl(ptb, folds=[9, 10])] == [2, 3]
    assert ptb_xl(ptb, fs=500) == ()
    with pytest.raises(OptionsError, match="100 and 500"):
        ptb_xl(ptb, fs=250)
    with pytest.raises(OptionsError, match="folds 1 to 10"):
        ptb_xl(ptb, folds=[0])


def test_records_are_read_when_asked(ptb):
    item = ptb_xl(ptb)[1]
    record = item.record()
    assert (record.fs, record.leads, record.n_samples) == (100.0, LEADS, 1000)
    assert record["V6"][0] == pytest.approx(0.2)
    item.path.unlink()
    with pytest.raises(FormatError, match="found none"):
        item.record()


def test_damaged_tables_say_what_is_missing(ptb):
    table = ptb / "ptbxl_database.csv"
    whole = table.read_text()
    table.write_text(whole.replace("strat_fold", "fold"))
    with pytest.raises(FormatError, match=r"ptbxl_database\.csv: expected the columns strat_fold"):
        ptb_xl(ptb)
    table.write_text(whole.replace("'NORM': 100.0", "'NORM': "))
    with pytest.raises(FormatError, match=r"ptbxl_database\.csv: expected PTB-XL's table of records"):
        ptb_xl(ptb)
    table.unlink()
    with pytest.raises(FormatError, match=r"expected ptbxl_database\.csv in"):
        ptb_xl(ptb)


# --- the four-class set -----------------------------------------------------------------------------------------------


@pytest.fixture
def four(tmp_path):
    (tmp_path / "pages").mkdir()
    for name in ("MI_001", "NORM_001"):
        Image.new("RGB", (8, 6)).save(tmp_path / "pages" / f"{name}.jpg")
    (tmp_path / "manifest.csv").write_text(
        "original_path,label,unique_file,printed_id_group\na,MI,MI_001.jpg,7\nb,MI,MI_001.jpg,7\nc,NORM,NORM_001.jpg,8\n"
    )
    return tmp_path


def test_each_different_page_stands_once(four):
    infarct, normal = four_class(four)
    assert (infarct.id, infarct.label, infarct.group, infarct.copies) == ("MI_001", "MI", "7", 2)
    assert (normal.label, normal.copies) == ("NORM", 1)
    assert [page.image.shape for page in infarct.pages()] == [(6, 8, 3)]


def test_a_page_under_two_classes_or_absent_is_an_error(four):
    manifest = four / "manifest.csv"
    manifest.write_text(manifest.read_text() + "d,NORM,MI_001.jpg,7\n")
    with pytest.raises(FormatError, match=r"page MI_001\.jpg needs one class"):
        four_class(four)
    (four / "pages" / "MI_001.jpg").unlink()
    manifest.write_text("label,unique_file,printed_id_group\nMI,MI_001.jpg,7\n")
    with pytest.raises(FormatError, match="is missing"):
        four_class(four)


# --- folders of pictures ----------------------------------------------------------------------------------------------


def test_pages_are_told_by_content_and_masks_are_none(tmp_path):
    picture = Image.new("RGB", (8, 6))
    for name in (
        "MI/b.dat",
        "NORM/a.png",
        "top.tif",
        ".hidden.png",
        "MI/.cache/c.png",
        "NORM/a_mask.png",
        "lone_mask.png",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        picture.save(tmp_path / name, "PNG")
    (tmp_path / "NORM" / "a.json").write_text("{}")
    (tmp_path / "notes.txt").write_text("no page")
    write_wfdb(ECGRecord([[0.5]], 500, ("II",)), tmp_path, "record")
    items = image_folder(tmp_path, labelled=True)
    found = {str(item.path.relative_to(tmp_path)): item.label for item in items}
    assert found == {"MI/b.dat": "MI", "NORM/a.png": "NORM", "lone_mask.png": None, "top.tif": None}
    assert {item.label for item in image_folder(tmp_path)} == {None}
    with pytest.raises(OptionsError, match="found none"):
        image_folder(tmp_path / "none")


# --- ecg-image-kit ----------------------------------------------------------------------------------------------------


def corners(left, top, right, bottom):
    return {str(i): corner for i, corner in enumerate([[top, left], [top, right], [bottom, right], [bottom, left]])}


def kit_truth(**changes):
    lead = {
        "lead_name": "AVR", "lead_bounding_box": corners(10, 20, 50, 40), "text_bounding_box": corners(5, 42, 9, 48),
        "start_sample": 1250, "end_sample": 2500, "plotted_pixels": [[30.0, 10.5], [25.0, 11.5]],
    }  # fmt: skip
    strip = {"lead_bounding_box": corners(10, 60, 90, 70), "start_sample": 0, "end_sample": 5000}
    truth = {"sampling_frequency": 500, "width": 100, "height": 80, "resolution": 200, "full_mode_lead": "II"}
    return truth | {"leads": [lead, strip]} | changes


@pytest.fixture
def kit(tmp_path):
    Image.new("RGB", (100, 80)).save(tmp_path / "00001_lr-0.png")
    (tmp_path / "00001_lr-0.json").write_text(json.dumps(kit_truth()))
    write_wfdb(ECGRecord(np.zeros((12, 5000)), 500, LEADS), tmp_path, "00001_lr")
    (tmp_path / "lonely.json").write_text("{}")
    return tmp_path


@pytest.mark.parametrize("wrapped", [False, True])
def test_the_kits_geometry_is_read_in_both_forms(kit, wrapped):
    truth = {"ecg_id": 1, "generator": kit_truth()} if wrapped else kit_truth()
    (kit / "00001_lr-0.json").write_text(json.dumps(truth))
    (item,) = kit_pages(kit)
    assert item.id == "00001_lr-0"
    assert item.page().image.shape == (80, 100, 3)
    assert item.record().n_samples == 5000
    geometry = item.geometry()
    assert (geometry.width, geometry.height, geometry.fs, geometry.dpi) == (100, 80, 500.0, 200.0)
    assert geometry.parameters["full_mode_lead"] == "II"
    lead, strip = geometry.leads
    assert (lead.box.lead, lead.box.xyxy) == ("aVR", (10, 20, 50, 40))
    assert (lead.box.start_s, lead.box.stop_s) == (2.5, 5.0)
    assert lead.line.tolist() == [[10.5, 30.0], [11.5, 25.0]]  # x before y
    assert lead.outline.tolist() == [[10, 20], [50, 20], [50, 40], [10, 40]]
    assert lead.text_outline.tolist()[0] == [5, 42]
    assert (strip.box.lead, strip.line, strip.text_outline, strip.stop_sample) == ("II", None, None, 5000)


def test_other_versions_and_damage_are_named(kit):
    path = kit / "00001_lr-0.json"
    for text, message in [
        ('{"x_grid": 1}', "expected a list 'leads'"),
        ("[]", "expected a list 'leads'"),
        ('{"leads": [', "damaged, truncated"),
        (json.dumps(kit_truth(leads=[{"lead_name": "I"}])), "damaged, truncated"),
    ]:
        path.write_text(text)
        with pytest.raises(FormatError, match=message):
            read_kit_geometry(path)


def test_pages_without_signals_are_listed_and_say_so(kit):
    (kit / "00001_lr.hea").unlink()
    (item,) = kit_pages(kit)
    with pytest.raises(FormatError, match="WFDB record of the same name"):
        item.record()
    with pytest.raises(OptionsError, match="ecg-image-kit"):
        kit_pages(kit / "none")


# --- where the real data lies -----------------------------------------------------------------------------------------


def test_the_data_folder_is_an_argument_or_the_environments(tmp_path, monkeypatch):
    monkeypatch.delenv("EINTHOVEN_DATA", raising=False)
    assert data_root(tmp_path) == tmp_path
    for call in (data_root, ptb_xl, four_class, kit_pages):
        with pytest.raises(OptionsError, match="set EINTHOVEN_DATA"):
            call()
    monkeypatch.setenv("EINTHOVEN_DATA", str(tmp_path))
    assert data_root() == tmp_path
    monkeypatch.setenv("EINTHOVEN_DATA", str(tmp_path / "none"))
    with pytest.raises(OptionsError, match="found none"):
        data_root()


# --- the real data ----------------------------------------------------------------------------------------------------

real = pytest.mark.skipif(not os.environ.get("EINTHOVEN_DATA"), reason="EINTHOVEN_DATA names no folder of real data")


@real
@pytest.mark.data
def test_ptb_xl_has_its_published_labels():
    items = ptb_xl(folds=range(1, 10))
    counts = Counter(label for item in items for label in item.labels)
    assert tuple(counts[label] for label in SUPERCLASSES) == (8551, 4919, 4714, 4403, 2387)
    folds = {}
    for item in items:
        folds.setdefault(item.patient_id, set()).add(item.fold)
    assert max(map(len, folds.values())) == 1  # patients never cross folds
    stadia = Counter(item.stadium for item in items if "MI" in item.labels)
    assert (stadia["unknown"], stadia[None]) == (1219, 2901)


@real
@pytest.mark.data
def test_both_rates_of_ptb_xl_show_the_same_signal():
    high = ptb_xl(fs=500)[:3]
    low = {item.ecg_id: item for item in ptb_xl(fs=100)}
    for item in high:
        fast, slow = item.record(), low[item.ecg_id].record()
        assert (fast.fs, slow.fs, fast.duration_s, slow.duration_s) == (500, 100, 10, 10)
        assert np.corrcoef(fast["II"][::5], slow["II"])[0, 1] > 0.95


@real
@pytest.mark.data
def test_the_four_class_set_has_393_different_pages():
    items = four_class()
    assert Counter(item.label for item in items) == dict(zip(FOUR_CLASSES, (114, 24, 69, 186), strict=True))
    assert sum(item.copies for item in items) == 743


@real
@pytest.mark.data
def test_the_kits_lines_lie_on_ink():
    items = kit_pages()
    assert len(items) == 35
    for item in items[::6]:
        page, geometry = item.page(), item.geometry()
        assert (page.width, page.height) == (geometry.width, geometry.height)
        grey = page.image.mean(axis=2)
        for lead in geometry.leads:
            column, row = np.rint(lead.line).astype(int).T.clip(0, [[page.width - 1], [page.height - 1]])
            assert np.median(grey[row, column]) < np.median(grey) - 40
