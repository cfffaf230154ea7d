"""Training of the spotter of printed names: its pieces, its targets, its files."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from digitize.text import WORDS, NameHit
from digitize.text.drawing import Piece, draw_piece, synthetic_signals
from digitize.text.letters import find_typefaces, held_out
from digitize.text.words import clutter_line, spell
from digitize.train import main, training_signals
from ecg.checkpoint import load

torch = pytest.importorskip("torch", reason="training needs the extra `learn`")


@pytest.fixture(scope="module")
def drawn() -> list[Piece]:
    rng = np.random.default_rng(5)
    faces, signals = find_typefaces(system=False), synthetic_signals(rng, 12)
    return [draw_piece(rng, faces, signals) for _ in range(12)]


def test_pieces_are_ink_maps_with_boxes(drawn: list[Piece]) -> None:
    assert sum(len(piece.words) for piece in drawn) > 30
    for piece in drawn:
        assert piece.ink.shape == (192, 256)
        assert piece.ink.dtype == np.float32
        assert piece.ink.min() >= 0
        assert piece.ink.max() <= 1
        assert piece.boxes.shape == (len(piece.words), 4)
        assert (piece.boxes[:, 2:] > piece.boxes[:, :2]).all()


def test_most_boxes_hold_ink(drawn: list[Piece]) -> None:
    inked = []
    for piece in drawn:
        for x0, y0, x1, y1 in piece.boxes.round().astype(int):
            if x0 >= 0 and y0 >= 0 and x1 <= 256 and y1 <= 192:
                inked.append(piece.ink[y0:y1, x0:x1].max() > 0.2)
    assert np.mean(inked) > 0.9


def test_the_same_seed_draws_the_same_piece() -> None:
    faces, signals = find_typefaces(system=False), synthetic_signals(np.random.default_rng(0), 3)
    a, b = (draw_piece(np.random.default_rng(7), faces, signals) for _ in range(2))
    np.testing.assert_array_equal(a.ink, b.ink)
    np.testing.assert_array_equal(a.boxes, b.boxes)


def test_held_out_fonts_are_some_and_whole_families() -> None:
    faces = find_typefaces(system=False)
    kept = {face.name for face in faces if held_out(face)}
    assert {"DejaVuSansMono-Bold", "DejaVuSansMono-BoldOblique"} <= kept
    assert len(kept) < len(faces) / 2


@pytest.mark.parametrize("word", WORDS)
def test_every_spelling_holds_its_word(word: str) -> None:
    rng = np.random.default_rng(1)
    for _ in range(30):
        text, start, stop = spell(rng, word)
        plain = text[start:stop].replace(" ", "").replace(",", ".").replace(".0m", "m").replace("sec", "s").lower()
        if plain.endswith("cm/mv"):  # tenths of a centimetre are millimetres
            plain = f"{10 * float(plain.removesuffix('cm/mv')):g}mm/mv"
        assert plain == word.lower()


def test_other_text_holds_no_name_as_a_word_of_its_own() -> None:
    rng = np.random.default_rng(2)
    names = {word.lower() for word in WORDS}
    for _ in range(500):
        assert not {part.lower() for part in clutter_line(rng).split()} & names


#: A word (aVR) of 16 x 8 pixels around (44, 28): its centre is that of cell (row 3, column 5).
ONE_WORD = Piece(np.zeros((64, 96), np.float32), np.array([3]), np.array([[36.0, 24.0, 52.0, 32.0]]))


def test_targets_encode_centre_and_size() -> None:
    from digitize.text.network import targets

    want = targets(ONE_WORD)
    assert np.argwhere(want.centre == 1).tolist() == [[3, 5]]
    assert want.word[3, 5] == 3
    assert want.weight[3, 5] == 1
    np.testing.assert_allclose(want.box[:, 3, 5], [0, 0, np.log(2), 0], atol=1e-6)
    # Seen from the next cell the same word lies one cell to the left.
    np.testing.assert_allclose(want.box[:, 3, 6], [-1, 0, np.log(2), 0], atol=1e-6)
    assert want.weight[0, 0] == 0
    assert want.counted.all()


def test_a_word_cut_by_the_border_is_not_counted() -> None:
    from digitize.text.network import targets

    want = targets(Piece(np.zeros((64, 96), np.float32), np.array([3]), np.array([[-10.0, 24.0, 10.0, 32.0]])))
    assert want.centre.max() == 0
    assert want.counted[3, 0] == 0
    assert want.counted[3, 6] == 1


def test_the_losses_are_small_for_the_right_answer_only() -> None:
    from digitize.text.network import centre_loss, targets

    want = targets(ONE_WORD)
    tensors = [torch.from_numpy(v)[None] for v in (want.centre, want.word, want.box, want.weight, want.counted)]
    centre = torch.where(tensors[0] > 0.999, 10.0, -10.0)[:, None]
    word = 20.0 * torch.nn.functional.one_hot(tensors[1], len(WORDS)).permute(0, 3, 1, 2).float()
    right = [part.item() for part in centre_loss(centre, word, tensors[2], tensors)]
    assert max(right) < 1e-3
    wrong = [part.item() for part in centre_loss(-centre, -word, tensors[2] + 1, tensors)]
    assert min(wrong) > 1


def test_calibration_scales_the_logit_of_each_word() -> None:
    from digitize.text.network import NameNetwork, Shape, set_calibration

    network = NameNetwork(Shape(4, 4, 8, 1, 1)).eval()
    ink = torch.rand(1, 1, 32, 40)
    slopes, offsets = np.linspace(0.5, 2, len(WORDS)), np.linspace(-1, 1, len(WORDS))
    set_calibration(network, slopes, offsets)
    logits = network.logits(ink)[0]
    want = logits * torch.tensor(slopes)[:, None, None].float() + torch.tensor(offsets)[:, None, None].float()
    torch.testing.assert_close(network(ink)[0], torch.sigmoid(want), atol=1e-6, rtol=1e-5)


def test_fusing_changes_no_answer_by_more_than_float16_does() -> None:
    from digitize.fusing import fuse
    from digitize.text.network import NameNetwork, Shape

    network = NameNetwork(Shape(8, 8, 16, 1, 1)).train()
    ink = torch.rand(2, 1, 64, 80)
    for _ in range(5):
        network.parts(ink)  # fills the normalisation statistics
    network.eval()
    before = [part.detach() for part in network.parts(ink)]
    after = fuse(network).parts(ink)
    assert not any("norm" in name for name in network.state_dict())
    for a, b in zip(before, after, strict=True):
        torch.testing.assert_close(a, b, atol=0.03, rtol=0.03)


def test_the_logistic_fit_finds_the_curve_that_drew_the_sample() -> None:
    from digitize.text.training import _fit_logistic

    rng = np.random.default_rng(3)
    z = rng.normal(0, 3, 20000)
    truth = (rng.random(20000) < 1 / (1 + np.exp(-(0.7 * z - 0.5)))).astype(float)
    slope, offset = _fit_logistic(z, truth)
    # Standard errors are about 0.01 and 0.02
    assert slope == pytest.approx(0.7, abs=0.05)
    assert offset == pytest.approx(-0.5, abs=0.08)


def test_scores_count_found_missed_and_wrong() -> None:
    from digitize.text.training import score_hits

    words = np.array([WORDS.index("I"), WORDS.index("V1"), WORDS.index("V2")])
    boxes = np.array([[10.0, 10, 14, 20], [50, 10, 60, 20], [90, 10, 110, 20]])
    piece = Piece(np.zeros((64, 100), np.float32), words, boxes)
    hits = [
        NameHit("I", (10, 10, 14, 20), 0.9),
        NameHit("V4", (50, 10, 60, 20), 0.8),
        NameHit("V2", (90, 10, 100, 20), 0.7),
    ]
    score = score_hits([piece], [hits])
    # V2 is cut by the border and counts neither way.
    assert (score["recall"]["value"], score["precision"]["value"]) == (0.5, 0.5)
    assert score["precision V4"]["value"] == 0
    assert score["recall V2"]["value"] is None
    # Wilson's interval of 1 in 2 is 9.5 % to 90.5 % (its usual textbook figure).
    assert (score["recall"]["lo"], score["recall"]["hi"]) == pytest.approx((0.0945, 0.9055), abs=1e-3)


def test_a_folder_without_the_data_is_one_clear_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--part", "text", "-o", str(tmp_path / "m"), "--data", str(tmp_path)]) == 2
    assert "ptb-xl" in capsys.readouterr().err


def test_without_data_the_signals_are_synthetic() -> None:
    signals, source = training_signals(None, np.random.default_rng(0), n_records=2)
    assert len(signals) == 24
    assert "synthetic" in source


@pytest.mark.data
@pytest.mark.skipif("EINTHOVEN_DATA" not in os.environ, reason="EINTHOVEN_DATA names no folder of real data")
def test_with_data_the_signals_are_of_the_training_folds() -> None:
    signals, source = training_signals(Path(os.environ["EINTHOVEN_DATA"]), np.random.default_rng(0), n_records=2)
    assert {len(signal) for signal in signals} == {1000}
    assert source.startswith("PTB-XL")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("text") / "model"
    quick = ["--part", "text", "--steps", "3", "--validation", "8", "--plain-fonts", "--device", "cpu"]
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("EINTHOVEN_DATA", raising=False)
        assert main([*quick, "-o", str(folder)]) == 0
    return folder


def test_one_command_writes_the_whole_model_folder(trained: Path) -> None:
    weights, card = load(trained)
    assert card.labels == WORDS
    assert card.data["steps"] == 3
    assert set(card.metrics["recall"]) == {"value", "lo", "hi"}
    assert {w.dtype for w in weights.values()} == {np.dtype(np.float16)}


def test_a_run_goes_on_from_an_earlier_one(trained: Path, tmp_path: Path) -> None:
    from digitize.text.training import LAST_FILE, TextTraining, _fit

    faces, signals = find_typefaces(system=False), synthetic_signals(np.random.default_rng(0), 3)
    # No step at all gives back the weights that the run starts from.
    network, steps = _fit(TextTraining(steps=0, start=trained, device="cpu"), faces, signals, None)
    from safetensors.torch import load_file

    assert steps == 0
    for name, value in load_file(trained / LAST_FILE).items():
        torch.testing.assert_close(network.state_dict()[name], value)


def test_onnx_answers_as_the_saved_float16_weights_do(trained: Path) -> None:
    import onnxruntime

    from digitize.fusing import fuse
    from digitize.text.network import NameNetwork, Shape

    weights, card = load(trained)
    network = fuse(NameNetwork(Shape(**card.arguments)))
    network.load_state_dict({name: torch.from_numpy(value).float() for name, value in weights.items()})
    ink = np.random.default_rng(0).random((1, 1, 120, 200)).astype(np.float32)
    with torch.no_grad():
        want = [output.numpy() for output in network(torch.from_numpy(ink))]
    session = onnxruntime.InferenceSession(str(trained / "model.onnx"), providers=["CPUExecutionProvider"])
    for got, expected in zip(session.run(None, {"ink": ink}), want, strict=True):
        np.testing.assert_allclose(got, expected, atol=1e-3)


def test_the_network_stays_small() -> None:
    from digitize.text.network import NameNetwork, Shape

    assert sum(p.numel() for p in NameNetwork(Shape()).parameters()) <= 150_000
