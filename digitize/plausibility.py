"""Doubts about a reading that follow from what is known of every page, whatever its layout."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from digitize.layout import LayoutMatch
from digitize.text import NameHit

__all__ = ["placed_doubts", "strayed_names", "uneven_columns"]

#: How far a column's width may be from the others'. Found right they agree within 2.3 %; bounds that were set on a QRS
#: complex in place of a separator made columns differ by 5 % at least, on 70 drawn pages.
_UNEVEN = 0.05
#: Farthest, in mm, that names of one column may stand further from its start than those of another. On 82 drawn pages
#: that were read well it was under 3 mm on 95 %; where the end of the lines was missed it grows from column to column.
_ASTRAY_MM = 5.0
#: Names of a column that tell where it starts: one may belong elsewhere.
_TOLD = 2


def placed_doubts(match: LayoutMatch, names: Sequence[NameHit], px_per_mm: float) -> tuple[str, ...]:
    """Doubt where the columns of a page were placed.

    Parameters
    ----------
    match : LayoutMatch
    names : sequence of NameHit
        In pixels of the page.
    px_per_mm : float
        Along time.

    Returns
    -------
    tuple of str
    """
    return uneven_columns(match.bounds_px) + strayed_names(match, names, px_per_mm)


def uneven_columns(bounds_px: Sequence[float]) -> tuple[str, ...]:
    """Doubt columns of unequal width: all show the same number of seconds.

    Parameters
    ----------
    bounds_px : sequence of float
        Left edges of the columns and the right edge of the last.

    Returns
    -------
    tuple of str
        One doubt, or none.

    Examples
    --------
    >>> uneven_columns((100, 200, 318, 400))
    ('the columns are 82 to 118 pixels wide: a bound between leads may have been misplaced',)
    >>> uneven_columns((100, 200, 301, 400))
    ()
    """
    widths = np.diff(np.asarray(bounds_px, dtype=np.float64))
    if widths.size < 2 or float(np.abs(widths / np.median(widths) - 1).max()) <= _UNEVEN:
        return ()
    told = f"the columns are {widths.min():.0f} to {widths.max():.0f} pixels wide"
    return (f"{told}: a bound between leads may have been misplaced",)


def strayed_names(match: LayoutMatch, names: Sequence[NameHit], px_per_mm: float) -> tuple[str, ...]:
    """Doubt columns whose names do not stand where those of the other columns do.

    Names stand at the same distance from the start of every column but the first, where many devices put them
    into the margin.

    Parameters
    ----------
    match : LayoutMatch
    names : sequence of NameHit
    px_per_mm : float

    Returns
    -------
    tuple of str
        One doubt, or none.
    """
    starts = []
    for c in range(1, len(match.bounds_px) - 1):
        leads = {row[c].removeprefix("-") for row in match.layout.rows}
        at = [n.xyxy_px[0] - match.bounds_px[c] for n in names if n.text.removeprefix("-") in leads]
        # A name that is printed twice counts where it stands nearest.
        near = sorted(at, key=abs)[: len(leads)]
        if len(near) >= _TOLD:
            starts.append(float(np.median(near)) / px_per_mm)
    if len(starts) < 2 or max(starts) - min(starts) <= _ASTRAY_MM:
        return ()
    away = max(starts) - min(starts)
    return (
        f"names stand {away:.0f} mm nearer to their leads in one column than in another: the columns may be misplaced",
    )
