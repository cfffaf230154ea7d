"""Where models come from, against a server on this machine."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from classify import weights
from classify.weights import cache_folder, check_folder, model_folder, shipped
from ecg.checkpoint import ModelCard, load, save
from ecg.errors import ModelError


def write_model(folder: Path, seed: int = 0, onnx: bytes = b"") -> ModelCard:
    import hashlib

    card = ModelCard(
        name="tiny",
        task="mi",
        architecture="none",
        arguments={},
        input_spec={},
        labels=("mi",),
        thresholds={},
        temperature=1.0,
        data={},
        folds={},
        seed=seed,
        commit="",
        metrics={},
        intended_use="tests",
        limits=(),
        sha256_onnx=hashlib.sha256(onnx).hexdigest() if onnx else "",
    )
    card = save(folder, {"w": np.random.default_rng(seed).standard_normal(40)}, card)
    if onnx:
        (folder / "model.onnx").write_bytes(onnx)
    return card


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """Address and folder of a web server."""
    root = tmp_path / "served"
    root.mkdir()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(root))) as httpd:
        thread = threading.Thread(target=httpd.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{httpd.server_port}", root
        httpd.shutdown()
        thread.join()


def test_a_url_is_fetched_once_and_then_read_from_the_cache(server, tmp_path) -> None:
    url, root = server
    card = write_model(root / "m", onnx=b"a network")
    folder = model_folder(f"{url}/m#sha256={card.sha256}", tmp_path / "cache")
    assert {p.name for p in folder.iterdir()} == {"card.json", "model.safetensors", "model.onnx"}
    assert load(folder)[1] == card
    (root / "m" / "card.json").unlink()
    assert model_folder(f"{url}/m", tmp_path / "cache") == folder, "the network is not asked again"
    assert [p.name for p in (tmp_path / "cache").iterdir()] == [folder.name], "nothing else is left"


def test_other_weights_than_asked_for_are_refused(server, tmp_path) -> None:
    url, root = server
    write_model(root / "m")
    with pytest.raises(ModelError, match="were asked for"):
        model_folder(f"{url}/m#sha256={'0' * 64}", tmp_path)
    with pytest.raises(ModelError, match="64 hexadecimal digits"):
        model_folder(f"{url}/m#md5=1", tmp_path)


@pytest.mark.parametrize("file", ["model.safetensors", "model.onnx"])
def test_a_damaged_download_leaves_nothing(server, tmp_path, file) -> None:
    url, root = server
    write_model(root / "m", onnx=b"a network")
    (root / "m" / file).write_bytes(b"cut")
    with pytest.raises(ModelError, match="damaged or of another model"):
        model_folder(f"{url}/m", tmp_path / "cache")
    assert not list((tmp_path / "cache").iterdir())


def test_a_missing_model_is_one_clear_line(server, tmp_path) -> None:
    url, _ = server
    with pytest.raises(ModelError, match="answered 404") as caught:
        model_folder(f"{url}/none", tmp_path)
    assert "\n" not in str(caught.value)


def test_offline_is_one_clear_line(server, tmp_path) -> None:
    _, root = server
    write_model(root)
    with pytest.raises(ModelError, match="go online once, or give the model's folder") as caught:
        model_folder("http://127.0.0.1:9/m", tmp_path)  # port 9, discard: nothing listens
    assert "\n" not in str(caught.value)


def test_too_large_a_file_is_not_fetched(server, tmp_path, monkeypatch) -> None:
    url, root = server
    write_model(root / "m")
    monkeypatch.setattr(weights, "_MAX_BYTES", 100)
    with pytest.raises(ModelError, match="more than 100 bytes"):
        model_folder(f"{url}/m", tmp_path)


def test_a_hub_repository_has_the_hub_s_address() -> None:
    assert weights._base("hub:some-one/ecg.net") == "https://huggingface.co/some-one/ecg.net/resolve/main"
    assert weights._base("hub:a/b@v1.0") == "https://huggingface.co/a/b/resolve/v1.0"
    for wrong in ("hub:", "hub:a", "hub:a/b/c", "hub:../b?x"):
        with pytest.raises(ModelError, match="hub:OWNER/NAME"):
            weights._base(wrong)


def test_models_do_not_travel_in_the_clear(tmp_path) -> None:
    with pytest.raises(ModelError, match="over https"):
        model_folder("http://example.org/m", tmp_path)


def test_a_folder_is_checked_where_it_lies(tmp_path) -> None:
    write_model(tmp_path / "m", onnx=b"a network")
    assert model_folder(tmp_path / "m") == tmp_path / "m"
    (tmp_path / "m" / "model.onnx").unlink()
    with pytest.raises(ModelError, match="a model folder holds it"):
        check_folder(tmp_path / "m")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError, match=r"has no card\.json"):
        model_folder(tmp_path / "empty")
    with pytest.raises(ModelError, match="shipped are"):
        model_folder("no_such_model")


def test_what_is_shipped_is_whole() -> None:
    for name, folder in shipped().items():
        assert check_folder(folder) == folder
        card = json.loads((folder / "card.json").read_text())
        assert name == folder.name
        assert card["metrics"], "a shipped model says how good it is"
        assert card["intended_use"]
        assert card["limits"]


def test_the_cache_can_be_named(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("EINTHOVEN_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv("EINTHOVEN_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "einthoven" / "models"
