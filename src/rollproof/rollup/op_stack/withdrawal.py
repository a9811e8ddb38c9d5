"""Withdrawals: messages that L2 sends to L1, and the proof that it did.

Source: OP Stack specification, withdrawals; contracts-bedrock, `Hashing.hashWithdrawal`, `Encoding` (versioned nonces)
and the storage layout of L2ToL1MessagePasser.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from rollproof import _core
from rollproof.chain import abi
from rollproof.chain import proof as account_proof
from rollproof.errors import Lying, Malformed, Unsupported
from rollproof.rollup.op_stack import trie_path
from rollproof.rollup.op_stack.predeploys import L2_TO_L1_MESSAGE_PASSER

TOPIC: Final = abi.topic("MessagePassed(uint256,address,address,uint256,uint256,bytes,bytes32)")
FIELDS: Final = ("uint256", "address", "address", "uint256", "uint256", "bytes")
TYPE: Final = f"({','.join(FIELDS)})"  # Types.WithdrawalTransaction
SENT_MESSAGES_SLOT: Final = 0  # mapping(bytes32 => bool)
NONCE_SLOT: Final = 1  # uint240
MESSAGE_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """A withdrawal message. ``nonce`` is versioned; ``sender`` on L2, ``target`` on L1; ``value`` in wei."""

    nonce: int
    sender: bytes
    target: bytes
    value: int
    gas_limit: int
    data: bytes = b""

    @property
    def fields(self) -> tuple[int, bytes, bytes, int, int, bytes]:
        """As contracts take it (Types.WithdrawalTransaction)."""
        return self.nonce, self.sender, self.target, self.value, self.gas_limit, self.data

    @property
    def hash(self) -> bytes:
        return _core.keccak256(abi.encode(FIELDS, self.fields))

    @property
    def slot(self) -> bytes:
        """The message passer's storage slot that is 1 once the message is sent."""
        return sent_slot(self.hash)


def sent_slot(withdrawal_hash: bytes) -> bytes:
    """Where the message passer keeps that this withdrawal was sent."""
    return _core.keccak256(withdrawal_hash + SENT_MESSAGES_SLOT.to_bytes(32, "big"))


def versioned(nonce: int, version: int = MESSAGE_VERSION) -> int:
    """A message's nonce with its version in the upper two bytes. Raises ValueError where either is too large."""
    if not 0 <= nonce < 1 << 240 or not 0 <= version < 1 << 16:
        raise ValueError(f"message nonce {nonce} of version {version}")
    return version << 240 | nonce


def from_log(topics: Sequence[bytes], data: bytes) -> Withdrawal:
    """The withdrawal of a MessagePassed log of the message passer.

    Raises Malformed for what is no such log, Unsupported for a message version that is not known, and Lying where the
    hash in the log is not that of the withdrawal.
    """
    if len(topics) != 4 or topics[0] != TOPIC:
        raise Malformed("not a MessagePassed log")
    nonce, sender, target = (abi.decode([kind], topic)[0] for kind, topic in zip(FIELDS, topics[1:], strict=False))
    value, gas_limit, message, claimed = abi.decode(["uint256", "uint256", "bytes", "bytes32"], data)
    if nonce >> 240 not in (0, MESSAGE_VERSION):
        raise Unsupported(f"message version {nonce >> 240}")
    found = Withdrawal(nonce, sender, target, value, gas_limit, message)
    if found.hash != claimed:
        raise Lying(f"MessagePassed: the hash 0x{claimed.hex()} is not that of the withdrawal")
    return found


def prove(state: _core.State, withdrawal: Withdrawal) -> list[bytes]:
    """The nodes, root first, that show the withdrawal in the message passer's storage, as the portal takes them.

    Raises Lying where the state does not hold it, `_core.Missing` where the state is not all there.
    """
    if state.storage(L2_TO_L1_MESSAGE_PASSER, withdrawal.slot) != 1:
        raise Lying(f"withdrawal 0x{withdrawal.hash.hex()} is not in this state")
    return trie_path.complete(state.prove(L2_TO_L1_MESSAGE_PASSER, withdrawal.slot), _core.keccak256(withdrawal.slot))


def from_get_proof(record: Any, withdrawal: Withdrawal, *, state_root: bytes) -> tuple[bytes, list[bytes]]:
    """(storage root, proof as the portal takes it) from a node's eth_getProof answer for the message passer.

    Everything is checked against the L2 block's ``state_root``. Raises Malformed where the answer is not one, Lying
    where it does not prove the withdrawal.
    """
    what = "eth_getProof of the message passer"
    shown = account_proof.from_json(record, L2_TO_L1_MESSAGE_PASSER, [withdrawal.slot], what)
    account_proof.check(shown, state_root, what)
    value, nodes = shown.slots[withdrawal.slot]
    if value != 1:
        raise Lying(f"{what}: withdrawal 0x{withdrawal.hash.hex()} is not in this state")
    return shown.storage_root, trie_path.complete(nodes, _core.keccak256(withdrawal.slot))


def check(storage_root: bytes, withdrawal: Withdrawal, nodes: Sequence[bytes]) -> None:
    """Whether ``nodes`` prove the withdrawal under the message passer's storage root. Raises Lying where they do not.

    Nodes that are embedded in their parent may be listed or not.
    """
    if sum(map(len, nodes)) > account_proof.MAX_NODES * account_proof.MAX_NODE or len(nodes) > account_proof.MAX_NODES:
        raise Lying(f"withdrawal proof: {len(nodes)} nodes are too many")
    # The core proves slots from a state root; so one is made of this storage alone.
    account = _core.rlp_encode([b"", b"", storage_root, _core.keccak256(b"")])
    leaf = _core.rlp_encode([b"\x20" + _core.keccak256(L2_TO_L1_MESSAGE_PASSER), account])
    preimages = _core.Preimages()
    preimages.add([leaf, *nodes])
    what = f"withdrawal 0x{withdrawal.hash.hex()}"
    try:
        if _core.State(preimages, _core.keccak256(leaf)).storage(L2_TO_L1_MESSAGE_PASSER, withdrawal.slot) != 1:
            raise Lying(f"{what} is not under storage root 0x{storage_root.hex()}")
    except _core.Missing:
        raise Lying(f"{what}: the proof does not lead to storage root 0x{storage_root.hex()}") from None
    except _core.CoreError as error:
        raise Lying(f"{what}: the proof is damaged: {error}") from None
