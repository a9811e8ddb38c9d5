"""Hypothesis strategies and small builders for headers and claims."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from rollproof.types import Claim, Header, PayloadAttributes, Withdrawal

hashes = st.binary(min_size=32, max_size=32)
addresses = st.binary(min_size=20, max_size=20)
u64 = st.integers(0, 2**64 - 1)
u256 = st.integers(0, 2**256 - 1)

_TAIL: tuple[tuple[str, st.SearchStrategy[Any]], ...] = (
    ("base_fee", u256),
    ("withdrawals_root", hashes),
    ("blob_gas_used", u64),
    ("excess_blob_gas", u64),
    ("parent_beacon_block_root", hashes),
    ("requests_hash", hashes),
)


@st.composite
def headers(draw: st.DrawFn) -> Header:
    """Any header that some fork could have: the optional fields are a prefix of their list."""
    length = draw(st.integers(0, len(_TAIL)))
    return Header(
        parent_hash=draw(hashes),
        ommers_hash=draw(hashes),
        beneficiary=draw(addresses),
        state_root=draw(hashes),
        transactions_root=draw(hashes),
        receipts_root=draw(hashes),
        logs_bloom=draw(st.binary(min_size=1, max_size=1)) * 256,
        difficulty=draw(u256),
        number=draw(u64),
        gas_limit=draw(u64),
        gas_used=draw(u64),
        timestamp=draw(u64),
        extra_data=draw(st.binary(max_size=32)),
        mix_hash=draw(hashes),
        nonce=draw(st.binary(min_size=8, max_size=8)),
        **{name: draw(strategy) for name, strategy in _TAIL[:length]},
    )


@st.composite
def claims(draw: st.DrawFn) -> Claim:
    """Any claim, with every optional part there or not."""
    withdrawals = st.builds(Withdrawal, u64, u64, addresses, u64)
    attributes = st.builds(
        PayloadAttributes,
        u64,
        hashes,
        addresses,
        u64,
        st.none() | hashes,
        st.none() | st.binary(min_size=8, max_size=8),
        st.none() | u64,
        st.none() | st.binary(max_size=17),
    )
    logs = st.tuples(addresses, st.lists(hashes, max_size=4).map(tuple), st.binary(max_size=40))
    receipt = st.fixed_dictionaries(
        {"gas_used": u64}, optional={"status": st.integers(0, 1), "logs": st.lists(logs, max_size=2).map(tuple)}
    )
    account = st.fixed_dictionaries(
        {"balance": u256}, optional={"nonce": u64, "storage": st.dictionaries(hashes, u256, min_size=1, max_size=2)}
    )
    return Claim(
        chain_id=draw(u64),
        number=draw(u64),
        transactions=tuple(draw(st.lists(st.binary(min_size=1, max_size=60), max_size=3))),
        claimed_hash=draw(st.none() | hashes),
        header=draw(st.none() | headers()),
        attributes=draw(st.none() | attributes),
        partial_header=draw(st.none() | st.fixed_dictionaries({}, optional={"gas_used": u64, "state_root": hashes})),
        withdrawals=draw(st.none() | st.lists(withdrawals, max_size=2).map(tuple)),
        ommers=draw(st.integers(0, 2)),
        parent=draw(st.none() | headers()),
        parent_hash=draw(st.none() | hashes),
        pre_state_root=draw(st.none() | hashes),
        block_hashes=draw(st.dictionaries(u64, hashes, max_size=2)),
        rollup_config=draw(st.none() | st.just({"l2_chain_id": 7, "name": "é"})),
        receipts=draw(st.none() | st.lists(receipt, max_size=2).map(tuple)),
        post_state=draw(st.none() | st.dictionaries(addresses, account, max_size=2)),
        source=draw(st.text('aé\u2028\U0001f600\n"\\\0', max_size=20)),
    )
