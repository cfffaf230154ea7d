"""What an explanation is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ecg.errors import RecordError

__all__ = ["Explanation", "Map"]

Float32 = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Map:
    """What a method finds on a model's input.

    Parameters
    ----------
    values : float32 array [leads, samples], or [height, width] of a picture
        On the input's time; for trees [leads, waves], see `explain.occlusion`.
    delta : float or None
        How far the sum of the attributions is from the difference of the two logits, as a share of that difference;
        None for methods that promise no such sum.
    steps : int
        Answers or gradients of the model that it took.
    notes : tuple of str
        What the reader has to know of this map.
    """

    values: Float32
    delta: float | None = None
    steps: int = 0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Explanation:
    """Why a model gave the probability that it gave.

    Parameters
    ----------
    values : float32 array [leads, samples] or [height, width]
        Attribution, on the time of the record or on the pixels of the page, read-only. Signed methods: positive speaks
        for the target. 0 where nothing is shown.
    leads : tuple of str
        Rows of `values`; empty for a page.
    fs : float
        Rate of `values` in Hz; 0 for a page.
    on_input : float32 array
        The same on the model's own input, before it was laid over record or page.
    task, target : str
    probability : float
        Calibrated.
    threshold : float or None
    decision : bool
        Whether the model gives the target.
    model : str
        Name on its card.
    method, baseline : str
    signed : bool
    delta : float or None
    steps : int
        See `Map`.
    seconds : float
        Wall time of the method.
    status : str
        ``"answered"``, or ``"abstained"`` where the card says not to decide.
    notes : tuple of str

    Raises
    ------
    RecordError
        If values and leads do not fit, or a value is not finite.
    """

    values: Float32
    leads: tuple[str, ...]
    fs: float
    on_input: Float32
    task: str
    target: str
    probability: float
    threshold: float | None
    decision: bool
    model: str
    method: str
    baseline: str
    signed: bool
    delta: float | None
    steps: int
    seconds: float
    status: Literal["answered", "abstained"] = "answered"
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("values", "on_input"):
            array = np.asarray(getattr(self, name), dtype=np.float32).view()
            if not np.isfinite(array).all():
                raise RecordError(
                    f"an explanation holds finite values, got others in {name}; the model's weights are odd"
                )
            array.flags.writeable = False
            object.__setattr__(self, name, array)
        if self.leads and self.values.shape[:1] != (len(self.leads),):
            raise RecordError(
                f"an explanation of {len(self.leads)} leads holds a row for each, got {list(self.values.shape)}"
            )
