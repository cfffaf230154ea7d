"""Options of the page reader, each with its unit and its reason."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from ecg.errors import OptionsError
from ecg.paper import EXTRA_LAYOUTS, LAYOUTS

__all__ = ["DigitizeOptions"]

#: Names of leads: the twelve, right-sided and posterior ones, Frank's, Nehb's; "-aVR" is aVR printed upside down.
_LEAD = re.compile(r"-?(I{1,3}|aV[RLF]|V[1-9]R?|[XYZDAJ]|CR[1-7]|MCL[1-6])")


@dataclass(frozen=True)
class DigitizeOptions:
    """What a person may say about a page before it is read; everything left at None is found on the page.

    Parameters
    ----------
    method : str
        ``"auto"`` uses the learned reader of printed names; ``"classical"`` uses no learned part.
    layout : str or None
        Name of the layout, ``"3x4+1"`` say; its leads are then taken in standard order unless names are read.
    speed_mm_per_s, gain_mm_per_mv : float or None
        Paper speed in mm/s and gain in mm/mV.
    px_per_mm : tuple of float or None
        Pixels per millimetre in x and y.
    corners : tuple of eight floats or None
        x,y of the recording area's corners on the page as it came: top left, top right, bottom right, bottom left.
    leads : tuple of str or None
        Names of the leads where they stand: short leads row by row from left to right, then the strips.
    boxes : tuple of (str, float, float, float, float) or None
        Name, left, top, right and bottom of each lead's box in pixels of the upright flat page, in the same order, as
        ``STEM.json`` holds them. They fit the page, layout and corners with which they were found.
    force : bool
        Read a page that would be refused; every output says so.
    keep_text : bool
        Keep the text that was read outside lead names and scale. Off by default: it may name a person.
    refine : bool
        Whether a network mends the fitted lines, where the method has one; off to measure what it does.
    fs : float
        Sampling rate of the signals in Hz. 500 Hz is the rate of diagnostic ECG devices (Kligfield et al. 2007).

    Raises
    ------
    OptionsError
        If a value is outside its range.
    """

    method: Literal["auto", "classical"] = "auto"
    layout: str | None = None
    speed_mm_per_s: float | None = None
    gain_mm_per_mv: float | None = None
    px_per_mm: tuple[float, float] | None = None
    corners: tuple[float, ...] | None = None
    leads: tuple[str, ...] | None = None
    boxes: tuple[tuple[str, float, float, float, float], ...] | None = None
    force: bool = False
    keep_text: bool = False
    refine: bool = True
    fs: float = 500.0

    @property
    def tells_leads(self) -> bool:
        """Whether a person says which lead stands where."""
        return self.leads is not None or self.boxes is not None

    @property
    def mends_lines(self) -> bool:
        """Whether the refiner is asked."""
        return self.refine and self.method != "classical"

    def __post_init__(self) -> None:
        if self.method not in ("auto", "classical"):
            raise OptionsError(f"method must be auto or classical, got {self.method!r}")
        known = (*LAYOUTS, *EXTRA_LAYOUTS)
        if self.layout is not None and self.layout not in known:
            raise OptionsError(f"layout must be one of {', '.join(known)}, got {self.layout!r}")
        for name in ("speed_mm_per_s", "gain_mm_per_mv", "fs"):
            value = getattr(self, name)
            if value is not None and not 0 < value < float("inf"):
                raise OptionsError(f"{name} must be a positive number, got {value!r}")
        if self.px_per_mm is not None and (len(self.px_per_mm) != 2 or min(self.px_per_mm) <= 0):
            raise OptionsError(f"px_per_mm must be two positive numbers X,Y, got {self.px_per_mm!r}")
        if self.corners is not None and len(self.corners) != 8:
            raise OptionsError(f"corners must be eight numbers x,y,x,y,x,y,x,y, got {len(self.corners)}")
        names = (*(self.leads or ()), *(box[0] for box in self.boxes or ()))
        for name in names:
            if _LEAD.fullmatch(str(name)) is None:
                raise OptionsError(f"a lead is named like I, aVR, -aVR, V1 or V4R, got {name!r}")
        for lead, left, top, right, bottom in self.boxes or ():
            if not (0 <= left < right < float("inf") and 0 <= top < bottom < float("inf")):
                raise OptionsError(f"the box of {lead} must be left, top, right, bottom in pixels of the page")
