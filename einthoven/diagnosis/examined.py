"""How far a kind of map can be trusted: how it did on many records of known truth, at levels that a constant map fails.

The table beside this file is written by ``python -m benchmarks.tables`` from the results of the examinations.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType

__all__ = ["Examined", "examined", "trust_line"]

_TABLE = Path(__file__).with_name("examined.md")
_NONE = "–"
#: What was examined of the answer to a label: drawn and real infarctions, or drawn premature beats.
_ANSWERS: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("MI", "HMI", "mi", "mi_sttc", "ami"), "infarction"),
        **dict.fromkeys(("HB", "abnormal"), "premature beats"),
    }
)
#: Models of pictures are examined on pages of every class.
_PAGES = "pages"


@dataclass(frozen=True)
class Examined:
    """A method on a model's answers of one kind.

    Parameters
    ----------
    answers : str
        ``"infarction"``, ``"premature beats"`` or ``"pages"``.
    passed, of : int
        Examinations that it passed, of those that were made.
    failed : tuple of str
        Names of those that it did not pass, as ``docs/explanations.md`` explains them.
    leading_lead : float or None
        Share of drawn acute infarctions whose leading lead faced the injured wall; None where it was not measured.
    """

    answers: str
    passed: int
    of: int
    failed: tuple[str, ...]
    leading_lead: float | None


def examined(sha256: str, method: str, label: str) -> Examined | None:
    """Tell how a method did on the model of these weights, in answers of this kind; None where nobody has looked.

    Parameters
    ----------
    sha256 : str
        Of the weights, from the model's card.
    method : str
        One of `explain.methods.METHODS`.
    label : str
        That was explained.

    Returns
    -------
    Examined or None
    """
    known = _table(_TABLE)
    return known.get((sha256, method, _PAGES)) or known.get((sha256, method, _ANSWERS.get(label, "")))


@cache
def _table(path: Path) -> dict[tuple[str, str, str], Examined]:
    found = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) != 7 or not cells[3].isdigit():
            continue
        sha256, method, answers, passed, of, failed, lead = cells
        names = () if failed == _NONE else tuple(name.strip() for name in failed.split(","))
        share = None if lead == _NONE else float(lead)
        found[sha256, method, answers] = Examined(answers, int(passed), int(of), names, share)
    return found


def trust_line(known: Examined | None) -> str:
    """Tell it in a sentence.

    Parameters
    ----------
    known : Examined or None

    Returns
    -------
    str

    Examples
    --------
    >>> trust_line(Examined("pages", 2, 3, ("sensitivity",), None))
    'on pages passed 2 of 3 examinations of this model, not: sensitivity'
    >>> trust_line(None)
    'such maps of this model have not been examined on answers of this kind: take it as a hint, not as evidence'
    """
    if known is None:
        return (
            "such maps of this model have not been examined on answers of this kind: take it as a hint, not as evidence"
        )
    told = f"on {known.answers} passed {known.passed} of {known.of} examinations of this model"
    if known.failed:
        told += f", not: {', '.join(known.failed)}"
    if known.leading_lead is not None:
        told += f"; led to the injured wall in {100 * known.leading_lead:.0f} % of drawn infarctions"
    if "deletion" in known.failed:
        told += "; do not rely on it: without what it points at the answer falls no more than by chance"
    return told
