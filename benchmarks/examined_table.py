"""What the examinations said of each method on each model, as the program itself carries it.

The front door tells beside a map how far it can be trusted. `benchmarks.tables` writes the table into the package from
``results/explanations_*.json``, so that the program says what was measured and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["render_examined"]

#: Controls, which nobody is offered.
_CONTROLS = ("random", "constant", "amplitude")
_HEAD = "| weights | method | passed | examinations | not passed | leading lead |\n|---|---|---:|---:|---|---:|"


def render_examined(results: Mapping[str, Mapping[str, Any]]) -> str:
    """One row a model and method.

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
        figures: dict[str, dict[str, Mapping[str, Any]]] = {}
        for part in content["examinations"].values():
            for name, by_method in part.items():
                for method, told in by_method.items():
                    if method not in _CONTROLS and told["lo"] is not None:
                        # An examination that is made on several sets of records is passed where all of them pass it.
                        before = figures.setdefault(method, {}).get(name)
                        if before is None or before["passed"]:
                            figures[method][name] = told
        rows += [_row(content["sha256"], method, told) for method, told in sorted(figures.items())]
    return "\n".join([_HEAD, *rows])


def _row(sha256: str, method: str, told: Mapping[str, Mapping[str, Any]]) -> str:
    failed = [name.replace("_", " ") for name, figure in told.items() if not figure["passed"]]
    lead = told.get("leading_lead")
    share = "–" if lead is None else f"{lead['value']:.2f}"
    passed = len(told) - len(failed)
    return f"| {sha256} | {method} | {passed} | {len(told)} | {', '.join(failed) or '–'} | {share} |"
