"""From files to verdicts: order, threads, bad files among good ones, sources that serve piecemeal, weak inputs."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rollproof import _core
from rollproof.errors import Missing, Retry
from rollproof.replay import evidence, expand, read, verify, verify_claim, verify_file
from rollproof.replay.header import header_hash
from rollproof.types import Claim, Header, Outcome, Verdict

pytestmark = pytest.mark.shared

SMALL = ("eth-mainnet-2463000", "eth-mainnet-1150000", "unichain-10211000", "op-mainnet-109279688")


def _block(shared_data: Path, name: str) -> Path:
    return shared_data / "blocks" / f"{name}.json.gz"


def _judged(claim: Claim, preimages: _core.Preimages | Sequence[bytes], **options: Any) -> Verdict:
    return verify_claim(claim, preimages, second_opinion="never", **options)


def _sealed(claim: Claim, **fields: Any) -> Claim:
    assert claim.header is not None
    header: Header = replace(claim.header, **fields)
    return replace(claim, header=header, claimed_hash=header_hash(header))


@pytest.mark.parametrize("jobs", [1, 2, 3])
def test_verdicts_come_in_order_and_a_bad_file_is_one_verdict(shared_data: Path, tmp_path: Path, jobs: int) -> None:
    for position, name in enumerate(SMALL):
        shutil.copy(_block(shared_data, name), tmp_path / f"{position}.json.gz")
    (tmp_path / "2b.json.gz").write_bytes(b"\x1f\x8bnot gzip")
    (tmp_path / "2c.evidence").write_bytes(b"")
    (tmp_path / "ignored.txt").write_bytes(b"")
    found = list(verify([tmp_path, tmp_path / "absent.json.gz"], jobs=jobs, second_opinion="never"))
    assert [Path(each.source).name for each in found] == [
        *("0.json.gz", "1.json.gz", "2.json.gz", "2b.json.gz", "2c.evidence", "3.json.gz", "absent.json.gz")
    ]
    assert [each.outcome.value for each in found] == ["holds"] * 3 + ["unknown"] * 2 + ["holds", "unknown"]
    for each in found[3], found[4], found[6]:
        assert Path(each.source).name in each.reason
        assert "\n" not in each.reason


def test_globs_directories_and_what_is_in_neither(tmp_path: Path) -> None:
    for name in ("b.json.gz", "a.evidence", "manifest.json"):
        (tmp_path / name).write_bytes(b"x")
    assert [path.name for path in expand(tmp_path)] == ["a.evidence", "b.json.gz"]
    assert [path.name for path in expand(f"{tmp_path}/*.gz")] == ["b.json.gz"]
    assert len(list(expand([tmp_path, tmp_path / "a.evidence"]))) == 2
    with pytest.raises(Missing, match=r"\*\.none"):
        list(expand(f"{tmp_path}/*.none"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(Missing, match="empty"):
        list(expand(tmp_path / "empty"))


def test_a_consumer_that_stops_early_does_not_wait_for_the_rest(shared_data: Path) -> None:
    verdicts = verify([_block(shared_data, name) for name in SMALL], jobs=2, second_opinion="never")
    assert next(verdicts).outcome is Outcome.HOLDS
    verdicts.close()  # type: ignore[attr-defined]


def _without_times(verdict: Verdict) -> Verdict:
    return replace(verdict, seconds=0.0, stages={}, source="")


@pytest.mark.parametrize("name", SMALL)
def test_an_evidence_file_gives_the_same_verdict(shared_data: Path, tmp_path: Path, name: str) -> None:
    claim, preimages = read(_block(shared_data, name))
    target = tmp_path / "copy.evidence"
    evidence.write(target, claim, preimages)
    first, second = _judged(claim, preimages), verify_file(target, second_opinion="never")
    assert _without_times(first) == _without_times(second)
    assert first.outcome is Outcome.HOLDS


class Piecemeal:
    """Serves from a whole witness only what is asked for, and counts the rounds."""

    def __init__(self, whole: _core.Preimages, root: bytes) -> None:
        self.whole, self.state, self.rounds = whole, _core.State(whole, root), 0

    def fetch(self, needs: _core.Needs) -> Sequence[bytes]:
        self.rounds += 1
        hashes = [*(node for _, _, node in needs.nodes), *(code for _, code in needs.codes)]
        hashes += [header for _, header in needs.headers]
        found = [value for value in map(self.whole.get, hashes) if value is not None]
        for address, slot in [*((address, None) for address in needs.accounts), *needs.slots]:
            # Only the first need is certain: what follows may come of a guess that the witness does not cover.
            with contextlib.suppress(_core.Missing):
                found += self.state.prove(address, slot)
        return found


def _root(claim: Claim) -> bytes:
    assert claim.parent is not None
    return claim.parent.state_root


def test_a_source_is_asked_until_the_block_is_done(shared_data: Path) -> None:
    claim, whole = read(_block(shared_data, "eth-mainnet-1150000"))
    source = Piecemeal(whole, _root(claim))
    verdict = _judged(claim, [], source=source)
    assert (verdict.outcome, verdict.reason) == (Outcome.HOLDS, "")
    assert source.rounds > 1


def test_rounds_are_bounded_and_a_source_without_news_ends_them(shared_data: Path) -> None:
    claim, whole = read(_block(shared_data, "eth-mainnet-1150000"))
    short = _judged(claim, [], source=Piecemeal(whole, _root(claim)), max_rounds=1)
    assert short.outcome is Outcome.UNKNOWN
    assert "after 1 round" in short.reason

    class Mute:
        def fetch(self, needs: _core.Needs) -> Sequence[bytes]:
            return []

    class Slow:
        def fetch(self, needs: _core.Needs) -> Sequence[bytes]:
            raise Retry("node: rate limited")

    assert "served nothing new" in _judged(claim, [], source=Mute()).reason
    assert _judged(claim, [], source=Slow()).reason == "node: rate limited"


def test_offline_what_is_missing_is_named(shared_data: Path) -> None:
    claim, _ = read(_block(shared_data, "eth-mainnet-1150000"))
    assert claim.parent is not None
    verdict = _judged(claim, [])
    assert verdict.outcome is Outcome.UNKNOWN
    assert claim.parent.state_root.hex() in verdict.reason


def test_a_broken_rule_is_told_without_a_witness(shared_data: Path) -> None:
    claim, _ = read(_block(shared_data, "eth-mainnet-1150000"))
    assert claim.header is not None
    verdict = _judged(_sealed(claim, difficulty=claim.header.difficulty + 1), [])
    assert verdict.outcome is Outcome.BROKEN
    assert [each.key for each in verdict.differences] == ["difficulty"]
    assert any(line.startswith("execution: ") for line in verdict.not_checked)
    assert verdict.confirmed is False


def test_a_bare_pre_state_root_never_makes_an_accusation(shared_data: Path) -> None:
    claim, preimages = read(_block(shared_data, "eth-mainnet-1150000"))
    assert claim.parent is not None
    bare = replace(claim, parent=None, pre_state_root=claim.parent.state_root)
    held = _judged(bare, preimages)
    assert held.outcome is Outcome.HOLDS
    assert any("pre-state root" in line for line in held.assumes)
    assert {"number", "timestamp", "gas_limit", "difficulty"} <= {line.split(":")[0] for line in held.not_checked}
    wrong = _judged(_sealed(bare, state_root=bytes(32)), preimages)
    assert wrong.outcome is Outcome.UNKNOWN
    assert "state_root" in wrong.reason
    # The header's own rules need no state: 33 bytes of extra data are wrong on any.
    ruled = _judged(_sealed(bare, state_root=bytes(32), extra_data=bytes(33)), preimages)
    assert ruled.outcome is Outcome.BROKEN
    assert [each.key for each in ruled.differences] == ["extra_data"]


def test_false_ancestor_hashes_never_make_an_accusation(shared_data: Path) -> None:
    claim, preimages = read(_block(shared_data, "eth-holesky-2971846"))
    held = _judged(claim, preimages)
    assert held.outcome is Outcome.HOLDS
    assert any("BLOCKHASH" in line for line in held.assumes)
    false = replace(claim, block_hashes=dict.fromkeys(claim.block_hashes, b"\x11" * 32))
    assert _judged(false, preimages).outcome is Outcome.UNKNOWN
    none = _judged(replace(claim, block_hashes={}), preimages)
    assert none.outcome is Outcome.UNKNOWN
    assert "block 2971845, for BLOCKHASH" in none.reason


def test_a_record_of_another_chain_is_unknown(shared_data: Path) -> None:
    claim, preimages = read(_block(shared_data, "eth-mainnet-21230867"))
    for chain_id, said in ((11155111, "signed for chain 1"), (5, "chain 5"), (10, "")):
        verdict = _judged(replace(claim, chain_id=chain_id), preimages)
        assert verdict.outcome is Outcome.UNKNOWN
        assert said in verdict.reason
        assert not verdict.differences


def test_a_configuration_from_the_record_never_makes_an_accusation(shared_data: Path) -> None:
    claim, preimages = read(_block(shared_data, "unichain-10211000"))
    assert claim.rollup_config is not None
    # The built-in configuration wins over a false one beside the block.
    false = {**claim.rollup_config, "holocene_time": 1}
    held = _judged(replace(claim, rollup_config=false), preimages)
    assert held.outcome is Outcome.HOLDS
    assert any("holocene" in line for line in held.assumes)
    # A chain that is not built in: the record's own configuration is all there is.
    own = {**claim.rollup_config, "l2_chain_id": 987_654_321}
    verdict = _judged(replace(claim, chain_id=987_654_321, rollup_config=own, claimed_hash=bytes(32)), preimages)
    assert verdict.outcome is Outcome.UNKNOWN


def test_receipts_beside_a_wrong_claim_name_the_transaction(shared_data: Path) -> None:
    claim, preimages = read(_block(shared_data, "op-mainnet-109279688"))
    receipts: tuple[dict[str, int], ...] = ({}, {"status": 1, "gas_used": 5}, {})
    verdict = _judged(_sealed(replace(claim, receipts=receipts), gas_used=1), preimages)
    assert verdict.outcome is Outcome.BROKEN
    assert [(each.scope, each.key) for each in verdict.differences] == [
        ("header", "gas_used"),
        ("transaction", "1.gas_used"),
    ]
    # Beside a header that holds they are a source's contradiction with itself.
    aside = _judged(replace(claim, receipts=receipts), preimages)
    assert aside.outcome is Outcome.UNKNOWN
    assert "1.gas_used" in aside.reason


def test_nodes_of_the_claimed_trie_tell_where_the_states_part(shared_data: Path) -> None:
    claim, preimages = read(_block(shared_data, "eth-mainnet-1150000"))
    assert claim.parent is not None
    assert claim.header is not None
    # "Nothing changed" is a claim whose trie is known: the parent's.
    verdict = _judged(_sealed(claim, state_root=claim.parent.state_root), preimages)
    assert verdict.outcome is Outcome.BROKEN
    assert verdict.differences[0].key == "state_root"
    miner = f"0x{claim.header.beneficiary.hex()}.balance"
    (rewarded,) = [each for each in verdict.differences if (each.scope, each.key) == ("account", miner)]
    assert int(rewarded.computed or 0) - int(rewarded.claimed or 0) >= 5 * 10**18  # the reward of proof of work


def test_a_wrong_transactions_root_is_the_headers_fault_only_beyond_doubt(shared_data: Path) -> None:
    claim, preimages = read(_block(shared_data, "eth-mainnet-21230867"))
    wrong = _judged(_sealed(claim, transactions_root=b"\x11" * 32), preimages)
    assert wrong.outcome is Outcome.BROKEN
    assert [each.key for each in wrong.differences] == ["transactions_root"]
    for altered in (claim.transactions[:-1], claim.transactions[::-1], (*claim.transactions, claim.transactions[-1])):
        verdict = _judged(replace(claim, transactions=altered), preimages)
        assert verdict.outcome is Outcome.UNKNOWN
        assert "transactions_root" in verdict.reason
        assert not verdict.differences


def test_an_altered_withdrawal_is_not_a_wrong_root(shared_data: Path) -> None:
    claim, preimages = read(_block(shared_data, "eth-mainnet-21230867"))
    assert claim.withdrawals is not None
    first, *rest = claim.withdrawals
    for altered in (
        (replace(first, validator_index=first.validator_index + 1), *rest),
        (replace(first, validator_index=first.validator_index ^ 64), *rest),
        (replace(first, index=first.index + 1), *rest),
        (replace(first, amount=first.amount + 1), *rest),
        (rest[0], first, *rest[1:]),
        tuple(rest),
    ):
        verdict = _judged(replace(claim, withdrawals=altered), preimages)
        assert verdict.outcome is Outcome.UNKNOWN
        assert "withdrawals_root" in verdict.reason
    wrong = _judged(_sealed(claim, withdrawals_root=b"\x11" * 32), preimages)
    assert wrong.outcome is Outcome.BROKEN
    assert [each.key for each in wrong.differences] == ["withdrawals_root"]


def test_second_opinion_always_needs_the_extra(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("rollproof.replay.second_opinion.available", lambda: False)
    with pytest.raises(Missing, match="eels"):
        list(verify(tmp_path, second_opinion="always"))


@pytest.mark.eels
def test_both_machines_confirm_and_an_audit_notes_itself(shared_data: Path) -> None:
    claim, preimages = read(_block(shared_data, "eth-mainnet-2463000"))
    broken = verify_claim(_sealed(claim, state_root=bytes(32)), preimages)
    assert (broken.outcome, broken.confirmed) == (Outcome.BROKEN, True)
    assert broken.second_opinion is not None
    assert broken.second_opinion["agrees"] is True
    assert verify_claim(claim, preimages, audit_rate=0.0).second_opinion is None
    audited = verify_claim(claim, preimages, audit_rate=1.0)
    assert (audited.outcome, audited.confirmed) == (Outcome.HOLDS, True)


@pytest.mark.eels
def test_both_machines_are_held_against_the_receipts(shared_data: Path) -> None:
    claim, preimages = read(_block(shared_data, "op-mainnet-109279688"))
    receipts: tuple[dict[str, int], ...] = ({}, {"gas_used": 5}, {})
    verdict = verify_claim(_sealed(replace(claim, receipts=receipts), gas_used=1), preimages)
    assert (verdict.outcome, verdict.confirmed) == (Outcome.BROKEN, True)
    assert verdict.second_opinion is not None
    assert verdict.second_opinion["receipts"] == [{"transaction": 1, "first": False, "second": False}]


@pytest.mark.eels
def test_machines_that_disagree_accuse_nobody(shared_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from rollproof.replay import second_opinion

    claim, preimages = read(_block(shared_data, "eth-mainnet-2463000"))
    honest = second_opinion.reexecute
    monkeypatch.setattr(second_opinion, "reexecute", lambda inputs: replace(honest(inputs), receipts_root=b"\x11" * 32))
    for each in (claim, _sealed(claim, state_root=bytes(32))):
        verdict = verify_claim(each, preimages, second_opinion="always")
        assert verdict.outcome is Outcome.UNKNOWN
        assert "two machines disagree on receipts_root" in verdict.reason
        assert verdict.second_opinion is not None
        assert verdict.second_opinion["differences"][0]["second"] == "0x" + "11" * 32
        assert verdict.second_opinion["agrees_with_claim"] is False
