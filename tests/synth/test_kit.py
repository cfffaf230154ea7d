import json

import numpy as np
import pytest

from ecg.datasets import kit_pages
from synth.kit import kit_truth
from synth.writer import write_set


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    out = tmp_path_factory.mktemp("set")
    write_set(out, 2, "scan", seed=5, kit=True)
    return out


def test_the_reader_of_kit_folders_finds_picture_truth_and_record(written):
    items = kit_pages(written / "kit")
    assert [item.id for item in items] == ["000000-0", "000001-0"]
    for item, stem in zip(items, ("000000", "000001"), strict=True):
        told = json.loads((written / f"pages/{stem}.json").read_text())
        assert item.path.read_bytes() == (written / "pages" / told["image"]["file"]).read_bytes()
        assert item.record().leads == tuple(told["record"]["leads"])
        assert item.record().n_samples == told["record"]["n_samples"]


def test_geometry_is_that_of_the_page(written):
    for item in kit_pages(written / "kit"):
        told = json.loads((written / "pages" / f"{item.id.removesuffix('-0')}.json").read_text())
        geometry = item.geometry()
        assert (geometry.width, geometry.height) == (told["image"]["width"], told["image"]["height"])
        assert (geometry.fs, geometry.dpi) == (told["record"]["fs"], told["image"]["dpi"])
        assert geometry.parameters["x_grid"] == pytest.approx(5 * told["scale"]["px_per_mm_x"], abs=0.001)
        record = item.record()
        for lead, trace in zip(geometry.leads, told["traces"], strict=True):
            assert (lead.box.lead, lead.box.start_s, lead.start_sample) == (
                trace["lead"],
                trace["start_s"],
                trace["first_sample"],
            )
            assert lead.box.xyxy == tuple(trace["box"])
            shown = [(x, y) for x, y in zip(trace["x"], trace["y"], strict=True) if y is not None]
            np.testing.assert_array_equal(lead.line, shown)
            # A point for every sample of the record within the lead's span, and no other.
            span = record[lead.box.lead][lead.start_sample : lead.stop_sample]
            assert np.isfinite(span).sum() == len(shown)


def test_printed_names_have_their_boxes_and_unprinted_none(written):
    for item in kit_pages(written / "kit"):
        told = json.loads((written / "pages" / f"{item.id.removesuffix('-0')}.json").read_text())
        names = [text for text in told["texts"] if text["role"] == "lead"]
        outlines = [lead.text_outline for lead in item.geometry().leads if lead.text_outline is not None]
        assert len(outlines) == len(names)
        for outline, text in zip(outlines, names, strict=True):
            np.testing.assert_array_equal(outline, text["quad"])
        nameless = kit_truth({**told, "texts": []})
        assert not any("text_bounding_box" in lead for lead in nameless["leads"])


def test_the_set_itself_stays_the_same(written, tmp_path):
    write_set(tmp_path, 2, "scan", seed=5)
    pages = {path.name: path.read_bytes() for path in (tmp_path / "pages").iterdir()}
    assert pages == {path.name: path.read_bytes() for path in (written / "pages").iterdir()}
    assert not (tmp_path / "kit").exists()
    write_set(tmp_path, 2, "scan", seed=5, kit=True)  # added to a set that is there
    assert {p.name: p.read_bytes() for p in (tmp_path / "kit").iterdir()} == {
        p.name: p.read_bytes() for p in (written / "kit").iterdir()
    }
