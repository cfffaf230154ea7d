"""How far the measurements are from the truth of drawn hearts: of records, of what paper shows of them, and of pages.

``python -m benchmarks.measurements [--records N] [--pages N]`` writes ``benchmarks/results/measurements.json``; the
table in ``docs/diagnosis.md`` is made from it. Half of the hearts are normal, the other half goes through every kind
that the generator has. The truth is the generator's: where each wave begins and ends, and, for axis and ST, the same
heart without noise, read at those places. Normal and paced beats count; a beat's own truth stands for all of its kind.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecg.errors import DigitizationError
from ecg.measure import Measurements, measure
from ecg.paper import LAYOUTS
from ecg.record import LEADS, ECGRecord
from einthoven.outputs import version, write_json
from einthoven.provenance import commit
from synth import draw_page
from synth.physiology import KINDS, sample_physiology, synthesize_record

__all__ = ["FIELDS", "RESULT", "errors", "hearts", "main", "on_paper", "summary", "truth_of"]

RESULT = Path(__file__).resolve().parent / "results" / "measurements.json"
SCHEMA = "einthoven.measurements"
SEED = 20261
PRESET = "scan"
#: Figures that are compared, with their units.
FIELDS = {
    "rate": "1/min",
    "sdnn": "ms",
    "rmssd": "ms",
    "pr": "ms",
    "qrs": "ms",
    "qt": "ms",
    "axis": "degrees",
    "st": "mV",
}
#: Kinds whose atria have no P wave at a fixed distance.
_NO_PR = ("afib", "aflutter")
_RESAMPLES = 1000


def hearts(n: int) -> Iterator[tuple[ECGRecord, dict[str, Any]]]:
    """Draw records with their truths.

    Parameters
    ----------
    n : int

    Yields
    ------
    ECGRecord
        Ten seconds at 500 Hz with noise.
    dict
        From `truth_of`.
    """
    others = [kind for kind in KINDS if kind != "norm"]
    for index in range(n):
        kind = "norm" if index % 2 == 0 else others[index // 2 % len(others)]
        params = sample_physiology(np.random.default_rng([SEED, index]), kind)
        quiet = replace(params, wander_mv=0.0, muscle_mv=0.0, mains_mv=0.0, episodes=())
        yield synthesize_record(params), truth_of(synthesize_record(quiet))


def truth_of(quiet: ECGRecord) -> dict[str, Any]:
    """Figures of a heart without noise, from where the generator put its waves.

    Parameters
    ----------
    quiet : ECGRecord
        With ``meta["waves"]``.

    Returns
    -------
    dict
        Keys of `FIELDS`; None where the heart has no such figure. ``st`` holds one figure a lead.
    """
    waves = quiet.meta["waves"]
    usual = [w for w in waves if w["beat"] in ("N", "/")]
    at = np.array([w["r_s"] for w in waves])
    normal = np.array([w["beat"] in ("N", "/") for w in waves])
    intervals = 1000 * np.where(normal[:-1] & normal[1:], np.diff(at), np.nan)
    known, steps = intervals[np.isfinite(intervals)], np.diff(intervals)
    steps = steps[np.isfinite(steps)]
    st, net = _levels(quiet, usual)
    return {
        "rate": 60 / float(np.diff(at).mean()) if at.size > 1 else None,
        "sdnn": float(known.std(ddof=1)) if known.size >= 5 else None,
        "rmssd": float(np.sqrt(np.mean(steps**2))) if steps.size else None,
        "pr": None if set(_NO_PR) & set(quiet.meta["labels"]) else _median_ms(usual, "p_onset_s", "qrs_onset_s"),
        "qrs": _median_ms(usual, "qrs_onset_s", "qrs_offset_s"),
        "qt": _median_ms(usual, "qrs_onset_s", "t_offset_s"),
        # I lies at 0 degrees; aVF at 90, shorter by Goldberger's factor (Malmivuo & Plonsey 1995, 15.4).
        "axis": math.degrees(math.atan2(net["aVF"] * 2 / math.sqrt(3), net["I"])),
        "st": st,
    }


def _median_ms(waves: list[Mapping[str, Any]], start: str, stop: str) -> float | None:
    lengths = [w[stop] - w[start] for w in waves if w[start] is not None and w[stop] is not None]
    return 1000 * float(np.median(lengths)) if lengths else None


def _levels(quiet: ECGRecord, waves: list[Mapping[str, Any]]) -> tuple[dict[str, float], dict[str, float]]:
    """ST level and net QRS area of every lead: medians over the beats."""
    st: dict[str, list[float]] = {lead: [] for lead in LEADS}
    net: dict[str, list[float]] = {lead: [] for lead in LEADS}
    for w in waves:
        first, last = round(w["qrs_onset_s"] * quiet.fs), round(w["qrs_offset_s"] * quiet.fs)
        if first < 8 or last + 3 > quiet.n_samples:
            continue
        for lead in LEADS:
            x = quiet[lead].astype(np.float64)
            # The stretches that `ecg.measure` reads: 16 to 4 ms before the onset, 4 ms on either side of J.
            level = x[first - 8 : first - 1].mean()
            st[lead].append(float(x[last - 2 : last + 3].mean() - level))
            net[lead].append(float((x[first : last + 1] - level).sum()))
    return ({k: float(np.median(v)) for k, v in st.items()}, {k: float(np.median(v)) for k, v in net.items()})


def on_paper(record: ECGRecord) -> ECGRecord:
    """Keep what a page of 3x4+1 shows of a record: 2.5 s a lead, II throughout."""
    signal = np.full_like(record.signal, np.nan)
    for row in LAYOUTS["3x4+1"].rows:
        for column, lead in enumerate(row):
            part = np.s_[round(2.5 * column * record.fs) : round(2.5 * (column + 1) * record.fs)]
            signal[LEADS.index(lead), part] = record[lead][part]
    signal[LEADS.index("II")] = record["II"]
    return ECGRecord(signal, record.fs, LEADS)


def _read_off(record: ECGRecord, index: int) -> ECGRecord | None:
    """Record as it is read off a drawn page; None where the page is refused."""
    from digitize import digitize

    try:
        return digitize(draw_page(record, PRESET, SEED, index).page).record
    except DigitizationError:
        return None


def errors(found: Measurements | None, truth: Mapping[str, Any]) -> dict[str, list[float | None] | int]:
    """Errors of one record, field by field.

    Parameters
    ----------
    found : Measurements or None
    truth : mapping
        From `truth_of`.

    Returns
    -------
    dict
        For each of `FIELDS` a list of errors, None where there is a truth and no measurement; ``pr_invented``: whether
        a PR interval was given where the heart has none.
    """
    out: dict[str, Any] = {}
    for name in FIELDS:
        true = truth[name]
        if name == "st":
            out[name] = [_error(None if found is None else found.st[lead].value, true[lead]) for lead in true]
        elif true is not None:
            error = _error(None if found is None else getattr(found, name).value, true)
            out[name] = [error if error is None or name != "axis" else (error + 180) % 360 - 180]
    out["pr_invented"] = int(truth["pr"] is None and found is not None and found.pr.value is not None)
    out["pr_absent"] = int(truth["pr"] is None)
    return out


def _error(found: float | None, true: float) -> float | None:
    return None if found is None else found - true


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Figures over many records.

    Parameters
    ----------
    rows : list of dict
        From `errors`.

    Returns
    -------
    dict
        By field: ``n`` with a truth, ``measured`` share, and of the errors ``bias`` (median), ``median_abs`` with its
        95 % interval (bootstrap over records) and ``p90_abs``; and how often a PR interval was invented.
    """
    rng = np.random.default_rng(SEED)
    out: dict[str, Any] = {}
    for name in FIELDS:
        lists = [row[name] for row in rows if name in row]
        there = [np.array([e for e in found if e is not None]) for found in lists]
        n, values = sum(map(len, lists)), np.concatenate([*there, np.empty(0)])
        out[name] = {
            "unit": FIELDS[name],
            "n": n,
            "measured": values.size / n if n else None,
            **_spread(there, values, rng),
        }
    out["pr_invented"] = {
        "n": sum(row["pr_absent"] for row in rows),
        "given": sum(row["pr_invented"] for row in rows),
    }
    return out


def _spread(
    there: list[NDArray[np.float64]], values: NDArray[np.float64], rng: np.random.Generator
) -> dict[str, float | None]:
    if not values.size:
        return dict.fromkeys(("bias", "median_abs", "lo", "hi", "p90_abs"))
    drawn = []
    for _ in range(_RESAMPLES):
        again = np.concatenate([there[k] for k in rng.integers(0, len(there), len(there))])
        drawn.append(float(np.median(np.abs(again))) if again.size else math.nan)
    lo, hi = np.nanpercentile(drawn, [2.5, 97.5])
    return {
        "bias": float(np.median(values)),
        "median_abs": float(np.median(np.abs(values))),
        "lo": float(lo),
        "hi": float(hi),
        "p90_abs": float(np.percentile(np.abs(values), 90)),
    }


def main(arguments: list[str]) -> int:
    """Draw, measure and write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=92, help="hearts (default: 92, every kind twice)")
    parser.add_argument("--pages", type=int, default=46, help="of them also as pages (default: 46)")
    parser.add_argument("--out", type=Path, default=RESULT)
    chosen = parser.parse_args(arguments)
    rows: dict[str, list[dict[str, Any]]] = {"record": [], "paper": [], "page": []}
    refused = 0
    for index, (record, truth) in enumerate(hearts(chosen.records)):
        rows["record"].append(errors(measure(record), truth))
        rows["paper"].append(errors(measure(on_paper(record)), truth))
        if index < chosen.pages:
            read = _read_off(record, index)
            refused += read is None
            rows["page"].append(errors(None if read is None else measure(read), truth))
        if (index + 1) % 8 == 0:
            sys.stdout.write(f"{index + 1} of {chosen.records} hearts\n")
            sys.stdout.flush()
    content = {
        "schema": {"name": SCHEMA, "version": 1},
        "version": version(),
        "commit": commit(),
        "seed": SEED,
        "preset": PRESET,
        "records": chosen.records,
        "pages": chosen.pages,
        "pages_refused": refused,
        "figures": {name: summary(found) for name, found in rows.items() if found},
    }
    write_json(chosen.out, content)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
