"""Every recorded block resolves to the fork that those who recorded it name, by the chain id and by its own record."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

from rollproof.chain.config import from_rollup_config, resolve


def _item(data: bytes, at: int) -> tuple[int, int]:
    """(start, end) of the RLP item's payload at ``at``."""
    first = data[at]
    if first < 0x80:
        return at, at + 1
    base = 0x80 if first < 0xC0 else 0xC0
    if first - base < 56:
        return at + 1, at + 1 + first - base
    size = first - base - 55
    start = at + 1 + size
    return start, start + int.from_bytes(data[at + 1 : start], "big")


def _timestamp(block: dict[str, Any]) -> int:
    if block.get("header_rlp"):
        data = bytes.fromhex(block["header_rlp"].removeprefix("0x"))
        at = _item(data, 0)[0]
        for _ in range(11):  # the timestamp is a header's twelfth field
            at = _item(data, at)[1]
        start, end = _item(data, at)
        return int.from_bytes(data[start:end], "big")
    value = (block.get("payload_attributes") or block["header"])["timestamp"]
    return int(value, 16) if isinstance(value, str) else int(value)


def test_recorded_blocks_resolve_to_their_fork(shared_data: Path) -> None:
    blocks = shared_data / "blocks"
    manifest = json.loads((blocks / "manifest.json").read_text())
    assert manifest
    for row in manifest:
        block = json.loads(gzip.decompress((blocks / row["file"]).read_bytes()))
        number, timestamp, name = row["number"], _timestamp(block), row["fork"].split("/")[-1]
        config, assumes = resolve(row["chain_id"], block.get("rollup_config"))
        assert assumes == (), row["file"]
        assert config.builtin
        assert config.require_fork_at(number, timestamp).name == name, row["file"]
        assert config.stale(timestamp) is None
        if block.get("rollup_config"):
            recorded = from_rollup_config(block["rollup_config"])
            assert not recorded.builtin
            assert recorded.fork_at(number, timestamp).name == name, row["file"]
            assert recorded.base_fee_params(number, timestamp) == config.base_fee_params(number, timestamp)
