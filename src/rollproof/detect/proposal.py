"""What proposals to a governor would do once they are voted for (OpenZeppelin's Governor, Compound's Bravo)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rollproof import _core
from rollproof.chain import abi
from rollproof.detect.execution import Execution
from rollproof.errors import Malformed
from rollproof.replay.trace import Log

# OpenZeppelin's Governor and Compound's GovernorBravo: the same event
PROPOSED = _core.keccak256(
    b"ProposalCreated(uint256,address,address[],uint256[],string[],bytes[],uint256,uint256,string)"
)
_FIELDS = ["uint256", "address", "address[]", "uint256[]", "string[]", "bytes[]", "uint256", "uint256", "string"]
UPGRADES = frozenset(_core.keccak256(each)[:4] for each in (b"upgradeTo(address)", b"upgradeToAndCall(address,bytes)"))
MAX_NONCES = 256  # how many of the proposer's latest nonces are tried as the creation of the proposed code


@dataclass(frozen=True, slots=True)
class Action:
    """One call that a proposal would make. ``value`` in wei."""

    target: bytes
    value: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a ProposalCreated event says."""

    governor: bytes
    number: int
    proposer: bytes
    actions: tuple[Action, ...]
    frame: int


def proposals(execution: Execution) -> tuple[Proposal, ...]:
    """The proposals that an execution made; made once."""
    return execution.kept("proposals", lambda each: tuple(_proposals(each)))


def _proposals(execution: Execution) -> Iterator[Proposal]:
    for log in execution.logs:
        if log.topics[:1] == (PROPOSED,) and not execution.reverted(log.frame) and log.data_length == len(log.data):
            found = _read(log)
            if found is not None:
                yield found


def _read(log: Log) -> Proposal | None:
    try:
        values = abi.decode(_FIELDS, log.data)
    except Malformed:  # another event by the same name: its contract's own affair
        return None
    number, proposer, targets, sums, signatures, calls = values[:6]
    if not len(targets) == len(sums) == len(calls):
        return None
    actions = []
    for at, (target, value, data) in enumerate(zip(targets, sums, calls, strict=True)):
        # Bravo gives the function apart from its arguments.
        named = signatures[at] if at < len(signatures) else ""
        actions.append(Action(target, value, _core.keccak256(named.encode())[:4] + data if named else data))
    return Proposal(log.address, number, proposer, tuple(actions), log.frame)


def creations(execution: Execution, proposer: bytes) -> frozenset[bytes]:
    """Addresses of what the proposer created by his last transactions, where he signed this one."""
    if proposer != execution.sender:
        return frozenset()
    nonce = execution.decoded.get("nonce")
    if not isinstance(nonce, int):
        return frozenset()
    return frozenset(_created(proposer, each) for each in range(max(0, nonce - MAX_NONCES), nonce))


def _created(creator: bytes, nonce: int) -> bytes:
    number = nonce.to_bytes((nonce.bit_length() + 7) // 8, "big")
    return _core.keccak256(_core.rlp_encode([creator, number]))[12:]


def short(number: int) -> str:
    """A proposal's number: OpenZeppelin's are hashes."""
    said = str(number)
    return said if len(said) < 12 else f"{said[:6]}..."
