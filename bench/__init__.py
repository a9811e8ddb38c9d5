"""Figures of docs/performance.md: ratios against named peers, measured in one run. ``make bench``."""
