"""The refiner at work: it says by how much each sample of a fitted line is off. Runs with onnxruntime."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digitize.refiner.view import LineView, recording
from digitize.sessions import open_network

__all__ = ["refined"]

Double = NDArray[np.float64]

_DEFAULT_FOLDER = Path(__file__).parent.parent / "weights" / "refiner"
#: Units from sample to sample that the refiner has seen: 500 Hz at 25 to 50 mm/s. Others are left as they were fitted.
_LEAST_STEP, _MOST_STEP = 0.3, 0.9
#: Farthest move that is believed, in units: 3 mm.
_MOST_MOVE = 24.0
#: Samples in a second at 500 Hz.
_SECOND = 501
#: Broadest pen that it has seen, in units: 0.75 mm, and as measured a little more.
_BROADEST = 6.4


@lru_cache(maxsize=2)
def _load(folder: Path) -> Any:
    return open_network(folder, "the refiner of lines")


def refined(view: LineView, weights: Path | None = None) -> tuple[Double, Double]:
    """Say how far each sample of a line is to be moved, and how far off it is then still expected to be.

    Parameters
    ----------
    view : LineView
    weights : Path or None
        Folder of another model.

    Returns
    -------
    moves : float array [samples]
        In pixels, downwards, about 0 over any second: where a line stands as a whole the fit knows best. 0 throughout
        where samples lie closer together or further apart, or the pen is broader, than in what it learned from.
    doubts : float array [samples]
        In pixels, the distance from the truth that is expected after the move; 0 throughout where nothing is said.

    Raises
    ------
    ModelError
        If the network is not there.
    """
    from scipy.ndimage import median_filter

    n = view.y.size
    known = _LEAST_STEP <= view.step <= _MOST_STEP and float(view.pen[0]) <= _BROADEST
    if recording() or not known:
        return np.zeros(n), np.zeros(n)
    # Samples go in pairs.
    line = np.pad(view.channels(), ((0, 0), (0, n % 2)), mode="edge")
    said = _load(weights or _DEFAULT_FOLDER).run(["moves", "doubts"], {"line": line[None]})
    moves, doubts = (out[0, :n].astype(np.float64) for out in said)
    # What it says of a stretch of a second as a whole was never asked for.
    moves -= median_filter(moves, min(_SECOND, n), mode="nearest")
    return moves.clip(-_MOST_MOVE, _MOST_MOVE) * view.unit_px, doubts * view.unit_px
