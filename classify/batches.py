"""Batches for training and validation: which records, in which order, and how they are varied."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Sampler

from classify.augment import Bank, as_paper, crop, mixing
from classify.hearts import Hearts
from classify.images.vary import varied
from classify.inputs import InputSpec
from classify.options import PaperOptions, TrainOptions
from classify.sets import LabelledSet

__all__ = ["Batches", "loader"]

Rows = NDArray[np.intp]
Float32 = NDArray[np.float32]


class Batches:
    """Batches of training inputs, made whole: numpy works on all records of one at once.

    Parameters
    ----------
    known : LabelledSet
    rows : integer array
        Records of this set.
    targets : float32 array [n, outputs]
        Of all records of `known`.
    options : TrainOptions
    paper : PaperOptions
    bank : Bank or None
    learns : bool
        Whether records are mixed, cut and shown as paper; else they come as they are.
    views : sequence of LabelledSet
        The same records as teachers take them: mixed and cut alike, ``view_0`` and so on in a batch.
    hearts : Hearts, optional
        Of which `TrainOptions.hearts` are in each batch: ``heart_x`` as paper shows them, ``heart_whole`` before that.
    """

    def __init__(
        self,
        known: LabelledSet,
        rows: Rows,
        targets: Float32,
        options: TrainOptions,
        paper: PaperOptions,
        bank: Bank | None,
        learns: bool,
        views: Sequence[LabelledSet] = (),
        hearts: Hearts | None = None,
    ) -> None:
        self.hearts = hearts if learns else None
        self.views = tuple(views) if learns else ()
        self.known, self.rows, self.targets = known, rows, targets
        self.options, self.paper, self.bank, self.learns = options, paper, bank, learns
        self.epoch = 0

    def __len__(self) -> int:
        """Return the number of records."""
        return len(self.rows)

    def __getitem__(self, place: int) -> dict[str, Tensor]:
        """Return a batch of one."""
        return self.__getitems__([place])

    def __getitems__(self, places: list[int]) -> dict[str, Tensor]:
        """Make the batch of these places: the same for the same seed, epoch and places, on whatever process."""
        rows = self.rows[places]
        x, y, extra = self.known.inputs(rows), self.targets[rows], self.known.extra[rows]
        views = [view.inputs(rows) for view in self.views]
        if self.learns:
            rng = np.random.default_rng([self.options.seed, self.epoch, *places])
            x, y, extra, views = self._varied(x, y, extra, views, rng)
        seen = {f"view_{k}": torch.from_numpy(view) for k, view in enumerate(views)}
        if self.hearts is not None:
            seen |= self._lesson(self.hearts, np.random.default_rng([self.options.seed, self.epoch, *places, 1]))
        return {"x": torch.from_numpy(x), "y": torch.from_numpy(y), "extra": torch.from_numpy(extra), **seen}

    def _lesson(self, hearts: Hearts, rng: np.random.Generator) -> dict[str, Tensor]:
        """Hearts of one batch, cut like its records but not mixed: where a finding shows is a place in one heart."""
        samples = None if self.options.crop_s is None else round(self.options.crop_s * self.known.spec.fs)
        whole, y, extra, truth = hearts.lesson(self.options.hearts, samples, rng)
        shown = as_paper(whole, self.paper, rng, self.bank, self.known.spec.leads) if self.paper.acts else whole
        x = np.ascontiguousarray(shown, dtype=np.float32)
        told = {"x": x, "whole": whole, "y": y, "extra": extra, "truth": truth}
        return {f"heart_{name}": torch.from_numpy(value) for name, value in told.items()}

    def _varied(
        self, x: Float32, y: Float32, extra: Float32, views: list[Float32], rng: np.random.Generator
    ) -> tuple[Float32, Float32, Float32, list[Float32]]:
        options = self.options
        if options.vary and self.known.spec.kind == "page":
            x = varied(x, options.vary, rng)
        if options.crop_s is not None:
            # A copy of the generator for each view: all are cut at the same places.
            views = [crop(v, round(options.crop_s * s.spec.fs), copy.deepcopy(rng)) for v, s in self._seen(views)]
            x = crop(x, round(options.crop_s * self.known.spec.fs), rng)
        if options.mixup:
            share, partner = mixing(len(x), options.mixup, rng)
            share32 = np.float32(share)
            views = [_mixed(v, s.spec, share32, partner) for v, s in self._seen(views)]
            x = _mixed(x, self.known.spec, share32, partner)
            y = share32 * y + (1 - share32) * y[partner]
            extra = _mixed_person(extra, partner, share32)
        if options.hide_person:
            told = rng.random((len(x), 2)) >= options.hide_person
            extra = extra * np.repeat(told, 2, axis=1)
        if self.paper.acts:
            x = as_paper(x, self.paper, rng, self.bank, self.known.spec.leads)
        x, *views = (np.ascontiguousarray(each, dtype=np.float32) for each in (x, *views))
        return x, y.astype(np.float32), extra.astype(np.float32), views

    def _seen(self, views: list[Float32]) -> list[tuple[Float32, LabelledSet]]:
        return list(zip(views, self.views, strict=True))


def _mixed(x: Float32, spec: InputSpec, share: np.float32, partner: NDArray[np.intp]) -> Float32:
    """Mix records in pairs; what is shown of a mixture is what both show."""
    presence = x.shape[1] // 2 if spec.presence else x.shape[1]
    mixed = share * x + (1 - share) * x[partner]
    mixed[:, presence:] = x[:, presence:] * x[partner, presence:]
    return mixed


def _mixed_person(extra: Float32, partner: NDArray[np.intp], share: np.float32) -> Float32:
    """Age and sex of mixed records: of each what both tell, mixed alike (`classify.inputs.to_extra`)."""
    known = extra[:, 1::2] * extra[partner, 1::2]
    mixed = (share * extra[:, ::2] + (1 - share) * extra[partner, ::2]) * known
    return np.stack([mixed, known], axis=2).reshape(len(extra), -1)


class _Order(Sampler[int]):  # type: ignore[misc]  # torch's types are not followed
    """Order of the records in an epoch: the same for the same seed and epoch, also after a resumed run.

    With several processes each takes every n-th record; the last ones come twice where the number does not divide.
    """

    def __init__(self, batches: Batches, positive: NDArray[np.bool_] | None) -> None:
        self.batches, self.positive = batches, positive

    def __len__(self) -> int:
        return len(self._places())

    def __iter__(self) -> Iterator[int]:
        return iter(self._places().tolist())

    def _places(self) -> NDArray[np.intp]:
        places = np.arange(len(self.batches))
        if self.batches.learns:
            rng = np.random.default_rng([self.batches.options.seed, self.batches.epoch])
            if self.positive is not None:
                least = int(min(self.positive.sum(), (~self.positive).sum()))
                parts = [rng.permutation(places[kept])[:least] for kept in (self.positive, ~self.positive)]
                places = np.concatenate(parts)
            places = rng.permutation(places)
        if not torch.distributed.is_available() or not torch.distributed.is_initialized():
            return places
        rank, world = torch.distributed.get_rank(), torch.distributed.get_world_size()
        return np.resize(places, -(-places.size // world) * world)[rank::world]

    def set_epoch(self, epoch: int) -> None:
        """Take note of the epoch; lightning calls this ahead of each."""
        self.batches.epoch = epoch


def loader(batches: Batches, positive: NDArray[np.bool_] | None = None) -> DataLoader[Any]:
    """Loader of batches; `positive` [records] balances each epoch.

    Parameters
    ----------
    batches : Batches
    positive : bool array [records], optional

    Returns
    -------
    torch.utils.data.DataLoader
    """
    options = batches.options
    order = _Order(batches, positive)
    return DataLoader(
        batches,
        batch_size=options.batch,
        sampler=order,
        # A last batch of one or two records would upset the batch normalisation.
        drop_last=batches.learns and len(order) >= options.batch,
        collate_fn=_as_is,
        num_workers=options.workers,
    )


def _as_is(batch: Any) -> Any:
    return batch
