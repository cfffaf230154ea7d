"""The pages before one is logged in: plain HTML forms, which password managers, keyboards and old phones know.

They are served beside Streamlit because only an answer to a request can set an HttpOnly cookie.
"""

from __future__ import annotations

from html import escape

from einthoven.web.theme import COLOURS, alert, notice

__all__ = ["form_page"]

_FIELDS = {
    "name": ("Name to log in with", 'type="text" autocomplete="username" maxlength="64" autocapitalize="none"'),
    "shown_name": ("How to greet you (optional)", 'type="text" autocomplete="name" maxlength="80"'),
    "password": ("Password", 'type="password" maxlength="256"'),
}
_PAGES = {
    "login": ("Log in", ("name", "password"), ("signup", "No account yet? Sign up"), "current-password"),
    "signup": (
        "Sign up",
        ("name", "shown_name", "password"),
        ("login", "Have an account? Log in"),
        "new-password",
    ),
}
_STYLE = f"""
*{{box-sizing:border-box}} body{{margin:0;font:1rem/1.5 system-ui,sans-serif;color:{COLOURS["text"][0]};
background:{COLOURS["text_on_panel"][1]}}} main{{max-width:26rem;margin:0 auto;padding:1.5rem 1rem 4rem}}
h1{{font-size:1.5rem;margin:1rem 0 .2rem}} form{{background:#fff;border:1px solid #C9D3D9;border-radius:.5rem;
padding:1rem 1.2rem 1.3rem;margin:1rem 0}} label{{display:block;font-weight:600;margin:.8rem 0 .2rem}}
input{{width:100%;padding:.6rem;font:inherit;border:1px solid #6B7780;border-radius:.3rem;
background:#fff;color:inherit}}
button{{margin-top:1.2rem;width:100%;padding:.7rem;font:inherit;font-weight:700;border:0;border-radius:.3rem;
color:{COLOURS["primary"][0]};background:{COLOURS["primary"][1]};cursor:pointer}} a{{color:{COLOURS["link"][0]}}}
:focus-visible{{outline:3px solid #0B5E7A;outline-offset:2px}} .hint{{color:{COLOURS["muted"][0]};font-size:.9rem}}
.ein-notice{{background:{COLOURS["notice"][1]};color:{COLOURS["notice"][0]};border-left:6px solid #8A6100;
padding:.7rem 1rem;border-radius:.3rem;font-weight:600}} .ein-foot{{display:none}}
.ein-alert{{padding:.7rem 1rem;border-radius:.3rem;margin:1rem 0}}"""


def form_page(kind: str, message: str = "", done: str = "", name: str = "", oidc: bool = False) -> str:
    """HTML of the log-in or sign-up page.

    Parameters
    ----------
    kind : str
        ``"login"`` or ``"signup"``.
    message : str
        Why the last attempt failed.
    done : str
        What has just been done.
    name : str
        Name that was typed, so that it need not be typed again.
    oidc : bool
        Offer the provider's log-in too.

    Returns
    -------
    str
    """
    title, fields, (other, invitation), secret = _PAGES[kind]
    inputs = []
    for k, field in enumerate(fields):
        label, kinds = _FIELDS[field]
        if field == "password":
            kinds += f' autocomplete="{secret}"'
        value = f' value="{escape(name)}"' if field == "name" and name else ""
        more = " required" if field != "shown_name" else ""
        more += " autofocus" if k == 0 else ""
        inputs.append(f'<label for="{field}">{label}</label><input id="{field}" name="{field}" {kinds}{value}{more}>')
    hint = '<p class="hint">At least 8 characters; three or four words are good.</p>' if kind == "signup" else ""
    told = (alert("error", message) if message else "") + (alert("done", done) if done else "")
    provider = '<p><a href="/?provider=1">Log in with your organisation</a></p>' if oidc and kind == "login" else ""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title} – Einthoven</title><style>{_STYLE}</style></head><body><main>{notice()}"
        f"<h1>Einthoven</h1><p>Reads ECGs off paper. {title} to go on.</p>{told}"
        f'<form method="post" action="/{kind}">{"".join(inputs)}{hint}<button type="submit">{title}</button></form>'
        f'<p><a href="/{other}">{invitation}</a></p>{provider}</main></body></html>'
    )
