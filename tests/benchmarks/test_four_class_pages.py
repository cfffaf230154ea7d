"""The truth-free checks on hand-made readings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.four_class_pages import PageCheck, check_page, summary
from ecg.datasets import PageItem
from synth import demo_page


def test_a_drawn_page_passes_and_a_blank_one_is_refused(tmp_path: Path) -> None:
    Image.fromarray(np.asarray(demo_page(seed=1).page.image)).save(tmp_path / "page.png")
    Image.new("RGB", (800, 600), "white").save(tmp_path / "blank.png")
    good = check_page(PageItem("page", tmp_path / "page.png"))
    blank = check_page(PageItem("blank", tmp_path / "blank.png"))
    assert good.layout_right
    assert good.einthoven_uv is not None
    assert good.einthoven_uv < 60
    assert (blank.status, blank.layout_right, blank.einthoven_uv) == ("refused", False, None)


def test_summary_counts_and_takes_medians() -> None:
    checks = [
        PageCheck("a", "accepted", True, 10.0, -4.0, 1.0),
        PageCheck("b", "review", False, 30.0, 8.0, 3.0),
        PageCheck("c", "refused", False, None, None, 0.5),
    ]
    result = summary(checks)
    assert (result["accepted"], result["review"], result["refused"], result["layout_right"]) == (1, 1, 1, 1)
    assert result["einthoven_uv"]["median"] == pytest.approx(20.0)
    assert result["offset_uv"]["median"] == pytest.approx(6.0)
    assert result["seconds"] == {"median": 1.0, "max": 3.0}
    assert result["layout_wrong_pages"] == ["b", "c"]
