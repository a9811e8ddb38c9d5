"""Re-execution with a trace against anvil's debug_traceBlockByNumber of the same transaction."""

from __future__ import annotations

import re
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from bench.contracts import GAS, LOOPS, SENDER, Loop, block
from bench.recursion import inspected
from bench.timing import interleaved, seconds, table
from rollproof import _core
from rollproof.chain.rpc import nodes_of

ROOT = Path(__file__).resolve().parents[1]
ROUNDS = 9
TRACERS = ("callTracer", "prestateTracer")


def run() -> str:
    rows = []
    with anvil() as url:
        node = nodes_of([url])[0]
        for loop in LOOPS:
            number, base_fee, gas = _mine(node, loop)
            root, preimages = loop.state()
            rules, env = block("prague", base_fee)

            given = (preimages, root, rules, env, [loop.transaction()])
            done = _core.run_transactions(*given)
            if not isinstance(done, _core.Done) or done.gas_used != gas:
                raise SystemExit(f"bench: anvil used {gas} gas for {loop.name}, the core {done}")
            work = {"ours": partial(_ours, given), "roots": partial(_roots, given), "judged": partial(_judged, given)}
            work |= {tracer: partial(_theirs, node, tracer, number) for tracer in TRACERS}
            took = interleaved(work, ROUNDS)
            traced = took["ours"] - took["roots"]  # a tracer computes no state root
            ours = (took["ours"], traced, took["judged"])
            shown = [f"{each * 1e3:.1f}" for each in (*ours, *(took[t] for t in TRACERS))]
            ratios = [f"{took[t] / took['ours']:.1f} / {took[t] / traced:.1f}" for t in TRACERS]
            rows.append((loop.name, f"{gas / 1e6:.1f}", *shown, *ratios))
    head = (
        "transaction",
        "Mgas",
        "ours ms",
        "without roots ms",
        "with every detector ms",
        *(f"{t} ms" for t in TRACERS),
    )
    head += tuple(f"{t} / ours, without roots" for t in TRACERS)
    return table(head, rows)


Given = tuple[_core.Preimages, bytes, _core.Rules, _core.Env, list[bytes]]


def _ours(given: Given) -> float:
    return seconds(lambda: _core.run_transactions(*given, trace=True))


def _judged(given: Given) -> float:
    return seconds(lambda: inspected(given, _core.run_transactions(*given, inspect="picked")))


def _roots(given: Given) -> float:
    done = _core.run_transactions(*given, trace=True)
    assert isinstance(done, _core.Done)
    return done.stages["roots"]


def _theirs(node: Any, tracer: str, number: str) -> float:
    return seconds(lambda: node.call("debug_traceBlockByNumber", number, {"tracer": tracer}))


def _mine(node: Any, loop: Loop) -> tuple[str, int, int]:
    """Runs the loop's transaction on anvil: block number, base fee, gas used."""
    node.call("anvil_setBalance", "0x" + SENDER.hex(), hex(10**24))
    node.call("anvil_setNonce", "0x" + SENDER.hex(), "0x0")
    node.call("anvil_setCode", "0x" + loop.address.hex(), "0x" + loop.code.hex())
    sent = node.call("eth_sendRawTransaction", "0x" + loop.transaction().hex())
    for _ in range(200):
        receipt = node.call("eth_getTransactionReceipt", sent)
        if receipt is not None:
            break
        time.sleep(0.05)
    else:
        raise SystemExit(f"bench: anvil did not mine the transaction of {loop.name}")
    if int(receipt["status"], 16) != 1 or int(receipt["gasUsed"], 16) >= GAS:
        raise SystemExit(f"bench: the transaction of {loop.name} failed on anvil")
    mined = node.call("eth_getBlockByNumber", receipt["blockNumber"], False)
    return receipt["blockNumber"], int(mined["baseFeePerGas"], 16), int(receipt["gasUsed"], 16)


@contextmanager
def anvil(*arguments: str) -> Iterator[str]:
    found = sorted((ROOT / "build" / "node" / "node_modules" / "@foundry-rs").glob("anvil-*/bin/anvil*"))
    if not found:
        raise SystemExit("bench: no anvil: `make node-tools` installs it")
    command = [str(found[0]), "--port", "0", "--gas-limit", "30000000", *(arguments or ("--hardfork", "prague"))]
    with tempfile.TemporaryFile("w+") as log, subprocess.Popen(command, stdout=log, stderr=log) as node:
        try:
            for _ in range(600):
                log.seek(0)
                at = re.search(r"Listening on (127\.0\.0\.1:\d+)", log.read())
                if at:
                    yield f"http://{at[1]}"
                    return
                time.sleep(0.05)
            raise SystemExit("bench: anvil did not start")
        finally:
            node.kill()
