"""The whole state of the small blocks: who is there, and which contracts."""

from __future__ import annotations

from rollproof.lab.transaction import GWEI, Account
from tamper import synthetic
from tamper.synthetic import ETHER, ETHEREUM_CANCUN, ETHEREUM_OSAKA, ETHEREUM_PRAGUE, OP_ISTHMUS, OP_JOVIAN, Holder

TOUCH, REVERTING, CALLER = b"\x70" * 20, b"\x71" * 20, b"\x72" * 20
SLOT_0, SLOT_1 = bytes(32), (1).to_bytes(32, "big")
ERAS = [ETHEREUM_CANCUN, ETHEREUM_PRAGUE, ETHEREUM_OSAKA, OP_ISTHMUS, OP_JOVIAN]
IDS = ["cancun", "prague", "osaka", "isthmus", "jovian"]
SCALAR, CONSTANT = 1_500_000, 7_000  # operator fee


def people(chain_id: int) -> tuple[Account, Account]:
    """Two senders."""
    return synthetic.account("alice", chain_id), synthetic.account("bob", chain_id)


def accounts(era: tuple[int, int]) -> dict[bytes, Holder]:
    """The whole state: the senders, three contracts, one idle account, and what the fork's system calls need."""
    held: dict[bytes, Holder] = {person.address: (0, ETHER, b"", {}) for person in people(era[0])}
    held[TOUCH] = (1, 0, synthetic.TOUCH, {0: 5})
    held[REVERTING] = (1, 0, synthetic.WRITE_AND_REVERT, {0: 5})
    held[CALLER] = (1, 0, synthetic.caller(REVERTING), {})
    held[b"\x99" * 20] = (0, 3, b"", {})  # nobody touches it
    if era[0] == 1:
        held[synthetic.WITHDRAWAL_REQUESTS] = held[synthetic.CONSOLIDATION_REQUESTS] = (1, 0, synthetic.STOP, {})
    else:
        slot = synthetic.operator_fee_slot(SCALAR, CONSTANT, 400)
        held[synthetic.L1_BLOCK] = (1, 0, synthetic.STOP, {1: 7 * GWEI, 3: 5227 << 96 | 1_014_213 << 64, 7: 1, 8: slot})
        held[synthetic.MESSAGE_PASSER] = (1, 0, synthetic.STOP, {})
    return held
