"""Which storage writes change who may do what: what standards name, what events announce, what getters answer.

Sources: EIP-1967, EIP-1822, EIP-173, ERC-5313, OpenZeppelin Contracts' Ownable, AccessControl, Initializable and their
ERC-7201 places, Safe, EIP-2535, Compound's admins, Solmate's Owned and Auth.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from rollproof import _core
from rollproof.detect.authority import Authority, authority
from rollproof.detect.execution import Execution
from rollproof.detect.invocation import PLAIN
from rollproof.replay.trace import Access, Kind

CODE: Final = "code"  # what code runs on the account's storage
ADMIN: Final = "admin"  # who may change that
OWNER: Final = "owner"
ROLE: Final = "role"
INITIALISER: Final = "initialiser"
ACCOUNT: Final = "account"  # a plain slot that names an account, and says nothing more


def _selector(signature: str) -> bytes:
    return _core.keccak256(signature.encode())[:4]


def _topic(signature: str) -> bytes:
    return _core.keccak256(signature.encode())


def _before(name: str) -> bytes:
    return (int.from_bytes(_core.keccak256(name.encode()), "big") - 1).to_bytes(32, "big")


SLOTS: Final[dict[bytes, str]] = {
    _before("eip1967.proxy.implementation"): CODE,
    _before("eip1967.proxy.beacon"): CODE,
    _before("eip1967.proxy.admin"): ADMIN,
    _topic("PROXIABLE"): CODE,  # EIP-1822
    _topic("org.zeppelinos.proxy.implementation"): CODE,
    _topic("org.zeppelinos.proxy.admin"): ADMIN,
    bytes.fromhex("9016d09d72d40fdae2fd8ceac6b6234c7706214fd39c1cd1e609a0528c199300"): OWNER,  # ERC-7201, Ownable
    bytes.fromhex("f0c57e16840df040f15088dc2f81fe391c3923bec73e23a9662efc9c199c6a00"): INITIALISER,
}

# event -> what it announces, and the topic that names the account (0: none does)
EVENTS: Final[dict[bytes, tuple[str, int]]] = {
    _topic(signature): said
    for signature, said in {
        "OwnershipTransferred(address,address)": (OWNER, 2),
        "OwnerChanged(address,address)": (OWNER, 2),
        "OwnerUpdated(address,address)": (OWNER, 2),
        "OwnerSet(address,address)": (OWNER, 2),
        "LogSetOwner(address)": (OWNER, 1),
        "AuthorityUpdated(address,address)": (OWNER, 2),
        "NewAdmin(address)": (OWNER, 1),
        "GovernorTransferred(address,address)": (OWNER, 2),
        "RoleGranted(bytes32,address,address)": (ROLE, 2),
        "MinterAdded(address)": (ROLE, 1),
        "AddedOwner(address)": (ROLE, 1),
        "EnabledModule(address)": (ROLE, 1),
        "Upgraded(address)": (CODE, 1),
        "BeaconUpgraded(address)": (CODE, 1),
        "ChangedMasterCopy(address)": (CODE, 1),
        "NewImplementation(address,address)": (CODE, 0),
        "AdminChanged(address,address)": (ADMIN, 0),
    }.items()
}

# functions that set who may do what, by what they set
# functions that set who may do what, by what they set
SETTERS: Final[dict[bytes, str]] = {
    _selector(signature): said
    for said, signatures in {
        INITIALISER: """initialize() initialize(address) initialize(address,address) initialize(bytes)
            initialise(address) initialize(address,address,address) init() init(address) init(address,address)
            setup(address) initWallet(address[],uint256,uint256) initMultiowned(address[],uint256)
            setup(address[],uint256,address,bytes,address,address,uint256,address)""",
        OWNER: """transferOwnership(address) setOwner(address) changeOwner(address) updateOwner(address)
            claimOwnership() acceptOwnership() setAdmin(address) changeAdmin(address) proposeNewAdmin(address)
            setPendingAdmin(address) _setPendingAdmin(address) setGovernance(address) setGovernor(address)
            setAuthority(address) setMinter(address) setOperator(address) setController(address)
            changeController(address)""",
        CODE: "upgradeTo(address) upgradeToAndCall(address,bytes) setImplementation(address)",
    }.items()
    for signature in signatures.split()
}

# functions that answer who may do what: the one slot that they read holds it
GETTERS: Final[dict[bytes, str]] = {
    _selector(f"{name}()"): said
    for said, names in {
        OWNER: """owner getOwner admin governance governor gov controller minter operator authority pendingOwner
            pendingAdmin manager guardian upgrader keeper""",
        CODE: "implementation masterCopy singleton comptrollerImplementation",
    }.items()
    for name in names.split()
}


@dataclass(frozen=True, slots=True)
class Privilege:
    """One live write that changes who may do what. ``row`` is its access, ``named`` the account that the value names.

    ``announced``: an event of the same call says so. ``first``: nobody stood there before.
    """

    row: int
    access: Access
    context: bytes
    what: str
    named: bytes | None
    announced: bool
    first: bool


def privileges(execution: Execution) -> tuple[Privilege, ...]:
    """The writes of an execution that change who may do what, in order; made once."""
    return execution.kept("privileges", lambda each: tuple(_privileges(each, authority(each))))


def learnt(execution: Execution) -> dict[tuple[bytes, bytes], str]:
    """(account, slot) -> what the execution itself shows the slot to hold: code that is run, what a getter answers."""
    return execution.kept("privileges.learnt", lambda each: _learnt(authority(each)))


def accounts(value: int) -> Iterator[tuple[int, bytes]]:
    """Shift in bits and twenty bytes, for each place in a slot where a compiler may have put an address."""
    word = value.to_bytes(32, "big")
    for shift in range(0, 97, 8):
        end = 32 - shift // 8
        yield shift, word[end - 20 : end]


def _privileges(execution: Execution, paths: Authority) -> Iterator[Privilege]:
    shown = learnt(execution)
    announced: dict[int, list[tuple[str, bytes | None, int]]] = {}
    for log in execution.logs:
        event = EVENTS.get(log.topics[0]) if log.topics else None
        if event is not None and not execution.reverted(log.frame):
            kind, topic = event
            named = log.topics[topic][12:] if 0 < topic < len(log.topics) else None
            announced.setdefault(paths.root(log.frame), []).append((kind, named, log.order))
    known = {frame.target for frame in paths.frames} | {frame.caller for frame in paths.frames}
    if execution.sender is not None:
        known.add(execution.sender)
    for root, writes in paths.writes.items():
        context = paths.frame(root).target
        for row, access in writes:
            if access.value == access.before:
                continue
            called = paths.frame(access.frame).input[:4]
            setter = SETTERS.get(called) or SETTERS.get(paths.frame(root).input[:4])
            shift, named = _named(access, known)
            what = SLOTS.get(access.slot) or shown.get((context, access.slot))
            said = _said(announced.get(root, []), access, named)
            plain = int.from_bytes(access.slot, "big") < PLAIN
            if what is None and said:
                what = said
            if what is None and plain and named is not None:
                what = setter or ACCOUNT
            if what is None and setter == INITIALISER and plain:
                what = INITIALISER
            if what is None:
                continue
            held = access.before if shift is None else (access.before >> shift) & ((1 << 160) - 1)
            yield Privilege(row, access, context, what, named, said is not None, held == 0)


def _named(access: Access, known: set[bytes]) -> tuple[int | None, bytes | None]:
    """The account that a write puts where there was another, if it is one that takes part."""
    before = dict(accounts(access.before))
    for shift, account in accounts(access.value):
        if account in known and any(account[:12]) and before[shift] != account:
            return shift, account
    if access.value and access.value >> 160 == 0 and access.value >> 96:
        return 0, access.value.to_bytes(20, "big")
    return None, None


def _said(logs: list[tuple[str, bytes | None, int]], access: Access, named: bytes | None) -> str | None:
    for what, account, order in logs:
        if account is not None and account == named:
            return what
        # A role is a flag in a mapping: it is written just before it is announced.
        if what == ROLE and access.order < order <= access.order + 2 and access.value & 0xFF == 1:
            return what
    return None


def _learnt(paths: Authority) -> dict[tuple[bytes, bytes], str]:
    found: dict[tuple[bytes, bytes], str] = {}
    own: dict[int, list[Access]] = {}
    for reads in paths.reads.values():
        for access in reads:
            own.setdefault(access.frame, []).append(access)
    for frame in paths.frames:
        getter = GETTERS.get(frame.input[:4])
        if getter is not None and frame.kind in (Kind.STATICCALL, Kind.CALL) and frame.success:
            slots = {
                each.slot
                for each in paths.reads.get(frame.row, ())
                if each.slot not in SLOTS and not paths.runs(frame.target, each.value)
            }
            if len(slots) == 1:
                found.setdefault((frame.target, slots.pop()), getter)
        if frame.kind is Kind.DELEGATECALL and frame.parent is not None:
            above = paths.frame(frame.parent)
            if above.target != frame.target:
                continue
            for access in own.get(frame.parent, ()):
                if access.order > frame.order:
                    break
                if any(account == frame.code for _, account in accounts(access.value)):
                    found[frame.target, access.slot] = CODE
    return found
