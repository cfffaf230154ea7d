"""How it works, in a few paragraphs, and what becomes of what one sends."""

from __future__ import annotations

import streamlit as st

from einthoven.web.pages.frame import Visit

__all__ = ["page"]

_TEXT = """
#### What happens to a page
1. The **grid** tells how many pixels a millimetre has; without a grid, a pulse or printed words the page is refused.
2. The **layout** and the printed names tell which lead stands where. You can correct both.
3. Each **trace** becomes a signal in millivolts, with a grade for how well it could be read.
4. Rate, intervals, axis and ST levels are **measured**; trained networks are **asked**, and abstain where page or
   model is not good enough.
5. The answer is **explained**: what the network weighed, lead by lead and wave by wave.

#### How to read the colours
The band comes from the model's own threshold: *high* exactly where the model says yes, *raised* from half of the
threshold on. Shape and words say the same as the colour: ○ low, ◐ raised, ● high.

#### What becomes of what you send
A file is read in memory and in a folder that is removed at once. The result lives in this open page. Only if you choose
*Keep it* is a case stored, for you alone, until you delete it. There are no analytics.

#### The camera
Browsers give it to pages over HTTPS or on this very machine only. On a phone, a picture taken with its own camera app
and sent as a file is usually sharper.
"""


def page(here: Visit) -> None:
    """Show the text."""
    st.title("How it works")
    st.markdown(_TEXT)
    st.caption(f"Files up to {here.services.options.upload_mb} MB; sessions end after "
               f"{here.services.options.session_hours:g} hours.")  # fmt: skip
