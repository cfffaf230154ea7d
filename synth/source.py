"""Where the records of a set come from, and the pages made of them one by one, in memory."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from ecg import ECGRecord, FormatError, OptionsError, resample
from synth.degrade import apply_steps, sample_steps
from synth.degrade.presets import MIXTURE, sample_member
from synth.header_rate import quick_rate
from synth.page import SynthPage
from synth.physiology import KINDS, sample_physiology, synthesize_record
from synth.render import render
from synth.style import PRESETS, PageStyle, sample_style

if TYPE_CHECKING:
    from ecg.datasets import RecordItem

__all__ = [
    "DEFAULT_FOLDS",
    "RecordSource",
    "SourceRecord",
    "demo_page",
    "draw_page",
    "iter_pages",
    "known_preset",
    "open_source",
]

#: PTB-XL's training folds; 9 chooses thresholds and 10 is the test (Wagner et al., Sci Data 2020;7:154).
DEFAULT_FOLDS = (1, 2, 3, 4, 5, 6, 7, 8)

#: Rate at which traces are drawn: 2.5 points a pixel at 200 dpi and 25 mm/s.
_DRAW_FS = 500.0

#: Independent streams of one page, so that another look never changes the heart.
_HEART, _LOOK, _DAMAGE, _ORDER, _MEMBER = range(5)


@dataclass(frozen=True, eq=False)
class SourceRecord:
    """A record and what the manifest says of it.

    Parameters
    ----------
    record : ECGRecord
    labels : tuple of str
    ecg_id, patient_id, fold : int or None
        PTB-XL's; None for a synthetic record.
    """

    record: ECGRecord
    labels: tuple[str, ...]
    ecg_id: int | None = None
    patient_id: int | None = None
    fold: int | None = None


class RecordSource(Protocol):
    """Gives the record of each page of a set."""

    def get(self, seed: int, index: int) -> SourceRecord:
        """Record of page ``index`` of the set of ``seed``: the same whenever and wherever it is asked for."""


@dataclass(frozen=True)
class _Physiology:
    kinds: Sequence[str] = KINDS

    def get(self, seed: int, index: int) -> SourceRecord:
        rng = _stream(seed, index, _HEART)
        params = sample_physiology(rng, str(rng.choice(self.kinds)))
        record = synthesize_record(params, _DRAW_FS)
        return SourceRecord(record, record.meta["labels"])


@dataclass(frozen=True)
class _PTBXL:
    """Records of a PTB-XL folder, each once before any comes twice."""

    items: tuple[RecordItem, ...]

    def get(self, seed: int, index: int) -> SourceRecord:
        lap, place = divmod(index, len(self.items))
        item = self.items[int(_stream(seed, lap, _ORDER).permutation(len(self.items))[place])]
        record = resample(item.record(), _DRAW_FS)
        record = replace(record, meta={"age": item.age, "sex": item.sex})
        return SourceRecord(record, item.labels, item.ecg_id, item.patient_id, item.fold)


def open_source(spec: str, folds: Sequence[int] = DEFAULT_FOLDS) -> RecordSource:
    """Source by its name on the command line.

    Parameters
    ----------
    spec : str
        ``"physiology"``, or ``"ptb-xl:DIR"`` with PhysioNet's folder.
    folds : sequence of int
        Folds of PTB-XL to draw from; synthetic records have none.

    Raises
    ------
    OptionsError
        If the name is unknown, the folder does not hold PTB-XL or no record lies in these folds.
    """
    if spec == "physiology":
        return _Physiology()
    kind, _, folder = spec.partition(":")
    if kind != "ptb-xl" or not folder:
        raise OptionsError(f"the source of records must be physiology or ptb-xl:DIR, got {spec!r}")
    try:
        items = _ptbxl_items(Path(folder), folds)
    except FormatError as error:  # the option names a wrong folder: nothing can start
        raise OptionsError(str(error)) from error
    if not items:
        raise OptionsError(f"no record of {folder} lies in folds {', '.join(map(str, folds))}")
    return _PTBXL(items)


def _ptbxl_items(folder: Path, folds: Sequence[int]) -> tuple[RecordItem, ...]:
    """Every record of these folds, at 500 Hz where that file is there, else at 100 Hz; by number."""
    from ecg.datasets import ptb_xl

    found = {item.ecg_id: item for fs in (100, 500) for item in ptb_xl(folder, fs, folds)}
    return tuple(found[ecg_id] for ecg_id in sorted(found))


def _stream(seed: int, index: int, purpose: int) -> np.random.Generator:
    return np.random.default_rng([seed, index, purpose])


def known_preset(preset: str) -> None:
    """Refuse what is no preset.

    Raises
    ------
    OptionsError
        If it is none of `synth.PRESETS`.
    """
    if preset not in PRESETS:
        raise OptionsError(f"preset must be one of {', '.join(PRESETS)}, got {preset!r}")


def page_look(record: ECGRecord, preset: str, seed: int, index: int = 0) -> tuple[PageStyle, str]:
    """Look of a page, and the preset whose damage it gets.

    Parameters
    ----------
    record, preset, seed, index
        As for `draw_page`.

    Returns
    -------
    PageStyle
    str
        The preset itself, or of a mixture the member that was drawn.

    Raises
    ------
    OptionsError
        If the preset is unknown.
    """
    known_preset(preset)
    rng = _stream(seed, index, _LOOK)
    meta = {**record.meta, "duration_s": record.duration_s}
    if preset not in ("clean", "published", "scan"):  # device looks print a rate: the record's own
        meta["rate_per_min"] = quick_rate(record)
    if preset != MIXTURE:
        return sample_style(rng, preset, meta), preset
    from synth.looks import sample_look

    member = sample_member(_stream(seed, index, _MEMBER))
    return sample_look(rng, member, meta), member


def draw_page(record: ECGRecord, preset: str, seed: int, index: int = 0, style: PageStyle | None = None) -> SynthPage:
    """Page of one record with a look and damage of a preset.

    Parameters
    ----------
    record : ECGRecord
    preset : str
        One of `PRESETS`.
    seed, index : int
        Both name the page: equal numbers give equal pages.
    style : PageStyle or None
        This look instead of one that the preset draws; the damage stays the same.

    Returns
    -------
    SynthPage
        Its record's ``meta`` carries ``member``: the preset whose damage was done, for a mixture one of its members.

    Raises
    ------
    OptionsError
        If the preset is unknown.
    """
    sampled, member = page_look(record, preset, seed, index)
    style = sampled if style is None else style
    record = replace(record, meta={**record.meta, "member": member})
    return apply_steps(render(record, None, style), sample_steps(_stream(seed, index, _DAMAGE), member))


def iter_pages(
    source: str | RecordSource = "physiology",
    preset: str = "clean",
    seed: int = 0,
    start: int = 0,
    stop: int | None = None,
    *,
    step: int = 1,
    folds: Sequence[int] = DEFAULT_FOLDS,
) -> Iterator[SynthPage]:
    """Pages in memory, drawn as they are asked for.

    Parameters
    ----------
    source : str or RecordSource
        As for `open_source`.
    preset, seed : str, int
        As for `draw_page`.
    start, stop, step : int, int or None, int
        Numbers of the pages, as for `range`; without a stop they never end.
    folds : sequence of int
        Folds of PTB-XL.

    Returns
    -------
    iterator of SynthPage
        Each the page that `synth.write_set` writes under the same number; its record's ``meta`` carries ``index``,
        ``labels``, ``ecg_id``, ``patient_id``, ``fold`` and ``member``.

    Raises
    ------
    OptionsError
        If the preset or source is unknown, or a number is out of range.

    Examples
    --------
    >>> [page.record.meta["index"] for page in iter_pages(start=4, stop=6)]
    [4, 5]
    """
    known_preset(preset)
    if start < 0 or step < 1:
        raise OptionsError(f"pages are counted from 0 upwards, got start {start} and step {step}")
    found = open_source(source, folds) if isinstance(source, str) else source
    numbers = itertools.count(start, step) if stop is None else range(start, stop, step)
    return (_numbered_page(found, preset, seed, index) for index in numbers)


def _numbered_page(source: RecordSource, preset: str, seed: int, index: int) -> SynthPage:
    given = source.get(seed, index)
    known = {name: getattr(given, name) for name in ("labels", "ecg_id", "patient_id", "fold")}
    record = replace(given.record, meta={**given.record.meta, "index": index, **known})
    return draw_page(record, preset, seed, index)


def demo_page(seed: int = 0) -> SynthPage:
    """Page for a first look: a normal heart, 3x4 and a rhythm strip, 200 dpi, mildly scanned.

    Parameters
    ----------
    seed : int

    Returns
    -------
    SynthPage

    Examples
    --------
    >>> page = demo_page()
    >>> page.layout.name, page.page.dpi, page.record.fs
    ('3x4+1', 200.0, 500.0)
    """
    rng = _stream(seed, 0, _HEART)
    record = synthesize_record(sample_physiology(rng, "norm"), _DRAW_FS)
    age, sex = int(record.meta["age"]), record.meta["sex"]
    style = PageStyle(header=("Sampleton, Hazel", f"ID X{seed:06d}", f"{age} years, {sex}"), separator="none")
    return apply_steps(render(record, None, style), sample_steps(_stream(seed, 0, _DAMAGE), "scan"))
