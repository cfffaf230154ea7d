"""Training pages for PyTorch. This module alone of the package needs torch, and importing it imports torch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ecg import ModelError, OptionsError
from synth.page import SynthPage
from synth.source import DEFAULT_FOLDS, iter_pages, known_preset

try:
    import torch
    from torch.utils.data import IterableDataset, get_worker_info
except ImportError as error:
    raise ModelError(
        f"synth.torch_dataset needs torch, which is not there ({error}); install the project with its extra: "
        "pip install 'einthoven[learn]'"
    ) from error

__all__ = ["SynthDataset", "page_tensors"]


def page_tensors(page: SynthPage) -> dict[str, Any]:
    """Turn a page into tensors.

    Parameters
    ----------
    page : SynthPage

    Returns
    -------
    dict
        ``image`` uint8 [3, height, width] RGB; ``mask`` uint8 [height, width], 0 or 1 + the index of the trace;
        ``signal`` float32 [leads, samples] in mV, NaN where not on the page; ``leads`` and ``labels``, tuples of str;
        ``fs`` in Hz; ``index``, the page's number. Pages differ in size: batch them after a crop or scaling of your
        own, or let the loader hand them out singly (``batch_size=None``).
    """
    return {
        "image": torch.from_numpy(np.array(page.page.image.transpose(2, 0, 1))),
        "mask": torch.from_numpy(np.array(page.masks)),
        "signal": torch.from_numpy(np.array(page.record.signal)),
        "leads": page.record.leads,
        "labels": tuple(page.record.meta["labels"]),
        "fs": page.record.fs,
        "index": page.record.meta["index"],
    }


class SynthDataset(IterableDataset[Any]):  # type: ignore[misc]  # torch is not type-checked
    """Pages drawn as a loader asks for them, split among its workers without doubling or gaps.

    Page ``index`` is the page that `synth.write_set` writes under this number, whatever the number of workers; their
    order is ascending within a worker. For fresh pages in each epoch move ``start`` and ``stop`` on.

    Parameters
    ----------
    source : str
        As for `synth.open_source`.
    preset, seed : str, int
        As for `synth.draw_page`.
    start, stop : int, int or None
        Numbers of the pages; without a stop they never end.
    transform : callable
        Makes of a `SynthPage` what is yielded; picklable where there are workers. `page_tensors` by default.
    folds : sequence of int
        Folds of PTB-XL.
    rank, world_size : int
        Number of this process among those that train together, and how many they are.

    Raises
    ------
    OptionsError
        If preset, numbers or ranks are out of range.

    Examples
    --------
    >>> pages = SynthDataset(preset="published", stop=1)
    >>> len(pages), next(iter(pages))["image"].dtype
    (1, torch.uint8)
    """

    def __init__(
        self,
        source: str = "physiology",
        preset: str = "field",
        seed: int = 0,
        start: int = 0,
        stop: int | None = None,
        *,
        transform: Callable[[SynthPage], Any] = page_tensors,
        folds: Sequence[int] = DEFAULT_FOLDS,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        known_preset(preset)
        if start < 0 or (stop is not None and stop < start):
            raise OptionsError(f"pages are counted from 0 upwards, got start {start} and stop {stop}")
        if not 0 <= rank < world_size:
            raise OptionsError(f"rank must be 0 to world_size - 1, got {rank} of {world_size}")
        self.source, self.preset, self.seed, self.folds = source, preset, seed, tuple(folds)
        self.start, self.stop, self.transform = start, stop, transform
        self.rank, self.world_size = rank, world_size

    def __iter__(self) -> Iterator[Any]:
        """Yield this worker's share of the pages, transformed."""
        worker = get_worker_info()
        number, count = (worker.id, worker.num_workers) if worker is not None else (0, 1)
        first = self.start + self.rank + self.world_size * number
        pages = iter_pages(
            self.source, self.preset, self.seed, first, self.stop, step=self.world_size * count, folds=self.folds
        )
        return map(self.transform, pages)

    def __len__(self) -> int:
        """Pages that this process yields over all of its workers.

        Raises
        ------
        TypeError
            If they never end.
        """
        if self.stop is None:
            raise TypeError("a SynthDataset without a stop never ends and has no length; give it a stop")
        return len(range(self.start + self.rank, self.stop, self.world_size))
