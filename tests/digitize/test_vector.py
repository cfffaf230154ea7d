"""Vector ECGs written line by line, so that the signal in them is known to the last decimal."""

from __future__ import annotations

import os
import time
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from digitize.options import DigitizeOptions
from digitize.result import Digitization
from digitize.vector import read_vector
from ecg import LAYOUTS, LEADS, DigitizationError, ECGRecord, FormatError, PageLayout
from ecg.fidelity import page_fidelity

MM = 72 / 25.4  # points per millimetre of the sheet
FS = 500.0


def heart(seconds: float = 10.0, seed: int = 0, mean_rr_s: float = 0.87) -> dict[str, np.ndarray]:
    """Twelve leads in mV at 500 Hz: Gaussian waves at uneven beats, limb leads by their algebra."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * FS)) / FS
    beats = np.cumsum(np.concatenate([[0.35], mean_rr_s + 0.12 * rng.standard_normal(40)]))
    weights = {lead: rng.normal([0.12, -0.1, 0.9, -0.25, 0.3], 0.15) for lead in ("I", "II", *LEADS[6:])}
    waves = zip((-0.16, -0.03, 0.0, 0.03, 0.25), (0.025, 0.009, 0.011, 0.010, 0.05), strict=True)
    shapes = [sum(np.exp(-(((t - b - at) / width) ** 2) / 2) for b in beats) for at, width in waves]
    signal = {lead: sum(w * s for w, s in zip(weights[lead], shapes, strict=True)) for lead in weights}
    one, two = signal["I"], signal["II"]
    signal |= {"III": two - one, "aVR": -(one + two) / 2, "aVL": one - two / 2, "aVF": two - one / 2}
    return signal


@dataclass(frozen=True)
class Drawing:
    """How a page is drawn; lengths in millimetres of ECG paper."""

    layout: PageLayout = LAYOUTS["3x4+1"]
    speed: float = 25.0
    gain: float = 10.0
    zoom: float = 1.0  # sheet millimetres per paper millimetre
    join: str = "lead"  # "lead", "row", "steps", "pieces", "all" (pulse and row in one line)
    names: str = "above"  # "above", "below", "none", "drift"
    pulses: bool = True
    text: str = ""
    grid: str = "lines"  # "lines", "rects", "bars", "major", "dots", "squares", "none"
    simultaneous: bool = False
    strip_name: bool = True
    omit: str = ""  # a lead whose line is left out


def draw(
    path: Path, signal: dict[str, np.ndarray], d: Drawing, page: str = "", wrap: str = ""
) -> tuple[Path, ECGRecord]:
    """Write a page and give what is on it."""
    n_columns = d.layout.shape[1]
    seconds = len(signal["I"]) / FS
    mm = MM * d.zoom
    width, height = (seconds * d.speed + 30) * mm, (d.layout.n_lines * 30 + 30) * mm
    truth = {lead: np.full(len(signal["I"]), np.nan) for lead in LEADS}
    out = [grid(d.grid, width, height, mm), "0 0 0 RG 0.7 w 1 j"]
    lines = [*d.layout.rows, *((lead,) for lead in d.layout.rhythm)]
    for number, leads in enumerate(lines):
        zero = height - (30 + 30 * number) * mm
        pieces = []
        for column, lead in enumerate(leads):
            n = len(signal["I"]) // len(leads)
            first = 0 if d.simultaneous else column * n
            source = signal[lead.lstrip("-")] * (-1 if lead.startswith("-") else 1)
            x = (20 + (column * n + np.arange(n)) / FS * d.speed) * mm
            pieces.append(np.column_stack([x, zero + source[first : first + n] * d.gain * mm]))
            kept = truth[lead.lstrip("-")]
            if np.isfinite(kept).sum() < n:
                kept[:] = np.nan
                kept[first : first + n] = signal[lead.lstrip("-")][first : first + n]
            if d.names != "none" and (len(leads) > 1 or n_columns == 1 or d.strip_name):
                up = {"above": 12, "drift": 12, "below": -12}[d.names] * mm
                at = x[0] + (12 + 6 * column if d.names == "drift" else 1) * mm
                out.append(f"BT /F1 {3 * mm:.2f} Tf {at:.2f} {zero + up:.2f} Td ({lead}) Tj ET")
        foot, top = zero, zero + d.gain * mm
        xs = np.array([7, 8.5, 8.5, 8.5 + 0.2 * d.speed, 8.5 + 0.2 * d.speed, 19.2]) * mm
        pulse = np.column_stack([xs, [foot, foot, top, top, foot, foot]])
        if d.pulses and d.join != "all":
            out.append(polyline(pulse))
        if d.join == "all":
            out.append(polyline(np.vstack([*([pulse] if d.pulses else []), *pieces])))
        elif d.join == "row":
            out.append(polyline(np.vstack(pieces)))
        elif d.join == "steps":
            row = np.vstack(pieces)
            out.extend(polyline(row[i : i + 2]) for i in range(len(row) - 1))
        elif d.join == "pieces":
            row = np.vstack(pieces)
            out.extend(polyline(row[i : i + 70]) for i in range(0, len(row), 70))
        else:
            out.extend(polyline(piece) for piece, lead in zip(pieces, leads, strict=True) if lead != d.omit)
    if d.text:
        out.append(f"BT /F1 {3 * mm:.2f} Tf {20 * mm:.2f} {5 * mm:.2f} Td ({d.text}) Tj ET")
    content = "\n".join(out)
    if wrap:
        content = f"q {wrap} cm\n{content}\nQ"
    box = (height, width) if wrap else (width, height)
    write(path, content, f"/MediaBox[0 0 {box[0]:.4f} {box[1]:.4f}]{page}")
    return path, ECGRecord(np.stack([truth[lead] for lead in LEADS]), FS, LEADS)


def polyline(points: Iterable[Sequence[float]]) -> str:
    text = [f"{x:.3f} {y:.3f}" for x, y in points]
    return f"{text[0]} m " + " ".join(f"{p} l" for p in text[1:]) + " S"


def grid(kind: str, width: float, height: float, mm: float) -> str:
    out = ["1 0.8 0.8 RG 1 0.8 0.8 rg"]
    n, m = int(width / mm) - 4, int(height / mm) - 4
    for step, pen in ((1, 0.2), (5, 0.5)):
        if kind == "none" or (kind == "major" and step == 1) or (kind == "dots" and step == 5):
            continue
        out.append(f"{pen} w")
        xs, ys = [(2 + i) * mm for i in range(0, n, step)], [(2 + i) * mm for i in range(0, m, step)]
        if kind == "squares":
            out += [
                f"{x:.3f} {y:.3f} {step * mm:.3f} {step * mm:.3f} re S"
                for x in xs[:: 1 if step == 5 else 5]
                for y in ys
            ]
        elif kind == "dots":
            out += [f"{x - 0.15:.3f} {y - 0.15:.3f} 0.3 0.3 re f" for x in xs[::1] for y in ys[::1]]
        elif kind == "rects":
            out += [f"{x - pen / 2:.3f} {ys[0]:.3f} {pen} {ys[-1] - ys[0]:.3f} re f" for x in xs]
            out += [f"{xs[0]:.3f} {y - pen / 2:.3f} {xs[-1] - xs[0]:.3f} {pen} re f" for y in ys]
        else:
            out += [f"{x:.3f} {ys[0]:.3f} m {x:.3f} {ys[-1]:.3f} l S" for x in xs]
            out += [f"{xs[0]:.3f} {y:.3f} m {xs[-1]:.3f} {y:.3f} l S" for y in ys]
    return "\n".join(out)


def write(path: Path, content: str, page: str, more: tuple[str, ...] = ("",)) -> None:
    font = f"<</Font<</F1<</Type/Font/Subtype/Type1/BaseFont/Helvetica-Bold>>>>{more[0]}>>"
    bodies = (
        "<</Type/Catalog/Pages 2 0 R>>",
        "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        f"<</Type/Page/Parent 2 0 R/Contents 4 0 R/Resources{font}{page}>>",
        f"<</Length {len(content)}>>stream\n{content}\nendstream",
        *more[1:],
    )
    out, rows = "%PDF-1.4\n", ""
    for number, body in enumerate(bodies, 1):
        rows += f"{len(out):010d} 00000 n \n"
        out += f"{number} 0 obj{body}endobj\n"
    size = len(bodies) + 1
    out += (
        f"xref\n0 {size}\n0000000000 65535 f \n{rows}trailer<</Size {size}/Root 1 0 R>>\nstartxref\n{len(out)}\n%%EOF"
    )
    path.write_bytes(out.encode("latin-1"))


def check(found: Digitization | None, truth: ECGRecord, *, r: float = 0.9999, gain: float = 0.005) -> Digitization:
    """Every lead on its own clock, no shift allowed: correlation, slope and offset in place."""
    assert found is not None
    assert found.record is not None
    assert found.record.fs == FS
    for lead in LEADS:
        true, read = truth[lead], found.record[lead]
        n = min(len(true), len(read))
        both = np.isfinite(true[:n]) & np.isfinite(read[:n])
        assert both.sum() >= np.isfinite(true).sum() - 3, f"{lead}: {both.sum()} of {np.isfinite(true).sum()} samples"
        assert np.isfinite(read).sum() <= np.isfinite(true).sum() + 3, lead
        slope = np.polyfit(true[:n][both], read[:n][both], 1)[0]
        assert np.corrcoef(true[:n][both], read[:n][both])[0, 1] > r, lead
        assert slope == pytest.approx(1, abs=gain), lead
    return found


def test_the_plain_page_is_read_exactly(tmp_path) -> None:
    path, truth = draw(tmp_path / "a.pdf", heart(), Drawing())
    found = check(read_vector(path), truth)
    assert (found.status, found.reasons, found.assumed) == ("accepted", (), ())
    assert found.layout is not None
    assert found.layout == LAYOUTS["3x4+1"]
    assert (found.timing, found.layout_margin) == ("measured", 1.0)
    assert found.scale is not None
    assert found.evidence is not None
    px = found.page.width / ((10 * 25 + 30) * MM)
    assert found.scale.px_per_mm_x == pytest.approx(MM * px, rel=1e-4)
    assert (found.scale.speed_mm_per_s, found.scale.gain_mm_per_mv) == (25, 10)
    assert (found.evidence.px_per_mm_x, found.evidence.gain_mm_per_mv) == ("vector", "pulse")
    assert len(found.traces) == 13
    assert {q.grade for q in found.quality.values()} == {"good"}
    # With the pulse's foot as zero line, millivolts are right without any offset.
    assert np.nanmax(np.abs(found.record.signal - truth.signal)) < 0.005
    assert [b.start_s for b in found.boxes[:4]] == pytest.approx([0, 2.5, 5, 7.5], abs=1e-4)


def test_traces_lie_on_the_ink_of_the_picture(tmp_path) -> None:
    path, _ = draw(tmp_path / "a.pdf", heart(), Drawing(names="none", pulses=False, grid="lines"))
    found = read_vector(path)
    assert found is not None
    dark = 255.0 - found.page.image.max(axis=2)  # the pink grid is bright in red
    error = []
    for trace in found.traces:
        steep = np.abs(np.gradient(trace.y, trace.x))
        for x in np.arange(np.ceil(trace.x[5]), trace.x[-5]).astype(int):
            y = np.interp(x, trace.x, trace.y)
            if np.interp(x, trace.x, steep) < 0.05:
                rows = np.arange(round(y) - 4, round(y) + 5)
                ink = dark[rows, x]
                error.append((rows @ ink) / ink.sum() - y)
    assert len(error) > 2000
    assert abs(np.median(error)) < 0.05
    assert np.percentile(np.abs(error), 95) < 0.2


@pytest.mark.parametrize("join", ["row", "steps", "pieces", "all"])
def test_however_the_line_is_cut_or_joined(tmp_path, join: str) -> None:
    path, truth = draw(tmp_path / "a.pdf", heart(seed=1), Drawing(join=join))
    found = check(read_vector(path), truth)
    assert found.layout is not None
    assert found.layout.name == "3x4+1"
    assert found.status == "accepted"


@pytest.mark.parametrize("name", list(LAYOUTS))
@pytest.mark.parametrize("join", ["lead", "row"])
def test_every_layout_with_names(tmp_path, name: str, join: str) -> None:
    path, truth = draw(tmp_path / "a.pdf", heart(seed=2), Drawing(layout=LAYOUTS[name], join=join))
    found = check(read_vector(path), truth)
    assert found.layout == LAYOUTS[name]
    assert found.timing == ("measured" if LAYOUTS[name].rhythm else "assumed")
    assert ("consecutive columns" in found.assumed) == (not LAYOUTS[name].rhythm and LAYOUTS[name].shape[1] > 1)


@pytest.mark.parametrize("name", list(LAYOUTS))
@pytest.mark.parametrize("join", ["lead", "row"])
def test_layouts_without_names_are_told_by_breaks_or_algebra_and_say_so(tmp_path, name: str, join: str) -> None:
    path, truth = draw(tmp_path / "a.pdf", heart(seed=3), Drawing(layout=LAYOUTS[name], join=join, names="none"))
    found = check(read_vector(path), truth)
    assert found.layout is not None
    assert found.layout.name == name
    assert "standard lead order" in found.assumed


@pytest.mark.parametrize("name", ["3x4+1", "4x3"])
def test_where_the_algebra_fails_the_jumps_between_leads_tell(tmp_path, name: str) -> None:
    t = np.arange(5000) / FS
    signal = {
        lead: 0.4 * np.sin(2 * np.pi * (1 + i / 7) * t) + 0.8 * (-1) ** (i // 3 + i) for i, lead in enumerate(LEADS)
    }
    path, _ = draw(tmp_path / "a.pdf", signal, Drawing(layout=LAYOUTS[name], join="row", names="none"))
    found = read_vector(path)
    assert found is not None
    assert found.layout is not None
    assert found.layout.name == name
    assert 0 < found.layout_margin < 1
    # Twelve sines of twelve rates are no leads of one heart.
    assert found.status == "refused"
    assert any("beat together" in reason for reason in found.reasons)


def test_permuted_leads_are_read_by_their_names(tmp_path) -> None:
    rng = np.random.default_rng(4)
    leads = list(rng.permutation(LEADS))
    layout = PageLayout("3x4+1", tuple(tuple(leads[4 * r : 4 * r + 4]) for r in range(3)), ("V5",))
    for names in ("above", "below", "drift"):
        path, truth = draw(tmp_path / f"{names}.pdf", heart(seed=4), Drawing(layout=layout, names=names))
        found = check(read_vector(path), truth)
        assert found.layout == layout
        assert found.status == "accepted"


def test_cabrera_order_restores_the_sign_of_avr(tmp_path) -> None:
    rows = (("aVL", "V1"), ("I", "V2"), ("-aVR", "V3"), ("II", "V4"), ("aVF", "V5"), ("III", "V6"))
    path, truth = draw(tmp_path / "a.pdf", heart(seed=5), Drawing(layout=PageLayout("6x2", rows)))
    check(read_vector(path), truth)


def edited(path: Path, change: Callable[[str], str], d: Drawing) -> Path:
    """The page with its content changed as text."""
    text = path.read_bytes().decode("latin-1")
    content = change(text[text.index("stream\n") + 7 : text.index("\nendstream")])
    mm = MM * d.zoom
    write(path, content, f"/MediaBox[0 0 {280 * mm:.4f} {(d.layout.n_lines * 30 + 30) * mm:.4f}]")
    return path


def in_chunks(content: str, n: int) -> str:
    """Long lines cut into lines of n vertices that share none."""
    out = []
    for line in content.split("\n"):
        points = line.replace(" m ", " l ").removesuffix(" S").removesuffix(" l").split(" l ")
        parts = [points[i : i + n] for i in range(0, len(points), n)] if len(points) > 100 else []
        out += [f"{part[0]} m {' '.join(f'{p} l' for p in part[1:])} S" for part in parts if len(part) > 1] or [line]
    return "\n".join(out)


@pytest.mark.parametrize(
    ("what", "drawing"),
    [
        ("one pen", Drawing()),
        ("one pen", Drawing(join="row")),
        ("separators", Drawing()),
        ("separators", Drawing(join="row")),
        ("chunks of 1000", Drawing(join="row")),
        ("chunks of 333", Drawing(join="row")),
        ("chunks of 600", Drawing(join="lead")),
        ("chunks of 1000", Drawing(join="row", names="none")),
        ("header", Drawing()),
        ("unnamed strip", Drawing(names="below", strip_name=False)),
        ("unnamed strip", Drawing(names="above", strip_name=False, join="row")),
    ],
)
def test_what_else_stands_on_pages(tmp_path, what: str, drawing: Drawing) -> None:
    def change(content: str) -> str:
        if what == "one pen":
            return content.replace("1 0.8 0.8 RG", "0 0 0 RG").replace("0.5 w", "0.7 w").replace("0.2 w", "0.7 w")
        if what == "separators":
            bars = [((20 + 62.5 * k) * MM, (150 - 30 - 30 * r) * MM) for r in range(3) for k in range(1, 4)]
            out = [f"{x:.3f} {y - 14:.3f} m {x:.3f} {y + 14:.3f} l S" for x, y in bars]
            return "\n".join([content, *out, f"{10 * MM} {10 * MM} {260 * MM} {130 * MM} re S 30 22 m 700 22 l S"])
        if what.startswith("chunks"):
            return in_chunks(content, int(what.split()[-1]))
        if what == "header":
            near, far = f"{20 * MM} {140 * MM}", f"{120 * MM} {140 * MM}"
            font = "BT /F1 9 Tf"
            return f"{content}\n{font} {near} Td (Patient I V1 Axis II) Tj ET {font} {far} Td (II) Tj ET"
        return content

    path, truth = draw(tmp_path / "a.pdf", heart(seed=20), drawing)
    found = check(read_vector(edited(path, change, drawing)), truth)
    assert found.layout == LAYOUTS["3x4+1"]
    assert found.status == "accepted"


def test_a_baseline_far_off_does_not_move_the_names(tmp_path) -> None:
    signal = {lead: wave + 1.3 * (-1) ** i for i, (lead, wave) in enumerate(heart(seed=21).items())}
    drawing = Drawing(layout=LAYOUTS["6x2+1"], join="all")
    path, truth = draw(tmp_path / "a.pdf", signal, drawing)
    assert check(read_vector(path), truth).layout == LAYOUTS["6x2+1"]


def test_a_separator_drawn_into_the_line_has_no_duration(tmp_path) -> None:
    drawing = Drawing(join="row")
    path, truth = draw(tmp_path / "a.pdf", heart(seed=22), drawing)

    def change(content: str) -> str:
        out = []
        for line in content.split("\n"):
            points = line.split(" l ")
            if len(points) > 4000:
                x, y = map(float, points[1250].split()[:2])
                tick = [points[1250], f"{x} {y - 9:.3f}", f"{x} {y + 9:.3f}", points[1250]]
                line = " l ".join([*points[:1250], *tick, *points[1251:]])
            out.append(line)
        return "\n".join(out)

    check(read_vector(edited(path, change, drawing)), truth)


def test_samples_at_125_hz_are_followed_between_the_vertices(tmp_path) -> None:
    t = np.arange(5000) / FS
    signal = {lead: np.sin(2 * np.pi * (7 + i) * t) + 0.3 * np.sin(2 * np.pi * 2.3 * t) for i, lead in enumerate(LEADS)}
    drawing = Drawing(layout=LAYOUTS["12x1"])
    path, truth = draw(tmp_path / "a.pdf", signal, drawing)

    def change(content: str) -> str:
        lines = content.split("\n")
        long = [line.replace(" m ", " l ").removesuffix(" l S").split(" l ") for line in lines]
        kept = [p[::4] if len(p) > 1000 else None for p in long]
        return "\n".join(
            f"{k[0]} m {' '.join(f'{p} l' for p in k[1:])} S" if k else line
            for k, line in zip(kept, lines, strict=True)
        )

    check(read_vector(edited(path, change, drawing)), truth)


def test_a_grid_that_is_a_picture_is_measured_in_the_picture(tmp_path) -> None:
    path, truth = draw(tmp_path / "a.pdf", heart(seed=23), Drawing(grid="none", pulses=False))
    text = path.read_bytes().decode("latin-1")
    content = text[text.index("stream\n") + 7 : text.index("\nendstream")]
    shade = np.full((1500, 2800), 255, np.uint8)  # ten pixels to the millimetre
    shade[::10], shade[:, ::10] = 215, 215
    shade[::50], shade[:, ::50] = 170, 170
    data = zlib.compress(shade.tobytes()).decode("latin-1")
    head = "/Type/XObject/Subtype/Image/Width 2800/Height 1500/ColorSpace/DeviceGray/BitsPerComponent 8"
    picture = f"<<{head}/Filter/FlateDecode/Length {len(data)}>>stream\n{data}\nendstream"
    width, height = f"{280 * MM:.4f}", f"{150 * MM:.4f}"
    place = f"q {width} 0 0 {height} 0 0 cm /X1 Do Q\n"
    write(path, place + content, f"/MediaBox[0 0 {width} {height}]", ("/XObject<</X1 5 0 R>>", picture))
    found = check(read_vector(path), truth)
    assert found.evidence is not None
    assert found.evidence.px_per_mm_x == "grid"


@pytest.mark.parametrize("lead", ["II", "V1", "III"])
def test_a_strip_without_a_name_is_known_by_its_line(tmp_path, lead: str) -> None:
    layout = replace(LAYOUTS["3x4+1"], rhythm=(lead,))
    path, truth = draw(tmp_path / "a.pdf", heart(seed=6), Drawing(layout=layout, strip_name=False))
    found = check(read_vector(path), truth)
    assert found.layout is not None
    assert found.layout.rhythm == (lead,)
    assert found.assumed == ()


def test_simultaneous_columns_are_told_by_the_strip(tmp_path) -> None:
    path, truth = draw(tmp_path / "a.pdf", heart(seed=7), Drawing(layout=LAYOUTS["6x2+1"], simultaneous=True))
    found = check(read_vector(path), truth)
    assert found.timing == "measured"
    assert {b.start_s for b in found.boxes} == {0.0}


def test_a_regular_rhythm_leaves_the_timing_assumed(tmp_path) -> None:
    t = np.arange(5000) / FS
    beat = np.exp(-(((t % 0.625) - 0.3) ** 2) / 2 / 0.012**2)  # four beats in exactly 2.5 s
    signal = {lead: (0.3 + 0.1 * i) * beat for i, lead in enumerate(LEADS)}
    path, _ = draw(tmp_path / "a.pdf", signal, Drawing())
    found = read_vector(path)
    assert found is not None
    assert found.timing == "assumed"
    assert "consecutive columns" in found.assumed


@pytest.mark.parametrize(
    ("speed", "gain", "text", "evidence"),
    [
        (50, 10, "50 mm/s 10 mm/mV 0.05-150 Hz", "text"),
        (25, 5, "Speed: 25 mm/sec  Gain: 5 mm/mV", "text"),
        (12.5, 20, "12,5mm/s 20mm/mV", "text"),
        (50, 5, "", "pulse"),
        (25, 20, "", "pulse"),
    ],
)
def test_speed_and_gain_from_text_or_pulse(tmp_path, speed: float, gain: float, text: str, evidence: str) -> None:
    path, truth = draw(tmp_path / "a.pdf", heart(seed=8), Drawing(speed=speed, gain=gain, text=text))
    found = check(read_vector(path), truth)
    assert found.evidence is not None
    assert (found.evidence.speed_mm_per_s, found.evidence.gain_mm_per_mv) == (evidence, evidence)
    assert found.assumed == ()
    assert found.status == "accepted"


def test_without_text_and_pulse_the_usual_scale_is_assumed_and_listed(tmp_path) -> None:
    path, truth = draw(tmp_path / "a.pdf", heart(seed=8), Drawing(pulses=False))
    found = check(read_vector(path), truth)
    assert found.assumed == ("speed 25 mm/s", "gain 10 mm/mV")
    assert found.status == "review"
    assert found.reasons == ("neither a pulse nor print tells the gain: 10 mm/mV is assumed",)
    again = read_vector(path, 0, DigitizeOptions(speed_mm_per_s=50, gain_mm_per_mv=5))
    assert again is not None
    assert again.record is not None
    assert again.evidence is not None
    assert again.evidence.speed_mm_per_s == "given"
    assert np.nanmax(again.record["II"]) == pytest.approx(2 * np.nanmax(found.record["II"]), rel=0.1)
    assert again.record.duration_s == pytest.approx(5, abs=0.02)


def test_text_against_pulse_asks_for_review(tmp_path) -> None:
    path, _ = draw(tmp_path / "a.pdf", heart(), Drawing(text="25 mm/s 5 mm/mV"))
    found = read_vector(path)
    assert found is not None
    assert found.status == "review"
    assert any("5 mm/mV" in reason and "10.00 mm" in reason for reason in found.reasons)


@pytest.mark.parametrize("kind", ["rects", "major", "dots", "squares"])
def test_however_the_grid_is_drawn(tmp_path, kind: str) -> None:
    path, truth = draw(tmp_path / "a.pdf", heart(seed=9), Drawing(grid=kind, pulses=False))
    found = check(read_vector(path), truth)
    assert found.evidence is not None
    assert found.evidence.px_per_mm_x == "vector"


@pytest.mark.parametrize("zoom", [0.5, 0.71, 0.94, 1.41])
def test_the_grid_decides_the_millimetre_on_a_scaled_page(tmp_path, zoom: float) -> None:
    path, truth = draw(tmp_path / "a.pdf", heart(seed=10), Drawing(zoom=zoom, pulses=False))
    check(read_vector(path), truth)


def test_without_a_grid_the_pulse_gives_the_millimetre(tmp_path) -> None:
    path, truth = draw(tmp_path / "a.pdf", heart(seed=11), Drawing(grid="none", zoom=0.8))
    found = check(read_vector(path), truth)
    assert found.evidence is not None
    assert found.evidence.px_per_mm_x == "pulse"
    assert "gain 10 mm/mV" in found.assumed


def test_without_grid_and_pulse_the_page_is_refused_unless_forced(tmp_path) -> None:
    path, truth = draw(tmp_path / "a.pdf", heart(seed=11), Drawing(grid="none", pulses=False))
    found = read_vector(path)
    assert found is not None
    assert (found.status, found.record) == ("refused", None)
    assert "grid or a calibration pulse" in found.reasons[0]
    forced = check(read_vector(path, 0, DigitizeOptions(force=True)), truth)
    assert forced.forced
    assert forced.status == "refused"
    px = found.page.width / ((10 * 25 + 30) * MM) * MM
    said = DigitizeOptions(px_per_mm=(px, px), speed_mm_per_s=25, gain_mm_per_mv=10)
    assert check(read_vector(path, 0, said), truth).status == "accepted"


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_rotate_is_obeyed(tmp_path, turn: int) -> None:
    # The content is turned the other way, so that the page shows upright, as drivers for landscape pages do.
    w, h = (10 * 25 + 30) * MM, (4 * 30 + 30) * MM
    wrap = {90: f"0 1 -1 0 {h} 0", 180: f"-1 0 0 -1 {w} {h}", 270: f"0 -1 1 0 0 {w}"}[turn]
    page = f"/Rotate {turn}" + (f"/MediaBox[0 0 {w} {h}]" if turn == 180 else "")
    path, truth = draw(tmp_path / "a.pdf", heart(seed=12), Drawing(), page, wrap)
    found = check(read_vector(path), truth)
    np.testing.assert_array_equal(found.homography, np.eye(3))


@pytest.mark.parametrize("names", ["above", "none"])
def test_a_page_that_shows_sideways_is_turned(tmp_path, names: str) -> None:
    path, truth = draw(tmp_path / "a.pdf", heart(seed=12), Drawing(names=names), "/Rotate 90")
    found = check(read_vector(path), truth)
    assert found.homography is not None
    assert found.corners is not None
    assert found.page.height > found.page.width
    # The upright page's corners, taken back to the page as it came: its top left lies at the sheet's right or left.
    corners = np.column_stack([found.corners, np.ones(4)]) @ found.homography.T
    assert corners[0, 0] < corners[1, 0]
    assert corners[0, 1] < corners[3, 1]


def test_a_lead_that_is_not_drawn_goes_missing_with_a_reason(tmp_path) -> None:
    path, truth = draw(tmp_path / "a.pdf", heart(seed=13), Drawing(omit="aVL"))
    found = read_vector(path)
    assert found is not None
    assert found.record is not None
    assert np.isnan(found.record["aVL"]).all()
    assert found.quality["aVL"].grade == "missing"
    assert found.quality["aVF"].grade == "good"
    assert np.nanmax(np.abs(found.record["aVF"] - truth["aVF"])) < 0.005
    assert found.status == "review"
    assert any("aVL" in reason for reason in found.reasons)


def test_a_given_layout_that_does_not_fit_is_refused(tmp_path) -> None:
    path, _ = draw(tmp_path / "a.pdf", heart(), Drawing())
    with pytest.raises(DigitizationError, match="layout 12x1 has 12 lines of trace, the page has 4"):
        read_vector(path, 0, DigitizeOptions(layout="12x1"))


def test_wrongly_named_limb_leads_ask_for_review(tmp_path) -> None:
    signal = heart(seed=14)
    shuffled = signal | {"I": signal["V3"], "III": signal["I"]}
    path, _ = draw(tmp_path / "a.pdf", shuffled, Drawing())
    found = read_vector(path)
    assert found is not None
    assert found.status == "review"
    assert any("I + III" in reason for reason in found.reasons)


def test_pages_without_traces_are_left_to_the_picture_reader(tmp_path) -> None:
    box = "/MediaBox[0 0 800 500]"
    write(tmp_path / "grid.pdf", grid("lines", 800, 500, MM), box)
    write(tmp_path / "text.pdf", "BT /F1 12 Tf 50 200 Td (aVR 25 mm/s) Tj ET", box)
    write(tmp_path / "rule.pdf", "0 0 0 RG 10 10 m 700 10 l S 10 400 m 700 400 l S", box)
    write(tmp_path / "blank.pdf", "", box)
    for name in ("grid", "text", "rule", "blank"):
        assert read_vector(tmp_path / f"{name}.pdf") is None
    path, _ = draw(tmp_path / "a.pdf", heart(), Drawing())
    assert read_vector(path, 0, DigitizeOptions(corners=(0, 0, 9, 0, 9, 9, 0, 9))) is None
    with pytest.raises(FormatError):
        read_vector(tmp_path / "absent.pdf")


def test_matplotlib_pages_are_read(tmp_path) -> None:
    from matplotlib import rc_context
    from matplotlib.backends.backend_pdf import FigureCanvasPdf
    from matplotlib.figure import Figure

    signal, layout = heart(seed=15), LAYOUTS["3x4+1"]
    figure = Figure(figsize=(11.69, 8.27))
    FigureCanvasPdf(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, 11.69 * 25.4), ylim=(0, 8.27 * 25.4))
    axes.axis("off")
    for i in range(291):
        axes.plot([i, i], [0, 210], color="#ffb0b0", lw=0.6 if i % 5 == 0 else 0.2)
    for i in range(211):
        axes.plot([0, 290], [i, i], color="#ffb0b0", lw=0.6 if i % 5 == 0 else 0.2)
    truth = {lead: np.full(5000, np.nan) for lead in LEADS}
    for r, leads in enumerate([*layout.rows, layout.rhythm]):
        for c, lead in enumerate(leads):
            n = 5000 // len(leads)
            at = slice(c * n, (c + 1) * n)
            axes.plot(20 + np.arange(n) / 20 + c * n / 20, 170 - 40 * r + 10 * signal[lead][at], "k", lw=0.8)
            axes.text(22 + c * n / 20, 185 - 40 * r, lead, fontsize=10)
            if not np.isfinite(truth[lead]).sum() > n:
                truth[lead][:] = np.nan
                truth[lead][at] = signal[lead][at]
    # By default its writer leaves out vertices, which moves lines by up to a ninth of a point (4 µV).
    with rc_context({"path.simplify": False}):
        figure.savefig(tmp_path / "a.pdf")
    check(read_vector(tmp_path / "a.pdf"), ECGRecord(np.stack([truth[x] for x in LEADS]), FS, LEADS))


def test_reading_takes_milliseconds(tmp_path) -> None:
    path, _ = draw(tmp_path / "a.pdf", heart(), Drawing())
    read_vector(path)
    start = time.process_time()
    read_vector(path)
    # 20,000 vertices and the picture; ten times what was measured, so that a busy machine passes.
    assert time.process_time() - start < 3.0


@pytest.mark.data
@pytest.mark.skipif("EINTHOVEN_DATA" not in os.environ, reason="EINTHOVEN_DATA names no folder of real data")
def test_pages_of_another_program() -> None:
    import wfdb

    paths = sorted((Path(os.environ["EINTHOVEN_DATA"]) / "pages_pdf").glob("*.pdf"))
    assert paths
    found_r = []
    for path in paths:
        found = read_vector(path)
        assert found is not None
        assert found.status == "accepted"
        assert found.layout == LAYOUTS["3x4+1"]
        raw = wfdb.rdrecord(str(path.with_suffix("")))
        truth = ECGRecord(raw.p_signal.T, raw.fs, [name.replace("AV", "aV") for name in raw.sig_name])
        fidelity = page_fidelity(truth, found.record)
        found_r += [lead.r for lead in fidelity.leads.values()]
        # Drawn 8 ms late, as the data's own description says, and no lead otherwise out of place.
        assert {round(lead.shift_s, 3) for lead in fidelity.leads.values()} == {-0.008}
        assert min(lead.coverage for lead in fidelity.leads.values()) > 0.99
    assert np.median(found_r) >= 0.99
    assert min(found_r) >= 0.97
