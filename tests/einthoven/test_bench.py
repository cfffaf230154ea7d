"""The fidelity bench: pages found with their truth, scored with a reader of known quality, written by contract."""

import csv
import json
import math
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from digitize.options import DigitizeOptions
from digitize.result import Digitization
from ecg import LEADS, DigitizationError, ECGRecord, FormatError, ModelError, OptionsError, Page
from ecg.formats import write_wfdb
from einthoven.bench import LEAD_COLUMNS, bench_fidelity, longest_lead
from einthoven.provenance import _head, commit
from einthoven.true_pages import find_true_pages, true_record

FS = 500


def beat_train(seed=0):
    t = np.arange(5000) / FS
    rng = np.random.default_rng(seed)
    at = np.cumsum(0.8 + 0.05 * rng.standard_normal(14)) - 0.4
    return sum(np.exp(-0.5 * ((t - c) / 0.015) ** 2) + 0.3 * np.exp(-0.5 * ((t - c - 0.3) / 0.05) ** 2) for c in at)


def page_record(seed=0, whole=False):
    """A 3x4+1 page: 2.5 s a lead in four columns, II throughout."""
    signal = np.full((12, 5000), np.nan)
    for k, lead in enumerate(LEADS):
        column = slice(None) if whole or lead == "II" else slice(1250 * (k // 3), 1250 * (k // 3 + 1))
        signal[k, column] = beat_train(seed + k)[column]
    return ECGRecord(signal, FS, LEADS)


def add_page(folder, stem, record, suffix=".png"):
    folder.mkdir(parents=True, exist_ok=True)
    write_wfdb(record, folder, stem)
    (folder / f"{stem}{suffix}").write_bytes(b"a picture")


class Reader:
    """Gives the truth with faults that are chosen by the file's name."""

    def __init__(self, folder):
        self.truth = {p.path: true_record(p) for p in find_true_pages(folder)}

    def __call__(self, path, options):
        assert isinstance(options, DigitizeOptions)
        record = self.truth[path]
        page = Page(np.zeros((4, 4, 3), np.uint8))
        if "bad" in path.stem:
            raise DigitizationError("grid", "no grid was found", "give --px-per-mm")
        if "bug" in path.stem:
            raise ZeroDivisionError("division by zero")
        if "refused" in path.stem:
            yield Digitization(None, page, "refused", ("too dark",))
        else:
            yield Digitization(replace(record, signal=0.9 * record.signal + 0.1), page, "accepted")


def strip_of(folder):
    truth = {p.path: true_record(p) for p in find_true_pages(folder)}

    def strip(path):
        if "bad" in path.stem:
            raise DigitizationError("strip", "too few columns")
        x = truth[path]["II"]
        return (1000 * (x - x.mean()) / x.std()).astype(np.float32)[None]

    return strip


STEMS = ("clean_00001", "clean_00002", "hard_00001", "hard_bad2", "dark_refused3", "odd_bug4")


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bench") / "pages"
    for number, stem in enumerate(STEMS):
        add_page(folder, stem, page_record(number))
    return folder


@pytest.fixture(scope="module")
def run(pages, tmp_path_factory):
    calls = []
    out = tmp_path_factory.mktemp("results") / "out"
    content = bench_fidelity(
        pages,
        out,
        read=Reader(pages),
        strip=strip_of(pages),
        moody=False,
        progress=lambda done, total: calls.append((done, total)),
    )
    return content, out, calls


def test_the_document_is_what_the_contract_says(run):
    content, out, _ = run
    on_disk = json.loads((out / "fidelity.json").read_text(encoding="utf-8"), parse_constant=pytest.fail)
    assert on_disk == content
    assert content["schema"] == {"name": "einthoven.fidelity", "version": 1}
    assert content["version"]
    assert {"protocol", "commit", "pages", "groups", "overall"} <= set(content)
    assert content["pages"] == 6
    assert sorted(p.name for p in out.iterdir()) == ["fidelity.json", "leads.csv"]


def test_groups_are_the_settings_and_hold_figures_with_intervals(run):
    groups = run[0]["groups"]
    assert set(groups) == {"clean", "hard", "dark", "odd"}
    clean = groups["clean"]
    assert clean["pages"] == 2
    assert clean["leads"] == 24
    assert clean["status"] == {"accepted": 2}
    for name in ("median_snr_db", "mean_snr_db", "median_snr_placed_db"):
        assert clean[name] == pytest.approx({"value": 20, "lo": 20, "hi": 20}, abs=0.1)  # signals have 1 µV steps
    assert clean["median_gain"]["value"] == pytest.approx(0.9, abs=1e-3)
    assert clean["failed_share"]["value"] == 0
    assert clean["seconds_per_page"]["value"] >= 0


def test_whatever_goes_wrong_with_a_page_scores_zero_and_is_told(run):
    content, _, _ = run
    hard = content["groups"]["hard"]
    assert hard["mean_snr_db"]["value"] == pytest.approx(10, abs=0.1)  # one page of 20 dB, one of 0
    assert hard["failed_share"]["value"] == 0.5
    entries = {Path(p["file"]).stem: p for p in content["page_list"]}
    assert entries["hard_bad2"]["status"] == "failed"
    assert "no grid was found" in entries["hard_bad2"]["reason"]
    assert entries["odd_bug4"]["reason"] == "ZeroDivisionError: division by zero"
    assert entries["dark_refused3"]["status"] == "refused"
    assert entries["dark_refused3"]["reason"] == "too dark"
    overall = content["overall"]
    assert overall["pages"] == 6
    assert overall["failed_share"]["value"] == overall["unusable_share"]["value"] == 0.5
    assert overall["status"] == {"accepted": 3, "failed": 2, "refused": 1}


def test_what_was_not_asked_for_or_has_no_value_is_null(run):
    overall = run[0]["overall"]
    assert overall["moody_snr_db"] == {"value": None, "lo": None, "hi": None}
    assert run[0]["groups"]["odd"]["median_r"]["value"] is None


def test_the_strip_method_stands_beside_it_on_its_own_lead(run):
    content, _, _ = run
    clean = content["groups"]["clean"]["strip"]
    assert clean["median_snr_db"]["value"] > 80  # its unit is free: only rounding is left
    assert clean["full_reader_median_snr_db"]["value"] == pytest.approx(20, abs=0.1)
    assert {p["strip_lead"] for p in content["page_list"]} == {"II"}
    failed = next(p for p in content["page_list"] if "bad" in p["file"])
    assert failed["strip_snr_db"] == 0


def test_the_table_has_a_line_a_lead_in_the_contracts_columns(run):
    _, out, _ = run
    with (out / "leads.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    contract = "file,lead,snr_db,r,rmse_uv,gain,shift_s,start_error_s,coverage,status"
    assert ",".join(LEAD_COLUMNS).startswith(contract)
    assert tuple(rows[0]) == LEAD_COLUMNS
    assert len(rows) == 72
    first = next(r for r in rows if r["file"] == "clean_00001.png" and r["lead"] == "aVR")
    assert float(first["snr_db"]) == pytest.approx(20, abs=0.1)
    assert float(first["coverage"]) == 1
    assert float(first["start_error_s"]) == 0
    failed = next(r for r in rows if r["file"] == "hard_bad2.png")
    assert (failed["snr_db"], failed["r"], failed["shift_s"], failed["status"]) == ("0.0", "", "", "failed")


def test_progress_is_told_page_by_page(run):
    assert run[2] == [(k, 6) for k in range(7)]


def test_the_same_seed_gives_the_same_intervals(pages, tmp_path):
    def figures(seed):
        content = bench_fidelity(
            pages, tmp_path / "o", read=Reader(pages), strip=strip_of(pages), moody=False, seed=seed
        )
        return [content["overall"][name] for name in ("mean_snr_db", "failed_share", "median_r")]

    assert figures(1) == figures(1)


def test_pages_are_found_by_their_records_and_masks_are_none(tmp_path):
    for stem in ("a_1", "deep/b_2"):
        add_page((tmp_path / stem).parent, Path(stem).name, page_record(), ".jpg")
    (tmp_path / "a_1_mask.png").write_bytes(b"")
    (tmp_path / "a_1_overlay.png").write_bytes(b"")
    (tmp_path / "alone.png").write_bytes(b"")
    add_page(tmp_path, ".hidden", page_record())
    add_page(tmp_path / "deep", "00042", page_record(), ".pdf")
    found = find_true_pages(tmp_path)
    assert [(p.file, p.group) for p in found] == [("a_1.jpg", "a"), ("deep/00042.pdf", "deep"), ("deep/b_2.jpg", "b")]


def test_pages_of_our_own_sets_are_grouped_by_preset(tmp_path):
    add_page(tmp_path / "pages", "000000", page_record())
    (tmp_path / "pages" / "000000.json").write_text(json.dumps({"set": {"preset": "scan"}}))
    (tmp_path / "pages" / "000000_mask.png").write_bytes(b"")
    assert [p.group for p in find_true_pages(tmp_path)] == ["scan"]


def test_kit_folders_with_whole_records_count_only_what_was_drawn(tmp_path):
    write_wfdb(page_record(whole=True), tmp_path, "00001_hr")
    (tmp_path / "00001_hr-0.png").write_bytes(b"")
    spans = [
        {"lead_name": lead.upper(), "start_sample": 1250 * (k // 3), "end_sample": 1250 * (k // 3 + 1)}
        for k, lead in enumerate(LEADS)
    ]
    spans.append({"lead_name": "II", "start_sample": 0, "end_sample": 5000})
    (tmp_path / "00001_hr-0.json").write_text(json.dumps({"sampling_frequency": 500, "leads": spans}))
    (page,) = find_true_pages(tmp_path)
    np.testing.assert_array_equal(np.isfinite(true_record(page).signal), np.isfinite(page_record().signal))


@pytest.mark.parametrize("sidecar", ["", "[]", "{}", '{"leads": 3}', '{"leads": [{"lead_name": "I"}]}'])
def test_a_sidecar_that_says_nothing_leaves_the_record_whole(tmp_path, sidecar):
    add_page(tmp_path, "a_1", page_record(whole=True))
    (tmp_path / "a_1.json").write_text(sidecar)
    assert np.isfinite(true_record(find_true_pages(tmp_path)[0]).signal).all()


def test_truth_of_another_rate_is_brought_to_500_hz(tmp_path):
    slow = ECGRecord(np.sin(np.arange(1000) / 10)[None], 100, ("II",))
    add_page(tmp_path, "a_1", slow)
    assert true_record(find_true_pages(tmp_path)[0]).n_samples == 5000


def test_the_strip_is_scored_on_the_longest_lead():
    assert longest_lead(page_record()) == "II"
    assert longest_lead(page_record(whole=True)) == "II"
    signal = np.full((2, 100), np.nan)
    signal[0, :50] = signal[1, :60] = 0
    assert longest_lead(ECGRecord(signal, FS, ("II", "V1"))) == "V1"


def test_nothing_to_measure_is_refused_before_anything_is_read(tmp_path):
    with pytest.raises(OptionsError, match="is no folder"):
        bench_fidelity(tmp_path / "none", tmp_path / "out")
    with pytest.raises(OptionsError, match="no picture or PDF with a record"):
        bench_fidelity(tmp_path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_damaged_truth_is_found_before_the_first_page_is_read(tmp_path):
    for stem in STEMS:
        add_page(tmp_path / "pages", stem, page_record())
    (tmp_path / "pages" / "hard_00001.dat").write_bytes(b"")

    def never(path, options):
        pytest.fail("a page was read")

    with pytest.raises(FormatError, match="hard_00001"):
        bench_fidelity(tmp_path / "pages", tmp_path / "out", read=never, strip=never)


def test_a_reader_without_its_weights_fails_nobodys_page(pages, tmp_path):
    def read(path, options):
        raise ModelError("card.json cannot be read")

    with pytest.raises(ModelError, match=r"card\.json"):
        bench_fidelity(pages, tmp_path / "out", read=read, strip=strip_of(pages))


def test_a_truth_without_samples_is_refused(tmp_path):
    add_page(tmp_path, "a_1", ECGRecord(np.full((1, 100), np.nan), FS, ("II",)))
    with pytest.raises(FormatError, match="all missing"):
        bench_fidelity(tmp_path, tmp_path / "out")


def test_commit_is_that_of_the_checkout_or_the_version():
    assert re.fullmatch(r"[0-9a-f]{40,64}|\d+\.\d+.*", commit())


def git(folder, *arguments):
    identity = ["-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def test_commit_is_read_from_every_shape_of_repository(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    git(home, "init", "-q")
    with pytest.raises((OSError, ValueError)):
        _head(home / ".git")  # no commit yet
    (home / "a").write_text("1")
    git(home, "add", "a")
    git(home, "commit", "-q", "-m", "one")
    expected = git(home, "rev-parse", "HEAD")
    assert _head(home / ".git") == expected
    git(home, "pack-refs", "--all")
    assert _head(home / ".git") == expected
    git(home, "worktree", "add", "-q", "../beside")
    assert _head(tmp_path / "beside" / ".git") == expected
    git(home, "checkout", "-q", "--detach")
    assert _head(home / ".git") == expected


@pytest.mark.data
def test_the_kit_pages_are_found_in_their_settings():
    import os

    if not os.environ.get("EINTHOVEN_DATA"):
        pytest.skip("EINTHOVEN_DATA names no folder of real data")
    found = find_true_pages(Path(os.environ["EINTHOVEN_DATA"]) / "pages_kit")
    assert len(found) == 35
    assert {"clean", "bw", "nogrid", "nonames", "header", "resolutions"} <= {p.group for p in found}
    truth = true_record(found[0])
    assert longest_lead(truth) == "II"
    assert math.isclose(truth.duration_s, 10)
