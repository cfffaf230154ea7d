"""The pictures of docs/synth.md, from synthetic records only: ``python -m benchmarks.gallery [NAME ...]``.

Writes below ``docs/gallery``: ``preset_NAME.jpg``, a page of every preset; ``damage_NAME.jpg``, every kind of damage
before (left) and after (right), as a preset draws it; ``look_NAME.jpg``, a page of every device look; ``field.jpg``, a
contact sheet of the mixture. Every picture is small; with names only those are written.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from itertools import count, islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ecg import ECGRecord
from ecg.formats.atomic import replacing
from synth import (
    PRESETS,
    STEPS,
    PageStyle,
    SynthPage,
    apply_steps,
    draw_page,
    iter_pages,
    open_source,
    page_look,
    render,
)
from synth import sample_steps as sample
from synth.degrade import GEOMETRY
from synth.degrade.presets import MEMBERS, MIXTURE
from synth.degrade.step import Step
from synth.looks import LOOKS, sample_look
from synth.sheet import contact_sheet

__all__ = ["FOLDER", "LIMITS", "before_and_after", "main", "pictures", "write"]

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "gallery"

#: Largest file of each kind, in bytes; all together stay below 1.5 MB.
LIMITS = {"preset": 32_000, "damage": 16_000, "look": 20_000, "field": 40_000}
#: Width in pixels of each kind of picture.
WIDTHS = {"preset": 640, "damage": 660, "look": 480, "field": 800}
SEED = 7
#: Seeds with which a kind of damage is looked for, and how many samples of it are compared for the clearest.
_LOOKED_AT, _COMPARED = 400, 10
#: Damage that the whole page shows, and damage that is seen in the grain of the picture; else a part is shown.
_WHOLE = (*GEOMETRY, "illumination", "light", "glare", "tone", "age", "rollers", "stains", "mould")
_FINE = ("scale", "blur", "noise", "jpeg", "defocus", "motion", "sharpen", "grain")
#: Damage that the whole page hides, though it bends.
_PART = ("creases", "tear")
#: Width of the part that is shown, in pixels of the page at 150 dpi.
_PART_PX, _FINE_PX = 700, 320
#: Damage that no preset does, because few pages meet it: what is shown of it.
_UNSAMPLED: Mapping[str, Step] = {"mirror": {"name": "mirror"}}


@cache
def _record() -> ECGRecord:
    return open_source("physiology").get(SEED, 0).record


@cache
def _clean() -> SynthPage:
    return render(_record(), None, PageStyle(header=("Sampleton, Hazel", "ID X000007"), dpi=150.0))


def pictures() -> dict[str, Callable[[], NDArray[np.uint8]]]:
    """Every picture of the gallery by name, each as a call that draws it.

    Returns
    -------
    dict of str to callable
    """
    found: dict[str, Callable[[], NDArray[np.uint8]]] = {
        f"preset_{name}": partial(_preset, name) for name in PRESETS if name != MIXTURE
    }
    found |= {f"damage_{name}": partial(before_and_after, name) for name in STEPS}
    found |= {f"look_{name}": partial(_look, name, number) for number, name in enumerate(LOOKS)}
    return {**found, "field": _field}


def _look(name: str, number: int) -> NDArray[np.uint8]:
    record = open_source("physiology").get(SEED, number).record
    return render(record, None, sample_look(np.random.default_rng(number), look=name, meta=record.meta)).page.image


def _preset(name: str) -> NDArray[np.uint8]:
    """Draw the first page of a preset that holds twelve leads on a sheet like any other."""
    source = open_source("physiology")
    for index in count():
        record = source.get(SEED, index).record
        style, _ = page_look(record, name, SEED, index)
        leads = sum(map(len, style.page_layout.rows))
        if leads >= 12 and 1.1 < style.paper_mm[0] / style.paper_mm[1] < 1.6:
            break
    return draw_page(record, name, SEED, index).page.image


def _field() -> NDArray[np.uint8]:
    return contact_sheet(iter_pages(preset=MIXTURE, seed=SEED), 4, WIDTHS["field"], limit=12, captions=False)


def before_and_after(name: str) -> NDArray[np.uint8]:
    """Page without and with one kind of damage, side by side.

    Parameters
    ----------
    name : str
        Key of `synth.STEPS`.

    Returns
    -------
    uint8 array [height, width, 3]
    """
    clean = _clean()
    steps = [_UNSAMPLED[name]] if name in _UNSAMPLED else list(islice(_sampled(name), _COMPARED))
    if not steps:
        raise LookupError(f"no preset draws the step {name!r}: show what is written of it in _UNSAMPLED")
    damaged = max((apply_steps(clean, [step]) for step in steps), key=lambda page: _change(clean, page))
    if name in _WHOLE and name not in (*_PART, *_FINE):
        return _side_by_side(clean.page.image, damaged.page.image)
    width = _FINE_PX if name in _FINE else _PART_PX
    box = _busiest(_difference(clean, damaged), width)
    return _side_by_side(_part(clean, box, clean), _part(damaged, box, clean))


def _change(clean: SynthPage, damaged: SynthPage) -> float:
    """How much a page changed: by how far its points moved, else by how much its pixels did."""
    moved = float(np.abs(damaged.paper_map.points - clean.paper_map.points).mean())
    return moved if moved > 0 else float(_difference(clean, damaged).mean())


def _part(page: SynthPage, box: tuple[int, int, int, int], clean: SynthPage) -> NDArray[np.uint8]:
    """Part of a picture by the place that it has on the clean page."""
    x, y = page.page.width / clean.page.width, page.page.height / clean.page.height
    left, top, right, bottom = round(box[0] * x), round(box[1] * y), round(box[2] * x), round(box[3] * y)
    return page.page.image[top:bottom, left:right]


def _sampled(name: str) -> Iterator[Step]:
    """Draw steps of a name as the presets do."""
    for seed in range(_LOOKED_AT):
        for preset in sorted(set(MEMBERS) & set(PRESETS)):
            yield from (step for step in sample(np.random.default_rng(seed), preset) if step["name"] == name)


def _difference(clean: SynthPage, damaged: SynthPage) -> NDArray[np.float32]:
    if damaged.page.image.shape != clean.page.image.shape:
        return np.ones(clean.page.image.shape[:2], np.float32)
    before, after = (page.page.image.mean(axis=2, dtype=np.float32) for page in (clean, damaged))
    return np.asarray(np.abs(after - before))


def _busiest(difference: NDArray[np.float32], width: int) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of the window that differs most; four to three."""
    import cv2

    height = 3 * width // 4
    means = cv2.blur(difference, (width, height), borderType=cv2.BORDER_CONSTANT)
    inner = means[height // 2 : -(height // 2), width // 2 : -(width // 2)]
    top, left = np.unravel_index(int(np.argmax(inner)), inner.shape)
    return int(left), int(top), int(left) + width, int(top) + height


def _side_by_side(before: NDArray[np.uint8], after: NDArray[np.uint8]) -> NDArray[np.uint8]:
    import cv2

    half = WIDTHS["damage"] // 2 - 2
    panels = []
    for image in (before, after):
        factor = min(half / image.shape[1], 1.25 * half / image.shape[0])
        size = max(1, round(image.shape[1] * factor)), max(1, round(image.shape[0] * factor))
        panels.append(cv2.resize(image, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC))
    picture = np.full((max(panel.shape[0] for panel in panels), WIDTHS["damage"], 3), 255, np.uint8)
    for panel, left in zip(panels, (0, half + 4), strict=True):
        picture[: panel.shape[0], left : left + panel.shape[1]] = panel
    return picture


def write(name: str, image: NDArray[np.uint8], folder: Path = FOLDER) -> Path:
    """Write a picture, at the quality that keeps it below its kind's limit.

    Parameters
    ----------
    name : str
        Its kind, or kind and name joined by an underscore.
    image : uint8 array [height, width, 3]
        Scaled down to the kind's width.
    folder : Path

    Returns
    -------
    Path
    """
    import io

    from PIL import Image

    kind = name.partition("_")[0]
    picture = Image.fromarray(image)
    picture.thumbnail((WIDTHS[kind], 2 * WIDTHS[kind]), Image.Resampling.LANCZOS)
    data = io.BytesIO()
    for quality in range(85, 10, -5):
        data = io.BytesIO()
        picture.save(data, "JPEG", quality=quality, optimize=True)
        if data.tell() <= LIMITS[kind]:
            break
    with replacing(folder / f"{name}.jpg") as temporary:
        temporary.write_bytes(data.getvalue())
    return folder / f"{name}.jpg"


def main(names: list[str]) -> int:
    """Write the pictures."""
    found = pictures()
    unknown = sorted(set(names) - set(found))
    if unknown:
        sys.stderr.write(f"no picture is called {', '.join(unknown)}; there are {', '.join(found)}\n")
        return 2
    for name in names or found:
        sys.stdout.write(f"{write(name, found[name]()).name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
