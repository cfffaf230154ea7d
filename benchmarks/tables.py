"""Tables of the documentation, written from the results and by nothing else.

``python -m benchmarks.tables`` replaces what stands between the marks in ``README.md`` and ``docs/*.md`` by the
figures in ``benchmarks/results/*.json``; ``--check`` only says whether they agree. A result is a ``fidelity.json`` of
``einthoven bench fidelity``, kept under the name of its set of pages: ``results/kit.json``.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import (
    batch_tables,
    classifier_tables,
    examined_table,
    explanation_tables,
    image_tables,
    measurement_tables,
    predicted_snr,
    reader_cost,
    refiner,
    synth_tables,
    wrong_signals,
)
from benchmarks.kept import none_yet, read_result

__all__ = [
    "BLOCKS",
    "load_results",
    "main",
    "render_four_class",
    "render_groups",
    "render_overall",
    "replaced",
]

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
SCHEMA = "einthoven.fidelity"
_NONE_YET = "_No results yet: run `einthoven bench fidelity` and keep its `fidelity.json` in `benchmarks/results/`._"

Results = Mapping[str, Mapping[str, Any]]


def load_results(folder: Path = RESULTS) -> dict[str, dict[str, Any]]:
    """Results by the name of their set of pages, in the order of the names.

    Parameters
    ----------
    folder : Path
        Files of other schemas in it are left alone.

    Returns
    -------
    dict of str to dict
    """
    results = {}
    for path in sorted(folder.glob("*.json")):
        content = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(content, dict) and content.get("schema", {}).get("name") == SCHEMA:
            results[path.stem] = content
    return results


def render_overall(results: Results) -> str:
    """One row a set of pages.

    Parameters
    ----------
    results : mapping of str to mapping

    Returns
    -------
    str
        A Markdown table.
    """
    return _table([(f"`{name}`", content["overall"]) for name, content in results.items()])


def render_groups(results: Results) -> str:
    """One table a set of pages, one row a group of it.

    Parameters
    ----------
    results : mapping of str to mapping

    Returns
    -------
    str
        Markdown: a heading, where the figures come from, and the table, for each set.
    """
    parts = []
    for name, content in results.items():
        rows = [(f"`{group}`", figures) for group, figures in content["groups"].items()]
        rows.append(("**all**", content["overall"]))
        origin = f"{content['pages']} pages, version {content['version']}, commit `{str(content['commit'])[:10]}`."
        parts.append(f"### `{name}`\n\n{origin}\n\n{_table(rows)}")
    return "\n\n".join(parts) or _NONE_YET


_HEAD = (
    "| pages | n | SNR dB (95 %) | r | RMSE µV | gain | coverage | failed | unusable | strip method: SNR dB | same "
    "lead, full reader | CPU s a page |"
)


def _table(rows: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    if not rows:
        return _NONE_YET
    rule = "|---|" + "---:|" * (_HEAD.count("|") - 2)
    return "\n".join((_HEAD, rule, *(f"| {' | '.join(_cells(name, figures))} |" for name, figures in rows)))


def _cells(name: str, figures: Mapping[str, Any]) -> Iterator[str]:
    snr, strip = figures["median_snr_db"], figures["strip"]
    yield name
    yield str(figures["pages"])
    yield f"**{_number(snr['value'], 1)}** ({_number(snr['lo'], 1)}–{_number(snr['hi'], 1)})"
    yield _number(figures["median_r"]["value"], 4)
    yield _number(figures["median_rmse_uv"]["value"], 0)
    yield _number(figures["median_gain"]["value"], 3)
    yield _share(figures["mean_coverage"]["value"])
    yield _share(figures["failed_share"]["value"])
    yield _share(figures["unusable_share"]["value"])
    yield _number(strip["median_snr_db"]["value"], 1)
    yield _number(strip["full_reader_median_snr_db"]["value"], 1)
    yield _number(figures["seconds_per_page"]["value"], 2)


def _number(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f} %"


def render_four_class(folder: Path = RESULTS) -> str:
    """Describe the checks without truth on the four-class pages.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    str
        A Markdown table, or that there is none yet.
    """
    path = folder / "four_class_pages.json"
    r = read_result(path)
    if r is None:
        return none_yet("python -m benchmarks.four_class_pages")
    rows = (
        ("pages read: accepted, to be reviewed, refused", f"{r['accepted']}, {r['review']}, {r['refused']}"),
        ("layout and lead order right", f"{r['layout_right']} of {r['pages']}"),
        ("II against I + III, RMS, median over pages", f"{r['einthoven_uv']['median']:.0f} µV"),
        ("the same, 90th percentile", f"{r['einthoven_uv']['p90']:.0f} µV"),
        ("offset of II against I + III, median", f"{r['offset_uv']['median']:.0f} µV"),
        ("CPU a page, median and longest", f"{r['seconds']['median']:.2f} s, {r['seconds']['max']:.2f} s"),
    )
    lines = [f"| {name} | {value} |" for name, value in rows]
    return "\n".join(
        [f"Version {r['version']}, commit `{str(r['commit'])[:10]}`.", "", "| check | result |", "|---|---:|", *lines]
    )


def _four_class(_: Results) -> str:
    return render_four_class()


def _classifiers(group: str) -> Callable[[Results], str]:
    return lambda _: classifier_tables.render_group(group, classifier_tables.load_classifiers())


def _subgroups(_: Results) -> str:
    return classifier_tables.render_subgroups(classifier_tables.load_classifiers())


def _published(_: Results) -> str:
    return classifier_tables.render_published()


def _explanations(render: Callable[[Results], str]) -> Callable[[Results], str]:
    return lambda _: render(explanation_tables.load_explanations())


#: File, name of a block in it, and what stands there.
BLOCKS = (
    ("README.md", "fidelity", render_overall),
    ("docs/fidelity.md", "fidelity", render_groups),
    ("docs/fidelity.md", "four class", _four_class),
    ("docs/refused.md", "predicted snr", lambda _: predicted_snr.render_predicted_snr()),
    ("docs/refused.md", "wrong signals", lambda _: wrong_signals.render_wrong_signals()),
    ("docs/digitize.md", "refiner", lambda _: refiner.render_refiner()),
    ("docs/digitize.md", "reader cost", lambda _: reader_cost.render_reader_cost()),
    ("docs/synth.md", "presets", lambda _: synth_tables.render_presets()),
    ("docs/synth.md", "looks", lambda _: synth_tables.render_looks()),
    ("docs/synth.md", "damage", lambda _: synth_tables.render_damage()),
    ("docs/synth.md", "synth speed", lambda _: synth_tables.render_speed()),
    *(("docs/classifiers.md", f"classifiers {g}", _classifiers(g)) for g in ("models", "ablation", "hospitals")),
    ("docs/classifiers.md", "classifiers drawn", lambda _: classifier_tables.render_drawn()),
    ("docs/classifiers.md", "classifiers subgroups", _subgroups),
    ("docs/classifiers.md", "classifiers published", _published),
    ("docs/images.md", "images models", lambda _: image_tables.render_models(image_tables.load_images())),
    ("docs/images.md", "images differences", lambda _: image_tables.render_differences(image_tables.load_images())),
    ("docs/images.md", "images robustness", lambda _: image_tables.render_robustness()),
    ("docs/images.md", "images classes", lambda _: image_tables.render_classes(image_tables.load_images())),
    ("docs/images.md", "images confusion", lambda _: image_tables.render_confusion(image_tables.load_images())),
    ("docs/images.md", "images route", lambda _: image_tables.render_route()),
    ("docs/images.md", "images others", lambda _: image_tables.render_others()),
    ("docs/scale.md", "scale", lambda _: batch_tables.render_scale()),
    ("docs/scale.md", "kills", lambda _: batch_tables.render_kills()),
    ("docs/web.md", "load", lambda _: batch_tables.render_load()),
    ("docs/diagnosis.md", "measurements", lambda _: measurement_tables.render_measurements()),
    ("docs/explanations.md", "explanation levels", lambda _: explanation_tables.render_levels()),
    ("docs/explanations.md", "explanations", _explanations(explanation_tables.render_examinations)),
    ("docs/explanations.md", "explanation claims", _explanations(explanation_tables.render_claims)),
    ("einthoven/diagnosis/examined.md", "examined", _explanations(examined_table.render_examined)),
)


def replaced(text: str, name: str, content: str) -> str:
    """Text with the content between the marks of a block replaced.

    Parameters
    ----------
    text : str
    name : str
        The block stands between ``<!-- begin NAME -->`` and ``<!-- end NAME -->``.
    content : str

    Raises
    ------
    ValueError
        If the marks are not there, once each and in order.

    Examples
    --------
    >>> replaced("a <!-- begin t -->old<!-- end t --> b", "t", "new").splitlines()
    ['a <!-- begin t -->', '', 'new', '', '<!-- end t --> b']
    """
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    if text.count(begin) != 1 or text.count(end) != 1 or text.index(begin) > text.index(end):
        raise ValueError(f"expected the marks {begin} and {end} once each and in this order; put them in")
    before, rest = text.split(begin)
    return f"{before}{begin}\n\n{content}\n\n{end}{rest.split(end)[1]}"


def main(arguments: Sequence[str]) -> int:
    """Write the tables, or with ``--check`` compare them; 1 where a file is out of date."""
    results = load_results()
    stale = 0
    for file, name, render in BLOCKS:
        path = ROOT / file
        text = path.read_text(encoding="utf-8")
        new = replaced(text, name, render(results))
        if new == text:
            continue
        stale += 1
        if "--check" in arguments:
            sys.stderr.write(f"{file} is out of date: run python -m benchmarks.tables\n")
        else:
            path.write_text(new, encoding="utf-8")
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
