"""``python -m rollproof.lab.demo DIRECTORY``: the lab runs, its sequencer lies once, and verify finds where.

What verify prints here is what the command prints against any node: it asks over HTTP and believes nothing.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from rollproof import _core
from rollproof.lab import genesis
from rollproof.lab.faults.state_transition import StateSlot
from rollproof.lab.node.node import Node
from rollproof.lab.node.server import Server
from rollproof.lab.stack import Stack

WARM_UP = 60  # L2 blocks before the fault
AFTER = 20
AROUND = 3  # blocks that verify is shown on either side
PAID = 5  # USDC that the attacker really gets
USD = 10**6


def run(directory: Path, seed: int = 0) -> Iterator[str]:
    """What happens, a line at a time. Raises AssertionError where it does not end as it should."""
    configs = genesis.write_configs(directory)
    stack = Stack(seed)
    stack.populate()
    stack.run(WARM_UP)
    yield "An Ethereum L1 and an OP Stack L2 with a perpetuals venue, in this process; seed " + str(seed) + "."
    yield _told(stack)
    usdc, attacker = stack.deployed["USDC"], stack.account("attacker", "l2").address
    slot = _core.keccak256(attacker.rjust(32, b"\0") + usdc.slots["balanceOf"].to_bytes(32, "big"))
    fault = StateSlot(address=usdc.address, slot=int.from_bytes(slot, "big"), amount=1_000_000 * USD)
    held = _dollars(stack)
    stack.inject(fault)
    stack.send("l2", "victim", usdc.address, data=usdc.encode("transfer", attacker, PAID * USD))
    stack.run(AFTER)
    number = fault.effects[0].number
    gained = (_dollars(stack) - held) // USD
    yield f"L2 block {number}: a transaction pays the attacker {PAID} USDC, and the sequencer goes wrong. The attacker"
    yield f"has {gained:,} more; header, roots and hash fit the lie, and who only follows the chain sees nothing."
    yield _told(stack)
    first, last = number - AROUND, number + AROUND
    with Server(Node(stack.l2, stack=stack, name="l2")) as server:
        asked = ["--rpc-url", server.url, "--config", str(configs["l2"])]
        kept = directory / "evidence"
        command = ["verify", *asked, "--block", f"{first}:{last + 1}", "--witness-out", str(kept)]
        found = _ran(command, "--audit-rate", "0")
        yield from found.lines()
        block = kept / f"{genesis.L2_CHAIN_ID}-{number}.evidence"
        venue = "0x" + stack.deployed["PerpetualsVenue"].address.hex()
        whole = directory / "whole.evidence"
        priced = _ran(["risk", "--evidence", str(block), "--venue", venue, *asked, "--evidence-out", str(whole)])
    token = usdc.address.hex()
    verdicts = [line.split()[:2] for line in found.out.splitlines() if line.startswith(f"{genesis.L2_CHAIN_ID}-")]
    expected = [[f"{genesis.L2_CHAIN_ID}-{at}", "broken" if at == number else "holds"] for at in range(first, last + 1)]
    if (found.code, verdicts) != (1, expected) or f"0x{token}[0x{slot.hex()}]" not in found.out:
        raise AssertionError("verify did not find what was broken, and only that")
    yield f"Block {number} is not what its transactions make of block {number - 1}: token 0x{token},"
    yield "at the slot above. The blocks after it hold: they are right about a state that is wrong."
    yield "What that costs, and whom:"
    yield from priced.lines()
    if priced.code != 1 or f"overpaid by {1_000_000:,} USDC" not in priced.out:
        raise AssertionError("risk did not say what the lie is worth")


class _Ran(NamedTuple):
    """A command of ours that ran by itself."""

    command: list[str]
    out: str
    err: str
    code: int

    def lines(self) -> Iterator[str]:
        """As a terminal would show it."""
        yield "$ rollproof " + " ".join(self.command)
        yield from self.out.splitlines()
        yield from self.err.splitlines()
        yield f"(exit code {self.code})"


def _ran(command: list[str], *unsaid: str) -> _Ran:
    done = subprocess.run(
        [sys.executable, "-m", "rollproof", *command, *unsaid], capture_output=True, text=True, check=False
    )
    return _Ran(command, done.stdout, done.stderr, done.returncode)


def _told(stack: Stack) -> str:
    blocks = [stack.l2.block(number) for number in range(stack.l2.head.number + 1)]
    count = sum(len(block.transactions) for block in blocks if block is not None)
    return f"L1 block {stack.l1.head.number}, L2 block {stack.l2.head.number}, {count} transactions on the L2."


def _dollars(stack: Stack) -> int:
    attacker = stack.account("attacker", "l2").address
    return int(stack.view("l2", stack.deployed["USDC"], "balanceOf", attacker)[0])


def main() -> None:
    """Writes the chain configurations into the directory given, and says what happens."""
    if len(sys.argv) != 2:
        print("usage: python -m rollproof.lab.demo DIRECTORY", file=sys.stderr)  # noqa: T201
        raise SystemExit(2)
    try:
        for line in run(Path(sys.argv[1])):
            print(line, flush=True)  # noqa: T201
    except AssertionError as error:
        print(f"demo: {error}", file=sys.stderr)  # noqa: T201
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
