"""The functions a fork of EELS imports from its ``state`` module, over our State.

Names and meanings are EELS's own (``ethereum.forks.FORK.state``), which documents each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ethereum_types.bytes import Bytes32
from ethereum_types.numeric import U256, Uint

from rollproof.replay.eels.preimages import EMPTY_CODE_HASH, keccak256
from rollproof.replay.eels.state import EMPTY_ACCOUNT, Account, State, TransientStorage


def begin_transaction(state: State, transient: TransientStorage | None = None) -> None:
    """Starts a call frame."""
    state.begin()
    if transient is not None:
        transient.begin()


def commit_transaction(state: State, transient: TransientStorage | None = None) -> None:
    """Keeps what the frame wrote."""
    state.commit()
    if transient is not None:
        transient.commit()


def rollback_transaction(state: State, transient: TransientStorage | None = None) -> None:
    """Undoes what the frame wrote."""
    state.rollback()
    if transient is not None:
        transient.rollback()


def get_account(state: State, address: bytes) -> Account:
    """The account, or an empty one."""
    return state.account(address) or EMPTY_ACCOUNT


def get_account_optional(state: State, address: bytes) -> Account | None:
    """The account, or None."""
    return state.account(address)


def set_account(state: State, address: bytes, account: Account | None) -> None:
    """Replaces an account; its storage stays."""
    state.set_account(address, account)


def destroy_account(state: State, address: bytes) -> None:
    """Removes an account and its storage."""
    state.destroy_storage(address)
    state.set_account(address, None)


def destroy_storage(state: State, address: bytes) -> None:
    """Empties an account's storage."""
    state.destroy_storage(address)


def mark_account_created(state: State, address: bytes) -> None:
    """Notes that the current transaction created the account (EIP-6780, EIP-2200)."""
    state.created_accounts.add(address)


def get_storage(state: State, address: bytes, key: bytes) -> U256:
    """A slot."""
    return state.slot(address, key)


def get_storage_original(state: State, address: bytes, key: bytes) -> U256:
    """A slot as it was before the current transaction."""
    return state.original_slot(address, key)


def set_storage(state: State, address: bytes, key: bytes, value: U256) -> None:
    """Writes a slot."""
    state.set_slot(address, key, value)


def get_transient_storage(transient: TransientStorage, address: bytes, key: Bytes32) -> U256:
    """A transient slot."""
    return transient.slot(address, key)


def set_transient_storage(transient: TransientStorage, address: bytes, key: Bytes32, value: U256) -> None:
    """Writes a transient slot."""
    transient.set_slot(address, key, value)


def state_root(state: State) -> bytes:
    """The state root; pre-Byzantium receipts ask for it after each transaction."""
    return state.root()


def account_exists(state: State, address: bytes) -> bool:
    """Whether the account is in the trie, be it empty."""
    return state.account(address) is not None


def account_has_code_or_nonce(state: State, address: bytes) -> bool:
    """Whether a contract may not be created there (EIP-684)."""
    account = get_account(state, address)
    return account.nonce != Uint(0) or account.code_hash != EMPTY_CODE_HASH


def account_has_storage(state: State, address: bytes) -> bool:
    """Whether a contract may not be created there (EIP-7610)."""
    return state.has_storage(address)


def account_exists_and_is_empty(state: State, address: bytes) -> bool:
    """Whether an empty account is in the trie (EIP-161)."""
    account = state.account(address)
    return account is not None and account.empty


def is_account_alive(state: State, address: bytes) -> bool:
    """Whether the account is there and not empty (EIP-161)."""
    account = state.account(address)
    return account is not None and not account.empty


def touch_account(state: State, address: bytes) -> None:
    """Makes an empty account where there is none."""
    if state.account(address) is None:
        state.set_account(address, EMPTY_ACCOUNT)


def destroy_touched_empty_accounts(state: State, touched_accounts: Iterable[bytes]) -> None:
    """Removes the touched accounts that are empty (EIP-161)."""
    for address in touched_accounts:
        if account_exists_and_is_empty(state, address):
            destroy_account(state, address)


def functions(*, removes_empty: bool) -> dict[str, Any]:
    """What a fork's ``state`` module holds. ``removes_empty``: an account left empty is removed at once (Paris on)."""

    def modify_state(state: State, address: bytes, change: Callable[[Account], None]) -> None:
        account = get_account(state, address).copy()
        change(account)
        if removes_empty and account.empty:
            destroy_account(state, address)
        else:
            state.set_account(address, account)

    def move_ether(state: State, sender_address: bytes, recipient_address: bytes, amount: U256) -> None:
        def reduce(sender: Account) -> None:
            if sender.balance < amount:
                raise AssertionError("a transfer of more than the sender has was not refused before")
            sender.balance -= amount

        modify_state(state, sender_address, reduce)
        create_ether(state, recipient_address, amount)

    def set_account_balance(state: State, address: bytes, amount: U256) -> None:
        modify_state(state, address, lambda account: setattr(account, "balance", amount))

    def increment_nonce(state: State, address: bytes) -> None:
        modify_state(state, address, lambda account: setattr(account, "nonce", account.nonce + Uint(1)))

    def set_code(state: State, address: bytes, code: bytes) -> None:
        def write(account: Account) -> None:
            account.code, account.code_hash = code, keccak256(code)

        modify_state(state, address, write)

    def create_ether(state: State, address: bytes, amount: U256) -> None:
        modify_state(state, address, lambda account: setattr(account, "balance", account.balance + amount))

    shared = {name: value for name, value in globals().items() if getattr(value, "__module__", "") == __name__}
    shared.pop("functions")
    local = (modify_state, move_ether, set_account_balance, increment_nonce, set_code, create_ether)
    return shared | {f.__name__: f for f in local} | {"State": State, "TransientStorage": TransientStorage}
