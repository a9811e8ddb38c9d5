"""A sample of a chain's blocks that holds every kind of thing its blocks do, for who cannot execute them all twice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rollproof import _core
from rollproof.lab.block import Block
from rollproof.lab.chain import Chain

Stratum = tuple[str, ...]


def strata(block: Block, chain: Chain) -> Iterator[Stratum]:
    """What a block does: transaction types, functions called by contract, creations, ways to fail, kinds of logs."""
    family = chain.config.family
    yield ("empty",) if len(block.transactions) <= (family == "op") else ("full",)
    for raw, outcome in zip(block.transactions, block.outcomes, strict=True):
        kind = f"type {outcome['type']}"
        yield (kind,)
        yield (kind, "success" if outcome["status"] else outcome["halt"] or "revert")
        called = _core.decode_transaction(raw, family)
        if called["to"] is None:
            yield ("creation", called["sender"].hex())
        elif called["input"] and chain.code(called["to"]):
            yield ("call", called["to"].hex(), called["input"][:4].hex())
        elif called["input"]:
            yield ("data", "precompile" if int.from_bytes(called["to"], "big") < 2**16 else "account")
        else:
            yield ("transfer",)
        for _, topics, _ in outcome["logs"]:
            yield ("log", topics[0].hex() if topics else "")


def sample(chain: Chain, least: int, each: int = 3) -> tuple[list[Block], dict[Stratum, int]]:
    """Blocks, in order, with at least ``each`` of every stratum (all where there are fewer), filled up evenly to
    ``least``; and how many blocks of the sample are of each stratum. Never the genesis block."""
    blocks = [block for number in range(1, chain.head.number + 1) if (block := chain.block(number)) is not None]
    found = {block.number: set(strata(block, chain)) for block in blocks}
    count: dict[Stratum, int] = {}
    chosen: set[int] = set()

    def take(number: int) -> None:
        chosen.add(number)
        for stratum in found[number]:
            count[stratum] = count.get(stratum, 0) + 1

    for block in blocks:  # early blocks deploy, late ones are where state is large: from both ends
        for at in (block.number, blocks[-1].number + 1 - block.number):
            if at not in chosen and any(count.get(stratum, 0) < each for stratum in found[at]):
                take(at)
    missing = least - len(chosen)
    for at in _even([block.number for block in blocks if block.number not in chosen], missing):
        take(at)
    return [block for block in blocks if block.number in chosen], count


def _even(numbers: list[int], count: int) -> Iterable[int]:
    if count <= 0 or not numbers:
        return ()
    count = min(count, len(numbers))
    return [numbers[index * len(numbers) // count] for index in range(count)]
