"""Lead names and lead boxes that a person gave, in place of those that were found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from digitize.frame import Frame
from digitize.layout import LayoutMatch
from digitize.lines import Place
from digitize.options import DigitizeOptions
from ecg.errors import OptionsError
from ecg.paper import PageLayout

__all__ = ["as_given"]


def as_given(
    places: Sequence[Place], frame: Frame, match: LayoutMatch, options: DigitizeOptions
) -> tuple[list[Place], Frame, LayoutMatch]:
    """Put a person's names and boxes in the place of those that were found.

    Parameters
    ----------
    places : sequence of Place
        Short leads row by row, then the strips.
    frame : Frame
    match : LayoutMatch
    options : DigitizeOptions
        With ``leads`` or ``boxes``, else nothing changes; as many as there are places and in their order. Of a box
        count the name, the left and right edge, and the line of trace that its middle is nearest to.

    Returns
    -------
    places : list of Place
    frame : Frame
        Without the printed names, which no longer have a say.
    match : LayoutMatch
        With the names as given, and nothing assumed or doubted about them.

    Raises
    ------
    OptionsError
        If there are more or fewer than places.
    """
    boxes = options.boxes or ()
    if not options.tells_leads:
        return list(places), frame, match
    names = options.leads or tuple(box[0] for box in boxes)
    if len(names) != len(places):
        what = "names" if options.leads else "boxes"
        raise OptionsError(
            f"the layout {match.layout.name} has {len(places)} places, short leads row by row and then the strips, "
            f"but {len(names)} {what} were given; give one for each, or another layout"
        )
    put = [replace(place, lead=name) for place, name in zip(places, names, strict=True)]
    if boxes:
        put = [_moved(place, frame, *box[1:]) for place, box in zip(put, boxes, strict=True)]
    columns = match.layout.shape[1]
    n_short = sum(not place.is_strip for place in places)
    rows = tuple(tuple(names[k : k + columns]) for k in range(0, n_short, columns))
    layout = PageLayout(match.layout.name, rows, tuple(names[n_short:]))
    told = replace(match, layout=layout, named=len(places), assumed=(), doubts=())
    return put, replace(frame, names=tuple(n for n in frame.names if not n.is_lead)), told


def _moved(place: Place, frame: Frame, left: float, top: float, right: float, bottom: float) -> Place:
    row = min(range(len(frame.rows)), key=lambda k: abs(frame.rows[k].level_px - (top + bottom) / 2))
    baseline = place.baseline_px if row == place.row else None
    return replace(place, row=row, start_px=left, stop_px=right, baseline_px=baseline)
