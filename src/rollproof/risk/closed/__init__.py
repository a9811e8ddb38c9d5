"""Answers without simulation: what the simulated layers are checked by, and what is quick enough to search with."""
