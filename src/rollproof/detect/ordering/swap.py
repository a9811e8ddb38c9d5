"""Swaps: a pool takes one token in and gives another out. Seen by the flow of tokens, so that a pool needs no entry.

A pool is an account that is called, and whose own call gives out one token for another that came in before or inside
it. The contract that trades with pools looks the same mirrored: what it takes and gives is what pools below it give and
take, and so it is left out. Somebody without code who gives one token for another (a maker whose signed order is
filled) is a pool here too. Wrapping wei is no swap.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rollproof.detect.execution import Execution, Transfer
from rollproof.detect.shows import Trigger
from rollproof.replay.trace import Frame, Kind

ZERO = bytes(20)
MAX_TRANSFERS = 20_000  # of one transaction that are read...
TRANSFER_FROM = bytes.fromhex("23b872dd")  # ERC-20 and ERC-721 both: an amount, or an item's id
LARGEST_ITEM = 1_000_000  # ids are counted up; so few base units of a token that answers nothing are dust
MAX_SWAPS = 1_000  # ...and swaps


@dataclass(frozen=True, slots=True)
class Swap:
    """One swap. Amounts in base units; tokens None: wei. ``frame`` is the pool's call, ``order`` when it paid out.

    ``sender`` is who paid in, ``recipient`` who was paid; both may be routers or other pools.
    """

    order: int
    frame: int
    pool: bytes
    sender: bytes
    recipient: bytes
    token_in: bytes | None
    amount_in: int
    token_out: bytes | None
    amount_out: int


def swaps(execution: Execution) -> tuple[Swap, ...]:
    """Every swap in the order in which pools paid out."""
    if not execution.flags & Trigger.TWO_TOKENS:
        return ()
    return execution.kept("ordering.swaps", _swaps)


def wrappers(execution: Execution) -> frozenset[bytes]:
    """Tokens that stand for wei: those known, and those that were seen to give one for one."""
    return execution.kept("ordering.wrappers", _wrappers)


def _wrappers(execution: Execution) -> frozenset[bytes]:
    paid = {(each.sender, each.recipient, each.amount) for each in execution.transfers if each.token is None}
    found = set(execution.protocols.wrappers)
    for each in execution.transfers:
        if each.token is None or each.item is not None:
            continue
        mints = each.sender == ZERO and (each.recipient, each.token, each.amount) in paid
        burns = each.recipient == ZERO and (each.token, each.sender, each.amount) in paid
        if mints or burns:
            found.add(each.token)
    return frozenset(found)


def _swaps(execution: Execution) -> tuple[Swap, ...]:
    moved = [each for each in execution.transfers if each.item is None and each.amount][:MAX_TRANSFERS]
    moved = [each for each in moved if each.source != "call" or not _looks_like_item(execution, each)]
    if any(each.source == "slot" for each in moved):
        moved = _without_ledgers(execution, moved)
    found = _Finder(execution, moved).all()
    return tuple(sorted(found, key=lambda each: each.order))


def _without_ledgers(execution: Execution, moved: Sequence[Transfer]) -> list[Transfer]:
    """Without what only slots show where an event says the same: a token's separate ledger, an item's old owner."""
    said = {(each.sender, each.recipient, each.amount) for each in moved if each.source != "slot"}
    items = {(each.sender, each.recipient) for each in execution.transfers if each.item is not None}
    return [
        each
        for each in moved
        if each.source != "slot"
        or ((each.sender, each.recipient, each.amount) not in said and (each.sender, each.recipient) not in items)
    ]


def _looks_like_item(execution: Execution, transfer: Transfer) -> bool:
    """Whether a call without a log moves a non-fungible item: transferFrom of a small number that answers nothing."""
    frame = execution.frame(transfer.frame)
    return frame.input[:4] == TRANSFER_FROM and not frame.output and transfer.amount < LARGEST_ITEM


@dataclass(slots=True)
class _Visit:
    """One outermost call of an account, with what came to it and went from it."""

    account: bytes
    frame: Frame
    start: int  # orders of its rows
    end: int
    outs: list[Transfer]
    ins: list[Transfer]
    known: bool  # its call is a known swap


class _Finder:
    def __init__(self, execution: Execution, moved: Sequence[Transfer]) -> None:
        self.execution, self.moved = execution, moved
        self.wrappers = wrappers(execution)
        self.sender = execution.sender or (execution.root.caller if execution.root else None)
        self.ends = _ends(execution)
        self.accepted: list[tuple[Swap, _Visit | None]] = []
        self.given: dict[bytes, list[Transfer]] = {}
        self.got: dict[bytes, list[Transfer]] = {}
        for each in moved:
            self.given.setdefault(each.sender, []).append(each)
            self.got.setdefault(each.recipient, []).append(each)

    def all(self) -> list[Swap]:
        """Known swaps and innermost calls first: who trades with pools is told by the pools that it trades with."""
        both = sorted((self.given.keys() & self.got.keys()) - {ZERO, self.sender})
        visits = [visit for account in both for visit in self._visits(account)]
        seen = [(swap, visit) for visit in visits if (swap := self._of(visit)) is not None][:MAX_SWAPS]
        keeps = {swap.pool for swap, visit in seen if visit.known or self._keeps(swap)}
        for swap, visit in sorted(seen, key=lambda each: (not each[1].known, -each[1].frame.depth, each[1].start)):
            if visit.known or (swap.pool in keeps and not self._trades(visit, swap)):
                self.accepted.append((swap, visit))
        with_calls = {visit.account for visit in visits}
        for maker in [each for each in both if each not in with_calls]:
            for swap in self._made(maker):
                self.accepted.append((swap, None))  # one by one: two parties of one order mirror each other
        return [swap for swap, _ in self.accepted]

    def _asset(self, token: bytes | None) -> bytes | None:
        return None if token in self.wrappers else token

    def _visits(self, account: bytes) -> Iterator[_Visit]:
        """Its outermost calls that give something, each with what had come to it since the one before."""
        by_frame: dict[int, list[Transfer]] = {}
        for each in self.given[account]:
            row = self._outermost(each.frame, account)
            if row is not None:
                by_frame.setdefault(row, []).append(each)
        last = -1
        for row, outs in sorted(by_frame.items()):
            frame = self.execution.frame(row)
            end = self.ends[row]
            ins = [each for each in self.got[account] if last < each.order < end]
            selector = frame.input[:4]
            known = selector in self.execution.protocols.swap_selectors
            yield _Visit(account, frame, frame.order, end, outs, ins, known)
            last = end - 1

    def _outermost(self, row: int, account: bytes) -> int | None:
        found = None
        at: int | None = row
        while at is not None:
            frame = self.execution.frame(at)
            if frame.target == account and frame.kind != Kind.STATICCALL:
                found = at
            at = frame.parent
        return found

    def _of(self, visit: _Visit) -> Swap | None:
        """The swap that a call was, if it took one asset and gave another."""
        nets: dict[bytes | None, int] = {}
        for each in visit.ins:
            nets[self._asset(each.token)] = nets.get(self._asset(each.token), 0) + each.amount
        for each in visit.outs:
            nets[self._asset(each.token)] = nets.get(self._asset(each.token), 0) - each.amount
        taken = [(asset, net) for asset, net in nets.items() if net > 0]
        given = [(asset, -net) for asset, net in nets.items() if net < 0]
        if len(taken) != 1 or len(given) != 1:
            return None
        (asset_in, amount_in), (asset_out, amount_out) = taken[0], given[0]
        if visit.account in (asset_in, asset_out):
            return None  # it issues or redeems its own token
        paid = [each for each in visit.ins if self._asset(each.token) == asset_in]
        got = [each for each in visit.outs if self._asset(each.token) == asset_out]
        largest_in = max(paid, key=lambda each: each.amount)
        largest_out = max(got, key=lambda each: each.amount)
        return Swap(
            order=got[-1].order,
            frame=visit.frame.row,
            pool=visit.account,
            sender=largest_in.sender,
            recipient=largest_out.recipient,
            token_in=largest_in.token,
            amount_in=amount_in,
            token_out=largest_out.token,
            amount_out=amount_out,
        )

    def _keeps(self, swap: Swap) -> bool:
        """Whether it ends the transaction with more of what it took or less of what it gave: others only pass on."""
        net = self.execution.net
        return net.get((swap.pool, swap.token_in), 0) > 0 or net.get((swap.pool, swap.token_out), 0) < 0

    def _trades(self, visit: _Visit, swap: Swap) -> bool:
        """Whether the account is who trades: what it takes and gives is what pools in its call give and take."""
        inside = [
            other
            for other, at in self.accepted
            if at is not None and visit.start <= at.start and at.end <= visit.end and other.pool != swap.pool
        ]
        if any(self._mirrors([other], swap) for other, _ in self.accepted) or (inside and self._mirrors(inside, swap)):
            return True
        gives = {(other.recipient, self._asset(other.token_out)) for other in inside}
        pools = {other.pool for other in inside}
        if (swap.pool, self._asset(swap.token_in)) in gives and swap.sender in pools:
            payees = {each.recipient for each in visit.outs if self._asset(each.token) == self._asset(swap.token_out)}
            return bool(payees & pools) or visit.frame.parent is None
        # Who is called by the sender itself and serves somebody else trades for the sender.
        return visit.frame.parent is None and self.sender not in (swap.sender, swap.recipient)

    def _mirrors(self, inside: Sequence[Swap], swap: Swap) -> bool:
        """Whether it gives exactly what pools in its call take together, and takes exactly what they give."""
        sums: dict[bytes | None, int] = {}
        for each in (*inside, swap):
            taken, given = self._asset(each.token_in), self._asset(each.token_out)
            sums[taken] = sums.get(taken, 0) + each.amount_in
            sums[given] = sums.get(given, 0) - each.amount_out
        return not any(sums.values())

    def _made(self, maker: bytes) -> Iterator[Swap]:
        """Orders that an account without calls of its own fills: it gives one token and is given another, at once."""
        taken = {id(each) for _, visit in self.accepted if visit for each in (*visit.ins, *visit.outs)}
        outs = [each for each in self.given[maker] if id(each) not in taken]
        ins = [each for each in self.got[maker] if id(each) not in taken]
        if len(outs) != len(ins):
            return
        for out, into in zip(outs, ins, strict=True):
            if self._asset(out.token) == self._asset(into.token) or maker in (out.token, into.token):
                continue
            frame = self._common(out.frame, into.frame)
            if frame is None:
                continue
            order = max(out.order, into.order)
            swap = Swap(order, frame, maker, into.sender, out.recipient, into.token, into.amount, out.token, out.amount)
            others = [other for other, _ in self.accepted]
            # A purse that a trader's contract trades with gives what a pool takes, and gets what the pool gives.
            if not any(self._mirrors(few, swap) for few in (others, *([other] for other in others))):
                yield swap

    def _common(self, one: int, other: int) -> int | None:
        """The innermost call around two; None where that is the transaction itself and nothing fills orders there."""
        above = {one} | {each.row for each in self.execution.ancestors(one)}
        at: int | None = other
        while at is not None and at not in above:
            at = self.execution.frame(at).parent
        return at


def _ends(execution: Execution) -> dict[int, int]:
    """Frame row -> the order behind its last row."""
    found: dict[int, int] = {}
    path: list[tuple[int, int]] = []
    behind = 1 << 32
    for frame in execution.frames:
        while path and path[-1][1] >= frame.depth:
            found[path.pop()[0]] = frame.order
        path.append((frame.row, frame.depth))
    for row, _ in path:
        found[row] = behind
    return found
