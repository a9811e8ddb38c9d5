"""Asks nodes: JSON-RPC, many sources held against each other, witnesses; and what is known of chains, as data."""
