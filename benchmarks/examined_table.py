"""What the examinations said of each method on each model, as the program itself carries it.

The front door tells beside a map how far it can be trusted. `benchmarks.tables` writes the table into the package from
``results/explanations_*.json``, so that the program says what was measured and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.explanation_tables import CONTROLS, void

__all__ = ["render_examined"]

#: What was answered in each part, as `einthoven.diagnosis.examined` names it. The small networks tell of the method,
#: whatever is asked.
_ANSWERS = {
    "infarction": ("infarctions", "fold9", "networks"),
    "premature beats": ("premature", "networks"),
    "pages": ("pages", "real_pages"),
}
_HEAD = """| weights | method | answers | passed | examinations | not passed | leading lead |
|---|---|---|---:|---:|---|---:|"""


def render_examined(results: Mapping[str, Mapping[str, Any]]) -> str:
    """One row a model, method and kind of answer.

    Parameters
    ----------
    results : mapping of str to mapping
        From `benchmarks.explanation_tables.load_explanations`.

    Returns
    -------
    str
        A Markdown table, without rows where nothing was examined or the constant map passed.
    """
    rows = []
    for content in results.values():
        if not content["constant_fails"]:
            continue
        for answers, parts in _ANSWERS.items():
            examinations = content["examinations"]
            if parts[0] in examinations:
                found = _figures([examinations[part] for part in parts if part in examinations])
                rows += [_row(content["sha256"], method, answers, told) for method, told in sorted(found.items())]
    return "\n".join([_HEAD, *rows])


def _figures(parts: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Mapping[str, Any]]]:
    """Figure of each method in each examination that has an interval."""
    figures: dict[str, dict[str, Mapping[str, Any]]] = {}
    for part in parts:
        for name, by_method in part.items():
            if void(by_method):
                continue
            for method, told in by_method.items():
                if method not in CONTROLS and told["lo"] is not None:
                    # An examination that is made on several sets of records is passed where all of them pass it.
                    before = figures.setdefault(method, {}).get(name)
                    if before is None or before["passed"]:
                        figures[method][name] = told
    return figures


def _row(sha256: str, method: str, answers: str, told: Mapping[str, Mapping[str, Any]]) -> str:
    failed = [name.replace("_", " ") for name, figure in told.items() if not figure["passed"]]
    lead = told.get("leading_lead")
    share = "–" if lead is None else f"{lead['value']:.2f}"
    passed = len(told) - len(failed)
    return f"| {sha256} | {method} | {answers} | {passed} | {len(told)} | {', '.join(failed) or '–'} | {share} |"
