"""Training of the refiner: its pieces, its loss, its files."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from digitize.refiner.lessons import Lesson, save_lessons
from digitize.refiner.view import CHANNELS, REACH, LineView
from digitize.train import main
from ecg.checkpoint import load
from ecg.errors import OptionsError

torch = pytest.importorskip("torch", reason="training needs the extra `learn`")

N = 500


def drawn_lesson(seed: int = 0) -> Lesson:
    """Lead that is off wherever its ink stands higher than its line: what a network can learn at once."""
    rng = np.random.default_rng(seed)
    y = np.cumsum(rng.normal(0, 0.3, N))
    off = np.where(rng.random(N) < 0.3, 2.0, 0.0) * rng.choice([-1, 1], N)
    rows = np.arange(-REACH, REACH + 1)
    ink = np.exp(-0.5 * (rows[None] - off[:, None]) ** 2)
    rest = np.stack([np.full(N, -1.0), np.full(N, 1.5), np.ones(N), np.ones(N)], 1)
    near = np.concatenate([ink, rest], 1).astype(np.float16)
    view = LineView(near, y.astype(np.float32), np.array([3, 0.5, 1, 0.4], np.float32))
    return Lesson(view, off.astype(np.float32), 5.0)


def test_a_piece_is_cut_and_turned_over_with_its_moves() -> None:
    from digitize.refiner.training import piece

    lesson = drawn_lesson()
    seen = set()
    for seed in range(8):
        line, move, spread = piece(lesson, 200, np.random.default_rng(seed))
        assert line.shape == (CHANNELS, 200)
        assert spread == 5.0
        darkest = line[: 2 * REACH + 1].argmax(0) - REACH
        np.testing.assert_array_equal(darkest, move)
        seen.add((float(line[2 * REACH + 1, 0]), float(line[2 * REACH + 2, 0])))
    assert seen == {(-1.0, 1.5), (-1.5, 1.0)}, "as it was, and upside down"


def test_a_short_lead_is_filled_up_with_what_is_not_known() -> None:
    from digitize.refiner.training import piece

    line, move, _ = piece(drawn_lesson(), 768, np.random.default_rng(0))
    assert not line[:, N:].any()
    assert np.isnan(move[N:]).all()
    assert np.isfinite(move[:N]).all()


def test_the_loss_is_the_noise_to_signal_ratio_about_the_mean() -> None:
    from digitize.refiner.network import lead_loss_db

    error = torch.tensor([[1.0, 2.0, 1.0, 2.0, float("nan")], [3.0, 3.0, 3.0, 3.0, 3.0]])
    loss = lead_loss_db(error, torch.tensor([5.0, 5.0]))
    assert loss[0].item() == pytest.approx(10 * np.log10(0.25 / 25 + 5e-4), abs=1e-4)
    assert loss[1].item() == pytest.approx(10 * np.log10(5e-4), abs=1e-4), "an offset is no noise"


def test_doubts_are_best_where_each_is_the_mean_distance() -> None:
    from digitize.refiner.network import doubt_loss

    error = torch.tensor([[-3.0, 3.0, -1.0, 1.0, float("nan")]], requires_grad=True)

    def lost(first: float, second: float) -> torch.Tensor:
        return doubt_loss(error, torch.tensor([[first, first, second, second, 9.0]]))

    best = lost(3.0, 1.0)
    assert best.item() == pytest.approx(np.log(3) / 2 + 1, abs=1e-5)
    assert not best.requires_grad, "the line itself is not moved for it"
    for other in (lost(2.5, 1.0), lost(3.5, 1.0), lost(3.0, 0.8), lost(3.0, 1.2), lost(2.0, 2.0)):
        assert other.item() > best.item()


@pytest.fixture(scope="module")
def lessons() -> list[Lesson]:
    return [drawn_lesson(k) for k in range(4)]


def test_it_learns_what_can_be_seen(lessons: list[Lesson], tmp_path: Path) -> None:
    from digitize.refiner.training import RefinerTraining, _fit, score

    network = _fit(tmp_path, RefinerTraining(steps=40, batch=4, samples=256, device="cpu"), lessons, None)
    told = score(network, [drawn_lesson(9)])
    assert told["gain_db"]["value"] is not None
    assert told["gain_db"]["value"] > 6


def test_doubts_are_learned_after_the_moves_and_change_nothing_of_them(lessons: list[Lesson], tmp_path: Path) -> None:
    from digitize.refiner.training import RefinerTraining, _fit

    options = RefinerTraining(steps=40, batch=4, samples=256, save_every=40, device="cpu")
    kept: dict[str, torch.Tensor] = {}

    def keep(step: int, _: float) -> None:
        if step == 41:
            from safetensors.torch import load_file

            kept.update(load_file(tmp_path / "last.safetensors"))

    network = _fit(tmp_path, options, lessons, keep)
    changed = {n for n, v in network.state_dict().items() if not torch.equal(v, kept[f"network/{n}"])}
    assert changed == {n for n in network.state_dict() if n.startswith("doubt.")}
    lesson = drawn_lesson(9)
    with torch.no_grad():
        moves, doubts = (said[0].numpy() for said in network(torch.from_numpy(lesson.view.channels())[None]))
    left = np.abs(lesson.move - moves)
    assert np.nanmedian(doubts) < 0.6, "a unit at the start"
    assert 0.2 < np.nanmean(left) / doubts.mean() < 5


def test_a_run_cut_off_goes_on_to_the_same_weights(lessons: list[Lesson], tmp_path: Path) -> None:
    from digitize.refiner.training import RefinerTraining, _fit

    class CutOffError(Exception):
        pass

    def stop(step: int, gain: float) -> None:
        if step == 3:
            raise CutOffError

    options = RefinerTraining(steps=4, batch=2, samples=64, save_every=2, device="cpu")
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    for folder in (whole, parts):
        folder.mkdir()
    want = _fit(whole, options, lessons, None).state_dict()
    with pytest.raises(CutOffError):
        _fit(parts, options, lessons, stop)
    steps: list[int] = []
    got = _fit(parts, options, lessons, lambda step, _: steps.append(step)).state_dict()
    assert steps == [3, 4, 5], "the last one for the doubts"
    for name, value in want.items():
        torch.testing.assert_close(got[name], value, atol=0, rtol=0)
    with pytest.raises(OptionsError, match="a run of 5 steps, not 7"):
        _fit(parts, replace(options, steps=6), lessons, None)


def test_one_command_writes_the_whole_model_folder(lessons: list[Lesson], tmp_path: Path) -> None:
    import onnxruntime

    from digitize.fusing import fuse
    from digitize.refiner.network import RefinerNetwork, Shape

    folder = tmp_path / "model"
    for pages in (folder / "pages", folder / "pages" / "unseen"):
        pages.mkdir(parents=True)
        save_lessons(pages / "000000.npz", lessons)
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("EINTHOVEN_DATA", raising=False)
        quick = ["--pages", "1", "--validation", "1", "--steps", "2", "--device", "cpu"]
        assert main(["--part", "refiner", "-o", str(folder), *quick]) == 0
    weights, card = load(folder)
    assert (card.name, card.data["steps"], card.data["signals"]) == ("refiner", 2, "synthetic hearts")
    assert {w.dtype for w in weights.values()} == {np.dtype(np.float16)}
    assert set(card.metrics) == {"fitted_snr_db", "refined_snr_db", "gain_db"}
    assert card.sha256_onnx == hashlib.sha256((folder / "model.onnx").read_bytes()).hexdigest()
    arguments = {**card.arguments, "dilations": tuple(card.arguments["dilations"])}
    network = fuse(RefinerNetwork(Shape(**arguments)))
    network.load_state_dict({name: torch.from_numpy(value).float() for name, value in weights.items()})
    session = onnxruntime.InferenceSession(str(folder / "model.onnx"), providers=["CPUExecutionProvider"])
    for samples in (64, 1250):
        line = np.random.default_rng(0).random((1, CHANNELS, samples)).astype(np.float32)
        with torch.no_grad():
            wanted = [said.numpy() for said in network(torch.from_numpy(line))]
        for got, want in zip(session.run(["moves", "doubts"], {"line": line}), wanted, strict=True):
            np.testing.assert_allclose(got, want, atol=1e-3)


def test_wrong_options_are_one_clear_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from digitize.refiner.training import RefinerTraining, train_refiner

    assert main(["--part", "refiner", "-o", str(tmp_path), "--pages", "0"]) == 2
    assert "pages and validation must be 1 or more" in capsys.readouterr().err
    assert main(["--part", "refiner", "-o", str(tmp_path), "--data", str(tmp_path)]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    with pytest.raises(OptionsError, match="samples even"):
        RefinerTraining(samples=65)
    with pytest.raises(OptionsError, match="learning rate"):
        RefinerTraining(rate=0)
    with pytest.raises(OptionsError, match="leads to train"):
        train_refiner(tmp_path, RefinerTraining(), [], [], "nothing")
