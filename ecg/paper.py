"""ECG paper: its scale, its layouts and the boxes in which leads are printed.

The standard paper and its defaults (25 mm/s, 10 mm/mV, 1 mm squares) follow the AHA/ACCF/HRS recommendations for the
standardization of the electrocardiogram, part I (Kligfield et al., Circulation 2007;115:1306-1324).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from ecg.errors import RecordError
from ecg.record import LEADS

__all__ = [
    "CABRERA",
    "DEFAULT_GAIN_MM_PER_MV",
    "DEFAULT_SPEED_MM_PER_S",
    "EXTRA_LAYOUTS",
    "LAYOUTS",
    "MM_PER_INCH",
    "LeadBox",
    "PageLayout",
    "PaperScale",
]

MM_PER_INCH = 25.4
DEFAULT_SPEED_MM_PER_S = 25.0
DEFAULT_GAIN_MM_PER_MV = 10.0

#: Limb leads in Cabrera order; "-aVR" is aVR printed upside down. A record stores aVR with its sign restored.
CABRERA = ("aVL", "I", "-aVR", "II", "aVF", "III")


@dataclass(frozen=True)
class PaperScale:
    """How many pixels a second and a millivolt are.

    Parameters
    ----------
    px_per_mm_x, px_per_mm_y : float
        Pixels per millimetre of paper, along time and along voltage.
    speed_mm_per_s : float
        Paper speed in mm/s.
    gain_mm_per_mv : float
        Gain in mm/mV.

    Raises
    ------
    RecordError
        If any value is not a positive number.

    Examples
    --------
    >>> scale = PaperScale.from_dpi(254)
    >>> scale.px_per_mm_x, scale.px_per_s, scale.px_per_mv
    (10.0, 250.0, 100.0)
    """

    px_per_mm_x: float
    px_per_mm_y: float
    speed_mm_per_s: float = DEFAULT_SPEED_MM_PER_S
    gain_mm_per_mv: float = DEFAULT_GAIN_MM_PER_MV

    def __post_init__(self) -> None:
        for name in ("px_per_mm_x", "px_per_mm_y", "speed_mm_per_s", "gain_mm_per_mv"):
            value = getattr(self, name)
            if not (isinstance(value, (int, float)) and math.isfinite(value) and value > 0):
                raise RecordError(f"the paper scale's {name} must be a positive number, got {value!r}")

    @classmethod
    def from_dpi(
        cls, dpi: float, speed_mm_per_s: float = DEFAULT_SPEED_MM_PER_S, gain_mm_per_mv: float = DEFAULT_GAIN_MM_PER_MV
    ) -> PaperScale:
        """Scale of a page drawn at ``dpi`` dots per inch, the same in x and y."""
        return cls(dpi / MM_PER_INCH, dpi / MM_PER_INCH, speed_mm_per_s, gain_mm_per_mv)

    @property
    def px_per_s(self) -> float:
        """Pixels per second along x."""
        return self.px_per_mm_x * self.speed_mm_per_s

    @property
    def px_per_mv(self) -> float:
        """Pixels per millivolt along y."""
        return self.px_per_mm_y * self.gain_mm_per_mv


@dataclass(frozen=True)
class PageLayout:
    """Which lead stands where on a page.

    Parameters
    ----------
    name : str
        ``ROWSxCOLUMNS[+strips]``: ``3x4+1`` is three rows of four short leads and one rhythm strip.
    rows : tuple of tuple of str
        Lead names row by row, from left to right.
    rhythm : tuple of str
        Leads of the full-width strips below, from top to bottom.

    Raises
    ------
    RecordError
        If the name does not fit the rows and strips.

    Examples
    --------
    >>> LAYOUTS["3x4+1"].rows[0], LAYOUTS["3x4+1"].rhythm, LAYOUTS["6x2"].shape
    (('I', 'aVR', 'V1', 'V4'), ('II',), (6, 2))
    """

    name: str
    rows: tuple[tuple[str, ...], ...]
    rhythm: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        match = re.fullmatch(r"(\d+)x(\d+)(?:\+(\d+))?", self.name)
        if match is None:
            raise RecordError(f"a layout is named ROWSxCOLUMNS or ROWSxCOLUMNS+STRIPS (3x4+1), got {self.name!r}")
        n_rows, n_columns, n_strips = (int(g or 0) for g in match.groups())
        widths = {len(row) for row in self.rows}
        if len(self.rows) != n_rows or widths - {n_columns} or len(self.rhythm) != n_strips:
            raise RecordError(
                f"layout {self.name!r} needs {n_rows} rows of {n_columns} leads and {n_strips} strips, "
                f"got {len(self.rows)} rows of {sorted(widths)} leads and {len(self.rhythm)} strips"
            )

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the short leads, strips not counted."""
        return len(self.rows), len(self.rows[0]) if self.rows else 0

    @property
    def n_lines(self) -> int:
        """Lines of trace from top to bottom, strips included."""
        return len(self.rows) + len(self.rhythm)


@dataclass(frozen=True)
class LeadBox:
    """Where one lead stands on the page, and which seconds of the recording it shows.

    Parameters
    ----------
    lead : str
        Lead name.
    xyxy : tuple of float
        Left, top, right, bottom in pixels.
    start_s, stop_s : float
        Time of the left and right edge on the record's clock, in seconds from the start of the page.
    """

    lead: str
    xyxy: tuple[float, float, float, float]
    start_s: float
    stop_s: float

    def __post_init__(self) -> None:
        x0, y0, x1, y1 = self.xyxy
        if not (x1 > x0 and y1 > y0):
            raise RecordError(f"the box of lead {self.lead} must have left < right and top < bottom, got {self.xyxy}")
        if not self.stop_s > self.start_s:
            raise RecordError(f"lead {self.lead} must stop after it starts, got {self.start_s} to {self.stop_s} s")


def _by_columns(name: str, leads: tuple[str, ...], n_rows: int, rhythm: tuple[str, ...] = ()) -> PageLayout:
    """Layout whose leads run down the columns, as almost every device prints them."""
    n_columns = len(leads) // n_rows
    rows = tuple(tuple(leads[c * n_rows + r] for c in range(n_columns)) for r in range(n_rows))
    return PageLayout(name, rows, rhythm)


#: Layouts in standard lead order, by name. Pages in another order are told by their printed names.
LAYOUTS: dict[str, PageLayout] = {
    layout.name: layout
    for layout in (
        _by_columns("3x4", LEADS, 3),
        _by_columns("3x4+1", LEADS, 3, ("II",)),
        _by_columns("3x4+2", LEADS, 3, ("II", "V1")),
        _by_columns("3x4+3", LEADS, 3, ("V1", "II", "V5")),
        _by_columns("4x3", LEADS, 4),
        _by_columns("6x2", LEADS, 6),
        _by_columns("6x2+1", LEADS, 6, ("II",)),
        _by_columns("12x1", LEADS, 12),
        _by_columns("12x1+1", LEADS, 12, ("II",)),
    )
}

#: Rare layouts, read where their printed names or a person say so: with few lines they cannot be told from parts of
#: other pages by their structure alone. 3x5 carries V4R, V8 and V9, the leads of a right ventricular and posterior
#: infarction.
EXTRA_LAYOUTS: dict[str, PageLayout] = {
    layout.name: layout
    for layout in (
        PageLayout("2x6", (LEADS[:6], LEADS[6:])),
        _by_columns("3x5", (*LEADS, "V4R", "V8", "V9"), 3),
        _by_columns("4x3+1", LEADS, 4, ("II",)),
        _by_columns("6x2+3", LEADS, 6, ("II", "V1", "V5")),
        _by_columns("3x2", LEADS[:6], 3),
        PageLayout("6x1", tuple((lead,) for lead in LEADS[:6])),
        PageLayout("3x1", (("I",), ("II",), ("III",))),
        PageLayout("2x1", (("II",), ("V1",))),
        PageLayout("1x1", (("II",),)),
    )
}
