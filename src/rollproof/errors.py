"""The error tree. The class says what the caller should do.

RollproofError
├── Retry            the same request may succeed later (a node is slow, limits the rate, is restarting)
├── Reset            what was read is no longer on the canonical chain: start again from a new head
└── Stop             asking again gives the same answer
    ├── Malformed    input from outside breaks its own format, a bound, or a commitment
    ├── Unsupported  a chain, fork, transaction type or configuration key that is not known by name
    ├── Missing      something needed was not served: a preimage, a header, an RPC method
    └── Lying        a source contradicts its own proof or commitment

Messages are one line, name the thing, and never contain an RPC URL's path, a key or a token.
"""

from __future__ import annotations


class RollproofError(Exception):
    """Base of every error this package raises on purpose."""


class Retry(RollproofError):
    """The same request may succeed later."""


class Reset(RollproofError):
    """The chain reorganised below what was read; start again from a new head."""


class Stop(RollproofError):
    """Asking again gives the same answer."""


class Malformed(Stop):
    """Input from outside breaks its own format, a bound, or a commitment."""


class Unsupported(Stop):
    """A chain, fork, transaction type or key that is not known by name."""


class Missing(Stop):
    """Something needed was not served."""


class Lying(Stop):
    """A source contradicts its own proof or commitment."""
