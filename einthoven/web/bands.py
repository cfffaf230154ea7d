"""Three bands of risk, drawn from the threshold by which the model decides, so that colour and decision agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from einthoven.diagnosis.findings import NORMAL
from einthoven.diagnosis.result import Finding

__all__ = ["BANDS", "PUBLISHED", "Band", "band_of", "overall_band"]

#: The published page's limits of its middle and its upper band.
PUBLISHED = (0.3, 0.6)
#: The middle band begins at this share of the threshold, as the published 0.3 stands to 0.6.
_MIDDLE_SHARE = PUBLISHED[0] / PUBLISHED[1]


@dataclass(frozen=True)
class Band:
    """A band of risk, told by words, sign and colour together.

    Parameters
    ----------
    name : str
        ``"low"``, ``"middle"``, ``"high"`` or ``"none"``.
    words : str
    sign : str
        Shape that differs without any colour.
    colour : str
        Of the text; its contrast on white and on its own ground is at least 4.5:1 (WCAG 2.2, 1.4.3). The hues are
        those of Okabe & Ito, so not red against green.
    ground : str
    """

    name: str
    words: str
    sign: str
    colour: str
    ground: str


BANDS = {
    band.name: band
    for band in (
        Band("low", "Low: no finding reaches the model's threshold", "○", "#00517D", "#E8F2F8"),
        Band("middle", "Raised: near the model's threshold, which no finding reaches", "◐", "#6B4E00", "#FBF3DC"),
        Band("high", "High: the model's threshold is reached", "●", "#9A3412", "#FCEBE1"),
        Band("none", "No answer", "–", "#40484E", "#EEF0F2"),
    )
}
_PUBLISHED_WORDS = {
    "low": "Low by the published limits: below 0.30",
    "middle": "Moderate by the published limits: 0.30 to 0.60",
    "high": "High by the published limits: 0.60 or more",
}


def band_of(finding: Finding, published: bool = False) -> Band:
    """Band of a finding.

    Parameters
    ----------
    finding : Finding
    published : bool
        Take the published limits 0.3 and 0.6 instead of the model's own threshold. Colour and decision may then
        differ, and the words say by which limits the band is.

    Returns
    -------
    Band
        High exactly where the finding was decided on, unless the published limits are asked for.

    Examples
    --------
    >>> seen = Finding("mi_sttc", "mi_sttc", "infarction", 0.35, 0.31, True, "answered", "m")
    >>> band_of(seen).name, band_of(seen, published=True).name
    ('high', 'middle')
    """
    if finding.probability is None or finding.decision is None:
        return BANDS["none"]
    if published:
        low, high = PUBLISHED
        name = "high" if finding.probability >= high else "middle" if finding.probability >= low else "low"
        band = BANDS[name]
        return Band(name, _PUBLISHED_WORDS[name], band.sign, band.colour, band.ground)
    if finding.decision:
        return BANDS["high"]
    # Where labels exclude each other, the middle is half of an even chance.
    limit = 0.5 if finding.threshold is None else finding.threshold
    return BANDS["middle" if finding.probability >= _MIDDLE_SHARE * limit else "low"]


def overall_band(findings: Sequence[Finding], published: bool = False) -> Band:
    """Highest band among the findings of a question; being normal is no risk.

    Parameters
    ----------
    findings : sequence of Finding
    published : bool

    Returns
    -------
    Band
    """
    order = ("none", "low", "middle", "high")
    bands = [band_of(f, published) for f in findings if f.label != NORMAL]
    return max(bands, key=lambda band: order.index(band.name), default=BANDS["none"])
