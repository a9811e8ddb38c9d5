"""``rollproof inspect FILE --order``: one block with its transactions in another order, and what became of each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rollproof as rp
from rollproof.cli.talk import CANCELLED, complain
from rollproof.errors import Malformed, RollproofError
from rollproof.report import finding_json
from rollproof.report.text import visible

if TYPE_CHECKING:
    from rollproof.replay.replayed import Replay, Replayed

MAX_ORDER = 1_000_000  # characters


def print_order(path: str, order: str, *, config: Path | None, family: str | None, as_json: bool) -> int:
    """Prints what the block comes to; the exit code: 0 all of it ran, 2 not all of it could be executed."""
    try:
        wanted = parse(order)
        replay = rp.replay  # says how to build the core where it is not
        from rollproof.chain import config as chains

        own = None if config is None else chains.from_file(config, family=family)
        found = replay(path, order=wanted, config=own)
        for line in map(finding_json.line, records(found)) if as_json else lines(found):
            print(line, flush=True)
    except KeyboardInterrupt:
        return CANCELLED
    except (RollproofError, ImportError) as error:
        complain(str(error))
        return 2
    except OSError as error:
        complain(f"{Path(error.filename or 'input').name}: {error.strerror or type(error).__name__}")
        return 2
    return 2 if found.unknown else 0


def parse(text: str) -> list[int]:
    """Places in the original block, separated by commas; ``3-7`` is a run of them. Raises Malformed."""
    found: list[int] = []
    if len(text) > MAX_ORDER:
        raise Malformed(f"--order: more than {MAX_ORDER} characters")
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()) or len(part) > 20:
            raise Malformed(f"--order: {part.strip()[:40]!r} is no place and no run of places like 3-7")
        span = range(int(first), int(last or first) + 1)
        if not 0 < len(span) <= MAX_ORDER:
            raise Malformed(f"--order: {part.strip()[:40]!r} is empty or longer than any block")
        found += span
    return found


def lines(found: Replay) -> Iterator[str]:
    """What became of each transaction, the accounts whose wei changed, and what this cannot tell."""
    for each in found.transactions:
        yield f"{each.index:>5}  {each.fate.value:<8}  {visible(_said(each))}"
        yield from (f"       {visible(note)}" for note in each.notes)
    if found.unknown:
        yield f"unknown  {visible(found.unknown)}"
    if found.state_root is not None:
        yield f"state root 0x{found.state_root.hex()}, {found.gas_used:,} gas"
    for account, by in sorted(found.raised.items()):
        yield f"nonce of 0x{account.hex()} raised by {by} before the block"
    yield from (f"not known: {each}" for each in found.cannot_know)


def records(found: Replay) -> Iterator[dict[str, Any]]:
    """The same as JSON records."""
    for each in found.transactions:
        outcome = each.outcome or {}
        yield {
            "record": "replayed",
            "index": each.index,
            "fate": each.fate.value,
            "transaction": outcome.get("hash"),
            "status": outcome.get("status"),
            "gas_used": outcome.get("gas_used"),
            "kind": each.kind or None,
            "reason": each.reason or None,
            "notes": each.notes,
        }
    yield {
        "record": "replay",
        "order": found.order,
        "nonces": found.nonces,
        "state_root": found.state_root,
        "gas_used": found.gas_used,
        "net": [
            {"account": account, "token": finding_json.NATIVE if token is None else token, "amount": str(amount)}
            for (account, token), amount in sorted(found.net.items(), key=lambda item: (item[0][0], item[0][1] or b""))
        ],
        "reason": found.unknown or None,
        "cannot_know": found.cannot_know,
    }


def _said(each: Replayed) -> str:
    if each.outcome is None:
        return f"{each.kind}: {each.reason}" if each.kind else each.reason
    succeeded = "succeeded" if each.outcome["status"] == 1 else f"failed {each.outcome['halt'] or ''}".rstrip()
    return f"0x{each.outcome['hash'].hex()}  {succeeded}  {each.outcome['gas_used']:,} gas"
