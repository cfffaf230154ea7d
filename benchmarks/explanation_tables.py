"""Tables of the explanations, from ``results/explanations_*.json``, for `benchmarks.tables`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["CONTROLS", "load_explanations", "render_claims", "render_examinations", "render_levels", "void"]

HERE = Path(__file__).resolve().parent
SCHEMA = "einthoven.explanations"
_NONE_YET = "_No results yet: run `python -m benchmarks.explanations MODEL --work DIR --ptbxl DIR`._"
#: Below so many records, where others of the column have more, nothing is said to have passed.
_FEW = 10
_PARTS = {
    "infarctions": "Synthetic acute infarctions",
    "premature": "Synthetic ventricular premature beats",
    "networks": "Small networks of two seeds and of shuffled labels, synthetic hearts",
    "pages": "Pages of synthetic hearts of four classes",
    "real_pages": "Pages of the four-class set",
    "fold9": "PTB-XL, fold 9 (validation): inferior and anterior infarctions",
}
#: What was published, and the key of its figure: a ratio to what area alone gives holds above 1.
_CLAIMS = (
    ("st_t", "positives peak at ST and T: share over area"),
    ("ii_v4_v6", "in II, V4 to V6: share over area"),
    ("inferior", "inferior infarction in II, III, aVF: share over area"),
    ("anterior", "anterior infarction in V1 to V3: share over area"),
    ("onsets", "at the onsets of QRS and ST (within 40 ms): share over area"),
    ("inferior_leading", "leading lead of inferior ones is II, III or aVF (chance 0.25)"),
    ("anterior_leading", "leading lead of anterior ones is V1 to V4 (chance 0.33)"),
)
#: Maps that explain no network, last in a table.
CONTROLS = ("random", "constant", "amplitude")

Result = Mapping[str, Any]


def load_explanations(folder: Path = HERE / "results") -> dict[str, dict[str, Any]]:
    """Results by the name of their model.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    dict of str to dict
        Sorted by name.
    """
    found = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("explanations_*.json"))]
    return {c["model"]: c for c in found if c.get("schema", {}).get("name") == SCHEMA}


def void(figures: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether the random map passes an examination and no method does better: then it tells nothing of them.

    A model of one lead is led to it whatever explains it, and lead II faces the inferior wall.

    Parameters
    ----------
    figures : mapping method -> mapping
        Of one examination that is passed above its level.

    Returns
    -------
    bool
    """
    random = figures.get("random", {})
    if not random.get("passed", False):
        return False
    found = [told["lo"] for method, told in figures.items() if method not in CONTROLS and told["lo"] is not None]
    return all(low <= random["hi"] for low in found)


def render_examinations(results: Mapping[str, Result]) -> str:
    """One table a model and part: methods down, examinations across; bold where passed.

    Parameters
    ----------
    results : mapping of str to mapping

    Returns
    -------
    str
        Markdown.
    """
    parts: list[str] = []
    small: list[Any] = []
    for name, content in results.items():
        parts.append(f"### `{name}`, weights `{content['sha256'][:12]}`")
        for part, title in _PARTS.items():
            found = content["examinations"].get(part)
            if part == "networks" and found in small:
                continue  # the small networks are the same for every model
            small += [found] if part == "networks" else []
            if found:
                positive, of = content["positives"][part]
                told = "pages read and explained of" if part.endswith("pages") else "true positives of"
                parts.append(f"**{title}**: {positive} {told} {of}.")
                parts.append(_table(found, content["seconds"] if part in ("infarctions", "pages") else {}))
        verdict = "fails every examination" if content["constant_fails"] else "**passes an examination, which is void**"
        parts.append(f"The constant map {verdict}. Version {content['version']}, commit `{content['commit'][:10]}`.")
    return "\n\n".join(parts) or _NONE_YET


def _table(found: Mapping[str, Mapping[str, Any]], seconds: Mapping[str, float]) -> str:
    methods = sorted({m for figures in found.values() for m in figures}, key=lambda m: (m in CONTROLS, m))
    counts = {name: max(told["n"] for told in figures.values()) for name, figures in found.items()}
    names = [f"{k.replace('_', ' ')}, n {n}{' (void)' if void(found[k]) else ''}" for k, n in counts.items()]
    head = ["method", *names, *(["s a map"] if seconds else [])]
    lines = [f"| {' | '.join(head)} |", f"|---|{'---:|' * (len(head) - 1)}"]
    for method in methods:
        cells = [_cell(figures.get(method), void(figures), counts[name]) for name, figures in found.items()]
        taken = [f"{seconds[method]:.2f}" if method in seconds else "–"] if seconds else []
        lines.append(f"| {' | '.join([method.replace('_', ' '), *cells, *taken])} |")
    return "\n".join(lines)


def _cell(told: Mapping[str, Any] | None, void: bool, of: int) -> str:
    """One figure and its interval; its own count where it rests on fewer records than its column."""
    if told is None or told["value"] is None:
        return "–"
    n = int(told["n"])
    fewer = f", n {n}" if n < of else ""
    value = f"{told['value']:.2f}"
    if told["lo"] is None:
        return f"{value} (n {n})"
    # Five records that agree have an interval of no width, and prove nothing.
    proven = told["passed"] and not void and (n >= _FEW or not fewer)
    return f"{f'**{value}**' if proven else value} ({told['lo']:.2f}–{told['hi']:.2f}{fewer})"


def render_levels() -> str:
    """Say what each examination measures and when it is passed.

    Returns
    -------
    str
        A Markdown table.
    """
    from explain.examine import EXAMINATIONS

    lines = ["| examination | figure | passed where the interval is |", "|---|---|---|"]
    for e in EXAMINATIONS.values():
        lines.append(f"| {e.name.replace('_', ' ')} | {e.what} | {e.side} {e.level:.2g} |")
    return "\n".join(lines)


def render_claims(results: Mapping[str, Result]) -> str:
    """Say of each published claim whether it holds for each model and method.

    Parameters
    ----------
    results : mapping of str to mapping

    Returns
    -------
    str
        Markdown.
    """
    parts = []
    for name, content in results.items():
        claims = content["claims"]
        if claims:
            n = max(c["n"] for c in claims.values())
            parts.append(f"### `{name}`: {n} true positives of fold 9\n\n{_claims_table(claims)}")
    return "\n\n".join(parts) or _NONE_YET


def _claims_table(claims: Mapping[str, Mapping[str, Any]]) -> str:
    methods: Sequence[str] = [name for name in claims if name != "constant"]
    lines = [f"| claim | {' | '.join(m.replace('_', ' ') for m in methods)} |", f"|---|{'---:|' * len(methods)}"]
    for key, what in _CLAIMS:
        cells = ["–" if claims[m][key] is None else f"{claims[m][key]:.2f}" for m in methods]
        lines.append(f"| {what} | {' | '.join(cells)} |")
    return "\n".join(lines)
