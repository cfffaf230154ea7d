"""The network that shares out ink: its shape, its loss, its training and its files."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from digitize.owner.owners import PX_PER_MM, UNIT_MM, owner_map
from digitize.owner.seen import OwnerPage, save_page
from digitize.train import main
from ecg.checkpoint import load
from ecg.errors import ModelError, OptionsError

torch = pytest.importorskip("torch", reason="training needs the extra `learn`")

#: Small enough for a step in a tenth of a second.
TINY = {"batch": 2, "shape": (64, 64), "save_every": 2, "device": "cpu"}


def two_lines() -> OwnerPage:
    """A page of 40 x 60 mm whose two lines of trace, 20 mm apart, have a beat each 15 mm."""
    owner = np.zeros((160, 240), np.uint8)
    share = np.zeros_like(owner)
    for k, level in enumerate((50, 130)):
        for x in range(240):
            top = level - (40 if x % 60 in (30, 31) else 0)
            owner[top : level + 1, x], share[top : level + 1, x] = k + 1, 255
    baselines = np.array([[[0, level], [239, level]] for level in (50.0, 130.0)], np.float32)
    return OwnerPage(
        share, np.where(share > 0, 60, 200).astype(np.uint8), owner, baselines, np.zeros((0, 5), np.float32)
    )


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / f"{k:06d}.npz" for k in range(2)]
    for path in paths:
        save_page(path, two_lines())
    return paths


def answer_for(page: OwnerPage) -> np.ndarray:
    """What a perfect network says of a page."""
    from digitize.owner.crops import labels

    want = labels(page, slice(0, page.owner.shape[0]), slice(0, page.owner.shape[1]))
    return np.concatenate([20 * want[:3] - 10, want[3:], np.full_like(want[3:], -5)])


def test_the_network_answers_each_pixel_and_stays_small() -> None:
    from digitize.owner.network import OwnerNetwork, Shape

    network = OwnerNetwork(Shape()).eval()
    assert sum(p.numel() for p in network.parameters()) == 602_228
    with torch.no_grad():
        pair = network(torch.rand(2, 2, 64, 96))
        assert pair.shape == (2, 5, 64, 96)
        page = torch.rand(1, 2, 64, 96)
        torch.testing.assert_close(network(page.repeat(2, 1, 1, 1))[1:], network(page), atol=1e-5, rtol=1e-5)


def test_every_weight_learns() -> None:
    from digitize.owner.network import OwnerNetwork, Shape, owner_loss

    network = OwnerNetwork(Shape(4, 4, 6, 6, 8))
    page = torch.rand(2, 2, 64, 64)
    want = torch.cat([(torch.rand(2, 3, 64, 64) > 0.5).float(), torch.rand(2, 1, 64, 64)], 1)
    owner_loss(network(page), want, page[:, 0])[0].backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())


def test_the_loss_is_small_for_the_right_answer_only() -> None:
    from digitize.owner.crops import inputs, labels
    from digitize.owner.network import owner_loss

    page = two_lines()
    want = torch.from_numpy(labels(page, slice(0, 160), slice(0, 240)))[None]
    ink = torch.from_numpy(inputs(page)[:1])
    right = torch.from_numpy(answer_for(page))[None]
    loss, error_mm, near = owner_loss(right, want, ink)
    # Nothing is off, and the named error of exp(-5) units leaves -5.
    assert loss.item() == pytest.approx(-5, abs=0.01)
    assert (error_mm, near) == (0, 1)
    wrong = right.clone()
    wrong[:, 3] += 5 / UNIT_MM
    loss, error_mm, near = owner_loss(wrong, want, ink)
    assert loss.item() == pytest.approx(5 / UNIT_MM * np.exp(5) - 5, abs=0.05)
    assert error_mm == pytest.approx(5, rel=1e-4)
    assert near == 0


def test_fusing_changes_no_answer_by_more_than_float16_does() -> None:
    from digitize.fusing import fuse
    from digitize.owner.network import OwnerNetwork, Shape

    network = OwnerNetwork(Shape(4, 4, 6, 6, 8)).train()
    page = torch.rand(2, 2, 64, 64)
    for _ in range(5):
        network(page)  # fills the normalisation statistics
    network.eval()
    before = network(page).detach()
    after = fuse(network)(page)
    assert not any("norm" in name for name in network.state_dict())
    torch.testing.assert_close(before, after, atol=0.03, rtol=0.03)


def test_scores_of_a_right_and_of_a_shifted_answer() -> None:
    from digitize.owner.training import score

    class Told(torch.nn.Module):
        def __init__(self, answer: np.ndarray) -> None:
            super().__init__()
            self.answer = torch.from_numpy(answer)[None]

        def forward(self, page: torch.Tensor) -> torch.Tensor:
            return self.answer[:, :, : page.shape[2], : page.shape[3]]

    page = two_lines()
    answer = answer_for(page)
    perfect = score(Told(answer), [page])
    assert {name: m["value"] for name, m in perfect.items()} == {
        "level_error_mm": 0,
        "right_line": 1,
        "trace_recall": 1,
        "trace_precision": 1,
    }
    # 12 mm down: the upper line's ink is nearer to the lower line, whose own stays with it. Half of the ink is right.
    answer[3] += 12 / UNIT_MM
    shifted = score(Told(answer), [page])
    assert shifted["level_error_mm"]["value"] == pytest.approx(12, abs=1e-3)
    assert shifted["right_line"]["value"] == pytest.approx(0.5, abs=0.01)


def test_a_run_cut_off_goes_on_to_the_same_weights(files: list[Path], tmp_path: Path) -> None:
    from digitize.owner.training import OwnerTraining, _fit
    from digitize.runs import LAST_FILE

    class CutOffError(Exception):
        pass

    def stop(step: int, loss: float, error_mm: float, near: float) -> None:
        if step == 3:
            raise CutOffError

    options = OwnerTraining(steps=4, **TINY)
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    for folder in (whole, parts):
        folder.mkdir()
    want = _fit(whole, options, files, None).state_dict()
    with pytest.raises(CutOffError):
        _fit(parts, options, files, stop)
    steps: list[int] = []
    got = _fit(parts, options, files, lambda step, *_: steps.append(step)).state_dict()
    assert steps == [3, 4]
    for name, value in want.items():
        torch.testing.assert_close(got[name], value, atol=0, rtol=0)
    with pytest.raises(OptionsError, match="a run of 4 steps, not 6"):
        _fit(parts, replace(options, steps=6), files, None)
    # A new run may start from those weights; another folder without them is refused.
    begun = tmp_path / "begun"
    begun.mkdir()
    assert len(_fit(begun, replace(options, steps=1, start=parts), files, None).state_dict()) == len(want)
    assert (begun / LAST_FILE).is_file()
    with pytest.raises(ModelError, match="found none"):
        _fit(tmp_path / "more", replace(options, start=tmp_path), files, None)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder that the command wrote, after two steps on one page."""
    folder = tmp_path_factory.mktemp("owner") / "model"
    pages = folder / "pages"
    save_page(pages / "000000.npz", two_lines())
    save_page(pages / "unseen" / "000000.npz", two_lines())
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("EINTHOVEN_DATA", raising=False)
        quick = ["--pages", "1", "--validation", "1", "--steps", "2", "--device", "cpu"]
        assert main(["--part", "owner", "-o", str(folder), *quick]) == 0
    return folder


def test_one_command_writes_the_whole_model_folder(trained: Path) -> None:
    weights, card = load(trained)
    assert (card.name, card.data["steps"], card.data["signals"]) == ("owner", 2, "synthetic hearts")
    assert {w.dtype for w in weights.values()} == {np.dtype(np.float16)}
    assert set(card.metrics) == {"level_error_mm", "right_line", "trace_recall", "trace_precision"}
    assert card.sha256_onnx == hashlib.sha256((trained / "model.onnx").read_bytes()).hexdigest()


def test_onnx_answers_as_the_saved_float16_weights_do(trained: Path) -> None:
    import onnxruntime

    from digitize.fusing import fuse
    from digitize.owner.network import ANSWERS, OwnerNetwork, Shape

    weights, card = load(trained)
    network = fuse(OwnerNetwork(Shape(**card.arguments)))
    network.load_state_dict({name: torch.from_numpy(value).float() for name, value in weights.items()})
    session = onnxruntime.InferenceSession(str(trained / "model.onnx"), providers=["CPUExecutionProvider"])
    for height, width in ((160, 96), (32, 256)):
        page = np.random.default_rng(0).random((1, 2, height, width)).astype(np.float32)
        with torch.no_grad():
            want = network(torch.from_numpy(page))[:, ANSWERS]
            cells = torch.nn.functional.pixel_unshuffle(want, 2).numpy()
        np.testing.assert_allclose(session.run(None, {"page": page})[0], cells, atol=1e-3)


def test_the_reader_runs_what_was_trained_on_a_page_of_any_size(trained: Path) -> None:
    share = np.zeros((203, 317), np.float32)
    share[100:103, 20:300] = 1
    light = np.full(share.shape, 200, np.uint8)
    owners = owner_map(share, light, 8.0, trained)
    assert owners.trace.shape == owners.level_px.shape == (102, 158)
    assert owners.zoom == PX_PER_MM / 8.0
    assert owners.trace.min() >= 0
    assert owners.trace.max() <= 1
    assert np.isfinite(owners.level_px).all()
    assert owners.error_px.min() > 0


def test_wrong_options_are_one_clear_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from digitize.owner.training import OwnerTraining, train_owner

    assert main(["--part", "owner", "-o", str(tmp_path), "--pages", "0"]) == 2
    assert "pages and validation must be 1 or more" in capsys.readouterr().err
    assert main(["--part", "owner", "-o", str(tmp_path), "--data", str(tmp_path)]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    with pytest.raises(OptionsError, match="multiples of 32"):
        OwnerTraining(shape=(100, 64))
    with pytest.raises(OptionsError, match="learning rate"):
        OwnerTraining(rate=0)
    with pytest.raises(OptionsError, match="steps, batch"):
        OwnerTraining(steps=0)
    with pytest.raises(OptionsError, match="pages to train"):
        train_owner(tmp_path, OwnerTraining(), [], [], "nothing")
