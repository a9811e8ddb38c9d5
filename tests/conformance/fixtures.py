"""The fixture archives: unpacked once into build/eest, read file by file into typed records.

The fixtures are release v5.4.0 of the Execution Spec Tests. Some files of the archives are Git LFS pointers instead of
fixtures; they are counted by name, never passed over.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path

import msgspec

CACHE = Path(__file__).resolve().parents[2] / "build" / "eest"
ARCHIVES = {
    "state": "eest-v5.4.0-state_tests.tar.xz",
    "blockchain": "eest-v5.4.0-blockchain_tests.tar.xz",
    "benchmark": "eest-v5.4.0-benchmark.tar.xz",
    "zkevm": "eest-zkevm.tar.xz",
}
_POINTER = b"version https://git-lfs.github.com/spec/v1"
_MAX_FILE = 256 * 1024 * 1024  # bytes; the largest fixture has 60 million


class Account(msgspec.Struct):
    """An account of a fixture's state; quantities and bytes in hex."""

    nonce: str
    balance: str
    code: str
    storage: dict[str, str]


class BlobSchedule(msgspec.Struct, rename="camel"):
    target: str
    max: str
    base_fee_update_fraction: str


class Config(msgspec.Struct, rename="camel"):
    chainid: str
    blob_schedule: dict[str, BlobSchedule] = {}


class FixtureBlock(msgspec.Struct, rename="camel"):
    rlp: str
    expect_exception: str | None = None
    execution_witness: dict[str, list[str]] | None = None


class BlockchainTest(msgspec.Struct, rename="camel"):
    network: str
    config: Config
    pre: dict[str, Account]
    post_state: dict[str, Account]
    lastblockhash: str
    genesis_block_header: dict[str, str]
    genesis_rlp: str = msgspec.field(name="genesisRLP")
    blocks: list[FixtureBlock] = []


class StateEnv(msgspec.Struct, rename="camel"):
    current_coinbase: str
    current_gas_limit: str
    current_number: str
    current_timestamp: str
    current_difficulty: str
    current_base_fee: str | None = None
    current_random: str | None = None
    current_excess_blob_gas: str | None = None


class StatePost(msgspec.Struct, rename="camel"):
    hash: str
    logs: str
    txbytes: str
    expect_exception: str | None = None


class StateTest(msgspec.Struct):
    env: StateEnv
    pre: dict[str, Account]
    post: dict[str, list[StatePost]]
    config: Config


def unpacked(shared: Path, kind: str) -> Path:
    """The directory an archive is unpacked in. Processes that ask at once wait for the first of them."""
    archive = shared / "conformance" / ARCHIVES[kind]
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    place = CACHE / f"{kind}-{digest[:12]}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not place.is_dir():
            partial = CACHE / f"{kind}-partial"
            shutil.rmtree(partial, ignore_errors=True)
            with tarfile.open(archive, "r|xz") as members:
                for member in members:
                    if member.isfile() and member.name.endswith(".json") and ".meta" not in member.name:
                        if member.size > _MAX_FILE:
                            raise ValueError(f"{archive.name}: {member.name} has {member.size} bytes")
                        members.extract(member, partial, filter="data")
            partial.rename(place)
    return place


def files(directory: Path) -> list[Path]:
    """Every fixture file below a directory, in order."""
    return sorted(directory.rglob("*.json"))


def is_pointer(path: Path) -> bool:
    """Whether the archive holds a Git LFS pointer in the file's place."""
    with path.open("rb") as file:
        return file.read(len(_POINTER)) == _POINTER


def blockchain_tests(path: Path) -> Iterator[tuple[str, BlockchainTest]]:
    """(name, test) of a file of blockchain tests. Raises msgspec.DecodeError for any other file."""
    yield from msgspec.json.decode(path.read_bytes(), type=dict[str, BlockchainTest]).items()


def state_tests(path: Path) -> Iterator[tuple[str, StateTest]]:
    """(name, test) of a file of state tests. Raises msgspec.DecodeError for any other file."""
    yield from msgspec.json.decode(path.read_bytes(), type=dict[str, StateTest]).items()


def unhex(value: str) -> bytes:
    return bytes.fromhex(value.removeprefix("0x"))


def genesis_accounts(accounts: dict[str, Account]) -> list[tuple[bytes, int, int, bytes, list[tuple[int, int]]]]:
    """A fixture's state as ``_core.genesis`` takes it."""
    return [
        (
            unhex(address),
            int(account.nonce, 16),
            int(account.balance, 16),
            unhex(account.code),
            [(int(slot, 16), int(value, 16)) for slot, value in account.storage.items()],
        )
        for address, account in accounts.items()
    ]
