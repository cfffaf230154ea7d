"""``einthoven demo``: draw a page, read it, compare the reading with the truth."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from ecg.errors import DigitizationError, OptionsError
from einthoven import outputs
from einthoven.outputs import one_line

if TYPE_CHECKING:
    from digitize.result import Digitization
    from ecg.fidelity import PageFidelity
    from synth import SynthPage

__all__ = ["run"]

_SCHEMA = "einthoven.demo"
_STEM = "demo"
_TRUTH = "demo_truth"
_FIDELITY = "demo_fidelity.json"
_FILES = (f"{_STEM}.png", f"{_TRUTH}.hea", f"{_TRUTH}.dat", _FIDELITY)


def run(out: Path, *, seed: int, as_json: bool) -> int:
    """Draw a page into ``out``, read the file and compare; exit status 0, or 1 where the page was refused."""
    from digitize import read_file
    from ecg.fidelity import page_fidelity
    from synth import demo_page

    _check_free(outputs.output_folder(out))
    drawn = demo_page(seed=seed)
    # Page, truth and comparison appear together, so that a stopped demo can simply be run again.
    with outputs.staged(out) as folder:
        _write_page(drawn, folder)
        started = time.perf_counter()
        reading = next(iter(read_file(folder / f"{_STEM}.png")), None)
        seconds = time.perf_counter() - started
        if reading is None:
            raise DigitizationError("load", f"{one_line(out / _STEM)}.png gave no page")
        # The Moody Challenge's ratio is a matter of `bench fidelity`: it takes a second a page.
        fidelity = page_fidelity(drawn.record, reading.record, moody=False)
        content = _document(reading, fidelity, seed, seconds)
        outputs.write_json(folder / _FIDELITY, content)
    outputs.write_digitization(reading, out, _STEM, source=str(out / f"{_STEM}.png"))
    typer.echo(json.dumps(content, ensure_ascii=False, indent=1) if as_json else _text(content, out))
    return 1 if reading.status == "refused" else 0


def _check_free(out: Path) -> None:
    """Refuse to overwrite what no demo has written."""
    outputs.check_free(out, [_STEM])
    there = [name for name in _FILES if (out / name).exists()]
    if there and outputs.schema_of(out / _FIDELITY) != _SCHEMA:
        raise OptionsError(f"{one_line(out / there[0])} is there already, and not from a demo; give another -o")


def _write_page(drawn: SynthPage, folder: Path) -> None:
    """Write the page as PNG with its resolution, and its true signals."""
    from PIL import Image

    dpi = drawn.page.dpi
    extra: dict[str, Any] = {} if dpi is None else {"dpi": (dpi, dpi)}
    Image.fromarray(drawn.page.image).save(folder / f"{_STEM}.png", compress_level=1, **extra)
    outputs.write_signal(drawn.record, folder, _TRUTH, "wfdb")


def _document(reading: Digitization, fidelity: PageFidelity, seed: int, seconds: float) -> dict[str, Any]:
    leads = {name: {"snr_db": f.snr_db, "r": f.r, "coverage": f.coverage} for name, f in fidelity.leads.items()}
    body = {
        "seed": seed,
        "status": reading.status,
        "reasons": reading.reasons,
        "layout": None if reading.layout is None else reading.layout.name,
        "median_snr_db": fidelity.median_snr_db,
        "leads": leads,
        "seconds": seconds,
    }
    return outputs.document(_SCHEMA, 1, body)


def _text(content: dict[str, Any], out: Path) -> str:
    """Tell the comparison to a person, and where to look next."""
    rows = ["lead   SNR dB      r"]
    for name, lead in content["leads"].items():
        rows.append(f"{name:<5}{_number(lead['snr_db'], 8, 1)}{_number(lead['r'], 9, 4)}")
    reasons = "".join(f": {reason}" for reason in content["reasons"][:1])
    return "\n".join(
        (
            f"Drew {out / (_STEM + '.png')} from a synthetic record (seed {content['seed']}) and read it in "
            f"{content['seconds']:.1f} s: {content['status']}{reasons}, layout {content['layout'] or 'unknown'}.",
            *rows,
            f"median SNR {_number(content['median_snr_db'], 0, 1)} dB against the true signals",
            f"Look at {out / (_STEM + '_overlay.png')}; the signals are in {out / (_STEM + '.hea')} and .dat.",
            "Not a medical device.",
        )
    )


def _number(value: float | None, width: int, digits: int) -> str:
    return f"{'-':>{width}}" if value is None else f"{value:>{width}.{digits}f}"
