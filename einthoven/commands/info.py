"""``einthoven info``: what a file is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from ecg.errors import FormatError, OptionsError
from einthoven import outputs
from einthoven.outputs import one_line

if TYPE_CHECKING:
    from ecg import ECGRecord
    from ecg.formats import ReadOptions

__all__ = ["describe", "run"]


def run(file: Path, *, as_json: bool, fs: float | None) -> int:
    """Print what a file is; exit status 0."""
    from ecg.formats import ReadOptions

    body = describe(file, ReadOptions(fs=fs))
    if as_json:
        typer.echo(json.dumps(outputs.document("einthoven.info", 1, body), ensure_ascii=False, indent=1))
    else:
        typer.echo("\n".join(one_line(line) for line in _lines(body)))
    return 0


def describe(file: Path, options: ReadOptions) -> dict[str, Any]:
    """Describe a file by its content.

    Parameters
    ----------
    file : Path
    options : ReadOptions

    Returns
    -------
    dict
        ``file``, ``kind`` and, for a record, ``fs`` (Hz), ``duration_s``, ``units`` and ``leads`` (name to missing
        share, 0 to 1); for pages ``n_pages`` and ``pages``, each with its ``size`` [width, height] in ``unit`` (``px``;
        ``mm`` for a PDF, which is not drawn for this) and ``dpi``.

    Raises
    ------
    OptionsError
        If there is no such file.
    FormatError
        If it cannot be read.
    """
    from ecg import formats

    try:
        kind = formats.identify(file, options)
    except FormatError as error:
        # A record may be named without a suffix, so only now is it certain that nothing is there.
        raise error if file.exists() else OptionsError(f"no input: {error}") from error
    body: dict[str, Any] = {"file": str(file), "kind": kind}
    if kind in formats.RECORD_KINDS:
        return body | _record(formats.read_record(file, options))
    pages = list(_pdf_pages(file) if kind == "pdf" else _picture_pages(file, options))
    return body | {"n_pages": len(pages), "pages": pages}


def _record(record: ECGRecord) -> dict[str, Any]:
    import numpy as np

    missing = np.isnan(record.signal).mean(axis=1)
    return {
        "fs": record.fs,
        "duration_s": record.duration_s,
        "units": record.meta.get("units", "mV"),
        "leads": dict(zip(record.leads, missing.tolist(), strict=True)),
    }


def _picture_pages(file: Path, options: ReadOptions) -> Iterator[dict[str, Any]]:
    from ecg import formats

    for page in formats.read_pages(file, options):
        yield {"size": [page.width, page.height], "unit": "px", "dpi": page.dpi}


def _pdf_pages(file: Path) -> Iterator[dict[str, Any]]:
    """Sizes of a PDF's pages, which stand in its page tree: thousands take a second."""
    from ecg.formats import pdfium
    from ecg.paper import MM_PER_INCH

    with pdfium.LOCK:
        document = pdfium.open_document(file)
        try:
            for index in range(len(document)):
                page = pdfium.load_page(document, index, file)
                size = [round(v / pdfium.POINTS_PER_INCH * MM_PER_INCH, 1) for v in page.get_size()]
                page.close()
                yield {"size": size, "unit": "mm", "dpi": None}
        finally:
            document.close()


def _lines(body: dict[str, Any]) -> Iterator[str]:
    yield f"{body['file']}: {body['kind']}"
    if "leads" in body:
        leads = "1 lead" if len(body["leads"]) == 1 else f"{len(body['leads'])} leads"
        yield f"  {leads}, {body['fs']:g} Hz, {body['duration_s']:g} s, {body['units']}"
        for lead, missing in body["leads"].items():
            yield f"  {lead:<6}{f'{100 * missing:.1f} % missing' if missing else 'complete'}"
        return
    yield f"  {body['n_pages']} {'page' if body['n_pages'] == 1 else 'pages'}"
    # Pages of the same size in a row share a line: a booklet of 500 sheets is one.
    first = 1
    for number, page in enumerate(body["pages"], start=1):
        following = body["pages"][number] if number < body["n_pages"] else None
        if page != following:
            numbers = f"page {first}" if first == number else f"pages {first}-{number}"
            width, height = page["size"]
            dpi = "" if page["dpi"] is None else f", {page['dpi']:g} dpi"
            yield f"  {numbers}: {width:g} x {height:g} {page['unit']}{dpi}"
            first = number + 1
