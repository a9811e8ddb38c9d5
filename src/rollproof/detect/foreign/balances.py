"""Whether a state difference and a call tree of one transaction say the same about wei."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rollproof.detect.foreign.calls import Call
from rollproof.detect.foreign.prestate import Prestate
from rollproof.errors import Malformed
from rollproof.replay.trace import Kind

_PREDEPLOYS: Final = bytes.fromhex("4200") + bytes(16)  # OP Stack: fees go there


def agree(calls: Sequence[Call], difference: Prestate, beneficiary: bytes | None, where: str) -> None:
    """Raises Malformed naming an account whose balance changed by another sum than its calls moved.

    Not looked at: who pays for gas and who is paid for it.
    """
    if difference.post is None or beneficiary is None:
        return
    moved, ended = _moved(calls)
    aside = {calls[0].caller, beneficiary} | ended
    for address, before in difference.pre.items():
        if address in aside or address[:18] == _PREDEPLOYS or before.balance is None:
            continue
        after = difference.post.get(address)
        if after is None and not before.storage:
            continue  # it is gone
        changed = 0 if after is None or after.balance is None else after.balance - before.balance
        if changed != moved.get(address, 0):
            said = f"its calls move {moved.get(address, 0)} wei to 0x{address.hex()}, its state difference {changed}"
            raise Malformed(f"{where}: {said}")


def _moved(calls: Sequence[Call]) -> tuple[dict[bytes, int], set[bytes]]:
    """account -> wei that live calls moved to it; and who destroyed itself."""
    found: dict[bytes, int] = {}
    ended: set[bytes] = set()
    live: list[tuple[bytes, bool]] = []  # account, live
    for call in calls:
        del live[call.depth :]
        above = live[-1][1] if live else True
        now = above and call.success
        if now and call.kind in (Kind.CALL, Kind.CREATE, Kind.CREATE2, None):
            giver = live[-1][0] if call.kind is None else call.caller
            found[giver] = found.get(giver, 0) - call.value
            found[call.target] = found.get(call.target, 0) + call.value
            if call.kind is None:
                ended.add(giver)
        live.append((call.target, now))
    return found, ended
