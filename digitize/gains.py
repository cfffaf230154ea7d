"""Pages with two gains, one for the limb and one for the chest leads, and pulses that are no usual ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from digitize.pulse import Pulse, second_gain
from ecg import ECGRecord, PaperScale
from ecg.paper import DEFAULT_SPEED_MM_PER_S

__all__ = ["odd_pulses", "with_chest_gain"]

#: Width of the standard pulse of 0.2 s in mm at 25 mm/s, and how near to it a measured one comes.
_WIDTH_MM, _NEAR = 5.0, 0.08
#: Widths in mm at 25 mm/s that no device prints: pulses on photographs are 1.6, 2.1, 3.1 and 5.0 mm wide.
_BETWEEN, _BEYOND = (3.5, 4.6), 5.5


def with_chest_gain(record: ECGRecord, pulses: Sequence[Pulse]) -> ECGRecord:
    """Give the chest leads their own gain where the pulses of a page have two steps.

    Parameters
    ----------
    record : ECGRecord
        In mV at the gain of the limb leads.
    pulses : sequence of Pulse

    Returns
    -------
    ECGRecord
    """
    ratio = second_gain(pulses)
    if ratio is None:
        return record
    chest = np.array([lead.startswith("V") for lead in record.leads])
    return replace(record, signal=np.where(chest[:, None], record.signal / ratio, record.signal))


def odd_pulses(pulses: Sequence[Pulse], scale: PaperScale, *, gridless: bool) -> tuple[str, ...]:
    """Say what is unusual about the pulses of a page.

    Parameters
    ----------
    pulses : sequence of Pulse
    scale : PaperScale
    gridless : bool
        Whether the scale comes from the height of the pulses alone: their width then is all that speaks of time.

    Returns
    -------
    tuple of str
        Doubts, one sentence each.
    """
    doubts = []
    ratio = second_gain(pulses)
    if ratio is not None:
        chest = ratio * scale.gain_mm_per_mv
        doubts.append(f"the calibration pulses have two steps: the chest leads were read at {chest:g} mm/mV")
    width = float(np.median([p.right_px - p.left_px for p in pulses])) / scale.px_per_mm_x if pulses else _WIDTH_MM
    usual = width * DEFAULT_SPEED_MM_PER_S / scale.speed_mm_per_s
    odd = usual > _BEYOND or _BETWEEN[0] < usual < _BETWEEN[1]
    if odd or (gridless and abs(usual / _WIDTH_MM - 1) > _NEAR):
        doubts.append(f"the calibration pulse is {width:.1f} mm wide: the picture may be stretched in time")
    return tuple(doubts)
