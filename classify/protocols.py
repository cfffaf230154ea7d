"""Who trains, who chooses and who is tested; and where a probability becomes an answer.

A split is made of patients, never of records: in folds 1 to 9 of PTB-XL 1,883 of 16,965 patients gave more than one.
Thresholds are chosen on validation records alone, by a rule that is named.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ecg.datasets import RecordItem
from ecg.errors import OptionsError
from ecg.options import nearest

__all__ = [
    "AGE_BANDS",
    "PUBLISHED_THRESHOLDS",
    "RULES",
    "SEEN_FOLDS",
    "Split",
    "choose_threshold",
    "hospitals",
    "leave_one_out",
    "official_split",
    "published_split",
    "subgroups",
    "subsample",
    "train_elsewhere",
]

Index = NDArray[np.intp]
Float = NDArray[np.float64]

#: Folds that any protocol but the official one may use: fold 10 is the literature's test, opened by that one alone.
SEEN_FOLDS = tuple(range(1, 10))
#: Shares of patients for training, validation and test of the published systems (IJRASET 2026).
PUBLISHED_SHARES = (0.70, 0.15, 0.15)
#: Operating points of the published systems (IJRASET 2026): lead II, twelve leads, image.
PUBLISHED_THRESHOLDS = {"published_lead_ii": 0.48, "published_12_lead": 0.43, "published_image": 0.91}
#: First year of each age band; a quarter of PTB-XL's patients is younger than 53, half than 65.
AGE_BANDS = (18, 40, 55, 70, 85)
#: A site with a smaller share of the records that name one is joined to "other": most of them have a few dozen records.
_LEAST_HOSPITAL = 0.05
#: Rules by which a threshold is chosen; ``sensitivity=0.9`` sets another fixed sensitivity.
RULES = ("f1", "youden", "sensitivity", *PUBLISHED_THRESHOLDS)


@dataclass(frozen=True, eq=False)
class Split:
    """Records that train, validate and test.

    Parameters
    ----------
    name : str
    train, validation, test : integer array [records]
        Positions in the list of records that was split; no patient stands in two of them.
    """

    name: str
    train: Index
    validation: Index
    test: Index


def official_split(
    folds: ArrayLike,
    train: Collection[int] = range(1, 9),
    validation: Collection[int] = (9,),
    test: Collection[int] = (10,),
) -> Split:
    """Split by the official folds of PTB-XL (Wagner et al., Sci Data 2020;7:154).

    Parameters
    ----------
    folds : array [records]
        Fold of each record, 1 to 10.
    train, validation, test : collection of int
        Folds of each part; a fold that is absent gives no records.

    Returns
    -------
    Split

    Raises
    ------
    OptionsError
        If a fold stands in two parts.

    Examples
    --------
    >>> official_split([1, 9, 8, 10]).train.tolist()
    [0, 2]
    """
    parts = [set(train), set(validation), set(test)]
    if len(set.union(*parts)) != sum(map(len, parts)):
        raise OptionsError("a fold may train, validate or test, not two of them; name each fold once")
    given = np.asarray(folds)
    return Split("official", *(np.flatnonzero(np.isin(given, sorted(part))) for part in parts))


def published_split(
    patients: ArrayLike, seed: int, shares: Sequence[float] = PUBLISHED_SHARES, among: ArrayLike | None = None
) -> Split:
    """Split 70/15/15 by patient, as the published systems say they did.

    Parameters
    ----------
    patients : array [records]
    seed : int
        Names the split: the same seed and patients give the same split, whatever the order of the records.
    shares : sequence of 3 floats
        Of the patients, for training, validation and test; their sum is 1.
    among : integer array, optional
        Positions of the records to split; all by default.

    Returns
    -------
    Split

    Raises
    ------
    OptionsError
        If the shares are not three positive shares of 1, the last of which may be 0.
    """
    if len(shares) != 3 or min(shares) < 0 or shares[0] <= 0 or abs(sum(shares) - 1) > 1e-9:
        raise OptionsError(f"expected three shares of patients whose sum is 1, got {tuple(shares)}")
    who = np.asarray(patients)
    rows = np.arange(who.size) if among is None else np.asarray(among, dtype=np.intp)
    names = np.unique(who[rows])
    names = names[np.random.default_rng(seed).permutation(names.size)]
    ends = np.rint(np.cumsum(shares) * names.size).astype(int)
    parts = np.split(names, ends[:2])
    return Split("published", *(rows[np.isin(who[rows], part)] for part in parts))


def hospitals(items: Sequence[RecordItem], by: Literal["site", "device"] = "site") -> NDArray[np.str_]:
    """Hospital of each record, as far as PTB-XL tells.

    Parameters
    ----------
    items : sequence of RecordItem
    by : str
        ``"site"``, the recording site, or ``"device"``, the recorder.

    Returns
    -------
    str array [records]
        ``"site 0"``, ...; ``"other"`` for those with few records; empty where none is given.
    """
    if by not in ("site", "device"):
        raise OptionsError(f"hospitals are told by site or device, got {by!r}")
    if by == "site":
        names = ["" if item.site is None else f"site {item.site}" for item in items]
    else:
        names = [item.device for item in items]
    size = Counter(filter(None, names))
    least = _LEAST_HOSPITAL * size.total()
    return np.array([name if not name or size[name] >= least else "other" for name in names], dtype=np.str_)


def leave_one_out(given: ArrayLike, patients: ArrayLike, seed: int) -> tuple[Split, ...]:
    """Leave one hospital out: each is tested once by a model that has seen the others alone.

    A patient who was at two hospitals tests and does not train. Validation is 15 % of the patients of the training
    hospitals, so thresholds and calibration never see the hospital that is tested.

    Parameters
    ----------
    given : str array [records]
        As `hospitals` gives them; records without one take no part.
    patients : array [records]
    seed : int

    Returns
    -------
    tuple of Split
        One a hospital, by name.
    """
    names = np.asarray(given)
    known = [str(name) for name in np.unique(names) if name]
    return tuple(train_elsewhere(names, patients, set(known) - {name}, [name], seed) for name in known)


def train_elsewhere(
    given: ArrayLike, patients: ArrayLike, train: Collection[str], test: Collection[str], seed: int
) -> Split:
    """Train on some hospitals, test on others.

    Parameters
    ----------
    given : str array [records]
        As `hospitals` gives them.
    patients : array [records]
    train, test : collection of str
        Names of hospitals; none in both.
    seed : int
        Of the split of the training hospitals' patients into 85 % training and 15 % validation.

    Returns
    -------
    Split
        Named after the hospitals that test.

    Raises
    ------
    OptionsError
        If a hospital is unknown or stands in both.
    """
    names, who = np.asarray(given), np.asarray(patients)
    known = sorted(set(np.unique(names)) - {""})
    if set(train) & set(test):
        raise OptionsError(f"{', '.join(sorted(set(train) & set(test)))} can train or test, not both")
    for name in (*train, *test):
        if name not in known:
            raise OptionsError(f"unknown hospital {name!r}{nearest(name, known)}; there are {', '.join(known)}")
    tested = np.flatnonzero(np.isin(names, list(test)))
    rows = np.flatnonzero(np.isin(names, list(train)) & ~np.isin(who, who[tested]))
    inner = published_split(who, seed, (0.85, 0.15, 0.0), among=rows)
    return Split("without " + ", ".join(sorted(test)), inner.train, inner.validation, tested)


def subsample(rows: Index, patients: ArrayLike, share: float, seed: int) -> Index:
    """Keep the training records of a share of the patients, as in the published ablation with 10 % of the data.

    Parameters
    ----------
    rows : integer array
        Positions of training records.
    patients : array [records]
    share : float
        Of the patients, above 0 up to 1.
    seed : int

    Returns
    -------
    integer array
        In the order of ``rows``; a larger share holds every patient of a smaller one of the same seed.
    """
    if not 0 < share <= 1:
        raise OptionsError(f"the share of training patients must lie above 0 and up to 1, got {share}")
    who = np.asarray(patients)[rows]
    names = np.unique(who)
    chosen = names[np.random.default_rng(seed).permutation(names.size)][: max(1, round(share * names.size))]
    return rows[np.isin(who, chosen)]


def subgroups(items: Sequence[RecordItem]) -> Mapping[str, NDArray[np.bool_]]:
    """Tell records apart by age band and sex.

    Parameters
    ----------
    items : sequence of RecordItem

    Returns
    -------
    dict name -> bool array [records]
        ``"age 40-54"``, ..., ``"sex F"``, ...; records whose age or sex is not given stand in none of that kind.
    """
    age = np.array([np.nan if item.age is None else item.age for item in items], dtype=np.float64)
    groups = {}
    for first, after in zip(AGE_BANDS, (*AGE_BANDS[1:], None), strict=True):
        name = f"age {first}-{after - 1}" if after else f"age {first}+"
        groups[name] = (age >= first) & (age < (after or np.inf))
    for sex in ("F", "M"):
        groups[f"sex {sex}"] = np.array([item.sex == sex for item in items], dtype=bool)
    return groups


def choose_threshold(rule: str | float, y: ArrayLike, p: ArrayLike) -> float:
    """Probability from which a label is given.

    Parameters
    ----------
    rule : str or float
        ``"f1"``: highest F1. ``"youden"``: highest sensitivity + specificity - 1 (Youden, Cancer 1950;3:32-35).
        ``"sensitivity"`` or ``"sensitivity=0.9"``: the highest threshold that keeps this sensitivity (0.9 where none
        is named). A name of `PUBLISHED_THRESHOLDS`, or a number: itself.
    y, p : array [records]
        Truth (0, 1, or NaN where it does not count) and probability on validation records.

    Returns
    -------
    float
        0 to 1; a record whose probability equals it is called positive. Between two records it lies half-way.

    Raises
    ------
    OptionsError
        If the rule is unknown or has to choose without both classes.

    Examples
    --------
    >>> choose_threshold("youden", [0, 0, 1, 1], [0.1, 0.2, 0.6, 0.9])
    0.4
    >>> choose_threshold("published_lead_ii", [], [])
    0.48
    """
    fixed = _fixed(rule)
    if fixed is not None:
        return fixed
    given = np.asarray(y, dtype=np.float64)
    truth = given[np.isfinite(given)] > 0.5
    prob = np.asarray(p, dtype=np.float64)[np.isfinite(given)]
    if not 0 < truth.sum() < truth.size:
        raise OptionsError(
            f"the rule {rule} needs validation records with and without the label; give a number instead"
        )
    values = np.unique(prob)
    # Records called positive if the threshold is each of the probabilities, and those of them that are positive.
    called = prob.size - np.searchsorted(np.sort(prob), values)
    hit = truth.sum() - np.searchsorted(np.sort(prob[truth]), values)
    positive, negative = truth.sum(), (~truth).sum()
    if rule == "f1":
        best = int(np.argmax(2 * hit / (called + positive)))
    elif rule == "youden":
        best = int(np.argmax(hit / positive - (called - hit) / negative))
    else:
        best = int(np.flatnonzero(hit >= _sensitivity(str(rule)) * positive - 1e-9)[-1])
    below = values[best - 1] if best else 0.0
    return float((values[best] + below) / 2)


def _fixed(rule: str | float) -> float | None:
    """Threshold that a rule names outright; None where it has to be chosen."""
    if isinstance(rule, str):
        if rule in PUBLISHED_THRESHOLDS:
            return PUBLISHED_THRESHOLDS[rule]
        if rule in ("f1", "youden") or rule.partition("=")[0] == "sensitivity":
            _sensitivity(rule)
            return None
    try:
        value = float(rule)
    except ValueError:
        raise OptionsError(
            f"unknown rule for the threshold {rule!r}{nearest(str(rule), RULES)}; take {', '.join(RULES)} or a number"
        ) from None
    if not 0 <= value <= 1:
        raise OptionsError(f"a threshold is a probability between 0 and 1, got {rule}")
    return value


def _sensitivity(rule: str) -> float:
    """Sensitivity that a rule such as ``sensitivity=0.95`` keeps; 0.9, a usual demand on screening, by default."""
    text = rule.partition("=")[2]
    try:
        value = float(text) if text else 0.9
    except ValueError:
        value = -1.0
    if not 0 < value <= 1:
        raise OptionsError(f"a fixed sensitivity lies above 0 and up to 1, as in sensitivity=0.9; got {rule!r}")
    return value
