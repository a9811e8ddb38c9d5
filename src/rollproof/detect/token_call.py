"""Calls by which a token is asked to move (ERC-20), and whether it did."""

from __future__ import annotations

from dataclasses import dataclass

from rollproof.replay.trace import Frame

TRANSFER = bytes.fromhex("a9059cbb")  # transfer(address,uint256)
TRANSFER_FROM = bytes.fromhex("23b872dd")  # transferFrom(address,address,uint256)


@dataclass(frozen=True, slots=True)
class TokenCall:
    """``sender``, ``recipient`` and ``amount`` (base units) are None where the source has no call data."""

    token: bytes
    pulls: bool  # transferFrom
    sender: bytes | None
    recipient: bytes | None
    amount: int | None


def token_call(frame: Frame) -> TokenCall | None:
    """What a call asks a token to do; None where it is no transfer."""
    selector, data = frame.input[:4], frame.input
    if selector == TRANSFER:
        if len(data) < 68:
            return TokenCall(frame.target, False, frame.caller, None, None)
        return TokenCall(frame.target, False, frame.caller, data[16:36], int.from_bytes(data[36:68], "big"))
    if selector == TRANSFER_FROM:
        if len(data) < 100:
            return TokenCall(frame.target, True, None, None, None)
        return TokenCall(frame.target, True, data[16:36], data[48:68], int.from_bytes(data[68:100], "big"))
    return None
