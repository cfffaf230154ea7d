"""Pages read with and without the refiner: what is compared, and how it is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import refiner
from benchmarks.refiner import compared, main, render_refiner
from einthoven.outputs import write_json
from synth import draw_page, open_source


def test_pairs_are_summed_up_with_an_interval() -> None:
    found = compared([(20.0, 22.0), (10.0, 13.0), (15.0, 14.0)], more_is_better=True)
    assert (found["pages"], found["without"], found["with"]) == (3, 15.0, 14.0)
    assert (found["difference"], found["better"]) == (2.0, 2)
    assert found["lo"] <= found["difference"] <= found["hi"]
    assert compared([(20.0, 22.0)], more_is_better=False)["better"] == 0
    assert compared([], more_is_better=True) == {"pages": 0}


def test_real_pages_are_read_both_ways(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import cv2

    page = draw_page(open_source("physiology").get(5, 0).record, "clean", 11, 0).page
    (tmp_path / "real").mkdir()
    cv2.imwrite(str(tmp_path / "real" / "a.png"), page.image[:, :, ::-1])
    (tmp_path / "real" / "b.png").write_bytes(b"no picture")
    monkeypatch.setattr(refiner, "RESULT", tmp_path / "refiner.json")
    assert main(["--real", str(tmp_path / "real")]) == 0
    told = render_refiner(tmp_path / "refiner.json")
    assert "| `real` | II against I + III, RMS |" in told
    assert "of 1 |" in told


def test_without_results_or_pages_it_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "No results yet" in render_refiner(tmp_path / "none.json")
    assert main([]) == 2
    assert "no page was read" in capsys.readouterr().err


def test_the_table_tells_both_figures(tmp_path: Path) -> None:
    row = {"figure": "snr_db", "pages": 35, "without": 21.1, "with": 23.7, "difference": 2.0, "lo": 1.5, "hi": 2.4}
    content = {"version": "0", "commit": "abc", "sets": {"kit": {**row, "better": 34}}}
    write_json(tmp_path / "r.json", content)
    assert "| `kit` | median SNR | 21.1 dB | 23.7 dB | +2.0 (+1.5 to +2.4) | 34 of 35 |" in render_refiner(
        tmp_path / "r.json"
    )
