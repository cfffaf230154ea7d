"""How far a reading can be trusted, lead by lead and for the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from digitize.direction import steepness, time_direction
from digitize.mean_beats import limb_misfit
from digitize.peaks import find_peaks
from digitize.ranks import percentile
from digitize.result import LeadQuality, Status
from ecg import ECGRecord, PaperScale, limb_residual

#: Reason of a lead that the page's layout does not have.
NOT_PRINTED = "not printed on this page"

__all__ = [
    "NOT_PRINTED",
    "PAGE_DB",
    "POOR_DB",
    "beat_rate",
    "beats_together",
    "grade_lead",
    "judge_page",
    "missing_lead",
]

#: Predicted SNR in dB from which a lead is good, and below which it is poor: at 6 dB, where the literature calls a
#: reading unusable, half of the amplitude is error; at 12 dB a quarter.
_GOOD_DB, POOR_DB = 12.0, 6.0
#: Median over the leads in dB from which a page is accepted: of 557 drawn pages expected at 13 dB or more 8 were under
#: 10 in truth, of 531 at 15 or more five, of 508 at 16 or more two; at 16 twice as many good renders are sent back.
PAGE_DB = 15.0
#: Rates per minute that no heart has, and those that are rarer than pages whose speed is not told and not 25 mm/s.
_IMPOSSIBLE_RATES, _UNUSUAL_RATES = (25.0, 300.0), (45.0, 180.0)
#: Time in which four beats come at 60/min: two alone are a rate.
_FOUR_BEATS_S = 4.0
#: Intervals from which every other one may be told from those between, and the natural logarithm of their ratio from
#: which they are strokes of the same beat.
_ALTERNATING, _UNEQUAL = 6, 0.25
#: Shortest stretch that two leads must share to be compared, in s: a beat or two.
_SHARED_S = 1.5
#: Least agreement of the leads' beats. Leads of one heart beat together: 0.95 at least over 35 records of PTB-XL, cut
#: as three rows of four; smoothed noise reached 0.23 on 60 such pages.
_TOGETHER, _APART = 0.5, 0.25
#: Misfit of the augmented leads' mean beats: at most 0.21 on 95 % and 0.57 on 98 % of 131 drawn pages that were read
#: well; with aVR and aVL exchanged it is above on 90 % of them.
_CROSSED = 0.5
#: Correlation of II with I + III below which they are unlike, if so much of the limb leads' own spread is left: where
#: II is small, errors of I and III make r small as well, and well-read pages leave 0.02 to 0.6. And the share that is
#: too much at any correlation.
_UNLIKE, _LEFT, _MOST_LEFT = 0.7, 0.4, 0.8
#: Names that show which way round a page is; one or two may be strokes of the trace taken for letters.
_NAMED = 3


def grade_lead(
    coverage: float, contrast: float, overlap: float, snr_db: float | None, scale: PaperScale
) -> LeadQuality:
    """Grade one lead.

    Parameters
    ----------
    coverage : float
        Share of its columns with ink, 0 to 1.
    contrast : float
        Ink against paper, 0 to 1.
    overlap : float
        Share of its columns in which something else touches it, 0 to 1.
    snr_db : float or None
        Predicted signal-to-noise ratio; None where too little of the lead was read.
    scale : PaperScale

    Returns
    -------
    LeadQuality
    """
    reasons = []
    if coverage < 0.9:
        reasons.append(f"only {coverage:.0%} of its line was found")
    if overlap > 0.1:
        reasons.append(f"another line touches {overlap:.0%} of it")
    if contrast < 0.2:
        reasons.append(f"faint ink: contrast {contrast:.2f}")
    if scale.px_per_mm_x < 3:
        reasons.append(f"coarse picture: {scale.px_per_mm_x:.1f} pixels per millimetre")
    if coverage < 0.5 or snr_db is None or snr_db < POOR_DB:
        why = tuple(reasons) or ("its signal is expected to be far from the true one",)
        return LeadQuality(coverage, contrast, overlap, snr_db, "poor", why)
    good = coverage >= 0.95 and overlap <= 0.1 and snr_db >= _GOOD_DB and not reasons
    if not good and not reasons:
        reasons.append(f"its signal is expected at {snr_db:.0f} dB")
    return LeadQuality(coverage, contrast, overlap, snr_db, "good" if good else "fair", tuple(reasons))


def missing_lead(reason: str) -> LeadQuality:
    """Quality of a lead that was not read."""
    return LeadQuality(0.0, 0.0, 0.0, None, "missing", (reason,))


def judge_page(
    record: ECGRecord,
    quality: Mapping[str, LeadQuality],
    doubts: Sequence[str],
    layout_margin: float,
    *,
    named: int = _NAMED,
    speed_assumed: bool = False,
) -> tuple[Status, tuple[str, ...]]:
    """Decide whether a page is accepted or needs a person's eye.

    Parameters
    ----------
    record : ECGRecord
    quality : mapping lead -> LeadQuality
        Of the leads that the layout has.
    doubts : sequence of str
        Evidence against the reading from the stages before, in words.
    layout_margin : float
    named : int
        Places whose printed names were read: they show that the page stands upright and is not mirrored.
    speed_assumed : bool
        Whether nothing on the page tells its speed: unusual rates then speak against it.

    Returns
    -------
    status : str
        ``"accepted"``, ``"review"``, or ``"refused"`` where most leads were read poorly or not at all, or where the
        lines show no common beat.
    reasons : tuple of str
    """
    odd, together = _odd_rate(beat_rate(record), speed_assumed), beats_together(record)
    reasons = [*doubts, *odd]
    if layout_margin < 0.1:
        reasons.append(f"another layout explains the page nearly as well (margin {layout_margin:.2f})")
    poor = [lead for lead, q in quality.items() if q.grade in ("poor", "missing") and NOT_PRINTED not in q.reasons]
    if poor:
        reasons.append(f"poorly read: {', '.join(poor)}")
    printed = [q for q in quality.values() if NOT_PRINTED not in q.reasons]
    expected = [q.snr_pred_db for q in printed if q.snr_pred_db is not None]
    if expected and float(np.median(expected)) < PAGE_DB:
        # Rounded down: what falls short of the bound must not be said to have it.
        reasons.append(f"the signals are expected at {int(np.median(expected))} dB only, {PAGE_DB:.0f} are good")
    if together is not None and together < _TOGETHER:
        reasons.append(f"the lines do not beat together (r = {together:.2f}): is it an ECG?")
    # A wrong speed spoils every lead, and a person can mend it: lines that beat together are not refused for it.
    mendable = bool(odd) and (together is None or together >= _TOGETHER)
    if not mendable and 2 * sum(q.grade in ("poor", "missing") for q in printed) > len(printed):
        return "refused", tuple(reasons)
    if together is not None and together < _APART:
        return "refused", tuple(reasons)
    residual = limb_residual(record)
    misfit = residual.einthoven_mv / _limb_spread(record)
    if np.isfinite(residual.r) and ((residual.r < _UNLIKE and misfit > _LEFT) or misfit > _MOST_LEFT):
        reasons.append(f"II and I + III disagree (r = {residual.r:.2f}): leads may be swapped")
    crossed = limb_misfit(record)
    if crossed is not None and crossed > _CROSSED:
        reasons.append("the beats of aVR, aVL and aVF are not what those of I and II make them: leads may be swapped")
    direction = time_direction(record) if named < _NAMED else None
    if direction is not None and direction < 0:
        reasons.append("its waves come before its beats: the page may be mirrored or stand upside down")
    return ("review" if reasons else "accepted"), tuple(reasons)


def _limb_spread(record: ECGRecord) -> float:
    """Root mean square of I, II and III about their means, in mV, where all three are known."""
    if not {"I", "II", "III"} <= set(record.leads):
        return float("inf")
    limb = np.stack([record[lead] for lead in ("I", "II", "III")]).astype(np.float64)
    seen = limb[:, np.isfinite(limb).all(axis=0)]
    spread = float(np.sqrt(seen.var(axis=1).mean())) if seen.shape[1] else 0.0
    return spread if spread > 0 else float("inf")


def _odd_rate(rate: float | None, speed_assumed: bool) -> list[str]:
    """Say that beats come too slowly or too fast for the speed that was taken."""
    lowest, highest = _UNUSUAL_RATES if speed_assumed else _IMPOSSIBLE_RATES
    if rate is None or lowest <= rate <= highest:
        return []
    return [f"the beats would come at {rate:.0f}/min: check paper speed and scale"]


@lru_cache(maxsize=1)
def beat_rate(record: ECGRecord) -> float | None:
    """Rate of the beats on the longest lead per minute, from the spacing of its steepest strokes.

    Parameters
    ----------
    record : ECGRecord

    Returns
    -------
    float or None
        None where fewer than three beats stand out, or two in a stretch long enough for four usual ones.
    """
    length = np.isfinite(record.signal).sum(axis=1)
    x: NDArray[np.float64] = record.signal[int(np.argmax(length))].astype(np.float64)
    x = x[np.isfinite(x)]
    if x.size < 2 * record.fs:
        return None
    energy = steepness(x, record.fs)
    # 0.16 s apart: 375/min, above any ventricular rate.
    peaks = find_peaks(energy, height=0.4 * percentile(energy, 99), distance=max(1, round(0.16 * record.fs)))
    if peaks.size < (2 if x.size >= _FOUR_BEATS_S * record.fs else 3):
        return None
    between = np.diff(peaks)
    first, second = float(np.median(between[::2])), float(np.median(between[1::2])) if between.size > 1 else np.nan
    if between.size >= _ALTERNATING and abs(np.log(first / second)) > _UNEQUAL:
        return 60 * record.fs / (first + second)  # a beat rises as steeply as it falls: two strokes to a beat
    return float(60 * record.fs / np.median(between))


@lru_cache(maxsize=1)  # a record does not change, and is asked by its signs and by its judge
def beats_together(record: ECGRecord) -> float | None:
    """Measure how well the leads agree on when the heart beats, whatever the shape of each.

    Parameters
    ----------
    record : ECGRecord

    Returns
    -------
    float or None
        Median over pairs of leads of the correlation of their smoothed steepness: near 1 for the leads of one heart,
        near 0 for lines that have nothing to do with each other. None where no two leads share 1.5 s.

    Examples
    --------
    >>> t = np.arange(1000) / 500
    >>> beat = np.exp(-(((t % 0.8 - 0.4) / 0.02) ** 2))
    >>> round(beats_together(ECGRecord(np.stack([beat, -2 * beat]), 500, ("I", "II"))), 3)
    1.0
    """
    present = np.isfinite(record.signal)
    least = round(_SHARED_S * record.fs)
    moving: dict[tuple[int, bytes], NDArray[np.float64] | None] = {}
    found = []
    for i in range(len(record.leads)):
        for j in range(i):
            shared = present[i] & present[j]
            if np.count_nonzero(shared) < least:
                continue
            where = shared.tobytes()  # the leads of a column share the same samples
            for k in (i, j):
                if (k, where) not in moving:
                    moving[k, where] = _standardised(steepness(record.signal[k][shared].astype(np.float64), record.fs))
            a, b = moving[i, where], moving[j, where]
            if a is not None and b is not None:
                found.append(float(a @ b))
    return float(np.median(found)) if found else None


def _standardised(steep: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Steepness about its mean, of length 1; None for a line that does not move and says nothing of beats."""
    about: NDArray[np.float64] = steep - steep.mean()
    length = float(np.sqrt(about @ about))
    return about / length if length / np.sqrt(steep.size) > 1e-9 else None
