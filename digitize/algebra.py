"""Limb leads made to agree: what several lines say of the same seconds, weighed against each other.

Three electrodes give six limb leads, so that II = I + III and aVR + aVL + aVF = 0 at every moment (Einthoven 1912;
Goldberger 1942). Leads that stand in one column, and a rhythm strip of a limb lead below it, are therefore several
readings of two unknowns, and their weighted least-squares agreement errs less than each of them: with k lines of equal
error its variance is 2/k of theirs. A line that another crosses, or that a bar hides, weighs less there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from digitize.evidence import LIMB
from digitize.lines import LineReading, Place
from digitize.ranks import median

__all__ = ["limb_columns", "reconciled"]

Double = NDArray[np.float64]
Bool = NDArray[np.bool_]

#: Where the readings differ by more than this share of the signal itself, they are not readings of the same heart beat,
#: and nothing is changed: leads in the wrong place, or columns that are not simultaneous.
_AGREE = 0.25
#: Rounds of reweighting by Huber's function, and its bend in standard deviations (Huber 1964: 95 % efficiency).
_ROUNDS, _BEND = 3, 1.345


def reconciled(readings: Sequence[LineReading], places: Sequence[Place]) -> list[LineReading]:
    """Weigh simultaneous readings of the limb leads against each other.

    Parameters
    ----------
    readings : sequence of LineReading
        On the page's clock, strips named.
    places : sequence of Place
        One a reading.

    Returns
    -------
    list of LineReading
        The same lines; limb leads moved to where all agree. Nothing is filled in where a line was not seen, and no
        line's level changes.
    """
    result = list(readings)
    for members in limb_columns(readings, places):
        _agree(result, members)
    return result


def limb_columns(readings: Sequence[LineReading], places: Sequence[Place]) -> list[list[int]]:
    """List the readings that show limb leads at the same seconds: each column's, and the strips below it.

    Parameters
    ----------
    readings : sequence of LineReading
        On the page's clock, strips named.
    places : sequence of Place
        One a reading.

    Returns
    -------
    list of list of int
        Indices of three readings or more, those of the column first.
    """
    found = []
    for column in sorted({p.column for p in places if not p.is_strip}):
        group = [k for k, p in enumerate(places) if not p.is_strip and p.column == column and _is_limb(readings[k])]
        if not group:
            continue
        strips = [k for k, p in enumerate(places) if p.is_strip and _is_limb(readings[k])]
        members = group + [k for k in strips if _same_seconds(readings[k], readings[group[0]])]
        if len(members) >= 3:
            found.append(members)
    return found


def _is_limb(reading: LineReading) -> bool:
    return reading.trace.box.lead in LIMB


def _same_seconds(strip: LineReading, short: LineReading) -> bool:
    """Whether a strip shows the seconds of a column that stands above it: not where columns are simultaneous."""
    a, b = strip.trace, short.trace
    offset_px = b.x[0] - a.x[0]
    per_s = (a.x[-1] - a.x[0]) / max(a.box.stop_s - a.box.start_s, 1e-9)
    return bool(abs(offset_px / per_s - (b.box.start_s - a.box.start_s)) < 0.02)  # 20 ms: half a millimetre of paper


def _agree(result: list[LineReading], members: list[int]) -> None:
    """Move the lines of one column, in place of the list, to their weighted agreement."""
    x = result[members[0]].trace.x
    lines = np.stack([_at(result[k], x, result[k].trace.y) for k in members])
    weights = np.stack([_at(result[k], x, result[k].weight) for k in members])
    up = np.array([result[k].trace.baseline_px for k in members])[:, None] - lines
    seen = np.isfinite(up)
    up = up - np.array([median(line[s]) if s.any() else 0.0 for line, s in zip(up, seen, strict=True)])[:, None]
    weights = np.where(seen, np.nan_to_num(weights), 0.0)
    parts = np.array([LIMB[result[k].trace.box.lead] for k in members])
    values = np.where(seen, up, 0.0)
    residual, known = _robust(values, weights, parts, seen)
    spread = float(np.sqrt((values[:, known] ** 2).mean())) if known.any() else 0.0
    if spread == 0 or float(np.sqrt((residual[:, known] ** 2).mean())) > _AGREE * spread:
        return
    for k, line in zip(members, residual, strict=True):
        trace = result[k].trace
        inside = (trace.x >= x[0] - 1e-9) & (trace.x <= x[-1] + 1e-9)
        move = np.interp(trace.x[inside], x, line)
        y = trace.y.copy()
        y[inside] += move  # rows count downwards
        result[k] = replace(result[k], trace=replace(trace, y=y))


def _at(reading: LineReading, x: Double, values: Double) -> Double:
    """Values of a line at columns x; NaN next to a gap."""
    own = reading.trace.x
    result: Double = np.interp(x, own, values)
    return result


def _robust(
    values: Double, weights: Double, parts: Double, seen: NDArray[np.bool_]
) -> tuple[Double, NDArray[np.bool_]]:
    """Residuals of the agreement, each line's own level left out, and the samples at which three lines speak."""
    known = seen.sum(axis=0) >= 3
    residual = np.zeros_like(values)
    offset = np.zeros((values.shape[0], 1))
    trust = weights.copy()
    for _ in range(_ROUNDS):
        fitted = _fit(values - offset, trust, parts)
        residual = np.where(seen & known, values - offset - fitted, 0.0)
        level = np.array(
            [median(r[s & known]) if (s & known).any() else 0.0 for r, s in zip(residual, seen, strict=True)]
        )
        offset = offset + level[:, None]
        residual = np.where(seen & known, residual - level[:, None], 0.0)
        scale = 1.4826 * median(np.abs(residual[seen & known])) if (seen & known).any() else 0.0
        far = np.abs(residual) / max(_BEND * scale, 1e-9)
        trust = weights / np.maximum(far, 1.0)
    return residual, known


def _fit(values: Double, weights: Double, parts: Double) -> Double:
    """Weighted least squares of two unknowns at every sample."""
    a = np.einsum("kt,k,k->t", weights, parts[:, 0], parts[:, 0]) + 1e-9
    b = np.einsum("kt,k,k->t", weights, parts[:, 0], parts[:, 1])
    c = np.einsum("kt,k,k->t", weights, parts[:, 1], parts[:, 1]) + 1e-9
    p = np.einsum("kt,k->t", weights * values, parts[:, 0])
    q = np.einsum("kt,k->t", weights * values, parts[:, 1])
    det = a * c - b * b
    solved = np.stack([(c * p - b * q) / det, (a * q - b * p) / det])
    fitted: Double = parts @ solved
    return fitted
