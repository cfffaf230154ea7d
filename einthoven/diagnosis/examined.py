"""How far a kind of map can be trusted: how it did on many records of known truth, at levels that a constant map fails.

The table beside this file is written by ``python -m benchmarks.tables`` from the results of the examinations.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

__all__ = ["Examined", "examined", "trust_line"]

_TABLE = Path(__file__).with_name("examined.md")
_NONE = "–"


@dataclass(frozen=True)
class Examined:
    """A method on a model.

    Parameters
    ----------
    passed, of : int
        Examinations that it passed, of those that were made.
    failed : tuple of str
        Names of those that it did not pass, as ``docs/explanations.md`` explains them.
    leading_lead : float or None
        Share of drawn acute infarctions whose leading lead faced the injured wall; None where it was not measured.
    """

    passed: int
    of: int
    failed: tuple[str, ...]
    leading_lead: float | None


def examined(sha256: str, method: str) -> Examined | None:
    """Tell how a method did on the model of these weights; None where nobody has looked.

    Parameters
    ----------
    sha256 : str
        Of the weights, from the model's card.
    method : str
        One of `explain.methods.METHODS`.

    Returns
    -------
    Examined or None
    """
    return _table(_TABLE).get((sha256, method))


@cache
def _table(path: Path) -> dict[tuple[str, str], Examined]:
    found = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) != 6 or not cells[2].isdigit():
            continue
        sha256, method, passed, of, failed, lead = cells
        names = () if failed == _NONE else tuple(name.strip() for name in failed.split(","))
        found[sha256, method] = Examined(int(passed), int(of), names, None if lead == _NONE else float(lead))
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
    >>> trust_line(Examined(9, 10, ("sensitivity",), 0.82))
    'passed 9 of 10 examinations on this model, not: sensitivity; led to the injured wall in 82 % of drawn infarctions'
    >>> trust_line(None)
    'this kind of map has not been examined on this model: take it as a hint, not as evidence'
    """
    if known is None:
        return "this kind of map has not been examined on this model: take it as a hint, not as evidence"
    told = f"passed {known.passed} of {known.of} examinations on this model"
    if known.failed:
        told += f", not: {', '.join(known.failed)}"
    if known.leading_lead is not None:
        told += f"; led to the injured wall in {100 * known.leading_lead:.0f} % of drawn infarctions"
    return told
