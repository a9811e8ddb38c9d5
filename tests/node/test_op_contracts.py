"""Our encodings against the OP Stack's own contracts (contracts-bedrock 0.17.3) on anvil, and against viem.

The withdrawals are made by the real message passer, executed on our own L2 chain, and proven by us.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from node import op_bed
from node.op_bed import Bed, Reverted, artifact, hexed, logs, viem
from rollproof import _core
from rollproof.errors import Lying
from rollproof.lab import genesis
from rollproof.lab.block import Block, Holder
from rollproof.lab.chain import Chain
from rollproof.lab.transaction import Account
from rollproof.rollup.op_stack import deposit, dispute_game, output_root, portal, withdrawal
from rollproof.rollup.op_stack.output_root import Output
from rollproof.rollup.op_stack.predeploys import L2_TO_L1_MESSAGE_PASSER as PASSER
from rollproof.rollup.op_stack.system_config import SystemConfig, after, batcher_hash
from rollproof.rollup.op_stack.withdrawal import Withdrawal

ETHER = 10**18
TARGET = b"\x7a" * 20
# Creation code of a contract that sends whatever it is called with to the address in its first word.
FORWARD = bytes.fromhex("601980600a3d393df300") + bytes.fromhex("6020360360205f375f5f602036035f345f355af1")


@pytest.fixture
def bed(anvil: str) -> Iterator[Bed]:
    artifact("OptimismPortal2")
    made = Bed(anvil)
    yield made
    made.close()


def l2() -> Chain:
    """An L2 of ours with the real message passer."""
    accounts = {PASSER: Holder(nonce=1, code=artifact("L2ToL1MessagePasser").runtime)}
    state = genesis.l2_accounts(["alice"], accounts)
    return Chain(
        genesis.configs()["l2"], state, timestamp=1_780_000_000, gas_limit=60_000_000,
        fee_recipient=genesis.SEQUENCER_FEE_VAULT, extra_data=genesis.L2_EXTRA_DATA,
    )  # fmt: skip


def withdraw(chain: Chain, count: int) -> list[Withdrawal]:
    """Withdrawals to the target, in one L2 block."""
    alice, passer = Account.named("alice", chain.config.chain_id), artifact("L2ToL1MessagePasser").at(PASSER)
    sent = [
        alice.send(
            PASSER, value=number + 1, gas=200_000,
            data=passer.encode("initiateWithdrawal", TARGET, 100_000, bytes([number]) * number),
        )
        for number in range(count)
    ]  # fmt: skip
    chain.append(chain.build(sent, timestamp=chain.head.timestamp + 2).block)
    found = [log for outcome in chain.head.outcomes for log in outcome["logs"] if log[0] == PASSER]
    return [withdrawal.from_log(topics, data) for _, topics, data in found]


def propose(bed: Bed, output: Output, number: int) -> tuple[int, bytes]:
    """(index, address) of a game on an output root."""
    receipt = bed.send(bed.factory, dispute_game.create(op_bed.GAME_TYPE, output.root, number), value=op_bed.BOND)
    [made] = [
        dispute_game.created_from_log(log[1])
        for _, log in logs(receipt)
        if log[0] == bed.factory.address and log[1][0] == dispute_game.CREATED
    ]
    assert made.root == output.root
    bed.wait(12)
    [count] = bed.view(bed.factory, "gameCount")
    kind, _, game = bed.view(bed.factory, "gameAtIndex", count - 1)
    assert (kind, game) == (made.game_type, made.game)
    [identity] = bed.view(bed.factory, "getGameUUID", op_bed.GAME_TYPE, output.root, dispute_game.extra_data(number))
    assert identity == dispute_game.identity(op_bed.GAME_TYPE, output.root, number)
    return count - 1, game


def output_of(block: Block) -> Output:
    return output_root.of_block(block.header, block.hash)


def test_deposits_become_the_transactions_that_others_make_of_them(bed: Bed) -> None:
    """From an account, a creation, and from a contract, whose address is aliased."""
    forwarder = bytes.fromhex(bed.send(None, FORWARD)["contractAddress"][2:])
    plain = deposit.calldata(TARGET, value=3, gas=100_000, data=b"\x01\x02\x03")
    receipts = [
        (bed.send(bed.portal, plain, value=ETHER), bed.user, TARGET, ETHER, 3),
        (bed.send(bed.portal, deposit.calldata(None, value=0, gas=200_000, data=b"\x5f\xf3")), bed.user, None, 0, 0),
        (
            bed.send(forwarder, bed.portal.address.rjust(32, b"\0") + plain, value=7),
            deposit.alias(forwarder), TARGET, 7, 3,
        ),
    ]  # fmt: skip
    for receipt, sender, to, mint, value in receipts:
        [(index, (address, topics, data))] = logs(receipt)
        assert address == bed.portal.address
        made = deposit.from_log(topics, data, block_hash=bytes.fromhex(receipt["blockHash"][2:]), log_index=index)
        assert (made.sender, made.to, made.mint, made.value) == (sender, to, mint, value)
        formatted = [each | {"logIndex": int(each["logIndex"], 16)} for each in receipt["logs"]]  # as viem formats them
        theirs = viem("return op.getL2TransactionHashes(given)", {"logs": formatted})
        assert theirs == [hexed(made.hash)]
        assert _core.decode_transaction(made.encode(), "op")["hash"] == made.hash


def test_what_the_portal_refuses_is_refused_before(bed: Bed) -> None:
    small = bed.portal.encode("depositTransaction", TARGET, 0, deposit.minimum_gas(10, 16) - 1, False, bytes(10))
    with pytest.raises(Reverted, match="0x4929b808"):  # SmallGasLimit()
        bed.send(bed.portal, small)
    with pytest.raises(ValueError, match="needs more than"):
        deposit.calldata(TARGET, value=0, gas=deposit.minimum_gas(10, 16) - 1, data=bytes(10))
    bed.send(bed.portal, deposit.calldata(TARGET, value=0, gas=deposit.minimum_gas(10, 16), data=bytes(10)))


def test_a_withdrawal_of_our_l2_is_proven_and_finalized(bed: Bed) -> None:
    bed.send(bed.portal, deposit.calldata(TARGET, value=0, gas=100_000), value=ETHER)
    chain = l2()
    messages = withdraw(chain, 12)
    sent, output = messages[7], output_of(chain.head)
    assert chain.storage(PASSER, withdrawal.NONCE_SLOT) == len(messages)
    assert [each.nonce for each in messages] == [withdrawal.versioned(number) for number in range(12)]
    index, game = propose(bed, output, chain.head.number)
    nodes = withdrawal.prove(chain.state(), sent)
    withdrawal.check(output.message_passer_storage_root, sent, nodes)

    changed = [*nodes[:-1], nodes[-1][:-1] + b"\x02"]
    for wrong, why in (
        (portal.prove(sent, game_index=index, output=output, nodes=changed), "MerkleTrie: invalid"),
        (portal.prove(sent, game_index=index, output=output, nodes=nodes[:-1]), "ran out of proof elements"),
        (portal.prove(replace(sent, value=99), game_index=index, output=output, nodes=nodes), "MerkleTrie"),
        (portal.prove(messages[6], game_index=index, output=output, nodes=nodes), "MerkleTrie"),
        (
            portal.prove(sent, game_index=index, output=replace(output, block_hash=bytes(32)), nodes=nodes),
            "invalid output root proof",
        ),
    ):
        with pytest.raises(Reverted, match=why):
            bed.send(bed.portal, wrong)

    call = portal.prove(sent, game_index=index, output=output, nodes=nodes)
    receipt = bed.send(bed.portal, call)
    proven = [portal.proven_from_log(log[1]) for _, log in logs(receipt) if log[1][0] == portal.WITHDRAWAL_PROVEN]
    assert proven == [(sent.hash, sent.sender, TARGET)]
    assert portal.decode_prove(call) == portal.Proving(sent, index, output, tuple(nodes))
    shown = portal.decode_proven(bed.call(bed.portal, portal.proven_withdrawals(sent.hash, bed.user)))
    assert shown[0] == game
    assert portal.decode_proven(bed.call(bed.portal, portal.proven_withdrawals(sent.hash, bed.other))) == (bytes(20), 0)

    check = portal.check_withdrawal(sent.hash, bed.user)
    with pytest.raises(Reverted, match="proven withdrawal has not matured yet"):
        bed.call(bed.portal, check)
    bed.resolve(game)
    bed.wait(op_bed.PROOF_MATURITY)
    bed.call(bed.portal, check)
    with pytest.raises(Reverted, match="not been proven by proof submitter"):
        bed.call(bed.portal, portal.check_withdrawal(sent.hash, bed.other))
    assert bed.call(bed.portal, portal.finalized_withdrawals(sent.hash))[-1] == 0
    before = int(bed.rpc("eth_getBalance", hexed(TARGET), "latest"), 16)
    receipt = bed.send(bed.portal, portal.finalize(sent, submitter=bed.user), sender=bed.other)
    done = [portal.finalized_from_log(*log[1:]) for _, log in logs(receipt) if log[1][0] == portal.WITHDRAWAL_FINALIZED]
    assert done == [(sent.hash, True)]
    assert int(bed.rpc("eth_getBalance", hexed(TARGET), "latest"), 16) == before + sent.value
    assert bed.call(bed.portal, portal.finalized_withdrawals(sent.hash))[-1] == 1
    for again in (portal.finalize(sent), portal.finalize(sent, submitter=bed.user)):
        with pytest.raises(Reverted, match="already been finalized"):
            bed.send(bed.portal, again)


def test_leaves_inside_their_parent_are_taken_only_when_listed(bed: Bed) -> None:
    """Two withdrawals whose leaves are so deep that they stand inside their parent: the contract wants them listed."""
    pair = close_pair()
    slots = [(int.from_bytes(each.slot, "big"), 1) for each in pair]
    root, made = _core.genesis([(PASSER, 0, 0, b"\xfe", slots)])
    preimages = _core.Preimages()
    preimages.add(made)
    state = _core.State(preimages, root)
    account = state.account(PASSER)
    assert account is not None
    output = Output(root, account[2], b"\x0b" * 32)
    index, _ = propose(bed, output, 5)
    for sent in pair:
        bare = state.prove(PASSER, sent.slot)
        with pytest.raises(Reverted, match="ran out of proof elements"):
            bed.send(bed.portal, portal.prove(sent, game_index=index, output=output, nodes=bare))
        nodes = withdrawal.prove(state, sent)
        assert len(nodes) == len(bare) + 1
        bed.send(bed.portal, portal.prove(sent, game_index=index, output=output, nodes=nodes))


def test_a_nodes_proof_is_taken(bed: Bed) -> None:
    """eth_getProof of a foreign node, checked against its header and handed on."""
    passer = artifact("L2ToL1MessagePasser").at(PASSER)
    bed.rpc("anvil_setCode", hexed(PASSER), hexed(passer.runtime))
    sent = []
    for number in range(5):
        receipt = bed.send(PASSER, passer.encode("initiateWithdrawal", TARGET, 100_000, bytes(number)), value=number)
        [(_, (_, topics, data))] = logs(receipt)
        sent.append(withdrawal.from_log(topics, data))
    block = bed.rpc("eth_getBlockByNumber", receipt["blockNumber"], False)
    state_root, block_hash = (bytes.fromhex(block[key][2:]) for key in ("stateRoot", "hash"))
    answer = bed.rpc("eth_getProof", hexed(PASSER), [hexed(sent[2].slot)], receipt["blockNumber"])
    storage_root, nodes = withdrawal.from_get_proof(answer, sent[2], state_root=state_root)
    withdrawal.check(storage_root, sent[2], nodes)
    output = Output(state_root, storage_root, block_hash)
    index, _ = propose(bed, output, 9)
    bed.send(bed.portal, portal.prove(sent[2], game_index=index, output=output, nodes=nodes))
    with pytest.raises(Lying, match="other slots"):
        withdrawal.from_get_proof(answer, sent[3], state_root=state_root)
    with pytest.raises(Lying):
        withdrawal.from_get_proof(answer, sent[2], state_root=bytes(32))


def close_pair() -> tuple[Withdrawal, Withdrawal]:
    """Two withdrawals whose trie keys begin with the same eight nibbles."""
    seen: dict[bytes, Withdrawal] = {}
    for nonce in range(2**20):
        made = Withdrawal(withdrawal.versioned(nonce), TARGET, TARGET, 0, 50_000)
        key = _core.keccak256(made.slot)[:4]
        if key in seen:
            return seen[key], made
        seen[key] = made
    raise AssertionError("no pair")


def test_viem_agrees_on_withdrawals() -> None:
    chain = l2()
    messages = withdraw(chain, 4)
    record = [
        {
            "address": hexed(address), "topics": [hexed(topic) for topic in topics], "data": hexed(data),
            "blockNumber": "0x1", "logIndex": hex(number), "transactionIndex": "0x0", "blockHash": hexed(bytes(32)),
            "transactionHash": hexed(bytes(32)),
        }
        for number, outcome in enumerate(chain.head.outcomes)
        for address, topics, data in outcome["logs"]
    ]  # fmt: skip
    script = """
      const found = op.getWithdrawals(given);
      return found.map((each) => [each.withdrawalHash, op.getWithdrawalHashStorageSlot(each), each.nonce, each.data]);
    """
    assert viem(script, {"logs": record}) == [
        [hexed(each.hash), hexed(each.slot), str(each.nonce), hexed(each.data)] for each in messages
    ]


def test_the_system_config_is_followed(bed: Bed) -> None:
    """What our reading of its logs gives is what the contract says of itself."""
    config = SystemConfig(batcher_hash(bed.user), 60_000_000, 1368, 810_949, unsafe_block_signer=bed.user)
    contract = bed.system_config
    for function, arguments in (
        ("setBatcherHash", (batcher_hash(bed.other),)),
        ("setGasConfigEcotone", (5_227, 1_014_213)),
        ("setGasLimit", (61_000_000,)),
        ("setUnsafeBlockSigner", (bed.other,)),
    ):
        receipt = bed.send(contract, contract.encode(function, *arguments))
        changed = after(config, [log for _, log in logs(receipt)], contract=contract.address)
        assert changed != config, function
        config = changed
    assert bed.view(contract, "batcherHash") == (config.batcher_hash,)
    assert bed.view(contract, "gasLimit") == (config.gas_limit,)
    assert bed.view(contract, "basefeeScalar") == (config.base_fee_scalar,)
    assert bed.view(contract, "blobbasefeeScalar") == (config.blob_base_fee_scalar,)
    assert bed.view(contract, "unsafeBlockSigner") == (config.unsafe_block_signer,)


def test_the_message_passers_layout_is_what_we_take_it_for() -> None:
    passer = artifact("L2ToL1MessagePasser")
    assert passer.slots["sentMessages"] == withdrawal.SENT_MESSAGES_SLOT
    assert passer.slots["msgNonce"] == withdrawal.NONCE_SLOT
    assert passer.topic("MessagePassed") == withdrawal.TOPIC
