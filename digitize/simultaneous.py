"""Limb leads of one column moved by milliseconds to where their law holds.

Paper that lies uneven under a camera, or a grid that was evened out to a pixel, leaves the lines of a column up to a
millimetre out of step. The heart is not: II = I + III and aVR + aVL + aVF = 0 at every moment (Einthoven 1912;
Goldberger 1942), and beats are steep enough to tell by how much each line must move for that to be so. The moves are
found by Gauss and Newton's method on what the laws leave over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from digitize.algebra import limb_columns
from digitize.evidence import LIMB
from digitize.lines import LineReading, Place
from digitize.ranks import median_along

__all__ = ["aligned"]

Double = NDArray[np.float64]

#: Seconds: a line is out of step by 5 ms or so, at most by half a millimetre of paper at 25 mm/s.
_LIKELY_S, _MOST_S = 0.005, 0.02
#: Share of its power that what the laws leave over must lose for the moves to be believed, and rounds of the search.
_LESS, _ROUNDS = 0.4, 8


def aligned(readings: Sequence[LineReading], places: Sequence[Place], px_per_s: float) -> list[LineReading]:
    """Move simultaneous limb leads in time to where they agree best.

    Parameters
    ----------
    readings : sequence of LineReading
        On the page's clock, strips named.
    places : sequence of Place
        One a reading.
    px_per_s : float

    Returns
    -------
    list of LineReading
        Lines of a column that agree clearly better so are moved by up to 20 ms; a strip stays where it is.
    """
    result = list(readings)
    for members in limb_columns(readings, places):
        x = readings[members[0]].trace.x
        up = np.stack([-np.interp(x, readings[k].trace.x, readings[k].trace.y) for k in members])
        parts = np.array([LIMB[readings[k].trace.box.lead] for k in members])
        still = np.array([places[k].is_strip for k in members])
        for k, move in zip(members, _moves(up, x, parts, still, px_per_s), strict=True):
            if move and not places[k].is_strip:
                result[k] = _moved(readings[k], move)
    return result


def _moves(up: Double, x: Double, parts: Double, still: NDArray[np.bool_], px_per_s: float) -> Double:
    """Pixels by which each line is to be read further right; zeros where that does not help clearly."""
    laws = np.linalg.svd(parts.T)[2][np.linalg.matrix_rank(parts) :]
    known = np.isfinite(up).all(axis=0)
    moves = np.zeros(len(up))
    if known.sum() < 0.5 * x.size or laws.shape[0] == 0:
        return moves
    filled = np.where(np.isfinite(up), up, np.nanmedian(up, axis=1, keepdims=True))
    before = _left_over(filled, laws)[:, known]
    noise = float((before**2).mean())
    for _ in range(_ROUNDS):
        now = _shifted(filled, x, moves)
        steep = np.gradient(now, x, axis=1) * known
        left = _left_over(now, laws) * known
        # A move is as likely as a normal deviate of 5 ms; strips, which are the clock, do not move.
        normal = (laws.T @ laws) * (steep @ steep.T)
        normal += np.diag(np.where(still, 1e12, noise / (_LIKELY_S * px_per_s) ** 2))
        push = (steep * (laws.T @ left)).sum(axis=1) + moves * noise / (_LIKELY_S * px_per_s) ** 2
        moves = np.clip(moves - np.linalg.solve(normal, push), -_MOST_S * px_per_s, _MOST_S * px_per_s)
    after = _left_over(_shifted(filled, x, moves), laws)[:, known]
    believed = float((after**2).mean()) < (1 - _LESS) * noise and np.abs(moves).max() < 0.99 * _MOST_S * px_per_s
    return np.where(still, 0.0, moves) if believed else np.zeros(len(up))


def _left_over(up: Double, laws: Double) -> Double:
    """Compute what the laws leave over, [laws, points], about its median."""
    left = laws @ up
    return np.asarray(left - median_along(left, 1)[:, None])


def _shifted(up: Double, x: Double, moves: Double) -> Double:
    return np.stack([np.interp(x + move, x, line) for line, move in zip(up, moves, strict=True)])


def _moved(reading: LineReading, move: float) -> LineReading:
    """Read a line a few pixels further right; what was unknown stays so."""
    trace = reading.trace
    seen = np.isfinite(trace.y)
    if seen.sum() < 2:
        return reading
    y = np.interp(trace.x + move, trace.x[seen], trace.y[seen])
    weight = np.interp(trace.x + move, trace.x, reading.weight)
    return replace(reading, trace=replace(trace, y=np.where(seen, y, np.nan)), weight=weight)
