"""Addresses that are the same on every OP Stack chain. Source: OP Stack specification, predeploys; deposits."""

from __future__ import annotations

from typing import Final


def _at(last: int) -> bytes:
    return bytes.fromhex("42" + "00" * 18) + bytes([last])


LEGACY_MESSAGE_PASSER: Final = _at(0x00)
WETH: Final = _at(0x06)
L2_CROSS_DOMAIN_MESSENGER: Final = _at(0x07)
GAS_PRICE_ORACLE: Final = _at(0x0F)
L2_STANDARD_BRIDGE: Final = _at(0x10)
SEQUENCER_FEE_VAULT: Final = _at(0x11)
OPTIMISM_MINTABLE_ERC20_FACTORY: Final = _at(0x12)
L1_BLOCK_NUMBER: Final = _at(0x13)
L2_ERC721_BRIDGE: Final = _at(0x14)
L1_BLOCK: Final = _at(0x15)
L2_TO_L1_MESSAGE_PASSER: Final = _at(0x16)
OPTIMISM_MINTABLE_ERC721_FACTORY: Final = _at(0x17)
PROXY_ADMIN: Final = _at(0x18)
BASE_FEE_VAULT: Final = _at(0x19)
L1_FEE_VAULT: Final = _at(0x1A)
OPERATOR_FEE_VAULT: Final = _at(0x1B)

# The account that sends the L1 attributes; nobody has its key.
L1_ATTRIBUTES_DEPOSITOR: Final = bytes.fromhex("deaddeaddeaddeaddeaddeaddeaddeaddead0001")
