"""``einthoven classify``: records or pages in, a table of probabilities and decisions out."""

from __future__ import annotations

import csv
import io
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from ecg.errors import ECGError, ModelError, OptionsError
from einthoven import outputs
from einthoven.inputs import Input, find_inputs, page_stem
from einthoven.outputs import one_line, table_cell
from einthoven.progress import Report, reporting

if TYPE_CHECKING:
    from classify.predict import ClassifyOptions, Prediction
    from ecg.checkpoint import ModelCard

__all__ = ["COLUMNS", "run"]

COLUMNS = (
    "file",
    "stem",
    "route",
    "model",
    "task",
    "label",
    "probability",
    "threshold",
    "decision",
    "status",
    "reason",
    "page",
    "age_from",
    "sex_from",
)


def run(files: Sequence[str], out: Path, options: ClassifyOptions) -> int:
    """Classify every file.

    Parameters
    ----------
    files : sequence of str
        Files, folders of pages, or patterns.
    out : Path
    options : ClassifyOptions

    Returns
    -------
    int
        0 where every ECG got an answer or the model abstained, 1 where one was refused or a file failed, 3 where a bug
        showed.
    """
    inputs, missing = find_inputs(files)
    outputs.output_folder(out)
    rows = [_failure(m.argument, "", options, str(m.error)) for m in missing]
    bugs: list[str] = []
    cards: dict[str, ModelCard] = {}
    try:
        with reporting(len(inputs)) as report:
            for item in inputs:
                rows += _one_file(item, options, report, cards, bugs)
                report.file_done()
    finally:
        if rows:
            _write(out / "predictions.csv", rows)
    for bug in bugs:
        report.traceback(bug)
    _conclude(rows, cards, options, out, report)
    if bugs:
        return 3
    return 1 if any(row["status"] in ("refused", "failed") for row in rows) else 0


def _one_file(
    item: Input, options: ClassifyOptions, report: Report, cards: dict[str, ModelCard], bugs: list[str]
) -> list[dict[str, Any]]:
    """Classify one file; whatever goes wrong in it becomes a row, so that the other files are read all the same."""
    from classify.predict import classify

    try:
        found = classify(item.path, options)
    except (ModelError, OptionsError):
        raise  # without its model no file can be classified
    except (ECGError, OSError) as error:
        report.line(f"{item.path}: failed")
        return [_failure(item.path, item.stem, options, str(error))]
    except Exception as error:
        bugs.append(f"{one_line(item.path)}:\n{traceback.format_exc()}")
        return [_failure(item.path, item.stem, options, f"a fault of the program, please report it: {error!r}")]
    rows = []
    for answer in found:
        stem = page_stem(item.stem, answer.page, len(found) > 1)
        if answer.card is not None:
            cards[answer.model] = answer.card
        rows += _rows(item.path, stem, answer)
        report.line(f"{item.path}{f' page {answer.page}' if len(found) > 1 else ''}: {_words(answer)}")
    return rows


def _words(answer: Prediction) -> str:
    """Answer in a line."""
    if not answer.probabilities:
        return f"{answer.status}: {'; '.join(answer.reasons)}"
    parts = zip(answer.labels, answer.probabilities, answer.decision, strict=True)
    told = ", ".join(f"{label} {p:.2f}{' *' if yes and answer.status == 'answered' else ''}" for label, p, yes in parts)
    why = f" ({'; '.join(answer.reasons)})" if answer.reasons else ""
    return f"{answer.status}: {told}{why}"


def _rows(path: Path, stem: str, answer: Prediction) -> list[dict[str, Any]]:
    """One row a label; what was refused has no probability, what was abstained from no decision."""
    rows = []
    for k, label in enumerate(answer.labels):
        there = bool(answer.probabilities)
        decided = there and answer.status == "answered"
        rows.append(
            {
                "file": str(path),
                "stem": stem,
                "route": answer.route,
                "model": answer.model,
                "task": answer.task,
                "label": label,
                "probability": round(answer.probabilities[k], 6) if there else None,
                "threshold": answer.thresholds[k] if there else None,
                "decision": int(answer.decision[k]) if decided else None,
                "status": answer.status,
                "reason": "; ".join(answer.reasons),
                "page": answer.page or None,
                "age_from": answer.known_from.get("age"),
                "sex_from": answer.known_from.get("sex"),
            }
        )
    return rows


def _failure(path: Path | str, stem: str, options: ClassifyOptions, reason: str) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(COLUMNS)
    row |= {"file": str(path), "stem": stem, "route": options.route, "task": options.task}
    return row | {"status": "failed", "reason": reason}


def _write(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow([table_cell(row[name]) for name in COLUMNS])
    outputs.write_text(path, buffer.getvalue())


def _conclude(
    rows: Sequence[dict[str, Any]],
    cards: dict[str, ModelCard],
    options: ClassifyOptions,
    out: Path,
    report: Report,
) -> None:
    """Tell which models answered, from their cards, and what failed."""
    for name, card in cards.items():
        figure = card.metrics.get(f"{options.task} auroc", {})
        told = "" if figure.get("value") is None else f", AUROC on validation {figure['value']:.3f}"
        report.total(f"model {name} ({card.architecture}, {card.sha256[:12]}){told}; {card.intended_use}")
        for limit in card.limits:
            report.total(f"  {limit}")
    told_files = set()
    for row in rows:
        key = (row["file"], row["page"])
        if row["status"] in ("refused", "failed") and key not in told_files:
            told_files.add(key)
            report.error(f"{row['file']}: {row['status']}: {row['reason']}")
    typer.echo(one_line(f"predictions.csv is in {out}"))
