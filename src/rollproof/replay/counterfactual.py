"""A block executed again with its transactions removed, swapped or moved: what would have happened in another order.

What the other order means is decided by the chain's own rules, and stated:

* A transaction that may not be in a block at its place (nonce, funds, fee, gas) is *excluded*, with the reason.
* ``nonces="keep"``: transactions are as they were signed. Where one was removed or comes later, the sender's next ones
  are excluded as nonce-too-high.
* ``nonces="close"``: where a sender's first transactions were removed, its nonce is raised before the block, as if they
  had been sent earlier and done nothing. The others keep their nonces, so contracts that they create keep their
  addresses. A gap between two remaining transactions of a sender stays, and is excluded.
* State that only a removed transaction made is absent: a call to a contract that it created finds no code, which
  succeeds and does nothing but move its value; a transfer that it funded is excluded for want of funds.
* Everything around the transactions is as it was: base fee, L1 fees, randomness, withdrawals, parent state.

Without the witness for what the other order reads, the rest is `unknown`, naming what is missing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from rollproof import _core
from rollproof.errors import Malformed, Missing
from rollproof.replay import execute, order
from rollproof.replay.creation import created_by, created_in
from rollproof.replay.difference import EMPTY_CODE_HASH
from rollproof.replay.execute import Inputs, Source
from rollproof.replay.recorder import ByValue
from rollproof.replay.replayed import Fate, Nonces, Replay, Replayed

MAX_ROUNDS = 64
KEPT = 4  # results, each with its trace


class Counterfactual:
    """One block, to be executed in other orders; what a source serves on the way is kept in the block's preimages.

    ``source`` serves what the block's witness does not hold, within ``max_rounds``; without it such an order ends as
    unknown.
    """

    def __init__(self, inputs: Inputs, source: Source | None = None, *, max_rounds: int = MAX_ROUNDS) -> None:
        self.inputs, self._source, self._max_rounds = inputs, source, max_rounds
        self._root = inputs.pre_state_root
        self._done: dict[tuple[tuple[int, ...], Nonces], Replay] = {}

    def __repr__(self) -> str:
        return f"<Counterfactual of block {self.inputs.env.number}: {len(self.inputs.transactions)} transactions>"

    @cached_property
    def actual(self) -> Replay:
        """The block in its own order."""
        return self.replay(range(len(self.inputs.transactions)))

    def without(self, *removed: int, until: int | None = None, nonces: Nonces = "close") -> Replay:
        """The block without some transactions, and without all after place ``until`` where that is given."""
        count = len(self.inputs.transactions)
        last = count if until is None else max(until + 1, order.deposits(self.inputs.transactions))
        return self.replay([index for index in order.without(count, removed) if index < last], nonces=nonces)

    def replay(self, wanted: Sequence[int], *, nonces: Nonces = "keep") -> Replay:
        """The block in another order; the last `KEPT` orders are not executed again.

        Raises Malformed and Unsupported for an order (see `order.checked`), Malformed for ``nonces``, CoreError and
        Unsupported as `execute.run`, and what the source raises.
        """
        if nonces not in ("keep", "close"):
            raise Malformed(f"nonces are keep or close, not {str(nonces)[:20]!r}")
        places = order.checked(wanted, self.inputs.transactions)
        key = places, nonces
        if key not in self._done:
            while len(self._done) >= KEPT:
                del self._done[next(iter(self._done))]
            self._done[key] = self._replay(places, nonces)
        return self._done[key]

    def _replay(self, places: tuple[int, ...], nonces: Nonces) -> Replay:
        for _ in range(self._max_rounds):
            found = self._once(places, nonces)
            if found.ran is None or not self._read(found.ran):
                return found
        raise Missing(f"values of accounts and slots: still new ones after {self._max_rounds} round(s)")

    def _read(self, ran: _core.Done) -> bool:
        """Whether a run touched what had not been read yet, of a state that is read by value; see `chain.synthetic`."""
        made = self._source.before if isinstance(self._source, ByValue) else None
        if made is None or not made.learn(ran.touched):
            return False
        self._root = made.root
        self._preimages.add(made.preimages)
        return True

    @cached_property
    def _preimages(self) -> _core.Preimages:
        # Its own: what other orders make is no part of the block's evidence.
        own = _core.Preimages()
        own.add(self.inputs.preimages.values())
        return own

    @cached_property
    def _fields(self) -> list[dict[str, Any]]:
        return [_core.decode_transaction(raw, self.inputs.config.family) for raw in self.inputs.transactions]

    def _once(self, places: tuple[int, ...], nonces: Nonces) -> Replay:
        execute.bounded(self.inputs)
        root, raised, unknown = self._root, {}, ""
        if nonces == "close":
            raised = order.raised_nonces(places, self.inputs.transactions, self.inputs.config.family)
            if raised:
                root, unknown = self._raise(raised)
        ran = None if unknown else self._run(root, places)
        if isinstance(ran, _core.Done):
            return self._replayed(places, nonces, raised, ran, "")
        if isinstance(ran, _core.Invalid):
            unknown = f"{ran.kind}: {ran.reason}"
        elif isinstance(ran, _core.Needs):
            unknown = f"missing: {ran.first}"
        known = None if ran is None else self._longest(root, places)
        return self._replayed(places, nonces, raised, known, unknown)

    def _raise(self, raised: Mapping[bytes, int]) -> tuple[bytes, str]:
        """The pre-state with higher nonces, or what is missing for it."""
        root = self._root
        for _ in range(self._max_rounds):
            try:
                state = _core.State(self._preimages, root)
                held = {address: state.account(address) or (0, 0, b"", b"") for address in raised}
                more = [(each, nonce + raised[each], None, None, ()) for each, (nonce, *_) in held.items()]
                return _core.write_state(self._preimages, root, more), ""
            except _core.Missing as missing:
                [needs] = missing.args
                if not self._fetch(needs):
                    return root, f"missing: {needs.first}"
        raise Missing(f"accounts whose nonce is to be raised: still missing after {self._max_rounds} round(s)")

    def _run(self, root: bytes, places: Sequence[int]) -> _core.Done | _core.Invalid | _core.Needs:
        inputs = self.inputs
        rules, env = _core.Rules(**execute.arguments(inputs)), execute.environment(inputs)
        transactions = [inputs.transactions[index] for index in places]
        first = ""
        for _ in range(self._max_rounds):
            ran = _core.build_block(
                self._preimages, root, rules, env, transactions, execute.withdrawals(inputs), skip=True, trace=True
            )
            if not isinstance(ran, _core.Needs) or not self._fetch(ran):
                return ran
            first = ran.first
        raise Missing(f"{first}: still missing after {self._max_rounds} round(s)")

    def _fetch(self, needs: _core.Needs) -> bool:
        """False where there is nobody to ask. Raises Missing where a source served nothing new."""
        if self._source is None:
            return False
        served = list(self._source.fetch(needs))
        self.inputs.preimages.add(served)  # so that evidence has it
        if self._preimages.add(served) == 0:
            raise Missing(f"{needs.first}: the source served nothing new")
        return True

    def _longest(self, root: bytes, places: Sequence[int]) -> _core.Done | None:
        """The longest beginning of the order that can be executed."""
        best, low, high = None, 0, len(places) - 1  # all of it cannot
        while low <= high:
            middle = (low + high) // 2
            ran = self._run(root, places[:middle])
            if isinstance(ran, _core.Done):
                best, low = ran, middle + 1
            else:
                high = middle - 1
        return best

    def _replayed(
        self, places: tuple[int, ...], nonces: Nonces, raised: Mapping[bytes, int], ran: _core.Done | None, unknown: str
    ) -> Replay:
        outcomes = {} if ran is None else dict(zip(ran.included, ran.outcomes, strict=True))
        refused = {} if ran is None else {at: (kind, reason) for at, kind, reason in ran.refused}
        transactions = []
        for at, index in enumerate(places):
            if at in outcomes:
                notes = self._notes(index, places[:at])
                transactions.append(Replayed(index, Fate.INCLUDED, outcomes[at], notes=notes))
            elif at in refused:
                transactions.append(Replayed(index, Fate.EXCLUDED, None, *refused[at]))
            else:
                transactions.append(Replayed(index, Fate.UNKNOWN, None, "missing", unknown))
        return Replay(places, nonces, tuple(transactions), ran, unknown, raised, self._mints)

    @cached_property
    def _mints(self) -> Mapping[int, tuple[bytes, int]]:
        return {
            index: (each["sender"], each["mint"])
            for index, each in enumerate(self._fields)
            if each["type"] == order.DEPOSIT and each.get("mint")
        }

    def _notes(self, index: int, before: Sequence[int]) -> tuple[str, ...]:
        """Whether a transaction calls what another one, which does not come before it here, had created for it."""
        to = self._fields[index]["to"]
        if to is None or tuple(before) == tuple(range(index)):
            return ()
        maker = self._created.get(to)
        if maker is None and self._fields[index]["input"] and self._is_bare(to):
            maker = self._makers.get(to)
        if maker is None or maker in before or maker >= index:
            return ()
        return (f"its target 0x{to.hex()} is created by transaction {maker}, which does not come before it here",)

    def _is_bare(self, address: bytes) -> bool:
        """Whether an account has no code before the block."""
        try:
            held = _core.State(self._preimages, self._root).account(address)
        except _core.Missing:
            return True
        return held is None or held[3] == EMPTY_CODE_HASH

    @cached_property
    def _created(self) -> Mapping[bytes, int]:
        """Contract -> the transaction that is its creation."""
        return {
            created_by(each["sender"], each["nonce"]): index
            for index, each in enumerate(self._fields)
            if each["to"] is None and each["type"] != order.DEPOSIT
        }

    @cached_property
    def _makers(self) -> Mapping[bytes, int]:
        # In the block's own order, which is executed for it.
        return {} if self.actual.trace is None else created_in(self.actual.trace)
