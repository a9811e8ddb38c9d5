"""Everything that can go wrong in the lab: one family a file."""
