"""The lab's multisig beside the real Safe 1.4.1 (npm) on one anvil: the same calls, and the same comes of them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from rollproof import _core
from rollproof.chain.rpc import Limits, Rpc
from rollproof.lab import multisig
from rollproof.lab.contract import Contract
from rollproof.lab.transaction import Account

ARTIFACTS = (
    Path(__file__).resolve().parents[2]
    / "build/safe/node_modules/@safe-global/safe-contracts/build/artifacts/contracts"
)
CHAIN_ID = 1338
SENDER = bytes.fromhex("f39fd6e51aad88f6f4ce6ab8827279cfffb92266")  # anvil's first account
OWNERS = sorted((Account.named(f"guardian-{number}", CHAIN_ID) for number in (1, 2, 3)), key=lambda each: each.address)
NOBODY = bytes(20)
STRANGER = b"\x5a" * 20
ETHER = 10**18
TRANSFER = (STRANGER, b"", {"value": 5})


def real(name: str) -> Contract:
    """A contract of the package; skips the test where it is not installed."""
    path = ARTIFACTS / name
    if not path.is_file():
        pytest.skip("no Safe: `make node-tools` installs it (npm)")
    record = json.loads(path.read_text(encoding="utf-8"))
    return Contract.from_artifact(
        {
            "name": record["contractName"],
            "abi": record["abi"],
            "bytecode": record["bytecode"].removeprefix("0x"),
            "runtime": record["deployedBytecode"].removeprefix("0x"),
        }
    )


@dataclass
class Bed:
    """Both Safes on one anvil, both owned by the same three, two of whom decide."""

    rpc: Rpc
    theirs: Contract
    ours: Contract
    swap: Contract

    def send(self, sender: bytes, to: bytes | None, data: bytes, value: int = 0) -> Mapping[str, Any]:
        """The receipt of a transaction, successful or not."""
        sent = {"from": shown(sender), "data": shown(data), "value": hex(value), "gas": hex(8_000_000)}
        if to is not None:
            sent["to"] = shown(to)
        hashed = self.rpc.call("eth_sendTransaction", sent)
        self.rpc.call("evm_mine")
        found = self.rpc.call("eth_getTransactionReceipt", hashed)
        assert found is not None
        return dict(found)

    def deploy(self, contract: Contract, *arguments: Any) -> Contract:
        receipt = self.send(SENDER, None, contract.deployment(*arguments))
        assert receipt["status"] == "0x1"
        return contract.at(bytes.fromhex(receipt["contractAddress"][2:]))

    def view(self, safe: Contract, function: str, *arguments: Any) -> Any:
        call = {"to": shown(safe.address), "data": shown(safe.encode(function, *arguments))}
        return safe.decode(function, bytes.fromhex(self.rpc.call("eth_call", call, "latest")[2:]))[0]

    def reason(self, safe: Contract, receipt: Mapping[str, Any]) -> str:
        """Why a transaction failed."""
        trace = self.rpc.call("debug_traceTransaction", receipt["transactionHash"], {"tracer": "callTracer"})
        return safe.reason(bytes.fromhex(trace.get("output", "0x")[2:]))

    def came(self, safe: Contract, receipt: Mapping[str, Any]) -> tuple[Any, ...]:
        """What can be compared: outcome, reason, the Safe's events in its own names, and its state."""
        logs = []
        for log in receipt["logs"]:
            topics = [bytes.fromhex(each[2:]) for each in log["topics"]]
            raw = (bytes.fromhex(log["address"][2:]), topics, bytes.fromhex(log["data"][2:]))
            for name in safe.events:
                if (event := safe.event(name, raw)) is not None:
                    event.pop("txHash", None)  # has the Safe's address in it
                    logs.append((name, event))
        failed = receipt["status"] == "0x0"
        state = tuple(self.view(safe, each) for each in ("getOwners", "getThreshold", "nonce"))
        return (failed, self.reason(safe, receipt) if failed else "", logs, *state)

    def slot(self, safe: Contract, at: int) -> str:
        return str(self.rpc.call("eth_getStorageAt", shown(safe.address), hex(at), "latest"))


def shown(data: bytes) -> str:
    return "0x" + data.hex()


@pytest.fixture
def bed(anvil: str) -> Iterator[Bed]:
    singleton, proxy = real("Safe.sol/Safe.json"), real("proxies/SafeProxy.sol/SafeProxy.json")
    with Rpc(anvil, limits=Limits(attempts=1)) as rpc:
        made = Bed(rpc, singleton, Contract.load("GuardianSafe"), Contract.load("SingletonSwap"))
        owners = [each.address for each in OWNERS]
        theirs = made.deploy(proxy, made.deploy(singleton).address)
        made.theirs = singleton.at(theirs.address)
        setup = singleton.encode("setup", owners, 2, NOBODY, b"", NOBODY, NOBODY, 0, NOBODY)
        assert made.send(SENDER, theirs.address, setup)["status"] == "0x1"
        code = made.deploy(made.ours)
        made.ours = code.at(made.deploy(Contract.load("GuardianSafeProxy"), code.address, setup).address)
        made.swap = made.deploy(made.swap)
        for who in (made.theirs.address, made.ours.address, *owners):
            rpc.call("anvil_setBalance", shown(who), hex(ETHER))
        yield made


args = pytest.mark.parametrize(
    "anvil", [{"args": ["--chain-id", str(CHAIN_ID), "--auto-impersonate", "--no-mining"]}], indirect=True
)


@args
def test_same_hashes(bed: Bed) -> None:
    for value, data, operation, gas, nonce in ((0, b"", 0, 0, 0), (7, b"\x01" * 71, 1, 50_000, 9)):
        terms = (STRANGER, value, data, operation, gas, 0, 0, NOBODY, NOBODY, nonce)
        for safe in (bed.theirs, bed.ours):
            expected = multisig.transaction_hash(
                CHAIN_ID, safe.address, STRANGER, data, nonce=nonce, value=value, operation=operation, safe_tx_gas=gas
            )
            assert bed.view(safe, "getTransactionHash", *terms) == expected
            encoded = bed.view(safe, "encodeTransactionData", *terms)
            assert _core.keccak256(encoded) == expected
            assert encoded[2:34] == bed.view(safe, "domainSeparator")
    # The refund's terms are part of the hash, although the lab's Safe pays none.
    terms = (STRANGER, 1, b"x", 0, 2, 3, 4, b"\x06" * 20, b"\x07" * 20, 5)
    theirs, ours = (bed.view(safe, "encodeTransactionData", *terms) for safe in (bed.theirs, bed.ours))
    assert theirs[34:] == ours[34:]


@args
def test_same_outcomes(bed: Bed) -> None:
    def execute(
        to: bytes, data: bytes, more: Mapping[str, int], arrange: Any = None, sender: bytes = SENDER
    ) -> tuple[Any, ...]:
        """Signed for each Safe by the first two owners; ``arrange`` makes other bytes of the three's signatures."""
        came = []
        for safe in (bed.theirs, bed.ours):
            target = safe.address if to == NOBODY else to
            hashed = multisig.transaction_hash(
                CHAIN_ID, safe.address, target, data, nonce=bed.view(safe, "nonce"), **more
            )
            signed = [multisig.signatures(hashed, [each]) for each in OWNERS]
            signature = (arrange or first_two)(signed)
            call = safe.encode("execTransaction", *multisig.arguments(target, data, signature, **more))
            came.append(bed.came(safe, bed.send(sender, safe.address, call)))
        assert came[0] == came[1]
        return came[1]

    def first_two(signed: Sequence[bytes]) -> bytes:
        return signed[0] + signed[1]

    word = bytes(12) + OWNERS[0].address + bytes(32) + b"\x01"
    assert execute(*TRANSFER)[:3] == (False, "", [("ExecutionSuccess", {"payment": 0})])
    assert execute(*TRANSFER, lambda signed: signed[0])[1] == "GS020"
    assert execute(*TRANSFER, lambda signed: signed[1] + signed[0])[1] == "GS026"
    assert execute(*TRANSFER, lambda signed: signed[0] + signed[0])[1] == "GS026"
    assert execute(*TRANSFER, lambda signed: signed[0] + signed[1][:64] + b"\x1d")[1] == "GS026"  # not a valid v
    assert execute(*TRANSFER, lambda signed: word + signed[1])[1] == "GS025"
    assert execute(*TRANSFER, lambda signed: word + signed[1], OWNERS[0].address)[0] is False
    assert execute(*TRANSFER, b"".join)[0] is False
    assert execute(STRANGER, b"", {"value": 2 * ETHER})[1] == "GS013"
    failed = execute(STRANGER, b"", {"value": 2 * ETHER, "safe_tx_gas": 50_000})
    assert failed[:3] == (False, "", [("ExecutionFailure", {"payment": 0})])
    assert execute(STRANGER, b"", {"value": 0, "safe_tx_gas": 10_000_000})[1] == "GS010"

    safe = bed.ours
    one, two, three = (each.address for each in OWNERS)
    assert execute(NOBODY, safe.encode("addOwnerWithThreshold", STRANGER, 3), {}, b"".join)[3:5] == (
        (STRANGER, one, two, three),
        3,
    )
    all_three: Any = b"".join
    for call in (
        safe.encode("addOwnerWithThreshold", STRANGER, 3),  # there already
        safe.encode("addOwnerWithThreshold", NOBODY, 3),
        safe.encode("changeThreshold", 5),
        safe.encode("changeThreshold", 0),
        safe.encode("removeOwner", one, three, 3),  # not the one before it
        safe.encode("removeOwner", one, two, 4),  # too few left
        safe.encode("swapOwner", STRANGER, one, two),
    ):
        assert execute(NOBODY, call, {}, all_three)[:2] == (True, "GS013")
        gas = execute(NOBODY, call, {"safe_tx_gas": 200_000}, all_three)
        assert gas[2] == [("ExecutionFailure", {"payment": 0})]
    assert execute(NOBODY, safe.encode("changeThreshold", 2), {}, all_three)[4] == 2
    assert execute(NOBODY, safe.encode("removeOwner", one, two, 2), {})[3] == (STRANGER, one, three)
    both: Any = lambda signed: signed[0] + signed[2]  # noqa: E731 - two is an owner no more
    assert execute(NOBODY, safe.encode("swapOwner", STRANGER, one, two), {}, both)[3] == (STRANGER, two, three)


@args
def test_same_approvals_and_refusals(bed: Bed) -> None:
    for sender, function, arguments in (
        (SENDER, "approveHash", (b"\x11" * 32,)),
        (OWNERS[1].address, "approveHash", (b"\x11" * 32,)),
        (OWNERS[1].address, "changeThreshold", (1,)),
        (SENDER, "setup", ([SENDER], 1, NOBODY, b"", NOBODY, NOBODY, 0, NOBODY)),
    ):
        theirs, ours = (
            bed.came(safe, bed.send(sender, safe.address, safe.encode(function, *arguments)))
            for safe in (bed.theirs, bed.ours)
        )
        assert theirs == ours
    for safe in (bed.theirs, bed.ours):
        assert bed.view(safe, "approvedHashes", OWNERS[1].address, b"\x11" * 32) == 1
        [received] = bed.came(safe, bed.send(SENDER, safe.address, b"", value=3))[2]
        assert received == ("SafeReceived", {"sender": SENDER, "value": 3})


@args
def test_same_takeover(bed: Bed) -> None:
    """A delegated call writes slot 0, in which both say what code they run."""
    for safe in (bed.theirs, bed.ours):
        data = bed.swap.encode("transfer", STRANGER, 0)
        operation = multisig.DELEGATE_CALL
        hashed = multisig.transaction_hash(CHAIN_ID, safe.address, bed.swap.address, data, nonce=0, operation=operation)
        signed = multisig.signatures(hashed, OWNERS[:2])
        arguments = multisig.arguments(bed.swap.address, data, signed, operation=operation)
        before = bed.slot(safe, 0)
        assert bed.send(SENDER, safe.address, safe.encode("execTransaction", *arguments))["status"] == "0x1"
        assert bed.slot(safe, 0) != before
        assert bed.slot(safe, 0) == shown(STRANGER.rjust(32, b"\0"))
    # Where the rest is kept: the owners' count, the threshold and the nonce.
    assert [bed.slot(bed.ours, at) for at in (3, 4, 5)] == [bed.slot(bed.theirs, at) for at in (3, 4, 5)]
