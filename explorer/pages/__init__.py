"""Streamlit pages: pick inputs, call a cached loader, an analysis, a plot; no arithmetic."""
