"""A second machine: EELS (the extra ``rollproof[eels]``) on our witnesses, with the OP Stack's rules in plain Python.

Nothing in here may import the Rust core: two machines that share code cannot confirm each other.
``opinion`` imports without EELS; every other module needs it.
"""

from __future__ import annotations
