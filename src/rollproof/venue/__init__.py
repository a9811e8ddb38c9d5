"""Derivative venues: positions, margin rules, and adapters that read them from a chain."""
