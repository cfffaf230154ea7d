"""Where a trained model comes from: shipped, a local folder, a URL or a hub repository; fetched once, checked always.

A model is a folder of ``card.json``, ``model.safetensors`` and, where it runs without torch, ``model.onnx``
(`ecg.checkpoint`). What is fetched goes to a cache and is checked against the SHA-256 of its card, and the card's
against the one that the caller names; what is in the cache is not fetched again.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from ecg.checkpoint import CARD_FILE, WEIGHTS_FILE, ModelCard, load_card
from ecg.errors import ModelError
from ecg.options import nearest

__all__ = ["CACHE_VARIABLE", "ONNX_FILE", "cache_folder", "check_folder", "model_folder", "shipped"]

#: Environment variable that names the folder of fetched models.
CACHE_VARIABLE = "EINTHOVEN_CACHE"
ONNX_FILE = "model.onnx"

#: A hub's address of a file: the scheme of huggingface.co (Hugging Face Hub, "Download files").
_HUB = "https://huggingface.co/{repository}/resolve/{revision}"
#: Largest file that is fetched, in bytes: the largest published model has 41 MB as float16.
_MAX_BYTES = 1 << 30
#: Seconds without an answer after which a server counts as out of reach.
_TIMEOUT_S = 30.0
_PIECE = 1 << 20


def shipped() -> dict[str, Path]:
    """Folders of the models that come with the package, by name.

    Returns
    -------
    dict of str to Path
        Sorted by name.
    """
    here = Path(__file__).parent
    return {card.parent.name: card.parent for card in sorted(here.glob(f"*/{CARD_FILE}"))}


def cache_folder() -> Path:
    """Folder of fetched models: `EINTHOVEN_CACHE`, else the user's cache (XDG Base Directory Specification 0.8)."""
    named = os.environ.get(CACHE_VARIABLE)
    if named:
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "einthoven" / "models"


def model_folder(name: str | os.PathLike[str], cache: Path | None = None, check: bool = True) -> Path:
    """Folder of a model, fetched where it is not here.

    Parameters
    ----------
    name : str or path-like
        A shipped model's name, a folder, the name of a folder in the cache, ``hub:OWNER/NAME`` or
        ``hub:OWNER/NAME@REVISION``, or the URL of a folder. ``#sha256=HEX`` after a URL or repository names the weights
        that must be found there.
    cache : Path, optional
        Where fetched models are kept; `cache_folder` by default.
    check : bool
        Whether the files of a model that is here are compared with its card; fetched ones always are.

    Returns
    -------
    Path

    Raises
    ------
    ModelError
        If there is no such model, it cannot be fetched, or its files are not those of the card.
    """
    text = os.fspath(name)
    known = shipped()
    here = [known[text]] if text in known else [Path(text)]
    if re.fullmatch(r"\w[\w.-]*", text):
        here.append((cache or cache_folder()) / text)
    for folder in here:
        if (folder / CARD_FILE).is_file():
            return check_folder(folder) if check else folder
    if text.startswith(("hub:", "https:", "http:")):
        return _fetched(text, cache or cache_folder())
    if Path(text).is_dir():
        raise ModelError(f"the folder {text} has no {CARD_FILE}: give a model's folder, as einthoven train writes it")
    raise ModelError(
        f"no model {text!r}{nearest(text, known)} is shipped and no folder has this name; shipped are "
        f"{', '.join(known) or 'none'}, others are given as a folder, a URL or hub:OWNER/NAME"
    )


def check_folder(folder: Path) -> Path:
    """Check the files of a model against its card.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    ModelError
        If a file is missing or its SHA-256 is not the card's.
    """
    card = load_card(folder)
    for file, expected in _files(card):
        path = folder / file
        try:
            with path.open("rb") as stream:
                found = hashlib.file_digest(stream, "sha256").hexdigest()
        except OSError as error:
            raise ModelError(f"{path} cannot be read ({error.strerror}): a model folder holds it") from error
        if found != expected:
            raise ModelError(
                f"{path} is damaged or of another model: its SHA-256 is {found[:12]}…, the card expects "
                f"{expected[:12]}…; fetch the model again"
            )
    return folder


def _files(card: ModelCard) -> list[tuple[str, str]]:
    """Files that a card promises, with their SHA-256."""
    files = [(WEIGHTS_FILE, card.sha256)]
    return [*files, (ONNX_FILE, card.sha256_onnx)] if card.sha256_onnx else files


def _fetched(name: str, cache: Path) -> Path:
    """Folder in the cache, filled from the network where it is not there yet."""
    address, _, fragment = name.partition("#")
    expected = _expected(fragment)
    folder = cache / hashlib.sha256(address.encode()).hexdigest()[:24]
    if not (folder / CARD_FILE).is_file():
        _fetch(_base(address), folder)
    card = load_card(check_folder(folder))
    if expected and card.sha256 != expected:
        raise ModelError(f"{address} holds the weights {card.sha256[:12]}…, {expected[:12]}… were asked for")
    return folder


def _expected(fragment: str) -> str:
    if not fragment:
        return ""
    match = re.fullmatch(r"sha256=([0-9a-f]{64})", fragment.lower())
    if match is None:
        raise ModelError(f"after # stands sha256= and 64 hexadecimal digits, got {fragment[:80]!r}")
    return match[1]


def _base(address: str) -> str:
    """URL of the model's folder."""
    if address.startswith("hub:"):
        match = re.fullmatch(r"hub:([\w.-]+/[\w.-]+)(?:@([\w./-]+))?", address)
        if match is None:
            raise ModelError(f"a hub repository is given as hub:OWNER/NAME or hub:OWNER/NAME@REVISION, got {address!r}")
        return _HUB.format(repository=match[1], revision=match[2] or "main")
    parts = urlsplit(address)
    # Without encryption anybody on the way can exchange card and weights together; on this machine nobody is.
    if parts.scheme != "https" and parts.hostname not in ("localhost", "127.0.0.1", "::1"):
        raise ModelError(f"models are fetched over https, got {address}; give a https address or a folder")
    return address.rstrip("/")


def _fetch(base: str, folder: Path) -> None:
    """Fetch a model whole or not at all: the folder gets its name when every file is there and checked."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=".fetching-", dir=folder.parent))
    except OSError as error:
        raise ModelError(
            f"cannot write into the cache of models {folder.parent} ({error.strerror}); set {CACHE_VARIABLE}"
        ) from error
    try:
        _download(f"{base}/{CARD_FILE}", made / CARD_FILE)
        for file, _ in _files(load_card(made)):
            _download(f"{base}/{file}", made / file)
        check_folder(made)
        if folder.exists():
            shutil.rmtree(folder)
        made.rename(folder)
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _download(url: str, path: Path) -> None:
    from http.client import HTTPException
    from urllib.error import HTTPError
    from urllib.request import urlopen

    try:
        with urlopen(url, timeout=_TIMEOUT_S) as answer, path.open("wb") as file:  # noqa: S310 - `_base` checked it
            size = 0
            while piece := answer.read(_PIECE):
                size += len(piece)
                if size > _MAX_BYTES:
                    raise ModelError(f"{url} has more than {_MAX_BYTES} bytes, more than any model; check the address")
                file.write(piece)
    except HTTPError as error:
        raise ModelError(f"{url} cannot be had: the server answered {error.code} {error.reason}") from error
    except (OSError, HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise ModelError(f"cannot reach {url} ({reason}); go online once, or give the model's folder") from error
