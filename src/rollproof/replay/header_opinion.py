"""The second machine on header rules: EELS's own ``validate_header``, for Ethereum from Paris on.

It checks the excess blob gas, gas limit, base fee, timestamp, number, extra data's length, the constants that replace
the proof of work, and the parent hash. Before Paris it would want the ethash seal; on the OP Stack the rules differ.
"""

from __future__ import annotations

import importlib
from types import SimpleNamespace
from typing import Any

from rollproof.replay.execute import Inputs
from rollproof.types import Header

# What `validate_header` looks at; a difference in anything else is not its to confirm.
JUDGES = frozenset(
    {"excess_blob_gas", "gas_limit", "gas_used_bound", "base_fee", "timestamp", "number", "extra_data"}
    | {"difficulty", "nonce", "ommers_hash"}
)
_FORKS = frozenset({"paris", "shanghai", "cancun", "prague", "osaka", "bpo1", "bpo2"})
_NAMES = {
    "coinbase": "beneficiary",
    "receipt_root": "receipts_root",
    "bloom": "logs_bloom",
    "prev_randao": "mix_hash",
    "base_fee_per_gas": "base_fee",
}


def _header(fork: str, header: Header) -> Any:
    """The header as EELS's fork has it. Raises ValueError when a field that the fork has is absent."""
    from ethereum_types.bytes import Bytes8, Bytes20, Bytes32, Bytes256
    from ethereum_types.numeric import U64, U256, Uint

    widths = {8: Bytes8, 20: Bytes20, 32: Bytes32, 256: Bytes256}
    kind = importlib.import_module(f"ethereum.forks.{fork}.blocks").Header
    values: dict[str, Any] = {}
    for name in kind.__dataclass_fields__:
        value = getattr(header, _NAMES.get(name, name))
        if value is None:
            raise ValueError(f"no {name}")
        if isinstance(value, bytes):
            values[name] = value if name == "extra_data" else widths[len(value)](value)
        else:
            number = {"timestamp": U256, "blob_gas_used": U64, "excess_blob_gas": U64}.get(name, Uint)
            values[name] = number(value)
    return kind(**values)


def rejects(inputs: Inputs, claimed: Header) -> bool | None:
    """Whether EELS refuses the claimed header on its parent; None where it cannot be asked."""
    config, parent = inputs.config, inputs.parent
    if config.family != "ethereum" or parent is None:
        return None
    fork, before = inputs.fork.name, config.fork_at(parent.number, parent.timestamp).name
    if fork not in _FORKS or before not in _FORKS:
        return None
    from ethereum.exceptions import EthereumException

    try:
        ours, theirs = _header(fork, claimed), _header(before, parent)
    except (ValueError, OverflowError):
        return None
    chain = SimpleNamespace(blocks=[SimpleNamespace(header=theirs)])
    try:
        importlib.import_module(f"ethereum.forks.{fork}.fork").validate_header(chain, ours)
    except EthereumException:
        return True
    except (ArithmeticError, ValueError):  # a subtraction below zero on numbers no chain has
        return None
    return False
