"""Owners, codes and roles that change rightfully: no access detector says anything, in either form of evidence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from detect.event_form import event_form
from detect.stage import ETHER, Stage
from rollproof import _core
from rollproof.chain import abi
from rollproof.detect.approval_drain import ApprovalDrain
from rollproof.detect.arbitrary_call import ArbitraryCall
from rollproof.detect.proxy_hijack import ProxyHijack
from rollproof.detect.run import judge
from rollproof.detect.signature import SignatureMisuse
from rollproof.detect.storage_layout import StorageCollision
from rollproof.detect.transaction_origin import TransactionOrigin
from rollproof.detect.unauthorised_write import UnauthorisedWrite
from rollproof.types import Severity

DETECTORS = (
    UnauthorisedWrite(),
    ProxyHijack(),
    ArbitraryCall(),
    ApprovalDrain(),
    SignatureMisuse(),
    StorageCollision(),
    TransactionOrigin(),
)
HEIR = 3


def in_code(stage: Stage) -> list[bytes]:
    holding = stage.deploy("Holding", stage.account(4).address)
    return [holding.send("setOwner", stage.account(HEIR).address, sender=stage.account(4))]


def in_two_steps(stage: Stage) -> list[bytes]:
    holding, heir = stage.deploy("Holding", bytes(20), value=ETHER), stage.account(HEIR)
    return [
        holding.send("propose", heir.address, sender=stage.account(9)),
        holding.send("acceptOwnership", sender=heir),
        holding.send("withdraw", sender=heir),
    ]


def renounced(stage: Stage) -> list[bytes]:
    return [stage.deploy("Holding", bytes(20)).send("renounceOwnership", sender=stage.account(9))]


def by_signature(stage: Stage) -> list[bytes]:
    owner, heir = stage.account(9), stage.account(HEIR)
    holding = stage.deploy("Holding", bytes(20), value=ETHER)
    words = abi.encode(["uint256", "address", "address", "uint256"], [owner.chain_id, holding.address, heir.address, 0])
    parity, r, s = _core.sign_hash(_core.keccak256(words), owner.key)
    signature = (27 + parity, r.to_bytes(32, "big"), s.to_bytes(32, "big"))
    return [
        holding.send("transferBySignature", heir.address, *signature, sender=stage.account(5)),
        holding.send("withdraw", sender=heir),
    ]


def by_delay(stage: Stage) -> list[bytes]:
    delay, heir = stage.deploy("Delay"), stage.account(HEIR)
    holding = stage.deploy("Holding", delay.address, value=ETHER)
    data = holding.contract.encode("setOwner", heir.address)
    delay.do("schedule", holding.address, data, sender=stage.account(9))
    return [
        delay.send("execute", holding.address, data, sender=stage.account(5)),
        holding.send("withdraw", sender=heir),
    ]


def by_message(stage: Stage) -> list[bytes]:
    messenger = stage.deploy("Messenger")
    remote = stage.deploy("Remote", messenger.address, stage.account(6).address)
    data = remote.contract.encode("setOwner", stage.account(HEIR).address)
    return [messenger.send("relay", stage.account(6).address, remote.address, data, sender=stage.account(9))]


def by_factory(stage: Stage) -> list[bytes]:
    return [stage.deploy("Factory").send("make", stage.account(HEIR).address, sender=stage.account(5))]


def in_a_batch(stage: Stage) -> list[bytes]:
    batches = stage.deploy("Batches")
    encode = batches.contract.encode
    calls = [encode("set", 7), encode("setOwner", stage.account(HEIR).address)]
    return [batches.send("batch", calls, sender=stage.account(9))]


def by_proxy_admin(stage: Stage) -> list[bytes]:
    owner = stage.deploy("ProxyOwner", sender=stage.account(8))
    proxy = stage.deploy("Proxy", stage.deploy("Plain").address, owner.address, value=ETHER)
    return [owner.send("upgrade", proxy.address, stage.deploy("Clock").address, sender=stage.account(8))]


WAYS = (
    in_code,
    in_two_steps,
    renounced,
    by_signature,
    by_delay,
    by_message,
    by_factory,
    in_a_batch,
    by_proxy_admin,
)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_nobody_is_accused(way: Callable[[Stage], list[bytes]], tmp_path: Path) -> None:
    stage = Stage()
    block = stage.run(way(stage))
    assert all(each.success for each in block.executions)
    assert judge(block, DETECTORS).findings == []
    for execution in block.executions:
        found = judge(event_form(execution, tmp_path), DETECTORS).findings
        # An address in the code does not show there: such a change may be pointed at, no more.
        allowed = {Severity.MEDIUM} if way in (in_code, by_message) else set()
        assert {each.severity for each in found} <= allowed, found
