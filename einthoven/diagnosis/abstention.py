"""When there is to be no answer, whatever a model says: a page read too poorly, or no heart in the signal.

What the model itself must not answer (too few leads, a child, a pacemaker) stands on its card and is
`classify.predict`'s; here stands what only the whole chain knows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from digitize.quality import NOT_PRINTED
from ecg.record import LEADS

if TYPE_CHECKING:
    from classify.predict import Prediction
    from digitize.result import Digitization
    from ecg.measure import Measurements

__all__ = ["not_good_enough"]


def not_good_enough(
    prediction: Prediction, measurements: Measurements, digitization: Digitization | None
) -> tuple[str, ...]:
    """Reasons not to answer that lie in the input.

    Parameters
    ----------
    prediction : Prediction
        Whose card says how many leads its model needs.
    measurements : Measurements
    digitization : Digitization or None

    Returns
    -------
    tuple of str
        Empty where an answer may stand.
    """
    reasons = []
    if not measurements.rhythm_leads:
        reasons.append(f"no heartbeat was found ({measurements.rate.reason}): this may be no ECG")
    least = int(prediction.card.abstain.get("min_leads", 1)) if prediction.card is not None else 1
    if digitization is not None and digitization.quality:
        read = [lead for lead in LEADS if lead in digitization.quality and _usable(digitization, lead)]
        if len(read) < least:
            reasons.append(f"{len(read)} leads of the page were read well enough, this model needs {least}")
    return tuple(reasons)


def _usable(digitization: Digitization, lead: str) -> bool:
    """Whether a lead stands on the page and was read at least fairly."""
    quality = digitization.quality[lead]
    return quality.grade in ("good", "fair") and NOT_PRINTED not in quality.reasons
