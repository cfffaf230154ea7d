import csv
import json
import os
import subprocess
import sys

import numpy as np
import pytest

from ecg import OptionsError
from ecg.formats.wfdb import write_wfdb
from synth.physiology import sample_physiology, synthesize_record
from synth.source import demo_page, iter_pages, open_source
from synth.writer import MANIFEST_COLUMNS, write_set


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def manifest(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    out = tmp_path_factory.mktemp("set")
    calls = []
    path = write_set(out, 2, "scan", seed=5, progress=lambda done, n: calls.append((done, n)))
    assert path == out / "manifest.csv"
    assert calls == [(0, 2), (1, 2), (2, 2)]
    return out


def test_a_set_holds_what_the_contract_says(written):
    import wfdb
    from PIL import Image

    rows = manifest(written / "manifest.csv")
    assert tuple(rows[0]) == MANIFEST_COLUMNS
    names = {"manifest.csv"}
    for index, row in enumerate(rows):
        stem = f"{index:06d}"
        assert (row["index"], row["stem"], row["image"]) == (str(index), stem, f"pages/{stem}.jpg")
        assert (row["source"], row["preset"], row["ecg_id"], row["fold"]) == ("physiology", "scan", "", "")
        names |= {f"pages/{stem}{suffix}" for suffix in (".jpg", ".json", ".hea", ".dat", "_mask.png")}
        told = json.loads((written / f"pages/{stem}.json").read_text())
        assert told["schema"] == {"name": "einthoven.synth.page", "version": 1}
        assert told["version"]
        assert row["labels"] == "|".join(told["record"]["labels"])
        assert (row["layout"], float(row["dpi"])) == (told["layout"]["name"], told["image"]["dpi"])
        picture = Image.open(written / row["image"])
        assert picture.size == (told["image"]["width"], told["image"]["height"])
        assert picture.info["dpi"] == pytest.approx((told["image"]["dpi"],) * 2, abs=0.5)
        mask = np.asarray(Image.open(written / f"pages/{stem}_mask.png"))
        assert mask.dtype == np.uint8
        assert set(np.unique(mask)) - {0} == {t["mask_index"] for t in told["traces"]}
        read = wfdb.rdrecord(str(written / f"pages/{stem}"))
        assert (read.fs, read.fmt[0], read.adc_gain[0], read.units[0]) == (500, "16", 1000.0, "mV")
        for trace in told["traces"]:  # signal, scale and line agree
            mv = read.p_signal[trace["first_sample"] :, read.sig_name.index(trace["lead"])][: len(trace["y"])]
            up = np.array(told["homography"])[:2, 1] / np.linalg.norm(np.array(told["homography"])[:2, 1])
            start, stop = np.array(trace["baseline"])
            share = np.arange(mv.size) / 500 / (trace["stop_s"] - trace["start_s"])
            px_per_mv = told["scale"]["px_per_mm_y"] * told["scale"]["gain_mm_per_mv"]
            want = start + (stop - start) * share[:, None] - up * mv[:, None] * px_per_mv
            got = np.column_stack([trace["x"], trace["y"]])
            shown = np.isfinite(mv)
            inside = ((got > -0.5) & (got < np.array(picture.size) - 0.5)).all(axis=1)
            np.testing.assert_array_equal(shown, inside)  # a tall R may leave the sheet
            np.testing.assert_allclose(got[shown], want[shown], atol=0.07)  # half a unit on file: 0.06 px at 300 dpi
    assert set(contents(written)) == names


def test_memory_and_disk_give_the_same_page(written):
    from PIL import Image

    for index, page in enumerate(iter_pages(preset="scan", seed=5, stop=2)):
        told = json.loads((written / f"pages/{index:06d}.json").read_text())
        assert told["steps"] == json.loads(json.dumps(page.steps))
        assert tuple(told["record"]["labels"]) == page.record.meta["labels"]
        np.testing.assert_allclose(told["traces"][0]["y"], page.traces[0].y, atol=0.006)
        on_disk = np.asarray(Image.open(written / told["image"]["file"].join(["pages/", ""]))).astype(int)
        assert np.abs(on_disk - page.page.image).mean() < 1.5  # a second JPEG pass at the same quality


def test_bytes_do_not_depend_on_the_number_of_processes(written, tmp_path):
    write_set(tmp_path / "set", 2, "scan", seed=5, jobs=2)
    assert contents(tmp_path / "set") == contents(written)


def test_a_set_that_was_cut_off_is_finished(written, tmp_path):
    out = tmp_path / "set"
    write_set(out, 1, "scan", seed=5)
    before = (out / "pages/000000.json").stat().st_mtime_ns
    write_set(out, 2, "scan", seed=5)
    assert contents(out) == contents(written)
    assert (out / "pages/000000.json").stat().st_mtime_ns == before
    (out / "pages/000001.json").write_text("{")
    (out / "pages/000000_mask.png").unlink()
    write_set(out, 2, "scan", seed=5)
    assert contents(out) == contents(written)


def test_another_set_in_the_same_folder_is_refused(written):
    with pytest.raises(OptionsError, match="another set"):
        write_set(written, 2, "scan", seed=6)
    with pytest.raises(OptionsError, match="another set"):
        write_set(written, 2, "published", seed=5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"preset": "burnt"}, "published"),
        ({"n": 0}, "n must be at least 1"),
        ({"jobs": 0}, "jobs"),
        ({"seed": -1}, "seed"),
        ({"source": "mit-bih"}, "ptb-xl:DIR"),
    ],
)
def test_options_out_of_range_are_refused(tmp_path, options, message):
    with pytest.raises(OptionsError, match=message):
        write_set(tmp_path, **{"n": 1, **options})
    assert not list(tmp_path.iterdir())


def test_clean_pages_are_png_without_loss(tmp_path):
    from PIL import Image

    write_set(tmp_path, 1, "clean", seed=3)
    page = next(iter(iter_pages(seed=3)))
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "pages/000000.png")), page.page.image)


def test_pdfs_show_the_undamaged_pages_beside_their_signals(written, tmp_path):
    from ecg.formats import read_pages, read_wfdb
    from synth.render import render
    from synth.source import page_look

    write_set(tmp_path, 2, "scan", seed=5, pdf=True)
    assert {path.name for path in (tmp_path / "pdf").iterdir()} == {
        f"{index:06d}{suffix}" for index in range(2) for suffix in (".pdf", ".hea", ".dat")
    }
    assert {k: v for k, v in contents(tmp_path).items() if not k.startswith("pdf/")} == contents(written)
    given = open_source("physiology").get(5, 1)
    drawn = render(given.record, None, page_look(given.record, "scan", 5, 1)[0])
    read = read_wfdb(tmp_path / "pdf/000001.hea")
    np.testing.assert_allclose(read.signal, drawn.record.signal, atol=0.00051)
    picture = next(read_pages(tmp_path / "pdf/000001.pdf"))
    assert picture.width / picture.height == pytest.approx(drawn.page.width / drawn.page.height, rel=0.01)
    before = contents(tmp_path)
    (tmp_path / "pdf/000000.pdf").unlink()
    write_set(tmp_path, 2, "scan", seed=5, pdf=True)
    assert contents(tmp_path) == before


@pytest.fixture
def ptbxl(tmp_path):
    """Folder as PhysioNet lays PTB-XL out, of three synthetic records in folds 1, 8 and 9."""
    folder = tmp_path / "ptb-xl"
    header = "ecg_id,patient_id,age,sex,scp_codes,strat_fold,filename_lr,filename_hr\n"
    lines = []
    for ecg_id, fold, age, codes in ((1, 1, 300, "NORM"), (2, 8, 50, "IMI"), (3, 9, 60, "NORM")):
        record = synthesize_record(sample_physiology(np.random.default_rng(ecg_id)), fs=100)
        write_wfdb(record, folder / "records100/00000", f"{ecg_id:05d}_lr")
        lr, hr = f"records100/00000/{ecg_id:05d}_lr", f"records500/00000/{ecg_id:05d}_hr"
        lines.append(f"{ecg_id},{ecg_id}0.0,{age},1,\"{{'{codes}': 100.0, 'SR': 0.0}}\",{fold},{lr},{hr}\n")
    (folder / "ptbxl_database.csv").write_text(header + "".join(lines))
    statements = ",diagnostic,diagnostic_class,diagnostic_subclass\nNORM,1.0,NORM,NORM\nIMI,1.0,MI,IMI\nSR,,,\n"
    (folder / "scp_statements.csv").write_text(statements)
    return folder


def test_ptbxl_records_carry_patient_fold_and_labels(ptbxl, tmp_path):
    rows = manifest(write_set(tmp_path / "set", 3, "published", seed=1, source=f"ptb-xl:{ptbxl}"))
    # folds 1 to 8 by default; each record once before any comes twice
    assert {row["ecg_id"] for row in rows[:2]} == {"1", "2"}
    told = {row["ecg_id"]: (row["patient_id"], row["fold"], row["labels"], row["source"]) for row in rows}
    assert told == {"1": ("10", "1", "NORM", "ptb-xl"), "2": ("20", "8", "MI", "ptb-xl")}
    text = "".join(path.read_text() for path in (tmp_path / "set/pages").glob("*.json"))
    assert str(ptbxl) not in text
    assert '"age":90.0' in text
    assert '"fs":500.0' in text
    page = next(iter(iter_pages(f"ptb-xl:{ptbxl}", seed=1, folds=[9])))
    assert page.record.meta["ecg_id"] == 3


def test_a_wrong_ptbxl_folder_is_one_clear_error(ptbxl, tmp_path):
    with pytest.raises(OptionsError, match=r"\.csv"):
        open_source(f"ptb-xl:{tmp_path / 'nowhere'}")
    with pytest.raises(OptionsError, match="folds 10"):
        open_source(f"ptb-xl:{ptbxl}", [10])


def test_ptbxl_is_read_at_500_hz_where_that_file_is_there(ptbxl):
    item = open_source(f"ptb-xl:{ptbxl}", [9]).items[0]
    assert item.path.stem == "00003_lr"
    record = synthesize_record(sample_physiology(np.random.default_rng(3)))
    write_wfdb(record, ptbxl / "records500/00000", "00003_hr")
    source = open_source(f"ptb-xl:{ptbxl}", [9])
    assert [item.path.stem for item in source.items] == ["00003_hr"]
    np.testing.assert_allclose(source.get(0, 0).record.signal, record.signal, atol=0.00051)


@pytest.mark.data
@pytest.mark.skipif(not os.environ.get("EINTHOVEN_DATA"), reason="EINTHOVEN_DATA names no data")
def test_the_real_ptbxl_is_drawn():
    folder = f"ptb-xl:{os.environ['EINTHOVEN_DATA']}/ptb-xl"
    for page in iter_pages(folder, seed=2, stop=3):
        assert page.record.meta["fold"] in range(1, 9)
        assert page.record.fs == 500
        assert np.isfinite(page.record.signal).sum() > 12 * 500


def test_demo_page_is_a_normal_3x4_with_strip():
    page = demo_page(1)
    assert page.layout.name == "3x4+1"
    assert page.record.meta["labels"] == ("norm",)
    assert [step["name"] for step in page.steps][-1] == "jpeg"
    np.testing.assert_array_equal(page.page.image, demo_page(1).page.image)
    assert (page.page.image != demo_page(2).page.image).any()


def test_importing_the_package_loads_nothing_heavy():
    code = "import sys, synth; print([m for m in ('cv2','numba','scipy','pandas','PIL','wfdb') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
