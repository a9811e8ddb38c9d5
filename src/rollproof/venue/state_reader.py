"""A `Reader` over a state root: view functions run on our own machine, on nodes that hash to that root."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, TypeVar, cast

from rollproof import _core
from rollproof.errors import Malformed, Missing, RollproofError, Unsupported
from rollproof.replay import execute
from rollproof.replay.execute import Inputs, Source
from rollproof.venue.reader import Reverted, called

GAS: Final = 50_000_000  # of one call at most
ALL_GAS: Final = 50_000_000_000  # of all calls of one reader: a minute or two of work
MAX_ROUNDS: Final = 256  # of fetching for one answer
MAX_ANSWER: Final = 1 << 20  # bytes

T = TypeVar("T")
Answer = tuple[bytes | None, str, frozenset[tuple[bytes, bytes]]]  # what was returned, else why not; slots read


@dataclass(slots=True)
class StateReader:
    """One state of one chain, by its root.

    ``inputs`` are the block's whose environment a contract sees (``block.timestamp`` among it). ``sources`` serve what
    the preimages lack, the first one that brings something new: the parent's state, where a later state shares its
    nodes, then the state itself. What they serve is kept in the preimages.
    """

    inputs: Inputs
    root: bytes
    sources: Sequence[Source] = ()
    _rules: _core.Rules = field(init=False, repr=False)
    _env: _core.Env = field(init=False, repr=False)
    _answers: dict[tuple[bytes, bytes], Answer] = field(init=False, repr=False, default_factory=dict)
    _gas: int = field(init=False, repr=False, default=0)

    def __post_init__(self) -> None:
        self._rules = _core.Rules(**execute.arguments(self.inputs))
        self._env = execute.environment(self.inputs)

    @classmethod
    def of_parent(cls, inputs: Inputs, sources: Sequence[Source] = ()) -> StateReader:
        """The state before the block, seen in the parent's environment where its header is there."""
        parent = inputs.parent
        if parent is not None:
            fork = inputs.config.require_fork_at(parent.number, parent.timestamp)
            inputs = replace(inputs, env=parent, fork=fork, parent=None)
        return cls(inputs, inputs.pre_state_root, sources)

    @property
    def chain_id(self) -> int:
        """Of the chain."""
        return self.inputs.config.chain_id

    @property
    def number(self) -> int:
        """Of the block."""
        return self.inputs.env.number

    @property
    def timestamp(self) -> int:
        """Of the block, Unix seconds."""
        return self.inputs.env.timestamp

    def call(self, to: bytes, data: bytes) -> bytes:
        """What a view function returns. Raises Reverted, Missing, Malformed, Unsupported, and what a source raises."""
        return called(self, to, data)

    def calls(self, wanted: Sequence[tuple[bytes, bytes]]) -> list[bytes | RollproofError]:
        """What ``(to, calldata)`` return, in order; one that fails gives its error. What is missing is asked for once
        a round for all of them. Raises Unsupported beyond `ALL_GAS`, and what a source raises but for Missing."""
        left = [each for each in dict.fromkeys(wanted) if each not in self._answers]
        failed: dict[tuple[bytes, bytes], RollproofError] = {}
        for _ in range(MAX_ROUNDS):
            needed: list[tuple[tuple[bytes, bytes], _core.Needs]] = []
            for each in left:
                try:
                    found = self._run(*each)
                except Malformed as error:
                    failed[each] = error
                    continue
                if isinstance(found, _core.Needs):
                    needed.append((each, found))
                else:
                    self._answers[each] = found
            if not needed:
                break
            left = [each for each, _ in needed]
            try:
                self._fetch(_together([needs for _, needs in needed]))
            except Missing as error:
                if len(needed) == 1:
                    failed[left[0]] = error
                    break
                failed |= {each: lack for each, needs in needed if (lack := self._lacking(needs)) is not None}
                left = [each for each in left if each not in failed]
        return [failed.get(each) or self._answer(each) for each in wanted]

    def read_by(self, to: bytes, data: bytes) -> frozenset[tuple[bytes, bytes]]:
        """Addresses and slots that a view function, called before, has read; nothing where it could not be run."""
        known = self._answers.get((to, data))
        return frozenset() if known is None else known[2]

    def storage(self, address: bytes, slot: int) -> int:
        """A storage word. Raises Missing, and what a source raises."""
        state, key = _core.State(self.inputs.preimages, self.root), slot.to_bytes(32, "big")
        return self._until(lambda: state.storage(address, key), f"a slot of 0x{address.hex()}")

    def has_code(self, address: bytes) -> bool:
        """Whether a contract is there. Raises Missing, and what a source raises."""
        state = _core.State(self.inputs.preimages, self.root)
        found = self._until(lambda: state.account(address), f"account 0x{address.hex()}")
        return found is not None and found[3] != _core.keccak256(b"")

    def _until(self, read: Callable[[], T], what: str) -> T:
        for _ in range(MAX_ROUNDS):
            try:
                return read()
            except _core.Missing as missing:
                self._fetch(missing.args[0])
        raise Missing(f"{what}: still missing after {MAX_ROUNDS} rounds")

    def _answer(self, asked: tuple[bytes, bytes]) -> bytes | RollproofError:
        known = self._answers.get(asked)
        if known is None:
            return Missing(f"0x{asked[0].hex()}: still missing after {MAX_ROUNDS} rounds")
        output, why, _ = known
        return Reverted(f"it reverts: {why}") if output is None else output

    def _run(self, to: bytes, data: bytes) -> Answer | _core.Needs:
        if self._gas > ALL_GAS:
            raise Unsupported(f"views of more than {ALL_GAS} gas are not run")
        try:
            done = _core.call(
                self.inputs.preimages, self.root, self._rules, self._env,
                # Nobody in particular; every block pays this account, so that its witness has it.
                sender=self.inputs.env.beneficiary, to=to, value=0, input=data,
                gas_limit=min(GAS, self.inputs.env.gas_limit),
            )  # fmt: skip
        except _core.CoreError as error:
            raise Malformed(f"0x{to.hex()}: {error}") from None
        if isinstance(done, _core.Needs):
            return done
        if isinstance(done, _core.Invalid):
            raise Malformed(f"0x{to.hex()}: {done.reason}")
        [outcome] = done.outcomes
        self._gas += outcome["gas_used"]
        read = frozenset((address, slot) for address, slots in done.touched for slot in slots)
        if outcome["status"] != 1:
            return None, str(outcome["halt"] or f"0x{bytes(outcome['output'][:100]).hex()}"), read
        if len(outcome["output"]) > MAX_ANSWER:
            raise Malformed(f"0x{to.hex()}: an answer of {len(outcome['output'])} bytes; {MAX_ANSWER} is the bound")
        return bytes(outcome["output"]), "", read

    def _lacking(self, needs: _core.Needs) -> Missing | None:
        try:
            self._fetch(needs)
        except Missing as error:
            return error
        return None

    def _fetch(self, needs: _core.Needs) -> None:
        """Gets something that is needed. Raises Missing, or what the last source raises."""
        refused = Missing(f"the evidence lacks {needs.first}")
        for source in self.sources:
            try:
                if self.inputs.preimages.add(list(source.fetch(needs))):
                    return
            except Missing as error:
                refused = error
        raise refused


@dataclass(frozen=True, slots=True)
class _Together:
    """As `_core.Needs`."""

    first: str
    accounts: list[bytes]
    slots: list[tuple[bytes, bytes]]
    codes: list[tuple[bytes, bytes]]
    headers: list[tuple[int, bytes]]
    nodes: list[tuple[bytes | None, bytes, bytes]]


def _together(several: Sequence[_core.Needs]) -> _core.Needs:
    """All that any of them needs, each thing once."""
    if len(several) == 1:
        return several[0]
    return cast(
        "_core.Needs",
        _Together(
            several[0].first,
            list(dict.fromkeys(each for needs in several for each in needs.accounts)),
            list(dict.fromkeys(each for needs in several for each in needs.slots)),
            list(dict.fromkeys(each for needs in several for each in needs.codes)),
            list(dict.fromkeys(each for needs in several for each in needs.headers)),
            list(dict.fromkeys(each for needs in several for each in needs.nodes)),
        ),
    )
