"""An ERC-20 token as a venue's collateral, and names that contracts give."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rollproof.errors import Malformed, RollproofError
from rollproof.venue.reader import Reader
from rollproof.venue.snapshot import Token
from rollproof.venue.view import View, ask_all, need_all

DECIMALS: Final = View("decimals", (), ("uint8",))
SYMBOL: Final = View("symbol", (), ("string",))
TOTAL_SUPPLY: Final = View("totalSupply")
BALANCE_OF: Final = View("balanceOf", ("address",))
_LONGEST: Final = 32


def read_token(reader: Reader, address: bytes) -> tuple[Token, int]:
    """The token and its supply on this chain, base units. Raises as `Reader.call`; Malformed above 18 decimals."""
    decimals, supply = need_all(reader, [(address, DECIMALS, ()), (address, TOTAL_SUPPLY, ())])
    if decimals > 18:
        raise Malformed(f"token 0x{address.hex()} has {decimals} decimals, more than 18")
    [symbol] = ask_all(reader, [(address, SYMBOL, ())])  # optional in ERC-20, and bytes32 in old tokens
    text = "" if isinstance(symbol, RollproofError) else str(symbol)
    return Token(address, symbol_of(text.encode(), address), decimals), supply


def symbol_of(text: bytes, otherwise: bytes) -> str:
    """A contract's name for something where it is short, printable ASCII without blanks; else hex of ``otherwise``."""
    decoded = text.decode("ascii", "replace")
    if 0 < len(text) <= _LONGEST and text.isascii() and decoded.isprintable() and " " not in decoded:
        return decoded
    return f"0x{otherwise.hex()}"


def distinct(symbols: Sequence[str]) -> list[str]:
    """The symbols, each different: contracts may use one twice, a book may not."""
    names = [name if symbols.count(name) == 1 else f"{name}#{place}" for place, name in enumerate(symbols)]
    return names if len(set(names)) == len(names) else [f"{name}#{place}" for place, name in enumerate(symbols)]
