"""Several ECGs on a page at the command line: each has its files, place and status; each can be mended alone."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ecg import ECGRecord
from ecg.fidelity import page_fidelity
from ecg.formats import read_record
from einthoven.cli import main
from synth import PageStyle, render, sample_physiology, synthesize_record

#: A sheet low enough that two of them make one page, at the resolution that reads fast.
SHEET = replace(PageStyle(), paper_mm=(290.0, 120.0), margin_top_mm=10.0, dpi=120.0)


@pytest.fixture(scope="module")
def hearts() -> tuple[ECGRecord, ECGRecord]:
    """Two people."""
    return tuple(synthesize_record(sample_physiology(np.random.default_rng(seed))) for seed in (4, 11))  # type: ignore[return-value]


@pytest.fixture(scope="module")
def out(hearts: tuple[ECGRecord, ECGRecord], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the command wrote of a file whose one page shows both, one above the other."""
    folder = tmp_path_factory.mktemp("pair")
    images = [np.asarray(render(heart, None, SHEET).page.image) for heart in hearts]
    Image.fromarray(np.concatenate(images)).save(folder / "pair.png", dpi=(120, 120))
    assert main(["digitize", str(folder / "pair.png"), "-o", str(folder / "out")]) == 0
    return folder / "out"


def test_each_ecg_has_its_own_files(out: Path) -> None:
    kinds = (".dat", ".hea", ".json", "_overlay.png")
    assert sorted(p.name for p in out.iterdir()) == sorted(
        [f"pair_e{k}{kind}" for k in (1, 2) for kind in kinds] + ["summary.csv"]
    )


def test_each_signal_is_that_of_its_own_heart(out: Path, hearts: tuple[ECGRecord, ECGRecord]) -> None:
    for k, heart in enumerate(hearts, start=1):
        truth = render(heart, None, SHEET).record
        read = read_record(out / f"pair_e{k}.hea")
        assert page_fidelity(truth, read, moody=False).median_snr_db > 15
        other = render(hearts[2 - k], None, SHEET).record
        assert page_fidelity(other, read, moody=False).median_snr_db < 6


def test_the_summary_and_the_json_name_the_same_page(out: Path) -> None:
    with (out / "summary.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(r["page"], r["stem"], r["status"], r["layout"]) for r in rows] == [
        ("1", "pair_e1", "accepted", "3x4+1"),
        ("1", "pair_e2", "accepted", "3x4+1"),
    ]
    told = [json.loads((out / f"pair_e{k}.json").read_text(encoding="utf-8")) for k in (1, 2)]
    assert [t["page"] for t in told] == [1, 1]
    # Corners are told in pixels of the whole page: the second ECG lies below the first.
    height = round(120.0 / 25.4 * 120.0)
    tops = [min(y for _, y in np.reshape(t["corners"], (4, 2))) for t in told]
    assert tops[0] < height < tops[1]


def test_one_of_them_is_mended_alone(out: Path, tmp_path: Path) -> None:
    earlier = json.loads((out / "pair_e2.json").read_text(encoding="utf-8"))
    earlier["scale"]["gain_mm_per_mv"] = 5.0
    edited = tmp_path / "pair_e2.json"
    edited.write_text(json.dumps(earlier), encoding="utf-8")
    assert main(["digitize", "--from", str(edited), "-o", str(tmp_path / "out")]) == 0
    assert {p.name for p in (tmp_path / "out").glob("*.hea")} == {"pair_e2.hea"}
    before, after = read_record(out / "pair_e2.hea"), read_record(tmp_path / "out/pair_e2.hea")
    ratio = np.nanstd(after["II"]) / np.nanstd(before["II"])
    assert ratio == pytest.approx(2.0, rel=0.03)
