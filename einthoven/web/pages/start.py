"""What Streamlit runs for every visit: who is there, the notice, and the page that was chosen."""

from __future__ import annotations


def main() -> None:
    """Run the page that was chosen."""
    import streamlit as st

    from einthoven.web.pages import about, frame, history, read

    st.set_page_config(page_title="Einthoven: reads ECGs off paper", page_icon="⚕", layout="wide")
    visit = frame.visit()
    pages = [
        st.Page(lambda: read.page(visit), title="Read an ECG", url_path="read", default=True),
        st.Page(lambda: history.page(visit), title="My cases", url_path="cases"),
        st.Page(lambda: about.page(visit), title="How it works", url_path="about"),
    ]
    chosen = st.navigation(pages, position="top")
    frame.head(visit)
    chosen.run()


if __name__ == "__main__":
    main()
