"""The few browser pieces that Streamlit lacks."""
