"""How the lab's two chains begin: their rules, their first accounts, what stands at the predeploys' addresses."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from rollproof.chain import config as chains
from rollproof.chain.schedule import ChainConfig
from rollproof.lab import bytecode
from rollproof.lab.block import Holder
from rollproof.lab.transaction import Account
from rollproof.replay import extra_data

L1_CHAIN_ID: Final = 1337
L2_CHAIN_ID: Final = 1338
TIME: Final = 1_780_000_000  # of the L1 genesis block, seconds
L1_GAS_LIMIT: Final = 60_000_000
L2_GAS_LIMIT: Final = 60_000_000
ETHER: Final = 10**18
BALANCE: Final = 1_000_000 * ETHER  # of every account that the lab knows by name
MIN_BASE_FEE: Final = 1_000_000  # wei, Jovian

L1_TOML: Final = """# The lab's Layer 1: every Ethereum fork up to Osaka from its first block on.
name = "Lab L1"
chain_id = 1337
family = "ethereum"
[blocks]
paris = 0
[times]
osaka = 0
[blobs]
osaka = [6, 9, 5007716]
"""
L2_TOML: Final = """# The lab's Layer 2: every OP Stack fork up to Jovian from its first block on.
name = "Lab L2"
chain_id = 1338
l1_chain_id = 1337
family = "op"
block_time = 2
eip1559_elasticity = 6
eip1559_denominator = 50
eip1559_denominator_canyon = 250
[blocks]
bedrock = 0
[times]
jovian = 0
"""

_BEACON_ROOTS: Final = bytes.fromhex("000f3df6d732807ef1319fb7b8bb8522d0beac02")  # EIP-4788
_HISTORY: Final = bytes.fromhex("0000f90827f1c53a10cb7a02335b175320002935")  # EIP-2935
_WITHDRAWAL_REQUESTS: Final = bytes.fromhex("00000961ef480eb55e80d19ad83579a64c007002")  # EIP-7002
_CONSOLIDATION_REQUESTS: Final = bytes.fromhex("0000bbddc7ce488642fb579f8b00f3a590007251")  # EIP-7251
SEQUENCER_FEE_VAULT: Final = bytes.fromhex("4200000000000000000000000000000000000011")
# extraData of every L2 block: EIP-1559 parameters as Canyon has them (Holocene, Jovian).
L2_EXTRA_DATA: Final = extra_data.encode_params(250, 6, MIN_BASE_FEE)


def write_configs(directory: Path) -> dict[str, Path]:
    """Writes the chain configurations that ``rollproof verify --config`` takes; returns them by layer."""
    directory.mkdir(parents=True, exist_ok=True)
    written = {layer: directory / f"lab-{layer}.toml" for layer in ("l1", "l2")}
    for layer, text in (("l1", L1_TOML), ("l2", L2_TOML)):
        written[layer].write_text(text, encoding="utf-8")
    return written


def configs() -> dict[str, ChainConfig]:
    """The two chains' configurations, as a user's own file gives them."""
    with tempfile.TemporaryDirectory() as directory:
        return {layer: chains.from_file(path) for layer, path in write_configs(Path(directory)).items()}


def l1_accounts(names: Iterable[str]) -> dict[bytes, Holder]:
    """Funded accounts, and the system contracts that a block of Osaka calls."""
    accounts = _system_contracts() | _funded(names, L1_CHAIN_ID)
    for address in (_WITHDRAWAL_REQUESTS, _CONSOLIDATION_REQUESTS):
        accounts[address] = Holder(nonce=1, code=bytecode.NO_REQUESTS)
    return accounts


def l2_accounts(names: Iterable[str], predeploys: Mapping[bytes, Holder]) -> dict[bytes, Holder]:
    """Funded accounts, the system contracts, and the OP Stack's predeploys."""
    return _system_contracts() | _funded(names, L2_CHAIN_ID) | dict(predeploys)


def _system_contracts() -> dict[bytes, Holder]:
    return {
        _BEACON_ROOTS: Holder(nonce=1, code=bytecode.BEACON_ROOTS),
        _HISTORY: Holder(nonce=1, code=bytecode.HISTORY),
    }


def _funded(names: Iterable[str], chain_id: int) -> dict[bytes, Holder]:
    return {Account.named(name, chain_id).address: Holder(balance=BALANCE) for name in names}
