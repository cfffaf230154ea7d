"""``einthoven synth``: a set of drawn pages with their truth."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from pathlib import Path

import typer

from ecg.errors import OptionsError
from einthoven import outputs
from einthoven.outputs import one_line
from einthoven.progress import counting

__all__ = ["PRESET_LINES", "Request", "parse_folds", "run"]

#: Every preset of `synth.PRESETS` in a line.
PRESET_LINES = {
    "clean": "drawn and left alone, as a device's own export",
    "published": "pink grid, Gaussian noise, rotation within 1 degree, Gaussian blur, nothing else",
    "scan": "a flatbed scanner: slight tilt, uneven light, blur, noise, JPEG",
    "photocopy": "copied, perhaps more than once: black and white, lost toner, streaks, dark edges",
    "fax": "sent by fax: 204 x 98 or 196 dots per inch, black or white, lost lines",
    "phone": "photographed by hand: perspective, curl, shadow, defocus, noise, table or hand behind",
    "screen": "a monitor, photographed or captured: moire, colour fringes, glare",
    "archive": "old paper, scanned: yellowed, faded, stained, punched, folded, written on",
    "wrecked": "everything at once: crumpled, stained, torn, cut off, written over",
    "field": "a mixture of all others in every device look, for training",
}


def parse_folds(text: str) -> tuple[int, ...]:
    """Folds of PTB-XL out of ``1-8`` or ``1,2,5-7``.

    Raises
    ------
    OptionsError
        If it is not such a list or a fold is not 1 to 10.

    Examples
    --------
    >>> parse_folds("1-3,9")
    (1, 2, 3, 9)
    """
    folds: set[int] = set()
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d+)(?:-(\d+))?\s*", part)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
        if not 1 <= first <= last <= 10:
            raise OptionsError(f"--folds takes numbers from 1 to 10 as in 1-8 or 1,2,5, got {one_line(text)!r}")
        folds.update(range(first, last + 1))
    return tuple(sorted(folds))


@dataclass(frozen=True)
class Request:
    """What was asked for on the command line.

    Parameters
    ----------
    n, seed, jobs : int
    source, preset, folds : str
        As they were typed.
    kit, pdf : bool
    """

    n: int
    source: str
    preset: str
    seed: int
    jobs: int
    folds: str
    kit: bool = False
    pdf: bool = False


def run(out: Path, request: Request, *, contact_sheet: bool = False) -> int:
    """Draw the pages below ``out``; exit status 0."""
    from synth import write_set

    options = {**asdict(request), "folds": parse_folds(request.folds)}
    outputs.output_folder(out)
    with counting("pages") as progress:
        write_set(out, **options, progress=progress)
    typer.echo(one_line(f"{request.n} pages are in {out / 'pages'}, listed in {out / 'manifest.csv'}"))
    if contact_sheet:
        from synth.sheet import write_contact_sheet

        typer.echo(one_line(f"look at {write_contact_sheet(out)}"))
    return 0
