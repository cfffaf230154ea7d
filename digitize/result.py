"""What digitizing a page gives: signals, geometry, quality and every assumption made on the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from digitize.dewarp import Flattening
from ecg import ECGRecord, LeadBox, Page, PageLayout, PaperScale

__all__ = ["Digitization", "LeadQuality", "LeadTrace", "ScaleEvidence", "Status"]

Status = Literal["accepted", "review", "refused"]


@dataclass(frozen=True)
class LeadQuality:
    """How well one lead was read.

    Parameters
    ----------
    coverage : float
        Share of the lead's printed width that was traced, 0 to 1.
    contrast : float
        Ink against paper on the trace, 0 (invisible) to 1 (black on white).
    overlap : float
        Share of columns in which another trace or object touches this one, 0 to 1.
    snr_pred_db : float or None
        Expected signal-to-noise ratio of the reading in dB; None where nothing supports an estimate.
    grade : str
        ``"good"``, ``"fair"``, ``"poor"`` or ``"missing"``.
    reasons : tuple of str
        Why the grade is not better.
    """

    coverage: float
    contrast: float
    overlap: float
    snr_pred_db: float | None
    grade: Literal["good", "fair", "poor", "missing"]
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class LeadTrace:
    """The line of one lead on the page, as it was read.

    Parameters
    ----------
    box : LeadBox
        Where it stands and which seconds it shows; a lead printed twice has two traces.
    x, y : float array [points]
        Pixel positions of the centre line on the page, x increasing; y is NaN where nothing was read.
    baseline_px : float
        Row of 0 mV as it was taken for this trace.
    """

    box: LeadBox
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    baseline_px: float


@dataclass(frozen=True)
class ScaleEvidence:
    """Where each part of the scale came from.

    Each is one of ``"grid"``, ``"pulse"``, ``"text"``, ``"vector"``, ``"given"`` or ``"assumed"``.
    """

    px_per_mm_x: str
    px_per_mm_y: str
    speed_mm_per_s: str
    gain_mm_per_mv: str


@dataclass(frozen=True, eq=False)
class Digitization:
    """A page that was read.

    Parameters
    ----------
    record : ECGRecord or None
        500 Hz, page start = 0 s, leads I to V6 in standard order and extra leads after them, NaN where not on the
        page; None when the page was refused and not forced.
    page : Page
        The page as it came.
    status : str
        ``"accepted"``, ``"review"`` or ``"refused"``.
    reasons : tuple of str
        Why the status is not ``"accepted"``.
    scale : PaperScale or None
    evidence : ScaleEvidence or None
        How each part of the scale was found.
    layout : PageLayout or None
    layout_margin : float
        How much better this layout explains the page than the next best, 0 to 1.
    timing : str
        ``"measured"``, ``"assumed"`` or ``"given"``: how the columns' order in time was found.
    boxes : tuple of LeadBox
    traces : tuple of LeadTrace
    quality : mapping lead -> LeadQuality
    assumed : tuple of str
        What was taken for granted because the page does not say it.
    corners : array [4, 2]
        Corners of the recording area on the page in pixels: top left, top right, bottom right, bottom left.
    homography : array [3, 3]
        Maps pixels of the page as it came to pixels of the upright page on which boxes and traces are given.
    steps : tuple of mapping
        What was done, stage by stage, with its measurements.
    forced : bool
        The page was refused and read all the same.
    flattening : Flattening or None
        The whole map to the upright page where the sheet was curled or seen at an angle; ``homography`` is then its
        projective part.
    part : tuple of int
        Number of this ECG on its page, from 1, and how many the page holds.
    signs : mapping lead -> float array [signs]
        What the predicted SNR of each lead follows from, in the order of `digitize.features.SIGNS`.
    """

    record: ECGRecord | None
    page: Page
    status: Status
    reasons: tuple[str, ...] = ()
    scale: PaperScale | None = None
    evidence: ScaleEvidence | None = None
    layout: PageLayout | None = None
    layout_margin: float = 0.0
    timing: str = "assumed"
    boxes: tuple[LeadBox, ...] = ()
    traces: tuple[LeadTrace, ...] = ()
    quality: Mapping[str, LeadQuality] = field(default_factory=dict)
    assumed: tuple[str, ...] = ()
    corners: NDArray[np.float64] | None = None
    homography: NDArray[np.float64] | None = None
    steps: tuple[Mapping[str, Any], ...] = ()
    forced: bool = False
    flattening: Flattening | None = None
    part: tuple[int, int] = (1, 1)
    signs: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)

    @property
    def snr_pred_db(self) -> float | None:
        """Median predicted SNR of the leads that were read, in dB."""
        values = [q.snr_pred_db for q in self.quality.values() if q.snr_pred_db is not None]
        return float(np.median(values)) if values else None
