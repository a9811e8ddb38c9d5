"""Output roots: what is claimed on L1 about an L2 block.

Source: OP Stack specification, proposals ("L2 Output Commitment Construction"); Isthmus, execution engine
("Header Validity Rules": withdrawalsRoot is the message passer's storage root).
"""

from __future__ import annotations

from dataclasses import dataclass

from rollproof import _core
from rollproof.errors import Malformed, Unsupported
from rollproof.types import Header


@dataclass(frozen=True, slots=True)
class Output:
    """What a version 0 output root commits to: the state root, the message passer's storage root, the block hash."""

    state_root: bytes
    message_passer_storage_root: bytes
    block_hash: bytes

    @property
    def root(self) -> bytes:
        return _core.keccak256(self.encode())

    def encode(self) -> bytes:
        """The 128 bytes that are hashed: the version, 0, stands before the three."""
        return bytes(32) + self.state_root + self.message_passer_storage_root + self.block_hash

    @property
    def proof(self) -> tuple[bytes, bytes, bytes, bytes]:
        """As the portal takes it (Types.OutputRootProof)."""
        return bytes(32), self.state_root, self.message_passer_storage_root, self.block_hash


def decode(data: bytes) -> Output:
    """From the bytes that are hashed. Raises Unsupported for another version than 0, Malformed otherwise."""
    if len(data) < 32:
        raise Malformed(f"output root preimage of {len(data)} bytes")
    version = int.from_bytes(data[:32], "big")
    if version != 0:
        raise Unsupported(f"output root version {version:#x}")
    if len(data) != 128:
        raise Malformed(f"output root preimage of {len(data)} bytes, not 128")
    return Output(data[32:64], data[64:96], data[96:])


def of_block(header: Header, block_hash: bytes) -> Output:
    """The output of an L2 block from Isthmus on, whose header holds the message passer's storage root.

    Before Isthmus the same field means nothing, which no value of it shows: the caller decides by the fork. Raises
    Malformed where the field is not there.
    """
    if header.withdrawals_root is None:
        raise Malformed(f"block {header.number} has no withdrawals root")
    return Output(header.state_root, header.withdrawals_root, block_hash)
