"""Breaks things on purpose: builds small chains on the same core, and tampers with them."""
