"""Fidelity of the page reader on a folder of pages whose signals are known."""

from __future__ import annotations

import csv
import io
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ecg.errors import ECGError, ModelError, OptionsError
from ecg.fidelity import LeadFidelity, PageFidelity, lead_fidelity, page_fidelity
from ecg.record import ECGRecord
from ecg.summary import Interval, bootstrap_median, summarize
from einthoven.outputs import document, output_folder, table_cell, write_json, write_text
from einthoven.provenance import commit
from einthoven.true_pages import TruePage, find_true_pages, true_record

if TYPE_CHECKING:
    from digitize.options import DigitizeOptions
    from digitize.result import Digitization

__all__ = [
    "LEAD_COLUMNS",
    "PROTOCOL",
    "SCHEMA",
    "PageScore",
    "TruePage",
    "bench_fidelity",
    "find_true_pages",
    "true_record",
]

SCHEMA = "einthoven.fidelity"
LEAD_COLUMNS = (
    "file",
    "lead",
    "snr_db",
    "r",
    "rmse_uv",
    "gain",
    "shift_s",
    "start_error_s",
    "coverage",
    "status",
    "snr_placed_db",
    "strip_snr_db",
)
#: How the figures come about, in words that go into the result.
PROTOCOL = {
    "name": "fidelity-1",
    "samples": "those on the page, at 500 Hz",
    "snr_db": "segment's first sample moved to its true place, then best constant offset and integer shift within "
    "0.5 s; missing samples charged at full signal power; missing lead or failed page 0 dB; negative ratios kept",
    "snr_placed_db": "the same on the page's clock",
    "strip_snr_db": "the strip method's one lead against the page's longest (II among equals), the best gain as well",
    "kaggle_snr_db": "10 log10 of the mean over pages of summed signal over summed noise power, shift within 0.2 s",
    "moody_snr_db": "George B. Moody Challenge 2024, verbatim (moody_) and with its alignment mended (moody_repaired_)",
    "unusable": "median lead snr_db under 6 dB",
    "intervals": "95 %, percentile bootstrap over pages",
    "seconds_per_page": "CPU time of reading one page, all threads",
}

_Samples = NDArray[np.float64]
PageReader = Callable[[Path, "DigitizeOptions"], Iterator["Digitization"]]
StripReader = Callable[[Path], NDArray[np.float32]]


@dataclass(frozen=True)
class PageScore:
    """What became of one page.

    Parameters
    ----------
    page : TruePage
    fidelity : PageFidelity
    status : str
        ``"accepted"``, ``"review"``, ``"refused"``, or ``"failed"`` where the reader raised an error.
    reason : str
        Why it is not accepted.
    seconds : float
        CPU time of the reading in seconds.
    strip_lead : str
        Lead that the strip method was scored on; empty where it was not run.
    strip_snr_db : float
        Its SNR after the best gain; NaN where it was not run, 0 where it failed.
    """

    page: TruePage
    fidelity: PageFidelity
    status: str
    reason: str
    seconds: float
    strip_lead: str = ""
    strip_snr_db: float = float("nan")


def bench_fidelity(
    pages_dir: Path,
    out: Path,
    options: DigitizeOptions | None = None,
    *,
    read: PageReader | None = None,
    strip: StripReader | None = None,
    moody: bool = True,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Read every page of a folder whose signals are known; write how well it went.

    Writes ``fidelity.json`` and ``leads.csv``. A page that cannot be read is a result too: it scores 0 dB.

    Parameters
    ----------
    pages_dir : Path
        Folder of pages, searched to the bottom; see `find_true_pages`.
    out : Path
        Folder of the results.
    options : DigitizeOptions, optional
    read : callable, optional
        The reader to measure, `digitize.read_file` unless given; of a file of many pages the first counts.
    strip : callable, optional
        The single-lead method shown beside it, path → float array [1, samples] at 500 Hz; the published ten-step
        method unless given.
    moody : bool
        Also compute the Moody Challenge's ratio, about a second a page.
    seed : int
        Of the bootstrap.
    progress : callable, optional
        Called with the number of pages done and of all pages, first with 0.

    Returns
    -------
    dict
        Content of ``fidelity.json``.

    Raises
    ------
    OptionsError
        If no page is found, the results cannot be written or the reader refuses its options.
    ModelError
        If the reader lacks its weights.
    FormatError
        If the signals of a page cannot be read.
    """
    pages = find_true_pages(Path(pages_dir))
    out = output_folder(Path(out))
    if options is None:
        from digitize.options import DigitizeOptions

        options = DigitizeOptions()
    for page in pages:
        true_record(page)  # a damaged truth is found before the first page is read, not after an hour
    read, strip = read or _default_reader(), strip or read_strip
    scores = []
    for done, page in enumerate(pages):
        if progress is not None:
            progress(done, len(pages))
        scores.append(_score(page, options, read, strip, moody))
    if progress is not None:
        progress(len(pages), len(pages))
    content = document(SCHEMA, 1, _body(scores, seed))
    write_text(out / "leads.csv", _lead_table(scores))
    write_json(out / "fidelity.json", content)
    return content


def _default_reader() -> PageReader:
    from digitize import read_file

    return read_file


def read_strip(path: Path) -> NDArray[np.float32]:
    """Read the first page of a file by the published ten-step method."""
    from digitize.rhythm_strip import rhythm_strip
    from ecg.formats import read_pages

    return rhythm_strip(next(read_pages(path)))


def _score(page: TruePage, options: DigitizeOptions, read: PageReader, strip: StripReader, moody: bool) -> PageScore:
    truth = true_record(page)
    start = time.process_time()
    record, status, reason = _read_first(page.path, options, read)
    seconds = time.process_time() - start
    lead = longest_lead(truth)
    return PageScore(
        page=page,
        fidelity=page_fidelity(truth, record, moody),
        status=status,
        reason=reason,
        seconds=seconds,
        strip_lead=lead,
        strip_snr_db=_strip_snr_db(truth[lead].astype(np.float64), page.path, strip),
    )


def _read_first(path: Path, options: DigitizeOptions, read: PageReader) -> tuple[ECGRecord | None, str, str]:
    """Record, status and reason of a file's first page; whatever goes wrong is a failed page, not a failed run."""
    try:
        d = next(iter(read(path, options)), None)
    except (ModelError, OptionsError):
        raise  # no fault of the page: every other one would fail alike
    except ECGError as error:
        return None, "failed", str(error)
    except Exception as error:
        return None, "failed", f"{type(error).__name__}: {error}"
    if d is None:
        return None, "failed", "the file gave no page"
    return d.record, d.status, "; ".join(d.reasons)


def longest_lead(truth: ECGRecord) -> str:
    """Lead with most samples on the page; among equals II, then the record's first."""
    counts = {lead: int(np.isfinite(truth[lead]).sum()) for lead in truth.leads}
    most = max(counts.values())
    return "II" if counts.get("II") == most else next(lead for lead, n in counts.items() if n == most)


def _strip_snr_db(truth: _Samples, path: Path, strip: StripReader) -> float:
    try:
        estimate = np.asarray(strip(path), dtype=np.float64).reshape(-1)
    except Exception:
        return 0.0
    return lead_fidelity(truth, estimate, any_gain=True).snr_db


def _body(scores: Sequence[PageScore], seed: int) -> dict[str, Any]:
    groups: dict[str, list[PageScore]] = {}
    for score in scores:
        groups.setdefault(score.page.group, []).append(score)
    return {
        "protocol": PROTOCOL,
        "commit": commit(),
        "pages": len(scores),
        "groups": {name: _figures(groups[name], seed) for name in sorted(groups)},
        "overall": _figures(scores, seed),
        "page_list": [_page_entry(score) for score in scores],
    }


def _figures(scores: Sequence[PageScore], seed: int) -> dict[str, Any]:
    """Figures of some pages with intervals; every group draws from its own fresh generator, whatever the others are."""
    rng = np.random.default_rng(seed)
    figures = summarize([s.fidelity for s in scores], rng)
    seconds = bootstrap_median(np.array([s.seconds for s in scores]), rng)
    strip = bootstrap_median(np.array([s.strip_snr_db for s in scores]), rng)
    return {
        "pages": len(scores),
        "leads": sum(len(s.fidelity.leads) for s in scores),
        "status": dict(sorted(Counter(s.status for s in scores).items())),
        **{name: asdict(interval) for name, interval in figures.items()},
        "seconds_per_page": asdict(seconds),
        "strip": {"median_snr_db": asdict(strip), **_same_lead(scores, rng)},
    }


def _same_lead(scores: Sequence[PageScore], rng: np.random.Generator) -> dict[str, Any]:
    """Score the full reader on the very leads that the strip method is scored on: like is compared with like."""
    values = [s.fidelity.leads[s.strip_lead].snr_db for s in scores if s.strip_lead in s.fidelity.leads]
    interval = bootstrap_median(np.array(values), rng) if values else Interval(*[float("nan")] * 3)
    return {"full_reader_median_snr_db": asdict(interval)}


def _page_entry(score: PageScore) -> dict[str, Any]:
    f = score.fidelity
    return {
        "file": score.page.file,
        "group": score.page.group,
        "status": score.status,
        "reason": score.reason,
        "median_snr_db": f.median_snr_db,
        "median_snr_placed_db": f.median_snr_placed_db,
        "shift_spread_s": f.shift_spread_s,
        "kaggle_snr_db": f.kaggle_snr_db,
        "moody_snr_db": f.moody_db,
        "moody_repaired_snr_db": f.moody_repaired_db,
        "strip_lead": score.strip_lead,
        "strip_snr_db": score.strip_snr_db,
        "seconds": score.seconds,
    }


#: Decimals of the table: 0.001 dB, 0.01 µV and one sample at 500 Hz are all finer than what is measured.
_DECIMALS = {"r": 5, "rmse_uv": 2, "gain": 4, "coverage": 4}
_OTHER_DECIMALS = 3


def _lead_table(scores: Sequence[PageScore]) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(LEAD_COLUMNS)
    for score in scores:
        for lead, fidelity in score.fidelity.leads.items():
            cells = {"file": score.page.file, "lead": lead, "status": score.status, **_rounded(fidelity)}
            if lead == score.strip_lead:
                cells["strip_snr_db"] = round(score.strip_snr_db, 3)
            writer.writerow([table_cell(cells.get(name)) for name in LEAD_COLUMNS])
    return buffer.getvalue()


def _rounded(fidelity: LeadFidelity) -> dict[str, float]:
    return {name: round(value, _DECIMALS.get(name, _OTHER_DECIMALS)) for name, value in asdict(fidelity).items()}
