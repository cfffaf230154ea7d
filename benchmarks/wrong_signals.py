"""Pages that may give a wrong signal in silence: mirrored, turned, cut, misprinted, and what the reader makes of them.

``python -m benchmarks.wrong_signals [--each N] [--kind WORDS]`` draws N pages of every kind of `wrong_pages.WRONG`,
reads them and writes ``benchmarks/results/wrong_signals.json``. A page is refused, left to review, or accepted; what
is accepted is right or, where a lead is wrong, silently wrong; unless the reading lists the gain or speed that is wrong
among what it assumed.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.kept import none_yet, read_result
from benchmarks.wrong_pages import WRONG, WrongPage, wrong_page
from digitize import digitize
from ecg import ECGRecord, resample
from ecg.errors import DigitizationError
from ecg.fidelity import lead_fidelity, page_fidelity
from einthoven.outputs import version, write_json
from einthoven.provenance import commit

__all__ = ["OUTCOMES", "RESULT", "main", "outcome", "render_wrong_signals", "wrong_leads"]

RESULT = Path(__file__).resolve().parent / "results" / "wrong_signals.json"
SCHEMA = "einthoven.wrong_signals"
OUTCOMES = ("right", "review", "refused", "assumed", "silent")

#: A lead is wrong whose shape is another (r), whose height is off by more than a fifth (standard gains differ by two),
#: or that is given though the page does not show it. Leads flatter than 30 µV, a pen's width, say nothing of either.
_LEAST_R, _MOST_GAIN, _FLAT_MV = 0.7, 1.25, 0.03
#: Median SNR in dB under which a page of right leads is still useless.
_LEAST_DB = 6.0
#: Shortest stretch in common, in s, over which leads are compared.
_SHARED_S = 0.5


def wrong_leads(truth: ECGRecord, read: ECGRecord) -> tuple[str, ...]:
    """Leads of a reading that show something else than the page.

    Parameters
    ----------
    truth, read : ECGRecord
        At the same rate.

    Returns
    -------
    tuple of str
    """
    found = []
    for lead in read.leads:
        y = read[lead].astype(np.float64)
        if np.isfinite(y).sum() < _SHARED_S * read.fs:
            continue
        x = truth[lead].astype(np.float64) if lead in truth.leads else np.full(1, np.nan)
        if np.isfinite(x).sum() < _SHARED_S * truth.fs:
            found.append(lead)
            continue
        if np.nanstd(x) < _FLAT_MV:
            continue
        n = max(x.size, y.size)
        x, y = (np.pad(v, (0, n - v.size), constant_values=np.nan) for v in (x, y))
        match = lead_fidelity(x, y)
        if match.r < _LEAST_R or not 1 / _MOST_GAIN < match.gain < _MOST_GAIN:
            found.append(lead)
    return tuple(found)


def outcome(page: WrongPage) -> tuple[str, str]:
    """Read a page and judge what came of it.

    Parameters
    ----------
    page : WrongPage

    Returns
    -------
    str
        One of `OUTCOMES`.
    str
        The reader's first reason, or which leads are wrong in silence.
    """
    try:
        reading = digitize(page.page)
    except DigitizationError as error:
        return "refused", str(error)
    if reading.status != "accepted" or reading.record is None:
        return "review", "; ".join(reading.reasons)
    wrong = wrong_leads(page.truth, reading.record)
    layout = "" if reading.layout is None else reading.layout.name
    if wrong:
        words = f"{layout}: {', '.join(wrong)} wrong"
        return ("assumed" if _as_assumed(page.truth, reading.record, reading.assumed) else "silent"), words
    median = page_fidelity(page.truth, reading.record, moody=False).median_snr_db
    return ("silent", f"{layout}: {median:.1f} dB") if median < _LEAST_DB else ("right", f"{layout}: {median:.1f} dB")


def _as_assumed(truth: ECGRecord, read: ECGRecord, assumed: Sequence[str]) -> bool:
    """Whether a reading is right but for a gain or speed that it says it assumed."""
    gains = (0.25, 0.5, 1.0, 2.0, 4.0) if any(a.startswith("gain") for a in assumed) else (1.0,)
    speeds = (0.5, 1.0, 2.0) if any(a.startswith("paper speed") for a in assumed) else (1.0,)
    for lead in wrong_leads(truth, read):
        others = (ECGRecord(np.float32(g) * read[lead][None], s * read.fs, (lead,)) for g in gains for s in speeds)
        if all(wrong_leads(truth, resample(other, truth.fs)) for other in others):
            return False
    return True


def summary(found: Sequence[tuple[str, str, str]]) -> dict[str, Any]:
    """Figures by kind and over all, ready for JSON.

    Parameters
    ----------
    found : sequence of (kind, outcome, words)

    Returns
    -------
    dict

    Examples
    --------
    >>> summary([("cut", "silent", "V1 wrong"), ("cut", "right", "")])["silent"]
    1
    """
    kinds = dict.fromkeys(kind for kind, _, _ in found)
    told = {}
    for kind in kinds:
        count = Counter(o for k, o, _ in found if k == kind)
        said = Counter(words for k, o, words in found if k == kind and o != "right")
        told[kind] = {**{o: count[o] for o in OUTCOMES}, "said": said.most_common(1)[0][0] if said else ""}
    return {
        "schema": {"name": SCHEMA, "version": 1},
        "version": version(),
        "commit": commit(),
        "pages": len(found),
        **{o: sum(entry[o] for entry in told.values()) for o in OUTCOMES},
        "kinds": told,
    }


def render_wrong_signals(result: Path = RESULT) -> str:
    """One row a kind.

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
        return none_yet("python -m benchmarks.wrong_signals")
    head = [
        "| what is wrong with the page | read right | to be reviewed | refused | wrong as assumed | wrong in silence |"
    ]
    rows = [
        f"| {kind} | " + " | ".join(str(entry[o] or "–") for o in OUTCOMES) + " |" for kind, entry in r["kinds"].items()
    ]
    total = f"| **all {r['pages']}** | " + " | ".join(f"**{r[o]}**" for o in OUTCOMES) + " |"
    origin = f"Version {r['version']}, commit `{str(r['commit'])[:10]}`."
    return "\n".join([origin, "", *head, "|---|" + "---:|" * len(OUTCOMES), *rows, total])


def main(arguments: list[str]) -> int:
    """Read the pages and write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--each", type=int, default=6, help="pages of each kind (default: 6)")
    parser.add_argument("--kind", default="", help="only kinds that hold these words; nothing is written then")
    chosen = parser.parse_args(arguments)
    found = []
    for kind in WRONG:
        for number in range(chosen.each if chosen.kind in kind else 0):
            result, words = outcome(wrong_page(kind, number))
            found.append((kind, result, words))
            sys.stdout.write(f"{kind} {number}: {result}: {words}\n")
            sys.stdout.flush()
    if not chosen.kind:
        RESULT.parent.mkdir(exist_ok=True)
        write_json(RESULT, summary(found))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
