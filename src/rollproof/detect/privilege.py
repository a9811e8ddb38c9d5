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
from rollproof.replay.trace import Access

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
SETTERS: Final[dict[bytes, str]] = {
    _selector(signature): said
    for said, signatures in {
        INITIALISER: """initialize() initialize(address) initialize(address,address) initialize(bytes)
            initialise(address) initialize(address,address,address) init() init(address) init(address,address)
            setup(address) initWallet(address[],uint256,uint256) initMultiowned(address[],uint256)
            setup(address[],uint256,address,bytes,address,address,uint256,address)""",
        OWNER: """transferOwnership(address) setOwner(address) changeOwner(address) updateOwner(address)
            claimOwnership() acceptOwnership() setAdmin(address) changeAdmin(address)
            setGovernance(address) setGovernor(address)
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
        OWNER: """owner getOwner admin governance governor gov controller minter operator authority
            manager guardian upgrader keeper""",
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


def meaning(paths: Authority, context: bytes, slot: bytes) -> str | None:
    """What the execution itself shows a slot to hold: code that is run (`CODE`), or what a getter answers."""
    getter = None
    for access in paths.read(context, slot):
        if any(paths.runs(context, account) for _, account in accounts(access.value)):
            return CODE
        root = paths.frame(paths.root(access.frame))
        said = GETTERS.get(root.input[:4])
        if said is not None and root.success and getter is None:
            others = {each.slot for each in paths.reads.get(root.row, ()) if each.slot not in SLOTS}
            getter = said if others == {slot} else None
    return getter


def accounts(value: int) -> Iterator[tuple[int, bytes]]:
    """Shift in bits and twenty bytes, for each place in a slot where a compiler may have put an address."""
    word = value.to_bytes(32, "big")
    for shift in range(0, 97, 8):
        end = 32 - shift // 8
        yield shift, word[end - 20 : end]


def _privileges(execution: Execution, paths: Authority) -> Iterator[Privilege]:
    announced = _announced(execution, paths)
    known: set[bytes] | None = None
    for root, writes in paths.writes.items():
        context = paths.frame(root).target
        for row, access in writes:
            plain = int.from_bytes(access.slot, "big") < PLAIN
            if access.value == access.before or not (plain or access.slot in SLOTS or root in announced):
                continue
            setter = SETTERS.get(paths.frame(access.frame).input[:4])
            small = not (access.value | access.before) >> 96  # no account in it, before or after
            if small and setter != INITIALISER and root not in announced:
                continue
            known = known or _known(execution)
            shift, named = _named(access, known)
            what = SLOTS.get(access.slot) or _said(announced.get(root, []), access, named)
            if plain:
                shown = meaning(paths, context, access.slot) if what is None else None
                what = what or shown or (setter or ACCOUNT if named is not None else None)
                what = what or (INITIALISER if setter == INITIALISER else None)
            if what is None:
                continue
            held = access.before if shift is None else (access.before >> shift) & ((1 << 160) - 1)
            said = any(what == each for each, _, _ in announced.get(root, ()))
            yield Privilege(row, access, context, what, named, said, held == 0)


def _announced(execution: Execution, paths: Authority) -> dict[int, list[tuple[str, bytes | None, int]]]:
    """By the row that an invocation began with: what its events say, of whom, and when."""
    found: dict[int, list[tuple[str, bytes | None, int]]] = {}
    for log in execution.logs:
        event = EVENTS.get(log.topics[0]) if log.topics else None
        if event is not None and not execution.reverted(log.frame):
            kind, topic = event
            named = log.topics[topic][12:] if 0 < topic < len(log.topics) else None
            found.setdefault(paths.root(log.frame), []).append((kind, named, log.order))
    return found


def _known(execution: Execution) -> set[bytes]:
    """Accounts that take part."""
    rows = execution.frame_rows
    found = set() if execution.sender is None else {execution.sender}
    for name in ("frame_target", "frame_caller"):
        column = execution.trace.column(name)
        found.update(column[20 * row : 20 * row + 20] for row in rows)
    return found


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
