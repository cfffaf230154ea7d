"""What a network sees while it learns: records mixed, cut and shown as paper shows them, all leads together.

Everything acts on inputs of kind ``paper``: eight independent leads in mV, each from its own median, and a row a lead
that says where it is present. A page of three rows and four columns shows I and II for its first half, because any two
of the six limb leads give both, V1 to V3 for the third quarter and V4 to V6 for the last.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from classify.inputs import INDEPENDENT_LEADS
from classify.options import PaperOptions
from ecg.errors import OptionsError

__all__ = ["Bank", "as_paper", "crop", "layout_masks", "mixing", "read_bank"]

Array = NDArray[np.float32]

#: Independent leads I, II, V1 to V6 in each quarter of a page.
_LIMB, _V1_3, _V4_6 = (0, 1), (2, 3, 4), (5, 6, 7)
_THREE_BY_FOUR = (_LIMB, _LIMB, _V1_3, _V4_6)
_SIX_BY_TWO = (_LIMB, _LIMB, _V1_3 + _V4_6, _V1_3 + _V4_6)
_FULL = (_LIMB + _V1_3 + _V4_6,) * 4
_II, _V1, _V5 = 1, 2, 6
#: Layouts of pages: what stands in each quarter, leads printed throughout below, and how often it is drawn. Three rows
#: and four columns with one strip, most often II, are the printed standard (ANSI/AAMI EC11; Kligfield et al.,
#: Circulation 2007;115:1306-1324); the shares of the others are a choice, so that each is seen.
_LAYOUTS: tuple[tuple[tuple[tuple[int, ...], ...], tuple[int, ...], float], ...] = (
    (_THREE_BY_FOUR, (), 0.18),
    (_THREE_BY_FOUR, (_II,), 0.34),
    (_THREE_BY_FOUR, (_V1,), 0.06),
    (_THREE_BY_FOUR, (0,), 0.02),
    (_THREE_BY_FOUR, (_V5,), 0.02),
    (_THREE_BY_FOUR, (_II, _V1, _V5), 0.08),
    (_SIX_BY_TWO, (), 0.14),
    (_SIX_BY_TWO, (_II,), 0.06),
    (_FULL, (), 0.10),
)
#: A page loses a whole lead, by a fold or a stamp, with this chance.
_LOST = 0.15


def layout_masks(rng: np.random.Generator, n: int, samples: int) -> NDArray[np.bool_]:
    """Where a page shows each independent lead.

    Parameters
    ----------
    rng : numpy.random.Generator
    n : int
        Pages.
    samples : int
        Of a page's clock, whatever its length.

    Returns
    -------
    bool array [n, 8, samples]
    """
    table = np.zeros((len(_LAYOUTS), 8, 4), dtype=bool)
    for mask, (quarters, strips, _) in zip(table, _LAYOUTS, strict=True):
        for quarter, leads in enumerate(quarters):
            mask[leads, quarter] = True
        mask[strips, :] = True
    chosen = table[rng.choice(len(_LAYOUTS), size=n, p=[share for _, _, share in _LAYOUTS])]
    lost = rng.random(n) < _LOST
    chosen[lost, rng.integers(8, size=n)[lost]] = False
    return chosen[:, :, np.arange(samples) * 4 // samples]


class Bank:
    """Errors of pages really read, to be transplanted onto other records.

    Parameters
    ----------
    gain, offset : float array [pages, 8]
        Of each lead, offset in mV.
    residual : float16 array [pages, 8, samples]
        What gain and offset leave, in mV; 0 where nothing was read.
    present : bool array [pages, 8, samples]
        What was read.

    Raises
    ------
    OptionsError
        If the arrays do not fit each other.
    """

    def __init__(
        self,
        gain: NDArray[np.floating],
        offset: NDArray[np.floating],
        residual: NDArray[np.floating],
        present: NDArray[np.bool_],
    ) -> None:
        n = len(gain)
        if not n or gain.shape != (n, 8) or offset.shape != (n, 8) or residual.shape != present.shape:
            raise OptionsError(
                "a bank of paper errors holds gain and offset [pages, 8], residual and present of one shape"
            )
        self.gain, self.offset = gain.astype(np.float32), offset.astype(np.float32)
        self.residual, self.present = residual, present

    def __len__(self) -> int:
        """Pages."""
        return len(self.gain)

    def draw(self, x: Array, rows: list[int], rng: np.random.Generator) -> tuple[Array, NDArray[np.bool_]]:
        """Return records as if they had been printed and read.

        Parameters
        ----------
        x : float32 array [n, leads, samples]
            Up to the length of the bank's pages; shorter ones meet a random stretch of each quarter, so that they
            still show what stands in every column of a page.
        rows : list of int
            Which of the independent leads they are.
        rng : numpy.random.Generator

        Returns
        -------
        x : float32 array [n, leads, samples]
        present : bool array of the same shape
        """
        pages = rng.integers(len(self), size=len(x))
        window = _quarters(self.residual.shape[2], x.shape[2], rng)
        at = pages[:, None], np.array(rows)
        gain, offset = self.gain[at][:, :, None], self.offset[at][:, :, None]
        residual = self.residual[at][:, :, window].astype(np.float32)
        return x * gain + offset + residual, self.present[at][:, :, window]


def _quarters(page: int, length: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Choose the samples of a page that a shorter record meets: a random stretch of every quarter, in order."""
    ends = np.arange(5) * length // 4
    starts = np.arange(4) * page // 4
    slack = page // 4 - int(np.diff(ends).max())
    offset = int(rng.integers(slack + 1)) if slack > 0 else 0
    return np.concatenate(
        [np.arange(b - a) + start + offset for a, b, start in zip(ends[:-1], ends[1:], starts, strict=True)]
    )


def read_bank(path: str | Path) -> Bank:
    """Read a bank that `classify.paper_noise` wrote; raises OptionsError if it is none."""
    try:
        with np.load(path, allow_pickle=False) as content:
            shape = tuple(content["residual"].shape)
            bits = np.unpackbits(content["present"], axis=-1, count=shape[-1]).astype(bool)
            return Bank(content["gain"], content["offset"], content["residual"], bits)
    except (OSError, ValueError, KeyError) as error:
        raise OptionsError(
            f"{path} is no bank of paper errors ({error}); make one: python -m classify.paper_noise"
        ) from error


def as_paper(
    x: Array,
    options: PaperOptions,
    rng: np.random.Generator,
    bank: Bank | None = None,
    leads: Sequence[str] = INDEPENDENT_LEADS,
) -> Array:
    """Show records as paper would: part of each lead, with a reader's errors.

    Parameters
    ----------
    x : float32 array [n, 2 * leads, samples]
        Leads in mV and where they are present.
    options : PaperOptions
    rng : numpy.random.Generator
    bank : Bank, optional
    leads : sequence of str
        Some of the independent leads.

    Returns
    -------
    float32 array [n, 2 * leads, samples]
        Each lead again from the median of what it shows; 0 where it shows nothing.
    """
    n, _, samples = x.shape
    rows = [INDEPENDENT_LEADS.index(lead) for lead in leads]
    signal, given = x[:, : len(rows)].copy(), x[:, len(rows) :] > 0.5
    signal *= np.exp(options.any_gain_sd * rng.standard_normal((n, 1, 1))).astype(np.float32)
    present = given.copy()
    pages = np.flatnonzero(rng.random(n) < options.share)
    if bank is not None:
        banked = rng.random(pages.size) < options.bank_share
        signal[pages[banked]], shown = bank.draw(signal[pages[banked]], rows, rng)
        present[pages[banked]] &= shown
        pages = pages[~banked]
    signal[pages] = _read_errors(signal[pages], options, rng)
    present[pages] &= layout_masks(rng, pages.size, samples)[:, rows]
    lost = (rng.random((n, len(rows))) < options.lose_lead) & (rng.random((n, 1)) < 0.5)
    present &= ~lost[:, :, None]
    # A record of which nothing is left teaches nothing.
    empty = ~present.any(axis=(1, 2))
    present[empty] = given[empty]
    return np.concatenate([_centred(signal, present), present.astype(np.float32)], axis=1)


def _read_errors(x: Array, options: PaperOptions, rng: np.random.Generator) -> Array:
    """Gain of the page, offset and slow wave of each lead, white noise: 100 Hz is taken for the wave's rate."""
    n, k, samples = x.shape
    t = np.arange(samples, dtype=np.float32) / 100
    gain = 1 + options.gain_sd * rng.standard_normal((n, 1, 1))
    offset = options.offset_mv * rng.standard_normal((n, k, 1))
    hz, turn = 0.4 * rng.random((n, k, 1)), rng.random((n, k, 1))
    wave = options.wander_mv * rng.random((n, 1, 1)) * np.sin(2 * np.pi * (hz * t + turn))
    low, high = options.noise_mv
    noise = (low + (high - low) * rng.random((n, 1, 1))) * rng.standard_normal((n, k, samples), dtype=np.float32)
    return np.asarray(x * gain + offset + wave + noise, dtype=np.float32)


def _centred(leads: Array, present: NDArray[np.bool_]) -> Array:
    """Each lead from the median of what it shows, 0 elsewhere: what `classify.inputs` does to a record."""
    hidden = np.sort(np.where(present, leads, np.inf), axis=2)  # what is hidden lies behind what is shown
    n = present.sum(axis=2, keepdims=True)
    low, high = (np.take_along_axis(hidden, np.maximum(at, 0), axis=2) for at in ((n - 1) // 2, n // 2))
    median = np.zeros_like(low)
    np.add(low / 2, high / 2, out=median, where=n > 0)
    return np.where(present, leads - median, 0).astype(np.float32)


def crop(x: Array, samples: int, rng: np.random.Generator) -> Array:
    """Stretch of each record at a random place, all rows together.

    Parameters
    ----------
    x : float32 array [n, rows, longer]
    samples : int
    rng : numpy.random.Generator

    Returns
    -------
    float32 array [n, rows, samples]
    """
    if samples >= x.shape[2]:
        return x
    start = rng.integers(x.shape[2] - samples + 1, size=len(x))
    at = start[:, None, None] + np.arange(samples)
    return np.take_along_axis(x, at, axis=2)


def mixing(n: int, alpha: float, rng: np.random.Generator) -> tuple[float, NDArray[np.intp]]:
    """Share of the first record and number of the second, for mixing the records of a batch in pairs.

    Parameters
    ----------
    n : int
        Records of the batch.
    alpha : float
        Parameter of the Beta distribution (Zhang et al., ICLR 2018, arXiv 1710.09412).
    rng : numpy.random.Generator

    Returns
    -------
    share : float
        0.5 to 1: which of two is the first is no matter.
    partner : integer array [n]
    """
    share = float(rng.beta(alpha, alpha))
    return max(share, 1 - share), rng.permutation(n)
