"""The pages that Streamlit runs: `start` for every visit, the others from there. No algorithm lives here."""
