"""Margin rules, one family a file, behind one interface, `venue.rules.rules`; `venue.rules.registry` knows all."""
