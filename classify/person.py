"""Age and sex of the person a record is of, and where each is known from."""

from __future__ import annotations

from ecg import ECGRecord

__all__ = ["known_person"]


def known_person(
    record: ECGRecord, age: float | None = None, sex: str | None = None
) -> tuple[float | None, str | None, dict[str, str]]:
    """Take what a person says before what the record's file says.

    Parameters
    ----------
    record : ECGRecord
        Its ``meta`` may tell ``age`` in years and ``sex`` as ``"M"`` or ``"F"``; anything else is unknown.
    age, sex : optional
        As a person gave them.

    Returns
    -------
    age : float or None
        Years.
    sex : str or None
    known_from : dict
        ``"option"``, ``"file"`` or ``"unknown"`` for ``age`` and for ``sex``.
    """
    told_age, told_sex = record.meta.get("age"), record.meta.get("sex")
    if not isinstance(told_age, (int, float)) or not 0 <= told_age <= 130:
        told_age = None
    if told_sex not in ("M", "F"):
        told_sex = None
    known_from = {}
    for name, given, told in (("age", age, told_age), ("sex", sex, told_sex)):
        known_from[name] = "option" if given is not None else "unknown" if told is None else "file"
    return (told_age if age is None else age), (told_sex if sex is None else sex), known_from
