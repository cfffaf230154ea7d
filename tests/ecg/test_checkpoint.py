"""Model folders: exact round trip, and one clear error for every damage."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from ecg import ModelError
from ecg.checkpoint import CARD_FILE, WEIGHTS_FILE, ModelCard, load, load_card, save

CARD = ModelCard(
    name="tiny",
    task="superclass",
    architecture="mlp",
    arguments={"widths": [3, 2], "dropout": 0.1},
    input_spec={"leads": ["I", "II"], "fs_hz": 100, "seconds": 10},
    labels=("NORM", "MI"),
    thresholds={"NORM": 0.4, "MI": 0.25},
    temperature=1.3,
    data={"ptb-xl": {"version": "1.0.3", "licence": "CC BY 4.0"}},
    folds={"train": [1, 2, 3], "validation": [9]},
    seed=7,
    commit="0123abc",
    metrics={"auroc": {"value": 0.9, "lo": 0.88, "hi": 0.92}, "ece": {"value": None, "lo": None, "hi": None}},
    intended_use="research",
    limits=("not a medical device",),
)


def tensors(seed=0):
    rng = np.random.default_rng(seed)
    return {
        "w": rng.standard_normal((3, 5)).astype(np.float32),
        "b": rng.standard_normal(5) * 1e-6,
        "steps": np.array(12, dtype=np.int64),
        "mask": np.array([True, False]),
        "turned": rng.standard_normal((4, 6)).T,
        "empty": np.zeros((0, 3), dtype=np.float32),
    }


@pytest.fixture
def folder(tmp_path):
    save(tmp_path / "model", tensors(), CARD)
    return tmp_path / "model"


def test_weights_come_back_bit_equal_to_their_float16(folder):
    given = tensors()
    back, _ = load(folder)
    assert set(back) == set(given)
    for name, x in given.items():
        expected = x.astype(np.float16) if x.dtype.kind == "f" else x
        assert back[name].dtype == expected.dtype
        assert back[name].shape == expected.shape
        assert back[name].tobytes() == np.ascontiguousarray(expected).tobytes()


def test_saving_what_was_loaded_changes_nothing(folder, tmp_path):
    back, card = load(folder)
    again = save(tmp_path / "again", back, card)
    assert again == card
    for name in (WEIGHTS_FILE, CARD_FILE):
        assert (tmp_path / "again" / name).read_bytes() == (folder / name).read_bytes()


def test_arrays_named_exact_keep_their_precision(tmp_path):
    x = {"split": np.array([0.1, 1e5]), "leaf": np.array([0.1])}
    save(tmp_path, x, CARD, exact=["split"])
    back, _ = load(tmp_path)
    assert back["split"].dtype == np.float64
    assert (back["split"] == x["split"]).all()
    assert back["leaf"][0] == np.float16(0.1)


def test_card_comes_back_equal_and_with_the_checksum(folder):
    card = load_card(folder)
    assert replace(card, sha256="") == CARD
    assert len(card.sha256) == 64
    assert load(folder)[1] == card


def test_card_is_json_without_nan_and_says_its_schema(folder):
    content = json.loads((folder / CARD_FILE).read_text())
    assert content["schema"] == {"name": "einthoven.model", "version": 1}
    assert content["version"]
    assert "NaN" not in (folder / CARD_FILE).read_text()


def test_card_cannot_be_changed_from_outside():
    arguments = {"widths": [3, 2]}
    card = replace(CARD, arguments=arguments)
    arguments["widths"].append(9)
    assert card.arguments["widths"] == (3, 2)
    with pytest.raises(TypeError):
        card.arguments["widths"] = ()


def test_other_files_in_the_folder_stay(tmp_path):
    (tmp_path / "model.onnx").write_text("x")
    save(tmp_path, tensors(), CARD)
    assert sorted(p.name for p in tmp_path.iterdir()) == [CARD_FILE, "model.onnx", WEIGHTS_FILE]


def test_a_failed_save_leaves_the_old_model(folder, monkeypatch):
    import pathlib

    before = (folder / WEIGHTS_FILE).read_bytes()

    def full_disk(self, *args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pathlib.Path, "write_text", full_disk)
    with pytest.raises(ModelError, match="No space left"):
        save(folder, tensors(1), CARD)
    monkeypatch.undo()
    assert (folder / WEIGHTS_FILE).read_bytes() == before
    assert len(list(folder.iterdir())) == 2
    load(folder)


@pytest.mark.parametrize("name", [WEIGHTS_FILE, CARD_FILE])
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(ModelError, match=name):
        load(folder)


@pytest.mark.parametrize("at", [0, 9, 60, -1])
def test_any_changed_byte_of_the_weights_is_found(folder, at):
    raw = bytearray((folder / WEIGHTS_FILE).read_bytes())
    raw[at] ^= 1
    (folder / WEIGHTS_FILE).write_bytes(raw)
    with pytest.raises(ModelError, match="damaged or of another model"):
        load(folder)


def test_truncated_weights_are_found(folder):
    raw = (folder / WEIGHTS_FILE).read_bytes()
    (folder / WEIGHTS_FILE).write_bytes(raw[: len(raw) // 2])
    with pytest.raises(ModelError, match="damaged or of another model"):
        load(folder)


@pytest.mark.parametrize("weights", [b"", b"\x80\x04K\x01.", b"\xff" * 8 + b"{}", b"\x02\0\0\0\0\0\0\0[]"])
def test_a_fitting_checksum_does_not_excuse_a_file_of_another_kind(folder, weights):
    import hashlib

    (folder / WEIGHTS_FILE).write_bytes(weights)
    content = json.loads((folder / CARD_FILE).read_text())
    content["sha256"] = hashlib.sha256(weights).hexdigest()
    (folder / CARD_FILE).write_text(json.dumps(content))
    with pytest.raises(ModelError, match="no safetensors file"):
        load(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"temperature": 0}, "temperature must be a positive number"),
        ({"temperature": "warm"}, "temperature must be a number"),
        ({"labels": ["MI", "MI"]}, "labels must differ"),
        ({"labels": ["MI", 3]}, "labels must be texts"),
        ({"labels": "MI"}, "labels must be a list"),
        ({"thresholds": {"CD": 0.5}}, "one of the labels"),
        ({"thresholds": {"MI": 1.5}}, "between 0 and 1"),
        ({"metrics": {"auroc": 0.9}}, "value, lo and hi"),
        ({"metrics": {"auroc": {"value": "x", "lo": 0, "hi": 1}}}, "finite numbers"),
        ({"seed": 1.5}, "seed must be a whole number"),
        ({"arguments": []}, "arguments must be a mapping"),
        ({"sha256": "zz"}, "64 hexadecimal"),
        ({"sha256": ""}, "no checksum"),
        ({"surprise": 1}, "unknown field surprise"),
        ({"schema": {"name": "einthoven.model", "version": 2}}, "no model card of schema"),
    ],
)
def test_a_wrong_field_of_the_card_is_named(folder, change, message):
    content = json.loads((folder / CARD_FILE).read_text()) | change
    (folder / CARD_FILE).write_text(json.dumps(content))
    with pytest.raises(ModelError, match=message):
        load(folder)


def test_a_lacking_field_is_named(folder):
    content = json.loads((folder / CARD_FILE).read_text())
    del content["limits"]
    (folder / CARD_FILE).write_text(json.dumps(content))
    with pytest.raises(ModelError, match="lacks field limits"):
        load(folder)


@pytest.mark.parametrize("text", ["", "{", "[]", '"x"', "null", '{"temperature": NaN}', "\xff", "[" * 100_000])
def test_what_is_no_card_is_refused(folder, text):
    (folder / CARD_FILE).write_bytes(text.encode("latin-1"))
    with pytest.raises(ModelError, match=CARD_FILE):
        load(folder)


def test_a_huge_card_is_not_read(folder):
    (folder / CARD_FILE).write_text(" " * (1 << 20) + "{}")
    with pytest.raises(ModelError, match="more than the"):
        load_card(folder)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.array([np.nan]), "must be finite"),
        (np.array([np.inf], dtype=np.float32), "must be finite"),
        (np.array([7e4]), "more than float16 holds"),
        (np.array(["a"]), "floats, integers or booleans"),
        (np.array([{}], dtype=object), "floats, integers or booleans"),
        (np.array([1j]), "floats, integers or booleans"),
    ],
)
def test_arrays_that_cannot_be_kept_are_refused(tmp_path, array, message):
    with pytest.raises(ModelError, match=message):
        save(tmp_path, {"x": array}, CARD)
    assert not list(tmp_path.iterdir())


def test_exact_names_must_exist(tmp_path):
    with pytest.raises(ModelError, match="does not have: y"):
        save(tmp_path, {"x": np.zeros(2)}, CARD, exact=["y"])


def test_a_card_that_json_cannot_hold_is_refused(tmp_path):
    with pytest.raises(ModelError, match="finite numbers"):
        save(tmp_path, {"x": np.zeros(2)}, replace(CARD, arguments={"rate": float("nan")}))
    with pytest.raises(ModelError, match="finite numbers"):
        save(tmp_path, {"x": np.zeros(2)}, replace(CARD, arguments={"array": np.zeros(2)}))


def test_a_folder_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "model").write_text("")
    with pytest.raises(ModelError, match="cannot write the model folder"):
        save(tmp_path / "model", {"x": np.zeros(2)}, CARD)


def test_the_module_loads_safetensors_only_where_it_is_used():
    code = "import sys, ecg.checkpoint; print('safetensors' in sys.modules, 'torch' in sys.modules)"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        == "False False\n"
    )


def test_a_model_of_several_tasks_says_which_output_answers_which(tmp_path):
    several = replace(
        CARD,
        labels=("superclass.NORM", "superclass.MI", "mi_sttc"),
        thresholds={"mi_sttc": 0.3},
        heads={"superclass": ["superclass.NORM", "superclass.MI"], "mi_sttc": ["mi_sttc"]},
        temperatures={"mi_sttc": 1.2},
        abstain={"min_leads": 8, "pacemaker": True},
        sha256_onnx="a" * 64,
    )
    save(tmp_path, tensors(), several)
    back = load_card(tmp_path)
    assert back.heads == {"superclass": ("superclass.NORM", "superclass.MI"), "mi_sttc": ("mi_sttc",)}
    assert back.temperatures == {"mi_sttc": 1.2}
    assert (back.abstain["min_leads"], back.sha256_onnx) == (8, "a" * 64)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"temperatures": {"HYP": 1.0}}, "a temperature belongs to one of the labels"),
        ({"temperatures": {"MI": 0}}, "temperature of MI must be a positive number"),
        ({"offsets": {"HYP": 0.1}}, "an offset is a finite number of one of the labels"),
        ({"offsets": {"MI": float("nan")}}, "an offset is a finite number of one of the labels"),
        ({"heads": {"superclass": ["HYP"]}}, "head of superclass must list some of the labels"),
        ({"heads": {"superclass": []}}, "head of superclass must list some of the labels"),
        ({"sha256_onnx": "x"}, "sha256_onnx must be 64"),
    ],
)
def test_later_fields_are_checked_too(change, message):
    with pytest.raises(ModelError, match=message):
        replace(CARD, **change)


def test_a_card_from_before_the_later_fields_is_read(folder):
    content = json.loads((folder / CARD_FILE).read_text())
    for name in ("temperatures", "offsets", "heads", "abstain", "windows", "sha256_onnx"):
        del content[name]
    (folder / CARD_FILE).write_text(json.dumps(content))
    assert load_card(folder).heads == {}
