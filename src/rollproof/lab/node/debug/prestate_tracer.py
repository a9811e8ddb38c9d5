"""prestateTracer: what a transaction's execution begins with, and what it changes.

Source: geth, "Built-in tracers", "Prestate tracer". All accounts that execution loads are shown, as revm-based nodes
do: also those that fees go to.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from rollproof import _core
from rollproof.chain.wire import to_data, to_quantity
from rollproof.lab.chain import Chain
from rollproof.replay.trace import Kind, Trace

_CREATES: Final = (Kind.CREATE, Kind.CREATE2)
Account = tuple[int, int, bytes, bytes]  # nonce, balance, storage root, code hash


def prestate(
    chain: Chain,
    root: bytes,
    touched: Sequence[tuple[bytes, Sequence[bytes]]],
    *,
    code: bool = True,
    storage: bool = True,
) -> dict[str, Any]:
    """The touched accounts and slots as they are in the state of this root."""
    state = _core.State(chain.preimages, root)
    found = {}
    for address, slots in touched:
        account = _account(chain, state.account(address), code=code)
        if storage and slots:
            account["storage"] = {to_data(slot): _word(state.storage(address, slot)) for slot in slots}
        found[to_data(address)] = account
    return found


def difference(chain: Chain, done: _core.Done, *, code: bool = True, storage: bool = True) -> dict[str, Any]:
    """``diffMode``: the changed accounts before, and what of them is another after; a new contract was nothing."""
    created = {each.target for each in Trace(done.trace).frames if each.kind in _CREATES} if done.trace else set()
    pre: dict[str, Any] = {}
    post: dict[str, Any] = {}
    for address, before, after, slots in done.changes:
        changed = _changes(chain, before, after, code=code)
        written = [(slot, old, new) for slot, old, new in slots if old != new] if storage else []
        if not changed and not written and after is not None:
            continue
        name = to_data(address)
        if before is not None or address not in created:
            pre[name] = _account(chain, before, code=code)
            held = {to_data(slot): _word(old) for slot, old, _ in written if old}
            if held:
                pre[name]["storage"] = held
        if after is None:  # gone
            continue
        now = {to_data(slot): _word(new) for slot, _, new in written if new}
        post[name] = changed | ({"storage": now} if now else {})
    return {"pre": pre, "post": post}


def _changes(chain: Chain, before: Account | None, after: Account | None, *, code: bool) -> dict[str, Any]:
    """The fields of an account that are another after."""
    if after is None:
        return {}
    old, new = _account(chain, before, code=code), _account(chain, after, code=code)
    found = {key: value for key, value in new.items() if old.get(key) != value}
    if "code" in old and "code" not in new:  # a delegation taken back
        found["code"] = "0x"
    return found


def _account(chain: Chain, account: Account | None, *, code: bool) -> dict[str, Any]:
    """Balance always; nonce and code where there are any."""
    nonce, wei, _, code_hash = account or (0, 0, b"", b"")
    found: dict[str, Any] = {"balance": to_quantity(wei)}
    if nonce:
        found["nonce"] = nonce
    body = chain.preimages.get(code_hash) if code and account is not None else None
    if body:
        found["code"] = to_data(body)
    return found


def _word(value: int) -> str:
    return to_data(value.to_bytes(32, "big"))
