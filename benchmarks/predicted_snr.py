"""The fidelity that the reader predicts of its own readings, fitted on some kinds of pages and tested on others.

``python -m benchmarks.predicted_snr collect ROWS [--from ptb-xl:DIR --n N --seed S --kinds K,K] [--kit DIR]`` draws
pages of the mixture `field`, or those of some kinds of it, reads them, and appends a line of JSON a page to ROWS: the
signs of each lead and its true SNR. It goes on where it was cut off. ``... fit ROWS`` grows trees on the pages of
`FITTED` kinds of damage and on kit pages, and writes ``digitize/weights/quality``. ``... measure ROWS`` judges all
pages by what is shipped, those of `LEFT_OUT` kinds apart, and writes ``benchmarks/results/predicted_snr.json``.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.kept import none_yet, read_result
from benchmarks.predicted_snr_fit import grow, restated, saved
from digitize import DigitizeOptions, digitize
from digitize.features import SIGNS
from digitize.prediction import predict_snr
from ecg import ECGRecord, Page
from ecg.errors import DigitizationError
from ecg.fidelity import page_fidelity
from einthoven.outputs import version, write_json
from einthoven.provenance import commit

__all__ = ["FITTED", "LEFT_OUT", "RESULT", "cases", "collect", "main", "measured", "read_rows", "render_predicted_snr"]

RESULT = Path(__file__).resolve().parent / "results" / "predicted_snr.json"
SCHEMA = "einthoven.predicted_snr"

#: Kinds of damage whose pages the trees were grown on, and those they never saw; chosen before anything was fitted.
FITTED = ("scan", "phone", "clean", "archive", "kit")
LEFT_OUT = ("screen", "photocopy", "fax", "wrecked", "published")
#: Parts in which pages of fitted kinds are left out in turn, and pages that are enough for it.
FOLDS, _ENOUGH = 5, 100
#: Median SNR in dB under which an accepted page is a false one.
FALSE_DB = 10.0

Double = NDArray[np.float64]
Row = dict[str, Any]


def _row(page: Page, truth: ECGRecord, **about: Any) -> Row:
    """Read a page, and keep what the trees and the figures need."""
    about, began = {**about, "commit": commit()}, time.process_time()
    try:
        # Refused pages as well: what the last trees had refused must not be missing where the next ones are grown.
        reading = digitize(page, DigitizeOptions(force=True))
    except DigitizationError as error:
        return {**about, "status": "refused", "reasons": [str(error)], "snr_db": {}, "signs": {}}
    if passed := [str(step["forced_past"]) for step in reading.steps if "forced_past" in step]:
        return {**about, "status": "refused", "reasons": passed, "snr_db": {}, "signs": {}}
    spent = time.process_time() - began
    found = page_fidelity(truth, reading.record, moody=False).leads
    return {
        **about,
        "status": reading.status,
        "reasons": list(reading.reasons),
        "layout": None if reading.layout is None else reading.layout.name,
        "snr_db": {lead: round(f.snr_db, 3) for lead, f in found.items() if np.isfinite(f.snr_db)},
        "signs": {lead: [round(float(v), 5) for v in signs] for lead, signs in reading.signs.items()},
        "cpu_s": round(spent, 3),
    }


def _drawn(spec: str, preset: str, seed: int, numbers: range, done: set[Any], kinds: Sequence[str]) -> Iterator[Row]:
    from ecg.errors import OptionsError
    from synth import draw_page, open_source
    from synth.source import page_look

    source = open_source(spec)
    for index in numbers:
        if index in done:
            continue
        record = source.get(seed, index).record
        try:
            if kinds and page_look(record, preset, seed, index)[1] not in kinds:
                continue
            page = draw_page(record, preset, seed, index)
        except OptionsError:
            continue  # a sampled look that does not fit on its sheet
        about = {"source": spec.split(":")[0], "preset": preset, "seed": seed, "index": index}
        yield _row(page.page, page.record, member=page.record.meta["member"], look=page.style.look, **about)


def _kit(folder: Path, done: set[Any]) -> Iterator[Row]:
    from ecg.formats import read_pages
    from einthoven.true_pages import find_true_pages, true_record

    for known in find_true_pages(folder):
        if known.file not in done:
            page = next(iter(read_pages(known.path)))
            about = {"source": "kit", "preset": "kit", "index": known.file, "look": known.group}
            yield _row(page, true_record(known), member="kit", **about)


def read_rows(path: Path) -> list[Row]:
    """Rows that were collected.

    Parameters
    ----------
    path : Path

    Returns
    -------
    list of dict
    """
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def collect(path: Path, rows: Iterator[Row]) -> int:
    """Append rows to a file, each as soon as it is there.

    Parameters
    ----------
    path : Path
    rows : iterator of dict

    Returns
    -------
    int
        How many.
    """
    count = 0
    with path.open("a", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row) + "\n")
            file.flush()
            count += 1
            if sys.stdout.isatty():
                sys.stdout.write(f"\r{count} {row['status']:10s}")
    return count


def cases(rows: Sequence[Row], members: Sequence[str]) -> tuple[Double, Double, NDArray[np.int64]]:
    """Leads of pages: their signs, their true SNR in dB, and the number of their row.

    Parameters
    ----------
    rows : sequence of dict
    members : sequence of str

    Returns
    -------
    signs : float array [cases, signs]
    snr_db : float array [cases]
    page : int array [cases]
    """
    found = [
        (row["signs"][lead], snr, k)
        for k, row in enumerate(rows)
        if row["member"] in members
        for lead, snr in row["snr_db"].items()
        if lead in row["signs"]
    ]
    signs = np.array([f[0] for f in found], dtype=np.float64).reshape(len(found), len(SIGNS))
    return signs, np.array([f[1] for f in found]), np.array([f[2] for f in found], dtype=np.int64)


def _page_medians(values: Double, page: NDArray[np.int64]) -> dict[int, float]:
    return {int(k): float(np.median(values[page == k])) for k in np.unique(page)}


def _agreement(rows: Sequence[Row], predicted: Mapping[int, Mapping[str, float]], members: Sequence[str]) -> Row:
    """Rank correlation of predicted and true SNR, by lead and by page."""
    from scipy.stats import spearmanr

    _, truth, page = cases(rows, members)
    guess = np.array(
        [predicted[k][lead] for k, row in enumerate(rows) if row["member"] in members for lead in _common(row)]
    )
    if truth.size < 3:
        return {"pages": 0, "leads": int(truth.size)}
    true_page, guess_page = _page_medians(truth, page), _page_medians(guess, page)
    return {
        "pages": len(true_page),
        "leads": int(truth.size),
        "spearman_leads": round(float(spearmanr(guess, truth).statistic), 3),
        "spearman_pages": round(float(spearmanr(list(guess_page.values()), list(true_page.values())).statistic), 3),
        "median_error_db": round(float(np.median(np.abs(guess - truth.clip(-3, 30)))), 2),
    }


def _common(row: Row) -> list[str]:
    return [lead for lead in row["snr_db"] if lead in row["signs"]]


def _returned(rows: Sequence[Row]) -> list[Row]:
    """Rows without the signs of pages that the reader refused: it gives no signals of these."""
    return [{**row, "signs": {}} if row["status"] == "refused" else row for row in rows]


def _predicted(rows: Sequence[Row]) -> dict[int, dict[str, float]]:
    """Predicted SNR by row and lead: pages of fitted kinds by trees that were grown on four fifths of the others."""
    signs = [{lead: np.array(s) for lead, s in row["signs"].items()} for row in rows]
    predicted = {k: predict_snr(s) for k, s in enumerate(signs)}
    fitted = [k for k, row in enumerate(rows) if row["member"] in FITTED]
    for part in range(FOLDS if len(fitted) >= _ENOUGH else 0):
        held = set(fitted[part::FOLDS])
        trees = grow(*cases([row for k, row in enumerate(rows) if k not in held], FITTED))
        predicted |= {k: predict_snr(signs[k], trees) for k in held}
    return predicted


def _accepted(rows: Sequence[Row]) -> Row:
    """How many of the accepted pages are false: true median SNR, over all leads printed, under 10 dB."""
    accepted = [row for row in rows if row["status"] == "accepted"]
    median = [float(np.median(list(row["snr_db"].values()))) if row["snr_db"] else 0.0 for row in accepted]
    false = sum(m < FALSE_DB for m in median)
    statuses = {s: sum(row["status"] == s for row in rows) for s in ("accepted", "review", "refused")}
    return {
        "pages": len(rows),
        **statuses,
        "false": false,
        "false_share": round(false / max(len(accepted), 1), 4),
        "accepted_median_db": round(float(np.median(median)), 2) if median else None,
    }


def measured(rows: Sequence[Row]) -> Row:
    """Judge rows by the trees that are shipped, and pages of kinds that these were grown on by trees without them.

    Parameters
    ----------
    rows : sequence of dict

    Returns
    -------
    dict
        Ready for JSON.
    """
    predicted = _predicted(rows)
    read = _returned(rows)
    rows = [restated(row, predicted[k]) for k, row in enumerate(rows)]
    members = [m for m in (*LEFT_OUT, *FITTED) if any(row["member"] == m for row in rows)]
    return {
        "schema": {"name": SCHEMA, "version": 1},
        "version": version(),
        "commit": commit(),
        "read_by": sorted({str(row.get("commit")) for row in rows}),
        "fitted": list(FITTED),
        "left_out": list(LEFT_OUT),
        "false_db": FALSE_DB,
        "agreement": {
            "left_out": _agreement(read, predicted, LEFT_OUT),
            "fitted": _agreement(read, predicted, FITTED),
            **{member: _agreement(read, predicted, (member,)) for member in members},
        },
        "accepted": {
            "all": _accepted(rows),
            "left_out": _accepted([row for row in rows if row["member"] in LEFT_OUT]),
            "fitted": _accepted([row for row in rows if row["member"] in FITTED]),
            **{member: _accepted([row for row in rows if row["member"] == member]) for member in members},
        },
    }


def render_predicted_snr(result: Path = RESULT) -> str:
    """One row a kind of damage: how well predicted and true SNR agree, and what was accepted.

    Parameters
    ----------
    result : Path

    Returns
    -------
    str
        Markdown, or that there is none yet.
    """
    r = read_result(result)
    if r is None:
        return none_yet("python -m benchmarks.predicted_snr")
    head = (
        "| kind of damage | pages read | Spearman, leads | Spearman, pages | median error "
        f"| accepted | review | refused | accepted, true median under {r['false_db']:.0f} dB |"
    )
    names = {"left_out": "**all that were left out**", "fitted": "**all that were fitted**"}
    lines = [_line(f"{member}, left out", r, member) for member in r["left_out"] if member in r["agreement"]]
    lines += [_line(names["left_out"], r, "left_out")]
    lines += [_line(f"{member}, fitted", r, member) for member in r["fitted"] if member in r["agreement"]]
    lines += [_line(names["fitted"], r, "fitted")]
    readers = ", ".join(f"`{c[:10]}`" for c in r["read_by"])
    told = f"Version {r['version']}, commit `{str(r['commit'])[:10]}`; pages read by {readers}."
    return "\n".join([told, "", head, "|---|" + "---:|" * 8, *lines])


def _line(name: str, r: Row, key: str) -> str:
    agreement, accepted = r["agreement"][key], r["accepted"][key]
    found = [agreement.get(k) for k in ("spearman_leads", "spearman_pages")]
    told = ["–" if v is None or not np.isfinite(v) else f"{v:.2f}" for v in found]
    error = agreement.get("median_error_db")
    cells = [str(agreement["pages"]), *told, "–" if error is None else f"{error:.1f} dB"]
    cells += [str(accepted[k]) for k in ("accepted", "review", "refused", "false")]
    return f"| {name} | {' | '.join(cells)} |"


def _fit(rows: Sequence[Row]) -> Row:
    """Grow and write the trees; how they do on pages left out goes into their card."""
    signs, snr, page = cases(rows, FITTED)
    trees = grow(signs, snr, page)
    predicted = {
        k: predict_snr({lead: np.array(s) for lead, s in row["signs"].items()}, trees) for k, row in enumerate(rows)
    }
    read = _returned(rows)
    told = _agreement(read, predicted, LEFT_OUT)
    metrics = {name: float(told[name]) for name in told if name.startswith("spearman")}
    saved(trees, [row for row in rows if row["member"] in FITTED], metrics)
    return told


def main(arguments: list[str]) -> int:
    """Collect, fit or measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("do", choices=("collect", "fit", "measure"))
    parser.add_argument("rows", type=Path)
    parser.add_argument("--from", dest="source", default="physiology", help="as of einthoven synth")
    parser.add_argument("--seed", type=int, default=77)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--n", type=int, default=0, help="pages to draw")
    parser.add_argument("--kinds", default="", help="kinds of damage to draw, with commas between (all)")
    parser.add_argument("--kit", type=Path, help="folder of pages by ecg-image-kit with their signals")
    chosen = parser.parse_args(arguments)
    rows = read_rows(chosen.rows)
    if chosen.do == "collect":
        done = {row["index"] for row in rows}
        numbers, kinds = range(chosen.first, chosen.first + chosen.n), tuple(filter(None, chosen.kinds.split(",")))
        if unknown := set(kinds) - {*FITTED, *LEFT_OUT}:
            parser.error(f"--kinds takes {', '.join((*FITTED, *LEFT_OUT))}, got {', '.join(sorted(unknown))}")
        count = collect(chosen.rows, _drawn(chosen.source, "field", chosen.seed, numbers, done, kinds))
        count += 0 if chosen.kit is None else collect(chosen.rows, _kit(chosen.kit, done))
        sys.stdout.write(f"{count} pages more\n")
    elif not rows:
        sys.stderr.write(f"{chosen.rows} holds no page: run collect first\n")
        return 2
    elif chosen.do == "fit":
        sys.stdout.write(f"{_fit(rows)}\n")
    else:
        result = measured(rows)
        write_json(RESULT, result)
        sys.stdout.write(f"{json.dumps(result['agreement'], indent=1)}\n{json.dumps(result['accepted'], indent=1)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
