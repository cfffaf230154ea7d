"""Doubts about a reading that follow from what is known of every page, whatever its layout."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from digitize.layout import LayoutMatch
from digitize.ranks import median
from digitize.text import NameHit
from ecg import LEADS, ECGRecord

__all__ = [
    "coarse_picture",
    "named_doubts",
    "odd_height",
    "odd_length",
    "placed_doubts",
    "short_columns",
    "stopped_pen",
    "strayed_names",
    "uneven_columns",
    "unknown_gain",
]

#: How far a column's width may be from the others'. Found right they agree within 2.3 %; bounds that were set on a QRS
#: complex in place of a separator made columns differ by 5 to 18 %, on 70 drawn pages; a page with a single pulse, read
#: well, by 5.5 %.
_UNEVEN = 0.06
#: Farthest, in mm, that names of one column may stand further from its start than those of another. On 82 drawn pages
#: that were read well it was under 3 mm on 95 %; where the end of the lines was missed it grows from column to column.
_ASTRAY_MM = 5.0
#: Names of a column that tell where it starts: one may belong elsewhere.
_TOLD = 2
#: Confidence from which a name counts that no line was found for or that stands astray, how many of the former are too
#: many, and what the name of a line needs that nothing but its name tells apart: II on a fax was read as I at 0.66.
_SEEN, _TOO_MANY, _SURE = 0.5, 2, 0.8
#: Lines from which a page of one column is a layout of its own.
_TWELVE = 12
#: Pixels a millimetre under which pages are not accepted: at 65 and 75 dpi (2.6, 3.0) chest leads of 12x1 were swapped.
_COARSE_PX = 3.0
#: Seconds that devices print in a line, and how far from them a scale that only a pulse tells may put its length: gaps
#: between columns are up to 1.2 % of a line, and pens 3 % of a pulse.
_LENGTHS_S, _OFF = (2.5, 3.0, 5.0, 6.0, 10.0), (0.015, 0.08)

#: Height of beats in mV between which 975 of 1,000 records of PTB-XL lie, as `odd_height` averages it, and the leads
#: that it takes: at half the true gain 73 % lie below, at twice the gain half lie above.
_HEIGHTS_MV, _LEADS = (0.65, 2.2), 6
#: Seconds of a column under which a layout is doubted that few names confirm: devices print 2.5 s and more of a lead,
#: and a page of two columns of 3 s was taken for one of four.
_SHORT_S, _CONFIRMED = 1.8, 3
#: A peak is flat that stays within 0.02 mV of a lead's extreme for 10 ms; peaks under 0.4 mV are not looked at.
_FLAT_MV, _FLAT_S, _PEAK_MV = 0.02, 0.010, 0.4
#: Flat peaks that a lead needs, as a number and as a share of its peaks; the share of the time within 0.1 mV of its
#: extreme that they last, under a half at round peaks; and how far apart in mV two leads may end. Of 330 records of
#: PTB-XL at 500 Hz no lead is like that.
_FLAT_PEAKS, _FLAT_SHARE, _NEAR_MV, _SQUARE, _ONE_HEIGHT_MV = 2, 0.6, 0.1, 0.55, 0.04


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
    # Words of the header resemble names faintly: two of them moved a column of a page that was read well by 23 mm.
    seen = [n for n in names if n.confidence >= _SEEN]
    for c in range(1, len(match.bounds_px) - 1):
        leads = {row[c].removeprefix("-") for row in match.layout.rows}
        at = [n.xyxy_px[0] - match.bounds_px[c] for n in seen if n.text.removeprefix("-") in leads]
        # A name that is printed twice counts where it stands nearest, but not a column away: there it is a strip's.
        reach = 0.9 * (match.bounds_px[c + 1] - match.bounds_px[c])
        near = [a for a in sorted(at, key=abs)[: len(leads)] if abs(a) < reach]
        if len(near) >= _TOLD:
            starts.append(float(np.median(near)) / px_per_mm)
    if len(starts) < 2 or max(starts) - min(starts) <= _ASTRAY_MM:
        return ()
    away = max(starts) - min(starts)
    return (
        f"names stand {away:.0f} mm nearer to their leads in one column than in another: the columns may be misplaced",
    )


def named_doubts(match: LayoutMatch, names: Sequence[NameHit]) -> tuple[str, ...]:
    """Doubt a reading that leaves out leads whose names are printed, and single lines whose names are hard to read.

    Parameters
    ----------
    match : LayoutMatch
    names : sequence of NameHit

    Returns
    -------
    tuple of str
    """
    best: dict[str, float] = {}
    for name in names:
        if name.is_lead:
            best[name.text] = max(best.get(name.text, 0.0), name.confidence)
    taken = {lead for row in match.layout.rows for lead in row} | set(match.layout.rhythm)
    either = {lead.removeprefix("-") for lead in taken}
    left = [lead for lead in LEADS if best.get(lead, 0.0) >= _SEEN and lead not in either]
    doubts = []
    if len(left) >= _TOO_MANY:
        doubts.append(f"names of leads are printed whose lines were not read: {', '.join(left)}")
    rows, columns = match.layout.shape
    if columns == 1 and rows < _TWELVE:
        hard = [row[0] for row in match.layout.rows if 0 < best.get(row[0], 0.0) < _SURE]
        doubts += [f"the name {lead} beside a line is hard to read" for lead in hard]
    return tuple(doubts)


def coarse_picture(px_per_mm: float) -> tuple[str, ...]:
    """Doubt a picture on which names and lines are a few pixels high.

    Parameters
    ----------
    px_per_mm : float

    Returns
    -------
    tuple of str
        One doubt, or none.

    Examples
    --------
    >>> coarse_picture(2.56)
    ('the picture has 2.6 pixels a millimetre: names and lines may be taken for others; scan it larger',)
    >>> coarse_picture(3.94)
    ()
    """
    if px_per_mm >= _COARSE_PX:
        return ()
    told = f"the picture has {px_per_mm:.1f} pixels a millimetre"
    return (f"{told}: names and lines may be taken for others; scan it larger",)


def odd_length(bounds_px: Sequence[float], px_per_s: float) -> tuple[str, ...]:
    """Doubt a line of nearly, but not quite, a usual length: for pages on which nothing but a pulse tells the scale.

    Parameters
    ----------
    bounds_px : sequence of float
        Left edges of the columns and the right edge of the last.
    px_per_s : float

    Returns
    -------
    tuple of str
        One doubt, or none.

    Examples
    --------
    >>> odd_length((0, 1025), 100)
    ('the lines would be 10.2 s long, 2% off 10 s: no grid tells the scale along time',)
    >>> odd_length((0, 1008), 100), odd_length((0, 800), 100)
    ((), ())
    """
    seconds = (bounds_px[-1] - bounds_px[0]) / px_per_s
    usual = min(_LENGTHS_S, key=lambda s: abs(np.log(max(seconds, 1e-3) / s)))
    off = abs(float(np.log(max(seconds, 1e-3) / usual)))
    if not _OFF[0] < off < _OFF[1]:
        return ()
    return (f"the lines would be {seconds:.1f} s long, {off:.0%} off {usual:g} s: no grid tells the scale along time",)


def odd_height(record: ECGRecord) -> tuple[str, ...]:
    """Doubt beats that are unusually small or tall: for pages on which nothing tells the gain.

    Parameters
    ----------
    record : ECGRecord
        In mV.

    Returns
    -------
    tuple of str
        One doubt, or none.

    Examples
    --------
    >>> beats = np.tile(np.maximum(0, np.sin(np.arange(5000) / 40)) ** 8, (12, 1))
    >>> odd_height(ECGRecord(0.5 * beats, 500, LEADS))
    ('the leads are 0.5 mV tall on average: check the gain',)
    >>> odd_height(ECGRecord(beats, 500, LEADS))
    ()
    """
    seen = [lead[np.isfinite(lead)] for lead in record.signal]
    tall = np.array([np.ptp(lead) for lead in seen if lead.size])
    tall = tall[tall > 0]
    if tall.size < _LEADS:
        return ()
    mean = float(np.exp(np.log(tall).mean()))
    if _HEIGHTS_MV[0] <= mean <= _HEIGHTS_MV[1]:
        return ()
    return (f"the leads are {mean:.1f} mV tall on average: check the gain",)


def unknown_gain(record: ECGRecord, gain_mm_per_mv: float) -> tuple[str, ...]:
    """Doubt the height of signals where nothing on the page tells the gain.

    Parameters
    ----------
    record : ECGRecord
        In mV.
    gain_mm_per_mv : float
        As assumed.

    Returns
    -------
    tuple of str
        One doubt. Of 57 drawn pages with an assumed gain that were otherwise accepted, three had another one.
    """
    return odd_height(record) or (f"neither a pulse nor print tells the gain: {gain_mm_per_mv:g} mm/mV is assumed",)


def short_columns(match: LayoutMatch, px_per_s: float) -> tuple[str, ...]:
    """Doubt a layout by which each lead would be shown for less than devices print.

    Parameters
    ----------
    match : LayoutMatch
    px_per_s : float

    Returns
    -------
    tuple of str
        One doubt, or none.
    """
    seconds = (match.bounds_px[-1] - match.bounds_px[0]) / px_per_s / max(1, len(match.bounds_px) - 1)
    if seconds >= _SHORT_S or match.named >= _CONFIRMED:
        return ()
    return (f"each column would show {seconds:.1f} s: there may be fewer columns",)


def stopped_pen(record: ECGRecord) -> tuple[str, ...]:
    """Doubt peaks that end flat at one height in several leads: the pen can go no further there.

    Parameters
    ----------
    record : ECGRecord
        In mV.

    Returns
    -------
    tuple of str
        One doubt, or none.

    Examples
    --------
    >>> beats = np.tile(2 * np.maximum(0, np.sin(np.arange(5000) / 40)) ** 8, (12, 1))
    >>> stopped_pen(ECGRecord(beats, 500, LEADS))
    ()
    >>> stopped_pen(ECGRecord(np.minimum(beats, 0.8)[:2], 500, LEADS[:2]))
    ('the peaks of I, II end flat at 0.8 mV: the pen may have stopped there',)
    """
    flat = [
        (lead, height)
        for lead, signal in zip(record.leads, record.signal, strict=True)
        for height in _flat_ends(signal[np.isfinite(signal)].astype(np.float64), record.fs)
    ]
    for _, height in flat:
        leads = list(dict.fromkeys(lead for lead, other in flat if abs(other - height) <= _ONE_HEIGHT_MV))
        if len(leads) > 1:
            told = f"the peaks of {', '.join(leads)} end flat at {height:.1f} mV"
            return (f"{told}: the pen may have stopped there",)
    return ()


def _flat_ends(signal: NDArray[np.float64], fs: float) -> list[float]:
    """Distances in mV from 0 at which most of a lead's peaks end flat, upwards and downwards."""
    found = []
    level = median(signal) if signal.size else 0.0
    for side, middle in ((signal, level), (-signal, -level)) if signal.size else ():
        height = side - middle
        top = float(height.max())
        if top < _PEAK_MV:
            continue
        lengths = _runs(height >= top - _FLAT_MV) / fs
        flat = lengths[lengths >= _FLAT_S]
        if flat.size < _FLAT_PEAKS or flat.size < _FLAT_SHARE * _runs(height >= 0.7 * top).size:
            continue
        if float(flat.sum()) >= _SQUARE * float((height >= top - _NEAR_MV).sum()) / fs:
            found.append(float(side.max()))
    return found


def _runs(inside: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Lengths of the runs of True."""
    steps = np.diff(np.concatenate([[0], inside.astype(np.int8), [0]]))
    return np.flatnonzero(steps < 0) - np.flatnonzero(steps > 0)
