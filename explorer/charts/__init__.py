"""Figures: arrays in, plotly out."""
