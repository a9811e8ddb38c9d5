"""Unfair ordering: transactions around, before, behind and instead of others, and those that are left out."""
