"""Who acts together in one transaction: the sender, what works for it, and where the surplus ends.

Rules, Rollproof's own: the sender; the contract it calls, where that works for it and is neither router, counterparty
nor a contract that only loses; what these create; and whoever is only paid, by or at the command of those, out of what
came to them from others.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from rollproof.detect.ancestry import called, caller, line, target
from rollproof.detect.execution import Execution
from rollproof.detect.impersonation import impersonated
from rollproof.detect.selectors import selectors
from rollproof.detect.shows import Shows, Trigger
from rollproof.replay.trace import Kind
from rollproof.types import Amount

ZERO = bytes(20)

_TRANSFER = bytes.fromhex("a9059cbb")  # EIP-20 transfer(address,uint256)

Net = Mapping[bytes | None, int]  # token (None: wei) -> what one account gained or lost


def actors(execution: Execution) -> frozenset[bytes]:
    """The sender, the contract that works for it, and what these create. Transactions that share one belong together.

    Not among them: who is only paid. In foreign traces the first frame's caller stands for a sender that is not given,
    and accounts in whose name a test harness calls are actors, unless they only lose to others.
    """
    return execution.kept("cluster.actors", _actors)


def cluster(execution: Execution) -> frozenset[bytes]:
    """`actors` and the beneficiaries of their surplus. A tipped proposer can be one: join transactions by `actors`."""
    return execution.kept("cluster", _cluster)


def by_account(execution: Execution) -> Mapping[bytes, Net]:
    """account -> token (None: wei) -> what it gained or lost in base units; accounts without a change are left out."""
    return execution.kept("cluster.by_account", _by_account)


def gains(execution: Execution, members: Iterable[bytes]) -> dict[bytes | None, int]:
    """token (None: wei) -> what these accounts gained or lost together, in base units; zeros left out."""
    sums: dict[bytes | None, int] = {}
    table = by_account(execution)
    for member in members:
        for token, amount in table.get(member, {}).items():
            sums[token] = sums.get(token, 0) + amount
    return {token: amount for token, amount in sums.items() if amount}


def gainers(execution: Execution, members: Iterable[bytes], tokens: Collection[bytes | None]) -> list[Amount]:
    """What each of these accounts gained of some tokens, for a finding's amounts."""
    table = by_account(execution)
    return [
        Amount(token, member, amount)
        for member in sorted(members)
        for token, amount in table.get(member, {}).items()
        if token in tokens and amount > 0
    ]


def only_loses(net: Net) -> bool:
    """Whether it lost something and gained nothing."""
    return bool(net) and all(amount < 0 for amount in net.values())


def only_gains(net: Net) -> bool:
    """Whether it gained something and lost nothing."""
    return bool(net) and all(amount > 0 for amount in net.values())


def _by_account(execution: Execution) -> dict[bytes, dict[bytes | None, int]]:
    found: dict[bytes, dict[bytes | None, int]] = {}
    for (account, token), amount in execution.net.items():
        found.setdefault(account, {})[token] = amount
    return found


def _actors(execution: Execution) -> frozenset[bytes]:
    root = execution.root
    sender = execution.sender or (root.caller if root else None)
    members = {sender} if sender else set()
    if root is None:
        return frozenset(members)
    table = by_account(execution)
    if root.kind in (Kind.CREATE, Kind.CREATE2):
        group = _group(execution, root.target)
    elif root.target in execution.protocols.routers:
        group = set()
    else:
        group = _group(execution, root.target)
        # The group is judged as one: a contract may only lose what the contracts that it makes then use.
        sums = gains(execution, group | _beneficiaries(execution, members | group))
        own = table.get(root.caller, {})
        if not _works_for(own, sums) and not _forwards(execution, own, group, sums):
            group = set()
    members |= group
    if execution.flags & Trigger.CREATES:
        made = _made_by(execution, members)
        members |= made if _real(execution) else made - _services(execution, root.target, made)
    members.discard(ZERO)
    return frozenset(members)


def _group(execution: Execution, target: bytes) -> set[bytes]:
    """The called contract, what it makes, and in whose name it calls (which only a test harness can)."""
    group = {target}
    if execution.flags & Trigger.CREATES:
        group |= _made_by(execution, group)
    if _real(execution):
        return group
    table = by_account(execution)
    # Who only loses is a victim, unless it gave to the group of its own accord.
    gave = {
        each.sender
        for each in execution.transfers
        if each.recipient in group and caller(execution, each.frame) == target and _sends(execution, each.frame)
    }
    named = impersonated(execution, target)
    group -= _services(execution, target, group)
    return group | {each for each in named if each in gave or not only_loses(table.get(each, {}))}


def _real(execution: Execution) -> bool:
    """Whether it happened on a chain, where nobody else's name can be used; an event trace may be of a test."""
    return Shows.STATE in execution.shows or Shows.GAS in execution.shows


def _services(execution: Execution, harness: bytes, group: set[bytes]) -> set[bytes]:
    """What a test harness made for others that it made to call: the scene of an attack, and no part of the attacker.

    A call back into an account that is open is none of these: attacked contracts call who attacks.
    """
    kinds, found = execution.trace.column("frame_kind"), set()
    made: set[bytes] = set()
    for row in execution.frame_rows:
        who, by = target(execution, row), caller(execution, row)
        if by == harness and kinds[row] >= Kind.CREATE:
            made.add(who)
        elif who in made and by in made and who != by and who in group and kinds[row] == Kind.CALL:
            above = line(execution, row)
            next(above)
            if all(target(execution, each) != who for each in above):
                found.add(who)
    return found


def _sends(execution: Execution, frame: int) -> bool:
    return execution.frame(frame).input[:4] == _TRANSFER


def _works_for(sender: Net, group: Net) -> bool:
    """Whether a called contract (and what belongs to it) works for its caller, by what both gained and lost."""
    if only_loses(group):
        return False  # a wallet that pays, or the victim
    if any(amount > 0 and group.get(token, 0) < 0 for token, amount in sender.items()):
        return False  # the sender got it from there: a trade, a withdrawal, or a theft
    if not any(amount < 0 for amount in sender.values()):
        return True
    # The sender put something in: an agent ends with more than that, a service (vault, pool, shop) with no more.
    return any(amount > max(0, -sender.get(token, 0)) for token, amount in group.items())


def _forwards(execution: Execution, sender: Net, group: set[bytes], sums: Net) -> bool:
    """Whether a called contract that lost is an agent all the same: it used assets of its own and was paid by others.

    Where the caller gained what it lost, others paid it at least as much of that. A vault burns shares when it pays.
    """
    if any(amount < 0 for amount in sender.values()) or not any(amount < 0 for amount in sums.values()):
        return False
    came: dict[bytes | None, int] = {}
    for each in execution.transfers:
        if each.token in group:
            return False
        if each.item is None and each.recipient in group and each.sender not in group:
            came[each.token] = came.get(each.token, 0) + each.amount
    if not sender:
        return any(came.values())
    return all(came.get(token, 0) >= -amount and token in sender for token, amount in sums.items() if amount < 0)


def _made_by(execution: Execution, members: set[bytes]) -> set[bytes]:
    kinds = execution.trace.column("frame_kind")
    table = by_account(execution)
    made: set[bytes] = set()
    for row in execution.frame_rows:
        # Parents are entered before their children, so one pass finds what the created create.
        if kinds[row] >= Kind.CREATE and caller(execution, row) in members | made and not execution.reverted(row):
            made.add(target(execution, row))
    return {each for each in made if not only_loses(table.get(each, {}))}


def _beneficiaries(execution: Execution, members: set[bytes]) -> set[bytes]:
    """Who only received, from members out of what others paid them, or at a member's command."""
    transfers = execution.transfers
    givers = {each.sender for each in transfers}
    issuers = {each.token for each in transfers}
    inflow: dict[bytes | None, int] = {}
    for each in transfers:
        if each.item is None and each.recipient in members and each.sender not in members:
            inflow[each.token] = inflow.get(each.token, 0) + each.amount
    found: set[bytes] = set()
    table = by_account(execution)
    for each in transfers:
        who = each.recipient
        if who in members or who in givers or who in issuers or who == ZERO or each.item is not None:
            continue
        if each.sender in members:
            left = inflow.get(each.token, 0) - each.amount
            if left >= 0:
                inflow[each.token] = left
                found.add(who)
        elif each.token is None or only_loses(table.get(each.sender, {})):
            continue
        elif caller(execution, each.frame) in members:
            found.add(who)
    return found


def _cluster(execution: Execution) -> frozenset[bytes]:
    members = set(actors(execution))
    members |= _beneficiaries(execution, members)
    if any(amount > 0 for amount in gains(execution, members).values()):
        return frozenset(members)
    # Nobody of them gained: those who called a loser and were paid by it acted; or it was done for one payee alone.
    table = by_account(execution)
    losers = {each for each, net in table.items() if only_loses(net)} & called(execution)
    payments = [each for each in execution.transfers if each.item is None and each.sender in losers]
    paid = {each.recipient for each in payments if only_gains(table.get(each.recipient, {}))} - members - {ZERO}
    if not paid:
        return frozenset(members)
    victims = {each.sender for each in payments if each.recipient in paid}
    pairs = {(each.recipient, each.sender) for each in payments}
    rows = execution.frame_rows
    asked = {(caller(execution, row), target(execution, row)) for row in rows}
    callers = {who for who, victim in pairs & asked if who in paid and victim in victims}
    if callers:
        return frozenset(members | callers)
    givers = {each.sender for each in execution.transfers}
    addressed = {target(execution, row) for row, data in selectors(execution) if data}  # and not just sent wei
    ends = paid - givers - addressed
    return frozenset(members | ends if len(ends) == 1 else members)
