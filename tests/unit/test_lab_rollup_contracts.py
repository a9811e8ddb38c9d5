"""The rollup's contracts on the lab's chains: deposits, withdrawals, games, and what the portal refuses, in what order.

Messages are those of the OP Stack's OptimismPortal2 3.10.0; roots, proofs and deposits come from our own encodings,
which other tests hold against the OP Stack's contracts.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rollproof import _core
from rollproof.lab.block import Block
from rollproof.lab.contract import Contract
from rollproof.lab.deployments import op_stack
from rollproof.lab.deployments.rollup import BOND, GAME_CLOCK, GAME_FINALITY, PROOF_MATURITY
from rollproof.lab.stack import Stack
from rollproof.replay.eels.fastlz import fastlz_size
from rollproof.rollup.op_stack import deposit, dispute_game, l1_attributes, output_root, portal, system_config
from rollproof.rollup.op_stack import withdrawal as withdrawals
from rollproof.rollup.op_stack.dispute_game import GameStatus
from rollproof.rollup.op_stack.predeploys import L1_ATTRIBUTES_DEPOSITOR, L2_TO_L1_MESSAGE_PASSER, SEQUENCER_FEE_VAULT
from rollproof.rollup.op_stack.withdrawal import Withdrawal
from rollproof.types import Header

ETHER = 10**18
CANNON, PERMISSIONED = 0, 1
WRONG = b"\x77" * 32


class Bed:
    """A stack without operators: one transaction of L1 or L2, and the blocks that hold it."""

    def __init__(self) -> None:
        self.stack = Stack()
        self.stack.operators.clear()
        while len(self.stack.l1_pool):
            self.step()

    def __getitem__(self, name: str) -> Contract:
        return self.stack.deployed[name]

    def branch(self) -> Bed:
        """One that goes on by itself from here."""
        twin = copy.copy(self)
        twin.stack = copy.deepcopy(self.stack, {id(each): each for each in (self.stack.l1.preimages,)})
        return twin

    def step(self, steps: int = 1) -> None:
        self.stack.run(steps)

    def wait(self, seconds: int) -> None:
        """So long that the last L1 block is at least that much later."""
        until = self.stack.l1.head.timestamp + seconds
        while self.stack.l1.head.timestamp < until:
            self.step()

    def send(
        self, layer: Any, name: str, to: Contract | bytes, data: bytes = b"", *, value: int = 0, gas: int = 3_000_000
    ) -> dict[str, Any]:
        """The receipt, once a block holds it."""
        address = to.address if isinstance(to, Contract) else to
        hashed = self.stack.send(layer, name, address, data=data, value=value, gas=gas)
        while (receipt := self.stack.receipt(layer, hashed)) is None:
            self.step()
        return dict(receipt)

    def call(self, name: str, contract: Contract, function: str, *arguments: Any, value: int = 0) -> dict[str, Any]:
        """On L1, and it has to succeed."""
        receipt = self.send("l1", name, contract, contract.encode(function, *arguments), value=value)
        assert receipt["status"] == 1, contract.reason(receipt["output"])
        return receipt

    def refusal(self, name: str, contract: Contract, data: bytes, *, value: int = 0) -> str | None:
        """Why L1 would refuse a call in its next block; None where it would not."""
        sender = self.stack.account(name, "l1").address
        call = self.stack.l1.call(contract.address, data, sender=sender, value=value)
        return None if call.status else contract.reason(call.output)

    def view(self, name: str, function: str, *arguments: Any, layer: Any = "l1") -> Any:
        """What a contract answers: the value, or the values where there are several."""
        found = self.stack.view(layer, self[name], function, *arguments)
        return found[0] if len(found) == 1 else found

    # Withdrawals and games.

    def withdraw(self, name: str, value: int, target: bytes, data: bytes = b"") -> tuple[Withdrawal, Block]:
        """Sent to the message passer; with the L2 block that holds it."""
        passer = self["L2ToL1MessagePasser"]
        receipt = self.send("l2", name, passer, passer.encode("initiateWithdrawal", target, 100_000, data), value=value)
        return self.passed(receipt)

    def passed(self, receipt: dict[str, Any]) -> tuple[Withdrawal, Block]:
        [log] = [each for each in receipt["logs"] if each[0] == L2_TO_L1_MESSAGE_PASSER]
        found = self.stack.l2.locate(receipt["hash"])
        assert found is not None
        return withdrawals.from_log(log[1], log[2]), found[0]

    def propose(self, block: Block, root: bytes | None = None, *, game_type: int = CANNON) -> Contract:
        """A game about an L2 block's output root, or about another root."""
        claimed = output_root.of_block(block.header, block.hash).root if root is None else root
        data = dispute_game.create(game_type, claimed, block.number)
        receipt = self.send("l1", "proposer", self["DisputeGameFactory"], data, value=BOND)
        assert receipt["status"] == 1, self["DisputeGameFactory"].reason(receipt["output"])
        made = dispute_game.created_from_log(receipt["logs"][-1][1])
        assert (made.game_type, made.root) == (game_type, claimed)
        return Contract.load("FaultDisputeGame").at(made.game)

    def proof(self, withdrawal: Withdrawal, block: Block, index: int = 0) -> bytes:
        nodes = withdrawals.prove(self.stack.l2.state(block), withdrawal)
        output = output_root.of_block(block.header, block.hash)
        return portal.prove(withdrawal, game_index=index, output=output, nodes=nodes)

    def prove(self, withdrawal: Withdrawal, block: Block) -> None:
        receipt = self.send("l1", "relayer", self["OptimismPortal"], self.proof(withdrawal, block))
        assert receipt["status"] == 1, self["OptimismPortal"].reason(receipt["output"])
        assert [log[1][0] for log in receipt["logs"]] == [portal.WITHDRAWAL_PROVEN, portal.WITHDRAWAL_PROVEN_BY]

    def status(self, game: Contract) -> GameStatus:
        return GameStatus(self.stack.view("l1", game, "status")[0])

    def resolve(self, game: Contract) -> GameStatus:
        """Once the clocks are out; only the root claim is left to settle."""
        self.call("relayer", game, "resolveClaim", 0, 0)
        receipt = self.call("relayer", game, "resolve")
        said = dispute_game.resolved_from_log(receipt["logs"][0][1])
        assert said == self.status(game)
        return said

    def check(self, withdrawal: Withdrawal, name: str = "relayer") -> str | None:
        submitter = self.stack.account(name, "l1").address
        return self.refusal(name, self["OptimismPortal"], portal.check_withdrawal(withdrawal.hash, submitter))


@pytest.fixture(scope="module")
def fresh() -> Bed:
    return Bed()


@pytest.fixture
def bed(fresh: Bed) -> Bed:
    return fresh.branch()


def balance(bed: Bed, layer: str, address: bytes) -> int:
    return bed.stack.chain(layer).account(address)[1]


def test_it_is_wired(fresh: Bed) -> None:
    bed = fresh
    guardian = bed.stack.account("guardian-1", "l1").address
    assert bed.view("OptimismPortal", "guardian") == guardian
    assert bed.view("OptimismPortal", "version") == "3.10.0"
    assert bed.view("OptimismPortal", "paused") is False
    assert bed.view("SystemConfig", "optimismPortal") == bed["OptimismPortal"].address
    assert bed.view("SystemConfig", "batchInbox") == bed.stack.rollup.inbox
    assert bed.view("L1CrossDomainMessenger", "otherMessenger") == bed["L2CrossDomainMessenger"].address
    assert bed.view("L2CrossDomainMessenger", "otherMessenger", layer="l2") == bed["L1CrossDomainMessenger"].address
    assert bed.view("L2StandardBridge", "otherBridge", layer="l2") == bed["L1StandardBridge"].address
    genesis = bed.stack.l2.genesis
    start = output_root.of_block(genesis.header, genesis.hash).root
    assert bed.view("AnchorStateRegistry", "anchors", CANNON) == (start, 0)
    # An implementation is nobody's to set up.
    code = Contract.load("SuperchainConfig").at(bed["SuperchainConfig implementation"].address)
    refused = bed.refusal("attacker", code, code.encode("initialize", guardian, False))
    assert refused == "Initializable: contract is already initialized"
    assert bed.refusal("attacker", bed["SuperchainConfig"], code.encode("initialize", guardian, False)) == refused


def test_the_proxy_is_its_implementation_to_all_but_its_admin(bed: Bed) -> None:
    proxy = Contract.load("Proxy").at(bed["OptimismPortal"].address)
    admin, code = bed["ProxyAdmin"], bed["OptimismPortal implementation"]
    assert bed.view("ProxyAdmin", "getProxyAdmin", proxy.address) == admin.address
    assert bed.view("ProxyAdmin", "getProxyImplementation", proxy.address) == code.address
    # The slot that everybody reads: keccak256("eip1967.proxy.implementation") - 1.
    slot = 0x360894A13BA1A3210667C828492DB98DCA3E2076CC3735A920A3CA505D382BBC
    assert bed.stack.l1.storage(proxy.address, slot) == int.from_bytes(code.address, "big")
    for function, arguments in (("upgradeTo", (code.address,)), ("changeAdmin", (code.address,)), ("admin", ())):
        assert bed.refusal("attacker", proxy, proxy.encode(function, *arguments)) is not None
    upgrade = admin.encode("upgrade", proxy.address, code.address)
    assert bed.refusal("attacker", admin, upgrade) == "Ownable: caller is not the owner"
    assert bed.refusal("deployer", admin, upgrade) is None


# Deposits.


def test_a_deposit_is_executed_on_l2(bed: Bed) -> None:
    user, to = bed.stack.account("bridge-user-0", "l1").address, b"\xaa" * 20
    data = deposit.calldata(to, value=3, gas=60_000, data=b"\x01\x02")
    receipt = bed.send("l1", "bridge-user-0", bed["OptimismPortal"], data, value=5)
    found = bed.stack.l1.locate(receipt["hash"])
    assert receipt["status"] == 1 and found is not None
    [log] = receipt["logs"]
    said = bed["OptimismPortal"].event("TransactionDeposited", log)
    # Packed: mint, value, gas, whether it creates, data (OP Stack specification, deposits).
    opaque = (5).to_bytes(32, "big") + (3).to_bytes(32, "big") + (60_000).to_bytes(8, "big") + b"\0\x01\x02"
    assert said == {"from": user, "to": to, "version": 0, "opaqueData": opaque}
    before = balance(bed, "l2", user)
    made = deposit.from_log(log[1], log[2], block_hash=found[0].hash, log_index=0)
    while (held := bed.stack.receipt("l2", made.hash)) is None:
        bed.step()
    assert (held["status"], held["sender"], held["to"]) == (1, user, to)
    assert balance(bed, "l2", to) == 3
    assert balance(bed, "l2", user) == before + 5 - 3  # deposits pay no fee


def test_what_the_portal_takes_no_deposit_of(bed: Bed) -> None:
    contract = bed["OptimismPortal"]

    def refused(to: bytes, gas: int, creation: bool, size: int) -> str | None:
        return bed.refusal(
            "victim", contract, contract.encode("depositTransaction", to, 0, gas, creation, b"\x01" * size)
        )

    assert bed.view("OptimismPortal", "minimumGasLimit", 100) == 21_000 + 1_600
    assert refused(b"\xaa" * 20, 22_600, False, 100) is None
    assert refused(b"\xaa" * 20, 22_599, False, 100) == "SmallGasLimit()"
    assert refused(b"\xaa" * 20, 50_000, True, 0) == "BadTarget()"
    assert refused(bytes(20), 50_000, True, 0) is None
    assert refused(b"\xaa" * 20, 3_000_000, False, 120_000) is None
    assert refused(b"\xaa" * 20, 3_000_000, False, 120_001) == "LargeCalldata()"
    assert refused(b"\xaa" * 20, 20_000_000, False, 0) is None
    assert refused(b"\xaa" * 20, 20_000_001, False, 0) == "OutOfGas()"


def test_demand_for_deposits_raises_their_price_and_burns_gas(bed: Bed) -> None:
    contract, to = bed["OptimismPortal"], b"\xaa" * 20
    bed.wait(24)
    # 10 million of L2 gas where 2 million are the target: (10 - 2) / 2 / 8 = half as much again for the next block.
    first = bed.send("l1", "victim", contract, deposit.calldata(to, value=0, gas=10_000_000), gas=16_000_000)
    assert first["status"] == 1
    fee, bought, number = bed.view("OptimismPortal", "params")
    assert (fee, bought) == (10**9, 10_000_000) and number == bed.stack.l1.head.number
    # The price is 1 gwei and L1's base fee counts as at least that, so a gas bought is a gas burnt.
    paid = max(10**9, bed.stack.l1.head.header.base_fee or 0)
    burnt = 10_000_000 * 10**9 // paid
    assert burnt < first["gas_used"] < burnt + 100_000
    second = bed.send("l1", "victim", contract, deposit.calldata(to, value=0, gas=21_000))
    assert second["status"] == 1
    found = bed.stack.l1.locate(second["hash"])
    assert found is not None
    passed = found[0].number - number
    assert passed == 1
    assert bed.view("OptimismPortal", "params")[0] == 10**9 * 3 // 2


def test_a_contract_is_its_alias_on_l2(bed: Bed) -> None:
    messenger = bed["L1CrossDomainMessenger"]
    receipt = bed.call("victim", messenger, "sendMessage", b"\xaa" * 20, b"", 0)
    log = next(each for each in receipt["logs"] if each[1][0] == deposit.TOPIC)
    alias = (int.from_bytes(messenger.address, "big") + 0x1111000000000000000000000000000000001111) % 2**160
    assert int.from_bytes(log[1][1], "big") == alias


def test_a_configuration_change_is_announced_as_nodes_read_it(bed: Bed) -> None:
    config = system_config.SystemConfig(b"\x01" * 32, 1)
    contract = bed["SystemConfig"]
    for function, arguments, changed in (
        ("setBatcherHash", (b"\x02" * 32,), {"batcher_hash": b"\x02" * 32}),
        ("setGasConfigEcotone", (7, 8), {"base_fee_scalar": 7, "blob_base_fee_scalar": 8}),
        ("setGasLimit", (50_000_000,), {"gas_limit": 50_000_000}),
        ("setUnsafeBlockSigner", (b"\x03" * 20,), {"unsafe_block_signer": b"\x03" * 20}),
        ("setEIP1559Params", (250, 6), {"eip1559_denominator": 250, "eip1559_elasticity": 6}),
        ("setOperatorFeeScalars", (9, 10), {"operator_fee_scalar": 9, "operator_fee_constant": 10}),
        ("setMinBaseFee", (11,), {"min_base_fee": 11}),
        ("setDAFootprintGasScalar", (12,), {"da_footprint_gas_scalar": 12}),
    ):
        data = contract.encode(function, *arguments)
        assert bed.refusal("attacker", contract, data) == "Ownable: caller is not the owner"
        owner = bed.stack.account("deployer", "l1").address
        call = bed.stack.l1.call(contract.address, data, sender=owner)
        [(_, topics, body)] = call.logs
        after = system_config.apply(config, topics, body)
        assert {name: getattr(after, name) for name in changed} == changed
    assert bed.refusal("deployer", contract, contract.encode("setGasLimit", 20_999_999)) == (
        "SystemConfig: gas limit too low"
    )
    assert bed.refusal("deployer", contract, contract.encode("setGasLimit", 21_000_000)) is None


# Withdrawals.


def test_a_withdrawal_comes_out_once_it_has_waited(bed: Bed) -> None:
    target = b"\xbb" * 20
    user = bed.stack.account("bridge-user-0", "l1").address
    bed.call("victim", bed["OptimismPortal"], "donateETH", value=10 * ETHER)
    withdrawal, block = bed.withdraw("bridge-user-0", 2 * ETHER, target)
    assert withdrawal == Withdrawal(withdrawals.versioned(0), user, target, 2 * ETHER, 100_000)
    assert bed.view("L2ToL1MessagePasser", "sentMessages", withdrawal.hash, layer="l2") is True
    unproven = "OptimismPortal: withdrawal has not been proven by proof submitter address yet"
    assert bed.check(withdrawal) == unproven
    game = bed.propose(block)
    bed.step(6)
    bed.prove(withdrawal, block)
    assert bed.view("OptimismPortal", "numProofSubmitters", withdrawal.hash) == 1
    assert bed.check(withdrawal) == "OptimismPortal: proven withdrawal has not matured yet"
    assert bed.check(withdrawal, "victim") == unproven
    bed.wait(PROOF_MATURITY + 12)
    assert bed.check(withdrawal) == "OptimismPortal: output proposal has not been validated"
    assert bed.resolve(game) is GameStatus.DEFENDER_WINS
    assert bed.check(withdrawal) == "OptimismPortal: output proposal in air-gap"
    bed.wait(GAME_FINALITY + 12)
    assert bed.check(withdrawal) is None
    receipt = bed.send("l1", "relayer", bed["OptimismPortal"], portal.finalize(withdrawal))
    assert portal.finalized_from_log(*receipt["logs"][-1][1:]) == (withdrawal.hash, True)
    assert balance(bed, "l1", target) == 2 * ETHER
    again = bed.refusal("relayer", bed["OptimismPortal"], portal.finalize(withdrawal))
    assert again == "OptimismPortal: withdrawal has already been finalized"
    # Its proof is another's too, but it has gone.
    external = portal.finalize(withdrawal, submitter=bed.stack.account("relayer", "l1").address)
    assert bed.refusal("victim", bed["OptimismPortal"], external) == again
    assert bed.view("AnchorStateRegistry", "anchors", CANNON) == (
        output_root.of_block(block.header, block.hash).root,
        block.number,
    )


def test_a_withdrawal_whose_call_fails_is_finalized_all_the_same(bed: Bed) -> None:
    withdrawal, block = bed.withdraw("bridge-user-0", 0, bed["SystemConfig"].address, b"\xff\xff\xff\xff")
    game = bed.propose(block)
    bed.step(6)
    bed.prove(withdrawal, block)
    bed.wait(max(PROOF_MATURITY, GAME_CLOCK) + 12)
    bed.resolve(game)
    bed.wait(GAME_FINALITY + 12)
    receipt = bed.send("l1", "relayer", bed["OptimismPortal"], portal.finalize(withdrawal))
    assert portal.finalized_from_log(*receipt["logs"][-1][1:]) == (withdrawal.hash, False)
    assert bed.view("OptimismPortal", "finalizedWithdrawals", withdrawal.hash) is True


def test_what_does_not_prove_a_withdrawal(bed: Bed) -> None:
    contract = bed["OptimismPortal"]
    for each in range(12):  # so that the trie has branches
        bed.withdraw(f"trader-{each}", 1, b"\xbb" * 20)
    withdrawal, block = bed.withdraw("bridge-user-0", 2, b"\xbb" * 20)
    bed.propose(block)
    output = output_root.of_block(block.header, block.hash)
    nodes = withdrawals.prove(bed.stack.l2.state(block), withdrawal)
    assert len(nodes) > 1

    def refused(which: Withdrawal = withdrawal, proof: Sequence[bytes] = nodes, out: Any = output) -> str | None:
        return bed.refusal("relayer", contract, portal.prove(which, game_index=0, output=out, nodes=proof))

    assert refused() is None
    other = Withdrawal(withdrawal.nonce, withdrawal.sender, withdrawal.target, 3, withdrawal.gas_limit)
    shared = "MerkleTrie: path remainder must share all nibbles with key"
    assert refused(other) in (
        shared,
        "MerkleTrie: invalid large internal hash",
        "MerkleTrie: ran out of proof elements",
    )
    assert refused(proof=[]) == "MerkleTrie: ran out of proof elements"
    assert refused(proof=nodes[:-1]) == "MerkleTrie: ran out of proof elements"
    assert refused(proof=nodes[1:]) == "MerkleTrie: invalid root hash"
    assert refused(proof=[*nodes, nodes[-1]]) == "MerkleTrie: extra proof elements"
    assert refused(proof=[nodes[0], *nodes]) == "MerkleTrie: invalid large internal hash"
    wrong = output_root.Output(WRONG, output.message_passer_storage_root, output.block_hash)
    assert refused(out=wrong) == "OptimismPortal: invalid output root proof"
    to_portal = Withdrawal(withdrawal.nonce, withdrawal.sender, contract.address, 2, 1)
    assert refused(to_portal) == "OptimismPortal: you cannot send messages to the portal contract"


def test_no_damaged_proof_is_taken(bed: Bed) -> None:
    for each in range(6):
        bed.withdraw(f"trader-{each}", 1, b"\xbb" * 20)
    withdrawal, block = bed.withdraw("bridge-user-0", 2, b"\xbb" * 20)
    bed.propose(block)
    output = output_root.of_block(block.header, block.hash)
    nodes = withdrawals.prove(bed.stack.l2.state(block), withdrawal)

    @given(st.data())
    @settings(max_examples=60, deadline=None, database=None)
    def damaged(data: st.DataObject) -> None:
        which = data.draw(st.integers(0, len(nodes) - 1))
        at = data.draw(st.integers(0, len(nodes[which]) - 1))
        flipped = data.draw(st.integers(1, 255))
        changed = bytearray(nodes[which])
        changed[at] ^= flipped
        proof = [*nodes[:which], bytes(changed), *nodes[which + 1 :]]
        calldata = portal.prove(withdrawal, game_index=0, output=output, nodes=proof)
        assert bed.refusal("relayer", bed["OptimismPortal"], calldata) is not None

    damaged()


def test_a_proof_of_the_second_of_its_game_never_counts(bed: Bed) -> None:
    # Two transactions of one L1 block have one time.
    withdrawal, block = bed.withdraw("bridge-user-0", 2, b"\xbb" * 20)
    stack = bed.stack
    root = output_root.of_block(block.header, block.hash).root
    created = stack.send(
        "l1", "proposer", bed["DisputeGameFactory"].address,
        data=dispute_game.create(CANNON, root, block.number), value=BOND, tip=2 * 10**9, gas=3_000_000,
    )  # fmt: skip
    proven = stack.send(
        "l1", "relayer", bed["OptimismPortal"].address, data=bed.proof(withdrawal, block), gas=3_000_000
    )
    bed.wait(1)
    held = [stack.receipt("l1", each) for each in (created, proven)]
    assert [each and each["status"] for each in held] == [1, 1]
    bed.wait(PROOF_MATURITY + 12)
    assert bed.check(withdrawal) == ("OptimismPortal: withdrawal timestamp less than dispute game creation timestamp")


def test_the_guardian_pauses_withdrawals_and_not_deposits(bed: Bed) -> None:
    withdrawal, block = bed.withdraw("bridge-user-0", 2, b"\xbb" * 20)
    bed.propose(block)
    config, contract = bed["SuperchainConfig"], bed["OptimismPortal"]
    pause = config.encode("pause", "because")
    assert bed.refusal("attacker", config, pause) == "SuperchainConfig: only guardian can pause"
    bed.call("guardian-1", config, "pause", "because")
    proof = bed.proof(withdrawal, block)
    assert bed.refusal("relayer", contract, proof) == "CallPaused()"
    assert bed.refusal("relayer", contract, portal.finalize(withdrawal)) == "CallPaused()"
    assert bed.refusal("victim", contract, deposit.calldata(b"\xaa" * 20, value=0, gas=21_000)) is None
    assert bed.refusal("attacker", config, config.encode("unpause")) == "SuperchainConfig: only guardian can unpause"
    bed.call("guardian-1", config, "unpause")
    assert bed.refusal("relayer", contract, proof) is None


def test_the_guardian_bars_a_game_and_retires_a_type(bed: Bed) -> None:
    withdrawal, block = bed.withdraw("bridge-user-0", 2, b"\xbb" * 20)
    game = bed.propose(block)
    bed.step(6)
    bed.prove(withdrawal, block)
    bed.wait(max(PROOF_MATURITY, GAME_CLOCK) + 12)
    bed.resolve(game)
    bed.wait(GAME_FINALITY + 12)
    assert bed.check(withdrawal) is None
    contract = bed["OptimismPortal"]
    for function, argument in (("blacklistDisputeGame", game.address), ("setRespectedGameType", PERMISSIONED)):
        assert bed.refusal("attacker", contract, contract.encode(function, argument)) == "Unauthorized()"
    blacklisted = bed.branch()
    blacklisted.call("guardian-1", contract, "blacklistDisputeGame", game.address)
    assert blacklisted.check(withdrawal) == "OptimismPortal: dispute game has been blacklisted"
    bed.call("guardian-1", contract, "setRespectedGameType", PERMISSIONED)
    assert bed.check(withdrawal) == "OptimismPortal: invalid game type"
    assert bed.refusal("relayer", contract, bed.proof(withdrawal, block)) == "OptimismPortal: invalid game type"
    bed.call("guardian-1", contract, "setRespectedGameType", CANNON)
    assert bed.check(withdrawal) == "OptimismPortal: dispute game created before respected game type was updated"


# Games.


def test_the_factory_makes_one_game_for_a_claim(bed: Bed) -> None:
    bed.step(4)
    block = bed.stack.l2.head
    factory = bed["DisputeGameFactory"]
    data = dispute_game.create(CANNON, WRONG, block.number)
    assert bed.refusal("proposer", factory, data, value=BOND - 1) == "IncorrectBondAmount()"
    unknown = dispute_game.create(42, WRONG, block.number)
    assert bed.refusal("proposer", factory, unknown) == "NoImplementation(42)"
    game = bed.propose(block, WRONG)
    again = bed.refusal("proposer", factory, data, value=BOND)
    assert again == f"GameAlreadyExists(0x{dispute_game.identity(CANNON, WRONG, block.number).hex()})"
    created_at = bed.stack.l1.head.timestamp
    assert bed.view("DisputeGameFactory", "gameCount") == 1
    assert bed.view("DisputeGameFactory", "gameAtIndex", 0) == (CANNON, created_at, game.address)
    extra = dispute_game.extra_data(block.number)
    assert bed.view("DisputeGameFactory", "games", CANNON, WRONG, extra) == (game.address, created_at)
    parent = bed.stack.l1.head.header.parent_hash
    expected: dict[str, Any] = {
        "rootClaim": WRONG, "l2BlockNumber": block.number, "gameType": CANNON, "l1Head": parent, "extraData": extra,
        "gameCreator": bed.stack.account("proposer", "l1").address, "createdAt": created_at, "resolvedAt": 0,
    }  # fmt: skip
    assert {name: bed.stack.view("l1", game, name)[0] for name in expected} == expected
    assert bed.refusal("attacker", game, game.encode("initialize")) == "AlreadyInitialized()"
    assert bed.refusal("proposer", factory, dispute_game.create(CANNON, WRONG, 0), value=BOND) == (
        f"UnexpectedRootClaim(0x{WRONG.hex()})"  # not after the anchor
    )


def test_latest_games_are_found_newest_first(bed: Bed) -> None:
    bed.step(8)
    blocks = [bed.stack.l2.block(number) for number in range(1, 5)]
    games = [
        bed.propose(block, game_type=PERMISSIONED if index == 2 else CANNON)
        for index, block in enumerate(blocks)
        if block is not None
    ]
    found = bed.view("DisputeGameFactory", "findLatestGames", CANNON, 3, 2)
    assert [each[0] for each in found] == [3, 1]
    assert found[0][1][-20:] == games[3].address
    assert int.from_bytes(found[1][4], "big") == 2
    assert [each[0] for each in bed.view("DisputeGameFactory", "findLatestGames", CANNON, 3, 10)] == [3, 1, 0]
    assert [each[0] for each in bed.view("DisputeGameFactory", "findLatestGames", PERMISSIONED, 3, 10)] == [2]
    assert bed.view("DisputeGameFactory", "findLatestGames", CANNON, 4, 10) == ()


def test_a_wrong_root_falls_to_a_challenge_that_nobody_counters(bed: Bed) -> None:
    bed.step(4)
    game = bed.propose(bed.stack.l2.head, WRONG)
    [bond] = bed.stack.view("l1", game, "getRequiredBond", 2)
    assert bond == 2 * BOND
    attack = game.encode("attack", WRONG, 0, b"\x01" * 32)
    assert bed.refusal("challenger", game, attack, value=bond - 1) == "IncorrectBondAmount()"
    assert bed.refusal("challenger", game, game.encode("attack", b"\x02" * 32, 0, b"\x01" * 32), value=bond) == (
        "InvalidDisputedClaimIndex()"
    )
    assert bed.refusal("challenger", game, game.encode("defend", WRONG, 0, b"\x01" * 32), value=bond) == (
        "CannotDefendRootClaim()"
    )
    receipt = bed.send("l1", "challenger", game, attack, value=bond)
    assert receipt["status"] == 1 and receipt["logs"][0][1][0] == dispute_game.MOVE
    assert bed.refusal("challenger", game, attack, value=bond) == "ClaimAlreadyExists()"
    assert bed.refusal("victim", game, game.encode("resolveClaim", 1, 0)) == "ClockNotExpired()"
    bed.wait(2 * GAME_CLOCK)
    assert bed.refusal("victim", game, game.encode("resolveClaim", 0, 0)) == "OutOfOrderResolution()"
    assert bed.refusal("victim", game, game.encode("resolve")) == "OutOfOrderResolution()"
    late = game.encode("attack", b"\x01" * 32, 1, b"\x03" * 32)
    assert bed.refusal("proposer", game, late, value=2 * bond) == "ClockTimeExceeded()"
    bed.call("victim", game, "resolveClaim", 1, 0)
    assert bed.refusal("victim", game, game.encode("resolveClaim", 1, 0)) == "ClaimAlreadyResolved()"
    assert bed.resolve(game) is GameStatus.CHALLENGER_WINS
    assert bed.refusal("victim", game, game.encode("resolve")) == "GameNotInProgress()"
    challenger = bed.stack.account("challenger", "l1").address
    assert bed.stack.view("l1", game, "credit", challenger) == (3 * BOND,)  # its own bond and the proposer's
    before = balance(bed, "l1", challenger)
    bed.call("victim", game, "claimCredit", challenger)
    assert balance(bed, "l1", challenger) == before + 3 * BOND
    assert balance(bed, "l1", game.address) == 0
    assert bed.refusal("victim", game, game.encode("claimCredit", challenger)) == "NoCreditToClaim()"
    assert bed.view("AnchorStateRegistry", "anchors", CANNON)[1] == 0


def test_a_right_root_survives_a_challenge_that_is_countered(bed: Bed) -> None:
    bed.step(4)
    block = bed.stack.l2.head
    root = output_root.of_block(block.header, block.hash).root
    game = bed.propose(block)
    claims = [root, b"\x01" * 32, b"\x02" * 32]
    for index, name in enumerate(("attacker", "proposer")):
        [bond] = bed.stack.view("l1", game, "getRequiredBond", 2 << index)
        bed.call(name, game, "attack", claims[index], index, claims[index + 1], value=bond)
    assert bed.stack.view("l1", game, "claimDataLen") == (3,)
    bed.wait(2 * GAME_CLOCK)
    for index in (2, 1):
        bed.call("victim", game, "resolveClaim", index, 0)
    assert bed.resolve(game) is GameStatus.DEFENDER_WINS
    assert bed.view("AnchorStateRegistry", "anchors", CANNON) == (root, block.number)
    proposer = bed.stack.account("proposer", "l1").address
    assert bed.stack.view("l1", game, "credit", proposer) == (7 * BOND,)


def test_at_the_bottom_the_adjudicator_decides(bed: Bed) -> None:
    bed.step(4)
    game = bed.propose(bed.stack.l2.head, WRONG)
    claims = [WRONG, *(bytes([each]) * 32 for each in range(1, 6))]
    for index, name in enumerate(("challenger", "proposer", "challenger", "proposer")):
        [bond] = bed.stack.view("l1", game, "getRequiredBond", 2 << index)
        bed.call(name, game, "attack", claims[index], index, claims[index + 1], value=bond)
    [deepest] = bed.stack.view("l1", game, "maxGameDepth")
    assert deepest == 4
    beyond = game.encode("attack", claims[4], 4, claims[5])
    assert bed.refusal("challenger", game, beyond) == "GameDepthExceeded()"
    assert bed.refusal("attacker", game, game.encode("step", 4, True, b"", b"")) == "BadAuth()"
    assert bed.refusal("challenger", game, game.encode("step", 3, True, b"", b"")) == "InvalidParent()"
    bed.call("challenger", game, "step", 4, True, b"", b"")
    assert bed.refusal("challenger", game, game.encode("step", 4, True, b"", b"")) == "DuplicateStep()"
    bed.wait(2 * GAME_CLOCK)
    for index in (4, 3, 2, 1):
        bed.call("victim", game, "resolveClaim", index, 0)
    assert bed.resolve(game) is GameStatus.CHALLENGER_WINS
    held = balance(bed, "l1", game.address)
    challenger = bed.stack.account("challenger", "l1").address
    assert bed.stack.view("l1", game, "credit", challenger) == (held,) == ((1 + 2 + 4 + 8 + 16) * BOND,)


def test_a_root_of_another_block_falls_to_its_header(bed: Bed) -> None:
    from rollproof.replay.header import encode_header

    bed.step(6)
    block, other = bed.stack.l2.block(3), bed.stack.l2.block(5)
    assert block is not None and other is not None
    root = output_root.of_block(block.header, block.hash)
    game = bed.propose(other, root.root)  # the root of block 3, said of block 5

    def challenge(header: Header, output: Any = root) -> bytes:
        return game.encode("challengeRootL2Block", output.proof, encode_header(header))

    assert bed.refusal("victim", game, challenge(other.header)) == "InvalidHeaderRLP()"
    wrong = output_root.of_block(other.header, other.hash)
    assert bed.refusal("victim", game, challenge(block.header, wrong)) == "InvalidOutputRootProof()"
    honest = bed.propose(block)
    fitting = honest.encode("challengeRootL2Block", root.proof, encode_header(block.header))
    assert bed.refusal("victim", honest, fitting) == "BlockNumberMatches()"
    receipt = bed.send("l1", "victim", game, challenge(block.header))
    assert receipt["status"] == 1
    bed.wait(2 * GAME_CLOCK)
    assert bed.resolve(game) is GameStatus.CHALLENGER_WINS
    victim = bed.stack.account("victim", "l1").address
    assert bed.stack.view("l1", game, "credit", victim) == (BOND,)


def test_only_the_proposer_proposes_in_a_permissioned_game(bed: Bed) -> None:
    bed.step(4)
    factory, number = bed["DisputeGameFactory"], bed.stack.l2.head.number
    data = dispute_game.create(PERMISSIONED, WRONG, number)
    assert bed.refusal("victim", factory, data, value=BOND) == "BadAuth()"
    game = bed.propose(bed.stack.l2.head, WRONG, game_type=PERMISSIONED)
    attack = game.encode("attack", WRONG, 0, b"\x01" * 32)
    assert bed.refusal("victim", game, attack, value=2 * BOND) == "BadAuth()"
    assert bed.refusal("challenger", game, attack, value=2 * BOND) is None


# Messengers and bridges.


def bridged(bed: Bed) -> None:
    op_stack.bridge_token(bed.stack)
    while len(bed.stack.l1_pool) or len(bed.stack.l2_pool):
        bed.step()


def relay(bed: Bed, withdrawal: Withdrawal, block: Block, *, gas: int = 3_000_000) -> dict[str, Any]:
    """Proves and finalizes, with all the waiting."""
    game = bed.propose(block)
    bed.step(6)
    index = bed.view("DisputeGameFactory", "gameCount") - 1
    receipt = bed.send("l1", "relayer", bed["OptimismPortal"], bed.proof(withdrawal, block, index))
    assert receipt["status"] == 1, bed["OptimismPortal"].reason(receipt["output"])
    bed.wait(max(PROOF_MATURITY, GAME_CLOCK) + 12)
    bed.resolve(game)
    bed.wait(GAME_FINALITY + 12)
    receipt = bed.send("l1", "relayer", bed["OptimismPortal"], portal.finalize(withdrawal), gas=gas)
    assert receipt["status"] == 1, bed["OptimismPortal"].reason(receipt["output"])
    return receipt


def events(bed: Bed, name: str, event: str, receipt: dict[str, Any]) -> list[dict[str, Any]]:
    found = [bed[name].event(event, log) for log in receipt["logs"]]
    return [each for each in found if each is not None]


def test_ether_goes_over_the_bridge_and_back(bed: Bed) -> None:
    user, name = bed.stack.account("bridge-user-0", "l1").address, "bridge-user-0"
    before = balance(bed, "l2", user)
    receipt = bed.call(name, bed["L1StandardBridge"], "depositETH", 200_000, b"hi", value=5 * ETHER)
    said = {"from": user, "to": user, "amount": 5 * ETHER, "extraData": b"hi"}
    assert events(bed, "L1StandardBridge", "ETHDepositInitiated", receipt) == [said]
    assert events(bed, "L1StandardBridge", "ETHBridgeInitiated", receipt) == [said]
    assert balance(bed, "l1", bed["OptimismPortal"].address) == 5 * ETHER
    bed.step(30)
    assert balance(bed, "l2", user) == before + 5 * ETHER
    bridge = bed["L2StandardBridge"]
    data = bridge.encode("bridgeETHTo", b"\xcc" * 20, 200_000, b"")
    withdrawal, block = bed.passed(bed.send("l2", name, bridge, data, value=3 * ETHER))
    assert (withdrawal.sender, withdrawal.target) == (
        bed["L2CrossDomainMessenger"].address, bed["L1CrossDomainMessenger"].address,
    )  # fmt: skip
    done = relay(bed, withdrawal, block)
    assert balance(bed, "l1", b"\xcc" * 20) == 3 * ETHER
    assert len(events(bed, "L1StandardBridge", "ETHBridgeFinalized", done)) == 1
    assert len(events(bed, "L1CrossDomainMessenger", "RelayedMessage", done)) == 1
    assert balance(bed, "l1", bed["OptimismPortal"].address) == 2 * ETHER


def test_a_token_goes_over_the_bridge_and_back(bed: Bed) -> None:
    bridged(bed)
    name, user = "bridge-user-1", bed.stack.account("bridge-user-1", "l1").address
    l1, l2 = bed["BridgeToken"], bed["L2BridgeToken"]
    assert bed.view("L2BridgeToken", "remoteToken", layer="l2") == l1.address
    bed.call(name, bed["L1StandardBridge"], "depositERC20", l1.address, l2.address, 100, 200_000, b"")
    assert bed.view("L1StandardBridge", "deposits", l1.address, l2.address) == 100
    bed.step(30)
    assert bed.view("L2BridgeToken", "balanceOf", user, layer="l2") == 100
    mint = bed.stack.l2.call(l2.address, l2.encode("mint", user, 1), sender=user)
    assert l2.reason(mint.output) == "OptimismMintableERC20: only bridge can mint and burn"
    bridge = bed["L2StandardBridge"]
    receipt = bed.send("l2", name, bridge, bridge.encode("withdraw", l2.address, 60, 200_000, b""))
    assert receipt["status"] == 1
    assert bed.view("L2BridgeToken", "totalSupply", layer="l2") == 40
    before = bed.view("BridgeToken", "balanceOf", user)
    relay(bed, *bed.passed(receipt))
    assert bed.view("BridgeToken", "balanceOf", user) == before + 60
    assert bed.view("L1StandardBridge", "deposits", l1.address, l2.address) == 40


def test_nobody_poses_as_the_other_bridge(bed: Bed) -> None:
    only = "StandardBridge: function can only be called from the other bridge"
    bridge = bed["L1StandardBridge"]
    data = bridge.encode("finalizeBridgeETH", b"\xaa" * 20, b"\xaa" * 20, 0, b"")
    assert bed.refusal("attacker", bridge, data) == only
    assert bed.refusal("attacker", bed["L1CrossDomainMessenger"], bed["L1CrossDomainMessenger"].encode(
        "relayMessage", withdrawals.versioned(0), bed["L2StandardBridge"].address, bridge.address, 0, 0, data
    )) == "CrossDomainMessenger: message cannot be replayed"  # fmt: skip
    # A message from L2 by somebody else, relayed to the bridge, is refused there and kept as failed.
    messenger = bed["L2CrossDomainMessenger"]
    sent = bed.send("l2", "attacker", messenger, messenger.encode("sendMessage", bridge.address, data, 200_000))
    withdrawal, block = bed.passed(sent)
    done = relay(bed, withdrawal, block)
    assert len(events(bed, "L1CrossDomainMessenger", "FailedRelayedMessage", done)) == 1


def test_a_message_that_fails_can_be_tried_again(bed: Bed) -> None:
    # The target has no code on L1 that takes this call yet: the portal's configuration, paused, refuses.
    messenger, config = bed["L2CrossDomainMessenger"], bed["SuperchainConfig"]
    bridge = bed["L1StandardBridge"]
    name, user = "bridge-user-2", bed.stack.account("bridge-user-2", "l1").address
    bed.call(name, bridge, "depositETH", 200_000, b"", value=ETHER)
    bed.step(30)
    l2_bridge = bed["L2StandardBridge"]
    sent = bed.send("l2", name, l2_bridge, l2_bridge.encode("bridgeETHTo", bridge.address, 0, b""), value=7)
    withdrawal, block = bed.passed(sent)
    done = relay(bed, withdrawal, block)
    assert portal.finalized_from_log(*done["logs"][-1][1:])[1] is True  # the messenger took it
    [failed] = events(bed, "L1CrossDomainMessenger", "FailedRelayedMessage", done)
    l1_messenger = bed["L1CrossDomainMessenger"]
    # The hash of a message is that of the call that relays it, which is the withdrawal's data.
    assert failed["msgHash"] == _core.keccak256(withdrawal.data)
    assert bed.view("L1CrossDomainMessenger", "failedMessages", failed["msgHash"]) is True
    again = bed.send("l1", "victim", l1_messenger, withdrawal.data)
    assert again["status"] == 1
    assert events(bed, "L1CrossDomainMessenger", "FailedRelayedMessage", again) == [failed]  # to self: never
    assert balance(bed, "l1", l1_messenger.address) == 7
    assert bed.refusal("victim", l1_messenger, withdrawal.data, value=1) == (
        "CrossDomainMessenger: value must be zero unless message is from a system address"
    )
    bed.call("guardian-1", config, "pause", "")
    assert bed.refusal("victim", l1_messenger, withdrawal.data) == "CrossDomainMessenger: paused"
    assert messenger.address != l1_messenger.address
    assert user != bytes(20)


# Predeploys.


@pytest.mark.parametrize("form", ["ecotone", "isthmus", "jovian"])
def test_l1_block_reads_every_form_of_the_attributes(fresh: Bed, form: str) -> None:
    contract = fresh["L1Block"]
    names = {
        "number": ("number", 64), "timestamp": ("timestamp", 64), "base_fee": ("basefee", 256),
        "block_hash": ("hash", 0), "sequence_number": ("sequenceNumber", 64), "batcher_hash": ("batcherHash", 0),
        "blob_base_fee": ("blobBaseFee", 256), "base_fee_scalar": ("baseFeeScalar", 32),
        "blob_base_fee_scalar": ("blobBaseFeeScalar", 32),
    }  # fmt: skip
    if form != "ecotone":
        names |= {
            "operator_fee_scalar": ("operatorFeeScalar", 32),
            "operator_fee_constant": ("operatorFeeConstant", 64),
        }
    if form == "jovian":
        names["da_footprint_gas_scalar"] = ("daFootprintGasScalar", 16)
    values: dict[str, Any] = {
        field: bytes([index + 1]) * 32 if bits == 0 else (1 << bits) - 1 - index
        for index, (field, (_, bits)) in enumerate(names.items())
    }
    data = l1_attributes.encode(l1_attributes.L1Attributes(**values), form)
    chain = fresh.stack.l2.branch()
    refused = chain.call(contract.address, data, sender=b"\xaa" * 20)
    assert contract.reason(refused.output) == "NotDepositor()"
    state = written(chain, contract.address, data)
    for field, (getter, _) in names.items():
        [found] = contract.decode(getter, call_at(chain, state, contract, getter))
        assert found == values[field], getter


def written(chain: Any, to: bytes, data: bytes) -> Block:
    """A block whose first transaction says this about L1, in place of what the sequencer says."""
    from rollproof.lab.transaction import deposit as raw_deposit

    raw = raw_deposit(b"\x01" * 32, L1_ATTRIBUTES_DEPOSITOR, to, gas=1_000_000, data=data)
    built = chain.build([raw], timestamp=chain.head.timestamp + 2)
    assert built.block.outcomes[0]["status"] == 1
    chain.append(built.block)
    return built.block  # type: ignore[no-any-return]


def call_at(chain: Any, block: Block, contract: Contract, function: str, *arguments: Any) -> bytes:
    return bytes(chain.call(contract.address, contract.encode(function, *arguments), at=block).output)


def test_the_gas_price_oracle_says_what_a_transaction_pays(bed: Bed) -> None:
    oracle, stack = bed["GasPriceOracle"], bed.stack
    sender = stack.account("victim", "l2").address
    for size in (0, 40, 900, 4_000):
        data = bytes(stack.rng(f"size {size}").getrandbits(8) for _ in range(size))
        fee = stack.l2.account(sender)[1]
        hashed = stack.send("l2", "victim", b"\xdd" * 20, data=data, value=1, gas=400_000, tip=0)
        pending = stack.l2_pool.get(hashed)
        assert pending is not None
        bed.step()
        receipt = stack.receipt("l2", hashed)
        assert receipt is not None and receipt["status"] == 1
        head = stack.l2.head
        gas = receipt["gas_used"] * (head.header.base_fee or 0)
        operator = call_at(stack.l2, head, oracle, "getOperatorFee", receipt["gas_used"])
        upfront = fee - stack.l2.account(sender)[1] - 1 - gas - int.from_bytes(operator, "big")
        # The oracle is asked about the unsigned transaction and adds 68 bytes for the signature, so it is exact only
        # where the size's lower bound holds; the upper bound always is one.
        l1_fee = int.from_bytes(call_at(stack.l2, head, oracle, "getL1Fee", pending.raw[:-67]), "big")
        bound = int.from_bytes(call_at(stack.l2, head, oracle, "getL1FeeUpperBound", len(pending.raw)), "big")
        assert upfront <= bound
        assert l1_fee == upfront if size <= 40 else abs(l1_fee - upfront) * 10 <= upfront


def test_the_compressed_size_is_fast_lz_s(fresh: Bed) -> None:
    oracle, chain = fresh["GasPriceOracle"], fresh.stack.l2

    @given(
        st.binary(max_size=600)
        | st.lists(st.sampled_from([b"abcabcabc", b"\0" * 300, b"xyz", b"q"]), max_size=12).map(b"".join)
    )
    @settings(max_examples=50, deadline=None, database=None)
    def same(data: bytes) -> None:
        # getL1GasUsed is the estimated size times 16: max(100, -42.5856 + 0.8365 * compressed).
        estimate = max(100_000_000, -42_585_600 + 836_500 * (fastlz_size(data) + 68))
        call = chain.call(oracle.address, oracle.encode("getL1GasUsed", data))
        assert oracle.decode("getL1GasUsed", call.output) == (estimate * 16 // 10**6,)

    same()


def test_fees_are_paid_out_on_l1(bed: Bed) -> None:
    vault = Contract.load("FeeVault").at(SEQUENCER_FEE_VAULT)
    withdraw = vault.encode("withdraw")
    early = bed.stack.l2.call(vault.address, withdraw)
    assert vault.reason(early.output).startswith("FeeVault: withdrawal amount must be greater than minimum")
    bed.send("l2", "victim", vault, value=2 * ETHER)
    receipt = bed.send("l2", "bystander", vault, withdraw)
    withdrawal, _ = bed.passed(receipt)
    assert withdrawal.target == bed.stack.account("deployer", "l1").address
    assert withdrawal.value >= 2 * ETHER
    assert bed.stack.view("l2", vault, "totalProcessed") == (withdrawal.value,)


def test_ether_that_left_can_be_burnt(bed: Bed) -> None:
    bed.withdraw("victim", 5 * ETHER, b"\xbb" * 20)
    passer = bed["L2ToL1MessagePasser"]
    assert balance(bed, "l2", passer.address) == 5 * ETHER
    root = bed.stack.l2.account(passer.address)[2]
    assert bed.send("l2", "bystander", passer, passer.encode("burn"))["status"] == 1
    assert balance(bed, "l2", passer.address) == 0
    assert bed.stack.l2.account(passer.address)[2] == root


def test_wrapped_ether_is_one_for_one(bed: Bed) -> None:
    weth, user = bed["WETH"], bed.stack.account("victim", "l2").address
    bed.send("l2", "victim", weth, value=5)
    assert bed.send("l2", "victim", weth, weth.encode("withdraw", 2))["status"] == 1
    assert bed.stack.view("l2", weth, "balanceOf", user) == (3,)
    assert bed.send("l2", "victim", weth, weth.encode("withdraw", 4))["status"] == 0
    assert bed.stack.view("l2", weth, "totalSupply") == (3,)
