"""Figures of a risk report, drawn with matplotlib's object interface: no global state, the same bytes every time."""
