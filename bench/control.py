"""The lab without a fault, at length: built, verified over HTTP block by block, and a sample of it by EELS.

``python -m bench control`` takes CONTROL_BLOCKS L2 blocks (10,000). It ends with an error where anything differs.
"""

from __future__ import annotations

import os
import resource
import time
from pathlib import Path

from bench.timing import seconds, table
from rollproof.lab.chain import Chain
from rollproof.lab.node.node import Node
from rollproof.lab.node.server import Server
from rollproof.lab.stack import Stack
from rollproof.lab.stratum import sample
from rollproof.replay import online
from rollproof.replay.verify import verify_claim
from rollproof.types import Outcome

BLOCKS = int(os.environ.get("CONTROL_BLOCKS", "10000"))
STEP = max(1, BLOCKS // 10)
SAMPLE = 300


def run() -> str:
    stack = Stack(seed=1)
    took = seconds(stack.populate)
    rows = [
        ("deploy", str(stack.l2.head.number), f"{took:.1f}", "", f"{_resident():.0f}", str(len(stack.l2.preimages)))
    ]
    while stack.l2.head.number < BLOCKS:
        before, began = stack.l2.head.number, time.perf_counter()
        gas = 0
        while stack.l2.head.number < min(BLOCKS, before + STEP):
            stack.step()
            gas += stack.l2.head.header.gas_used
        took = time.perf_counter() - began
        rate = (stack.l2.head.number - before) / took
        rows.append(
            (f"{gas / 1e6:.0f} Mgas", str(stack.l2.head.number), f"{took:.1f}", f"{rate:.0f}", f"{_resident():.0f}",
             str(len(stack.l2.preimages)))
        )  # fmt: skip
    built = table(("step", "L2 block", "seconds", "blocks/s", "resident MB", "nodes kept"), rows)
    verified = [_verified(stack, layer) for layer in ("l1", "l2")]
    head = (
        "chain",
        "blocks",
        "transactions",
        "hold, with the same hash",
        "anything else",
        "seconds",
        "EELS agrees",
        "strata",
    )
    return f"{built}\n\n{table(head, verified)}"


def _verified(stack: Stack, layer: str) -> tuple[str, ...]:
    chain = stack.chain(layer)
    count = chain.head.number
    hold = other = transactions = 0
    began = time.perf_counter()
    with Server(Node(chain, stack=stack, name=layer)) as server:
        options = online.Options(jobs=2, config=chain.config, second_opinion="never")
        for verdict in online.verify_range([server.url], f"1:{count + 1}", options):
            block = chain.block(verdict.number or 0)
            if verdict.outcome is Outcome.HOLDS and block is not None and verdict.computed_hash == block.hash:
                hold += 1
            else:
                other += 1
                print(f"{layer} {verdict.number}: {verdict.outcome} {verdict.reason} {verdict.differences[:2]}")
            transactions += verdict.transactions
    took = time.perf_counter() - began
    agreed, kinds = _second(chain)
    if other or hold != count:
        raise SystemExit(f"bench: {layer}: {hold} of {count} blocks hold")
    return (layer, str(count), str(transactions), str(hold), str(other), f"{took:.0f}", str(agreed), str(kinds))


def _second(chain: Chain) -> tuple[int, int]:
    """How many blocks of a stratified sample the second machine reproduces, and of how many strata they are."""
    blocks, count = sample(chain, SAMPLE)
    for block in blocks:
        verdict = verify_claim(chain.claim(block), chain.witness(block), config=chain.config, second_opinion="always")
        if verdict.outcome is not Outcome.HOLDS or not (verdict.second_opinion or {}).get("agrees"):
            raise SystemExit(
                f"bench: block {block.number}: {verdict.outcome} {verdict.reason} {verdict.second_opinion}"
            )
    return len(blocks), len(count)


def _resident() -> float:
    """Megabytes that this process holds now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6
