"""The Execution Spec Tests, all of them, through our own core. docs/conformance.md has the figures."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from conformance import blockchain, state, worst_case, zkevm
from conformance.exceptions import explain
from conformance.fixtures import StatePost, StateTest, blockchain_tests, files, is_pointer, state_tests, unpacked
from conformance.groups import DIRECTORIES, GROUPS, Group, files_of, group_id, top
from conformance.tally import POINTER, run_files
from rollproof.types import Outcome

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("group", GROUPS, ids=group_id)
def test_fixtures(shared_data: Path, group: Group) -> None:
    """Every case of the group passes, every invalid block is refused for its own reason; only pointers are skipped."""
    root, paths = files_of(shared_data, group)
    tally = run_files(group[0], root, paths)
    assert not tally.failed, tally.failures()
    assert tally.passed.total() > 0
    assert set(tally.skipped.values()) <= {POINTER}, tally.skipped


@pytest.mark.parametrize("kind", DIRECTORIES)
def test_no_directory_is_left_out(shared_data: Path, kind: str) -> None:
    grouped = [path for group in GROUPS if group[0] == kind for path in files_of(shared_data, group)[1]]
    assert sorted(grouped) == files(top(shared_data, kind))


def test_draft_fork(shared_data: Path) -> None:
    """Amsterdam is a draft: unknown by its name, though the witness is read."""
    for path in files(unpacked(shared_data, "zkevm")):
        assert not is_pointer(path)
        seen = zkevm.look(path)
        assert seen.tests > 0
        assert seen.nodes > 0
        for verdict in seen.verdicts:
            assert verdict.outcome is Outcome.UNKNOWN
            assert "fork Amsterdam" in verdict.reason


def test_worst_case(shared_data: Path) -> None:
    """Gas-heavy blocks hold from their witness alone."""
    paths = sorted((shared_data / "worst-case" / "zkevm-fixtures-input").glob("*.json"))
    assert len(paths) == 37
    verdicts = {path.name: worst_case.judge(path) for path in paths}
    assert not {name: verdict for name, verdict in verdicts.items() if verdict.outcome is not Outcome.HOLDS}


def test_a_contradicted_state_test_fails(shared_data: Path) -> None:
    """The suite notices: another root, other logs, an exception that is not the transaction's, one left out."""
    path = top(shared_data, "state") / "cancun/eip4844_blobs/test_invalid_blob_hash_versioning_single_tx.json"
    _, refused = next(state_tests(path))
    path = top(shared_data, "state") / "shanghai/eip3855_push0/test_push0_contracts.json"
    _, valid = next(state_tests(path))
    with pytest.raises(AssertionError, match="other logs"):
        state.run(valid, *altered(valid, logs="0x" + "11" * 32))
    with pytest.raises(AssertionError, match="state root"):
        state.run(valid, *altered(valid, hash="0x" + "11" * 32))
    with pytest.raises(AssertionError, match="though"):
        state.run(valid, *altered(valid, expect_exception="TransactionException.NONCE_IS_MAX"))
    with pytest.raises(AssertionError, match="Invalid"):
        state.run(refused, *altered(refused, expect_exception=None))
    found = state.run(refused, *altered(refused))
    assert found is not None
    with pytest.raises(AssertionError, match="though"):
        explain("TransactionException.NONCE_IS_MAX", found)


def altered(test: StateTest, **changes: str | None) -> tuple[str, StatePost]:
    """The test's only network and post-state, the latter changed."""
    ((network, (post,)),) = test.post.items()
    return network, msgspec.structs.replace(post, **changes)


def test_a_contradicted_blockchain_test_fails(shared_data: Path) -> None:
    """The suite notices: a valid block that is said to be invalid, an invalid one said to be valid, another end."""
    path = top(shared_data, "blockchain") / "shanghai/eip4895_withdrawals/test_balance_within_block.json"
    _, valid = next(blockchain_tests(path))
    blockchain.run(valid)
    said = [msgspec.structs.replace(block, expect_exception="x") for block in valid.blocks]
    with pytest.raises(AssertionError, match="holds"):
        blockchain.run(msgspec.structs.replace(valid, blocks=said))
    with pytest.raises(AssertionError, match="another last block"):
        blockchain.run(msgspec.structs.replace(valid, lastblockhash="0x" + "11" * 32))
    with pytest.raises(AssertionError, match="another post-state"):
        blockchain.run(msgspec.structs.replace(valid, post_state={}))
    path = top(shared_data, "blockchain") / "cancun/eip4844_blobs/test_invalid_blob_hash_versioning_single_tx.json"
    _, refused = next(blockchain_tests(path))
    said = [msgspec.structs.replace(block, expect_exception=None) for block in refused.blocks]
    with pytest.raises(AssertionError, match="broken"):
        blockchain.run(msgspec.structs.replace(refused, blocks=said))
