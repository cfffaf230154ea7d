"""The shipped network that shares out ink: its files agree with each other, and it knows whose ink is whose."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from drawings import draw

import digitize
from digitize.owner.owners import PX_PER_MM, line_of_each_pixel, owner_map
from digitize.owner.seen import seen_by_reader
from digitize.trace import Row
from ecg import ECGRecord
from ecg.checkpoint import load

FOLDER = Path(digitize.__file__).parent / "weights" / "owner"

pytestmark = pytest.mark.skipif(not (FOLDER / "card.json").is_file(), reason="no card ships beside the network yet")


def test_the_files_are_those_of_the_card() -> None:
    weights, card = load(FOLDER)
    assert card.architecture == "OwnerNetwork"
    assert sum(value.size for value in weights.values()) <= 1_000_000
    assert hashlib.sha256((FOLDER / "model.onnx").read_bytes()).hexdigest() == card.sha256_onnx


def test_onnx_answers_as_the_float16_weights_do() -> None:
    torch = pytest.importorskip("torch", reason="comparing needs the extra `learn`")
    import onnxruntime

    from digitize.fusing import fuse
    from digitize.owner.network import ANSWERS, OwnerNetwork, Shape

    weights, card = load(FOLDER)
    network = fuse(OwnerNetwork(Shape(**card.arguments)))
    network.load_state_dict({name: torch.from_numpy(value).float() for name, value in weights.items()})
    session = onnxruntime.InferenceSession(str(FOLDER / "model.onnx"), providers=["CPUExecutionProvider"])
    page = np.random.default_rng(0).random((1, 2, 96, 128)).astype(np.float32)
    with torch.no_grad():
        want = network(torch.from_numpy(page))[:, ANSWERS]
        cells = torch.nn.functional.pixel_unshuffle(want, 2).numpy()
    np.testing.assert_allclose(session.run(None, {"page": page})[0], cells, atol=1e-3)


@pytest.mark.parametrize("layout", ["3x4+1", "12x1"])
def test_ink_of_a_drawn_page_goes_to_its_own_line(heart: ECGRecord, layout: str) -> None:
    drawn = draw(heart, layout, dpi=200, names="on", margin_top_mm=15.0)
    page = seen_by_reader(drawn, drawn)
    owners = owner_map(page.share / np.float32(255), page.light, PX_PER_MM)
    levels = sorted({round(float(line[0, 1]), 2) for line in page.baselines})
    width = page.share.shape[1]
    rows = tuple(Row(np.full(width, int(level), np.int64), 0, width, level, 1.0) for level in levels)
    line = line_of_each_pixel(owners, rows, page.share.shape)
    inked = (page.owner > 0) & (page.share > 128)
    own = np.array([0, *(int(np.argmin(np.abs(np.array(levels) - b[0, 1]))) for b in page.baselines)])
    assert (line[inked] == own[page.owner[inked]]).mean() > 0.97
