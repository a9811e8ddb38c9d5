"""A proposal that, once it is voted for, pays who proposes it, or puts his code behind what is governed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rollproof import _core
from rollproof.chain import abi
from rollproof.detect.detector import Detector, Judgement
from rollproof.detect.execution import Execution
from rollproof.detect.shows import Shows, Trigger
from rollproof.errors import Malformed
from rollproof.replay.trace import Log
from rollproof.types import Confidence, Severity

# OpenZeppelin's Governor and Compound's GovernorBravo: the same event
PROPOSED = _core.keccak256(
    b"ProposalCreated(uint256,address,address[],uint256[],string[],bytes[],uint256,uint256,string)"
)
_FIELDS = ["uint256", "address", "address[]", "uint256[]", "string[]", "bytes[]", "uint256", "uint256", "string"]
_UPGRADES = frozenset(_core.keccak256(each)[:4] for each in (b"upgradeTo(address)", b"upgradeToAndCall(address,bytes)"))
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


class GovernanceDrain(Detector):
    """A proposal would pay its own proposer."""

    id = "governance-drain"
    severity = Severity.MEDIUM
    title = "A proposal pays who proposes it"
    what = "A proposal to a governor (ProposalCreated) holds a call or payment whose recipient is its own proposer."
    why = "Votes can be bought, borrowed or simply not cast: what the treasury holds hangs on one count of them."
    example = "Build Finance, February 2022: a vote gave an attacker the right to mint, and the treasury."
    references = ("https://docs.openzeppelin.com/contracts/5.x/api/governance",)
    needs = Shows.CALLS | Shows.LOGS
    trigger = Trigger.WRITES

    def check(self, evidence: Execution) -> Iterator[Judgement]:
        for proposal in proposals(evidence):
            named = {proposal.proposer, evidence.sender} - {None, bytes(20)}
            for action in proposal.actions:
                words = {action.data[at + 12 : at + 32] for at in range(4, min(len(action.data), 4096), 32)}
                if not (named & words or (action.value and action.target in named)):
                    continue
                upgrade = action.data[:4] in _UPGRADES
                if upgrade:
                    continue
                yield self.finding(
                    evidence,
                    f"proposal {_short(proposal.number)} would have 0x{action.target.hex()} called for its own proposer",
                    confidence=Confidence.POSSIBLE,
                    addresses=(proposal.governor, action.target, proposal.proposer),
                    frames=(proposal.frame,),
                    subject=f"{proposal.governor.hex()} {proposal.number}",
                )
                break


class GovernanceUpgrade(Detector):
    """A proposal would change the code of an account to the proposer's own, or change and call it at once."""

    id = "proxy-hijack-proposed"
    severity = Severity.MEDIUM
    title = "A proposal puts code behind a proxy"
    what = (
        "A proposal to a governor (ProposalCreated) calls upgradeTo or upgradeToAndCall. Medium where the proposer "
        "himself created the new code, low otherwise."
    )
    why = "Who reads a proposal reads its description; what is executed is the code."
    example = "Tornado Cash, May 2023: a proposal like an earlier one held other code, which gave the attacker votes."
    references = ("https://eips.ethereum.org/EIPS/eip-1967",)
    needs = Shows.CALLS | Shows.LOGS
    trigger = Trigger.WRITES

    def check(self, evidence: Execution) -> Iterator[Judgement]:
        for proposal in proposals(evidence):
            for action in proposal.actions:
                if action.data[:4] not in _UPGRADES or len(action.data) < 36:
                    continue
                code = action.data[16:36]
                own = code in _creations(evidence, proposal.proposer)
                yield self.finding(
                    evidence,
                    f"proposal {_short(proposal.number)} would put the code of 0x{code.hex()}"
                    + (", which the proposer created," if own else "")
                    + f" behind 0x{action.target.hex()}",
                    severity=Severity.MEDIUM if own else Severity.LOW,
                    confidence=Confidence.POSSIBLE,
                    addresses=(proposal.governor, action.target, code, proposal.proposer),
                    frames=(proposal.frame,),
                    subject=f"{proposal.governor.hex()} {proposal.number} {action.target.hex()}",
                )


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


def _creations(execution: Execution, proposer: bytes) -> frozenset[bytes]:
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


def _short(number: int) -> str:
    said = str(number)
    return said if len(said) < 12 else f"{said[:6]}..."
