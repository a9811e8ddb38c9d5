"""Where the state that a block claims and the one that it makes differ, by the two tries."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from rollproof import _core
from rollproof.errors import RollproofError
from rollproof.replay.both_states import BothStates, Slots
from rollproof.replay.narrow import MAX_LISTED, Narrow

_APART: Final = re.compile(r"(keccak )?0x([0-9a-f]+)(?:\.[a-z_]+|\[(keccak )?0x([0-9a-f]+)\])\Z")


@dataclass(frozen=True, slots=True)
class Apart:
    """Where two states differ, by keccak-256 of the address and of each slot; ``opaque``: where no more is known."""

    slots: Slots
    opaque: tuple[str, ...] = ()


def apart(states: BothStates) -> Apart:
    """Where the claimed and the computed state differ, as far as nodes of both were served by now."""
    if states.inputs is None or states.claimed is None or states.computed is None:
        return Apart({}, ("the states are not known",))
    names = [name for address, slots in states.touched.items() for name in (address, *slots)]
    found: dict[bytes, set[bytes]] = {}
    opaque: list[str] = []
    try:
        narrow = Narrow(states.inputs.preimages, (), [*names, *states.named], None)
        differences = narrow.differences(states.claimed, states.computed)
    except (RollproofError, _core.CoreError) as error:
        return Apart({}, (str(error),))
    for each in differences:
        match = _APART.match(each.key)
        if match is None or each.scope == "trie" or each.key.endswith(".storage_root"):
            opaque.append(each.key)
            continue
        slots = found.setdefault(_hashed(match[1], match[2]), set())
        if each.scope == "storage":
            slots.add(_hashed(match[3] or "", match[4] or ""))
    if len(found) >= MAX_LISTED or any(len(slots) >= MAX_LISTED for slots in found.values()):
        opaque.append(f"at {MAX_LISTED} places or more of one trie")
    return Apart(found, tuple(opaque))


def _hashed(known: str, digits: str) -> bytes:
    """The hash of a name, which is given or known by its hash only."""
    value = bytes.fromhex(digits)
    return value if known else _core.keccak256(value)
