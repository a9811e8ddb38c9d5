"""Dispute games: how an output root is proposed on L1, and what became of it.

Source: OP Stack specification, fault proof ("Dispute Game Interface"); contracts-bedrock, DisputeGameFactory.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from rollproof import _core
from rollproof.chain import abi
from rollproof.errors import Malformed

_CREATE: Final = ("uint32", "bytes32", "bytes")
CREATE: Final = abi.selector(f"create({','.join(_CREATE)})")
CREATED: Final = abi.topic("DisputeGameCreated(address,uint32,bytes32)")
RESOLVED: Final = abi.topic("Resolved(uint8)")
MOVE: Final = abi.topic("Move(uint256,bytes32,address)")


class GameType(IntEnum):
    """Types of games by number; a factory may hold others."""

    CANNON = 0
    PERMISSIONED_CANNON = 1
    ASTERISC = 2
    ALPHABET = 255


class GameStatus(IntEnum):
    """What a game says about its root."""

    IN_PROGRESS = 0
    CHALLENGER_WINS = 1
    DEFENDER_WINS = 2


@dataclass(frozen=True, slots=True)
class Created:
    """A game that a factory made; ``root`` is what it claims."""

    game: bytes
    game_type: int
    root: bytes


def extra_data(l2_block: int) -> bytes:
    """What a game on an output root is about: the L2 block's number."""
    return l2_block.to_bytes(32, "big")


def l2_block(extra: bytes) -> int:
    """The L2 block of a game's extra data. Raises Malformed."""
    if len(extra) != 32:
        raise Malformed(f"dispute game: extra data of {len(extra)} bytes, not 32")
    return int.from_bytes(extra, "big")


def create(game_type: int, root: bytes, block: int) -> bytes:
    """Calldata of the factory that proposes ``root`` for an L2 block; the call carries the game's bond."""
    return CREATE + abi.encode(_CREATE, [game_type, root, extra_data(block)])


def decode_create(calldata: bytes) -> tuple[int, bytes, int]:
    """(game type, root, L2 block) of a `create` call. Raises Malformed."""
    if calldata[:4] != CREATE:
        raise Malformed("not a create call")
    game_type, root, extra = abi.decode(_CREATE, calldata[4:])
    return game_type, root, l2_block(extra)


def identity(game_type: int, root: bytes, block: int) -> bytes:
    """The factory's key for a game; a second one with the same key is refused."""
    return _core.keccak256(abi.encode(_CREATE, [game_type, root, extra_data(block)]))


def created_from_log(topics: Sequence[bytes]) -> Created:
    """The game of a DisputeGameCreated log. Raises Malformed."""
    if len(topics) != 4 or topics[0] != CREATED:
        raise Malformed("not a DisputeGameCreated log")
    return Created(abi.decode(["address"], topics[1])[0], abi.decode(["uint32"], topics[2])[0], topics[3])


def resolved_from_log(topics: Sequence[bytes]) -> GameStatus:
    """The outcome that a Resolved log tells. Raises Malformed."""
    if len(topics) != 2 or topics[0] != RESOLVED or int.from_bytes(topics[1], "big") not in (1, 2):
        raise Malformed("not a Resolved log")
    return GameStatus(topics[1][31])
