"""How the page looks: a calm theme, and the few pieces of HTML that Streamlit has not. All text in them is escaped."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from html import escape

from einthoven.diagnosis.result import NOTICE, Finding
from einthoven.web.bands import Band, band_of

__all__ = [
    "COLOURS", "STYLE", "THEME", "alert", "bars", "card", "notice", "rows", "zoomable",
]  # fmt: skip

#: Text and its ground, tested to have a contrast of 4.5:1 or more (WCAG 2.2, 1.4.3).
COLOURS: Mapping[str, tuple[str, str]] = {
    "text": ("#17252F", "#FFFFFF"),
    "text_on_panel": ("#17252F", "#F1F6F8"),
    "muted": ("#4A5964", "#FFFFFF"),
    "muted_on_panel": ("#4A5964", "#F1F6F8"),
    "primary": ("#FFFFFF", "#0B5E7A"),
    "link": ("#0B5E7A", "#FFFFFF"),
    "notice": ("#3D2C00", "#FFE8A3"),
    "warning": ("#7A2E0E", "#FCEBE1"),
    "error": ("#7A1230", "#FBE9EE"),
    "info": ("#0F3F55", "#E3F1F6"),
    "done": ("#0F3F55", "#E3F1F6"),
}
#: Streamlit's own theme; the same stands in ``.streamlit/config.toml``.
THEME: Mapping[str, str] = {
    "theme.base": "light",
    "theme.primaryColor": "#0B5E7A",
    "theme.backgroundColor": "#FFFFFF",
    "theme.secondaryBackgroundColor": "#F1F6F8",
    "theme.textColor": "#17252F",
    "theme.linkColor": "#0B5E7A",
}
_SIGNS = {"warning": "⚠", "error": "✕", "info": "i", "done": "✓"}
_BLUE, _VERMILLION = "#005E94", "#B04100"

STYLE = f"""<style>
.ein-notice {{background:{COLOURS["notice"][1]};color:{COLOURS["notice"][0]};border-left:6px solid #8A6100;
  padding:.7rem 1rem;border-radius:.3rem;font-weight:600;line-height:1.4}}
.ein-foot {{position:fixed;left:0;right:0;bottom:0;z-index:1000;background:{COLOURS["notice"][1]};
  color:{COLOURS["notice"][0]};text-align:center;font-weight:600;font-size:.85rem;padding:.25rem .5rem}}
.ein-alert {{padding:.7rem 1rem;border-radius:.3rem;line-height:1.45;overflow-wrap:anywhere;margin:.2rem 0}}
.ein-card {{border-radius:.5rem;padding:1rem 1.2rem;border:2px solid;display:flex;gap:1rem;align-items:center}}
.ein-card .sign {{font-size:2.6rem;line-height:1}}
.ein-card .said {{font-size:1.25rem;font-weight:700;line-height:1.35;overflow-wrap:anywhere}}
.ein-card .band {{font-weight:600;margin-top:.25rem}}
.ein-bars {{width:100%;border-collapse:collapse}}
.ein-bars td,.ein-bars th {{padding:.3rem .4rem;text-align:left;vertical-align:middle;font-size:.92rem}}
.ein-bar {{position:relative;height:1.05rem;min-width:5rem;border:1px solid #6B7780;background:#fff}}
.ein-bar i {{position:absolute;left:0;top:0;bottom:0;display:block}}
.ein-bar b {{position:absolute;top:-.25rem;bottom:-.25rem;width:3px;background:#17252F}}
.ein-rows {{border-collapse:collapse;width:100%;font-size:.92rem}}
.ein-rows td,.ein-rows th {{border-bottom:1px solid #C9D3D9;padding:.3rem .5rem;text-align:left;vertical-align:top;
  overflow-wrap:break-word}}
.ein-rows td:last-child {{overflow-wrap:anywhere;min-width:8rem}}
.ein-wide {{overflow-x:auto}}
.ein-zoom {{overflow:auto;max-height:85vh;border:1px solid #9AA7AF;background:#fff}}
.ein-zoom:focus-visible {{outline:3px solid #0B5E7A;outline-offset:2px}}
.ein-zoom img {{display:block;max-width:none}}
.ein-muted {{color:{COLOURS["muted"][0]};font-size:.9rem}}
[data-testid="stMainBlockContainer"] {{padding-top:4.5rem;padding-bottom:4rem}}
h1 {{font-size:2.1rem!important}} h2 {{font-size:1.5rem!important}} h3 {{font-size:1.15rem!important}}
[data-testid="stCaptionContainer"],[data-testid="stCaptionContainer"] p {{color:{COLOURS["muted"][0]}!important;
  opacity:1!important}}
input::placeholder {{color:{COLOURS["muted"][0]}!important;opacity:1!important}}
button:focus-visible,input:focus-visible,[role=tab]:focus-visible,a:focus-visible {{outline:3px solid #0B5E7A!important;
  outline-offset:2px}}
@media (max-width:640px) {{.ein-card {{padding:.8rem;gap:.6rem}} .ein-card .said {{font-size:1.05rem}}
  .ein-foot {{font-size:.72rem}} [data-testid="stMainBlockContainer"] {{padding-left:.8rem;padding-right:.8rem}}}}
</style>"""


def notice() -> str:
    """Write the notice that stands on every page: in full at the top, in short at the foot of the screen."""
    return (
        f'<div class="ein-notice" role="note">{escape(NOTICE)}</div>'
        '<div class="ein-foot" aria-hidden="true">Not for diagnosis. Research software, not a medical device.</div>'
    )


def alert(kind: str, *lines: str) -> str:
    """Write a message with a sign and a colour.

    Parameters
    ----------
    kind : str
        ``"warning"``, ``"error"``, ``"info"`` or ``"done"``.
    *lines : str

    Returns
    -------
    str

    Examples
    --------
    >>> "&lt;img" in alert("error", "<img src=x onerror=alert(1)>")
    True
    """
    text, ground = COLOURS[kind]
    role = "alert" if kind in ("warning", "error") else "status"
    told = "<br>".join(escape(line) for line in lines)
    style = f"color:{text};background:{ground}"
    return f'<div class="ein-alert" role="{role}" style="{style}"><b aria-hidden="true">{_SIGNS[kind]}</b> {told}</div>'


def card(band: Band, headline: str, below: str = "") -> str:
    """Write the answer: sign, words and colour of its band."""
    style = f"color:{band.colour};background:{band.ground};border-color:{band.colour}"
    return (
        f'<div class="ein-card" style="{style}"><div class="sign" aria-hidden="true">{band.sign}</div><div>'
        f'<div class="said">{escape(headline)}</div><div class="band">{escape(below or band.words)}</div></div></div>'
    )


def bars(findings: Sequence[Finding], published: bool = False) -> str:
    """Write a question's labels: each with its probability as a bar, the threshold as a mark, band and decision.

    Parameters
    ----------
    findings : sequence of Finding
        Of one question.
    published : bool
        Bands by the published limits.

    Returns
    -------
    str
    """
    head = "<tr><th>Finding</th><th>Probability</th><th></th><th>Threshold</th><th>Answer</th></tr>"
    body = "".join(_bar(f, published) for f in findings)
    return f'<div class="ein-wide"><table class="ein-bars">{head}{body}</table></div>'


def _bar(f: Finding, published: bool) -> str:
    p = f.probability
    told = "–" if p is None else f"{p:.2f}"
    fill = _VERMILLION if f.decision and f.label != "NORM" else _BLUE
    drawn = "" if p is None else f'<i style="width:{100 * p:.1f}%;background:{fill}"></i>'
    if f.threshold is not None:
        drawn += f'<b style="left:calc({100 * f.threshold:.1f}% - 1px)"></b>'
    limit = "likeliest" if f.threshold is None else f"{f.threshold:.2f}"
    answer = "– none" if f.decision is None else "● yes" if f.decision else "○ no"
    if published and f.label != "NORM":
        answer += f"; {band_of(f, True).words}"
    label = f"probability {told}, threshold {limit}"
    weight = "700" if f.decision else "400"
    return (
        f'<tr style="font-weight:{weight}"><td>{escape(f.words)}</td>'
        f'<td style="width:40%"><div class="ein-bar" role="img" aria-label="{escape(label)}">{drawn}</div></td>'
        f"<td>{told}</td><td>{limit}</td><td>{escape(answer)}</td></tr>"
    )


def rows(cells: Sequence[Sequence[str]], head: Sequence[str] = ()) -> str:
    """Write a table of text.

    Parameters
    ----------
    cells : sequence of sequence of str
    head : sequence of str

    Returns
    -------
    str
    """
    first = f"<tr>{''.join(f'<th>{escape(c)}</th>' for c in head)}</tr>" if head else ""
    body = "".join(f"<tr>{''.join(f'<td>{escape(c)}</td>' for c in row)}</tr>" for row in cells)
    return f'<div class="ein-wide"><table class="ein-rows">{first}{body}</table></div>'


def zoomable(content: bytes, mime: str, told: str, zoom: float = 1.0) -> str:
    """Write a picture in a frame that scrolls, also by the keyboard; pinching works as on any page.

    Parameters
    ----------
    content : bytes
    mime : str
        ``"image/svg+xml"``, ``"image/jpeg"`` or ``"image/png"``.
    told : str
        What is seen, for those who do not see it.
    zoom : float
        Width of the picture over that of the frame.

    Returns
    -------
    str
    """
    data = base64.b64encode(content).decode("ascii")
    return (
        f'<div class="ein-zoom" tabindex="0" role="group" aria-label="{escape(told)}; scroll with the arrow keys">'
        f'<img src="data:{mime};base64,{data}" alt="{escape(told)}" style="width:{100 * zoom:.0f}%"></div>'
    )
