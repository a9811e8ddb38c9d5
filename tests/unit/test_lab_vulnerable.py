"""Every exploit takes what it should from the weak contract, to the unit, and nothing from the corrected twin."""

from __future__ import annotations

import pytest

from rollproof.errors import Missing, Unsupported
from rollproof.lab import multisig
from rollproof.lab.actors.arbitrageur import amount_out
from rollproof.lab.actors.attacker import Attacker
from rollproof.lab.actors.exploits import EXPLOITS, begin
from rollproof.lab.actors.liquidity_provider import reserves
from rollproof.lab.contract import Contract
from rollproof.lab.faults import contract as contract_faults
from rollproof.lab.faults import fault
from rollproof.lab.stack import Stack
from rollproof.replay.verify import verify_claim
from rollproof.types import Outcome
from unit.defi_lab import ETHER, USD, Lab, events

# What the weak contract loses, and the attacker gains of the same asset, where plain arithmetic says it.
TAKEN = {
    "reentrancy": 150 * ETHER,  # a stake of 10, paid out 15 times too often
    "reentrancy-cross-function": 180 * ETHER,  # 20, nine times
    "reentrancy-cross-contract": 180 * ETHER,
    "reentrancy-token-hook": 100 * ETHER,  # all: 10 doubles four times over, less than the bank is asked for
    "unprotected-initialiser": 500_000 * USD,
    "unprotected-upgrade": 500_000 * USD,
    "unchecked-call": 500_000 * USD,
    "governance-drain": 4_950_000 * USD,  # what is left pays the grants that are decided before
    "governance-upgrade": 5_000_000 * USD,
    "multisig-takeover": 2_000_000 * USD,
}
OWN_DEFENCE = ("governance-drain", "governance-upgrade", "multisig-takeover")  # the same contracts, defended
FEES = ETHER // 100  # more than all gas of an exploit costs


@pytest.fixture
def lab() -> Lab:
    return Lab(full=True)


def victim(lab: Lab, name: str, *, fixed: bool) -> bytes:
    exploit = EXPLOITS[name]
    return lab[exploit.victim + ("Fixed" if fixed and name not in OWN_DEFENCE else "")].address


@pytest.mark.parametrize("name", TAKEN)
def test_takes_from_the_weak_one(lab: Lab, name: str) -> None:
    robbed, asset, thief = victim(lab, name, fixed=False), EXPLOITS[name].asset, lab.address("attacker")
    before, own = lab.held(robbed, asset), lab.held(thief, asset)
    receipts = lab.exploit(name)
    assert all(each is not None and each["status"] == 1 for each in receipts)
    assert lab.held(robbed, asset) == before - TAKEN[name]
    gained = lab.held(thief, asset) - own
    assert TAKEN[name] - FEES < gained <= TAKEN[name] if asset == "ETH" else gained == TAKEN[name]


@pytest.mark.parametrize("name", [*TAKEN, "price-manipulation", "reentrancy-read-only"])
def test_takes_nothing_from_the_corrected_one(lab: Lab, name: str) -> None:
    spared, asset, thief = victim(lab, name, fixed=True), EXPLOITS[name].asset, lab.address("attacker")
    before, own = lab.held(spared, asset), lab.held(thief, asset)
    assert before > 0
    receipts = lab.exploit(name, fixed=True)
    assert any(each is not None and each["status"] == 0 for each in receipts)
    assert lab.held(spared, asset) == before
    assert lab.held(thief, asset) <= own


def test_read_only_reentrancy_leaves_a_loan_without_cover(lab: Lab) -> None:
    # Pool: 1000 and 1000. The attacker adds 9000 and 9000, keeps 2 % of its 18,000 shares, takes the rest back. While
    # it is paid, the pool has its ether less, and all of its tokens still.
    kept, removed = 360 * ETHER, 17_640 * ETHER
    price = (10_000 * ETHER - 10_000 * removed // 20_000 + 10_000 * ETHER) * ETHER // (20_000 * ETHER - removed)
    lent = kept * price // ETHER * 9_000 // 10_000
    lender, thief = lab["ShareLender"], lab.address("attacker")
    before = lab.held(thief) + lab.held(thief, "StakedEther"), lab.held(lender.address, "StakedEther")
    assert lab.exploit("reentrancy-read-only")[-1] is not None
    assert lab.held(lender.address, "StakedEther") == before[1] - lent
    # Back at rest a share is worth what it was: one. What it lent against is worth a quarter of what it lent.
    assert lab.view(lab["StablePool"], "virtualPrice") == ETHER
    assert lent > 4 * kept
    gained = lab.held(thief) + lab.held(thief, "StakedEther") - before[0]
    assert lent - kept - FEES < gained <= lent - kept


def test_price_manipulation_by_the_pair_s_own_arithmetic(lab: Lab) -> None:
    loan, pledged = 6_000_000 * USD, 120 * ETHER
    ether, dollars = reserves(lab.stack)
    bought = amount_out(loan, dollars, ether)
    price = (dollars + loan) * ETHER // (ether - bought)
    cash = lab.view(lab["SpotLendingPool"], "cash")
    assert pledged * price // ETHER * 7_500 // 10_000 > cash  # so that all of it can be borrowed
    sold = amount_out(bought - pledged, ether - bought, dollars + loan)
    thief = lab.address("attacker")
    lab.exploit("price-manipulation")
    assert lab.view(lab["SpotLendingPool"], "cash") == 0
    assert lab.held(thief, "USDC") == cash + sold - loan - loan * 5 // 10_000
    honest = lab.view(lab["FeedOracle"], "price")
    assert pledged * honest // ETHER < cash  # what it left behind does not cover what it took


def test_price_manipulation_finds_no_profit_at_the_feed_s_price(lab: Lab) -> None:
    attempt = begin(lab.stack, "price-manipulation", fixed=True)
    attempt.advance()
    lab.stack.step()
    [attack] = [each for name, each in lab.stack.deployed.items() if name.startswith("PriceAttack")]
    failed = lab.stack.receipt("l2", attempt.core[0])
    assert failed is not None
    assert attack.reason(failed["output"]).startswith("NoProfit(")


@pytest.mark.parametrize("dust", [600, 0])
def test_dust_is_what_keeps_a_loan_from_being_liquidated(lab: Lab, dust: int) -> None:
    book, keeper = lab["LoanBook"], lab.address("liquidator")
    price = lab.view(lab["LoanOracle"], "price")
    debt = 400 * price * 7_499 // 10_000
    before = lab.held(book.address, "USDC"), lab.held(keeper)
    last = lab.exploit("unbounded-liquidation", dust=dust)[-1]
    assert last is not None
    if dust:
        assert (last["status"], last["gas_used"]) == (0, 55_000_000)
        assert lab.view(book, "count") == dust + 1
        # The price fell by 40 %: what is left in the book does not cover what is gone from it.
        lost = before[0] - lab.held(book.address, "USDC")
        assert lost == debt + dust * 1_000
        assert lab.held(book.address) * (price * 6_000 // 10_000) // ETHER < lost
    else:
        assert last["status"] == 1
        assert lab.view(book, "count") == 0
        assert lab.held(book.address, "USDC") == before[0]
        assert lab.held(keeper) > before[1] + 399 * ETHER


def test_loans_one_at_a_time_can_be_liquidated(lab: Lab) -> None:
    book = lab["LoanBookFixed"]
    before = lab.held(book.address, "USDC")
    receipts = lab.exploit("unbounded-liquidation", fixed=True)
    assert receipts[0] is not None
    assert receipts[0]["status"] == 0  # too small
    assert lab.view(book, "count") == 0
    assert lab.held(book.address, "USDC") == before


def test_corrected_ones_do_their_work(lab: Lab) -> None:
    for name in ("EtherBankFixed", "TransferableBankFixed", "ShareVaultFixed"):
        before = lab.held(lab.address("victim"))
        lab.ok("victim", lab[name], "withdraw")
        assert before + 100 * ETHER - FEES < lab.held(lab.address("victim")) < before + 100 * ETHER
    usdc, owner = lab["USDC"].address, lab.address("deployer")
    for name in ("OwnedVaultFixed", "SelfUpgradingVaultFixed"):
        lab.ok("deployer", lab[name], "sweep", usdc, owner, 7)
    assert lab.held(owner, "USDC") == 14
    other = lab.deploy("other code", "SelfUpgradingVaultFixed")
    lab.ok("deployer", lab["SelfUpgradingVaultFixed"], "upgradeTo", other.address)
    lab.ok("victim", lab["TokenVaultFixed"], "withdraw", 500_000 * USD)
    lab.ok("victim", lab["CallbackBankFixed"], "withdraw", 100 * ETHER)
    pool, lender = lab["StablePoolFixed"], lab["ShareLenderFixed"]
    lab.ok("liquidity-provider", pool, "approve", lender.address, 100 * ETHER)
    lab.ok("liquidity-provider", lender, "borrow", 100 * ETHER, 90 * ETHER)
    assert lab.refused("liquidity-provider", lender, "borrow", 0, 1).startswith("Undercollateralised")
    lab.ok("liquidity-provider", lab["StakedEther"], "approve", lender.address, 90 * ETHER)
    lab.ok("liquidity-provider", lender, "repay")
    lab.ok("liquidity-provider", pool, "removeLiquidity", 2_000 * ETHER)
    assert lab.held(pool.address) == 0
    book = lab["LoanBookFixed"]
    lab.ok("victim", book, "open", 1_000 * USD, value=10 * ETHER)
    assert lab.refused("liquidator", book, "liquidate", 0).startswith("Healthy")
    assert lab.refused("bystander", book, "close", 0).startswith("NotYours")
    lab.ok("victim", lab["USDC"], "approve", book.address, 1_000 * USD)
    lab.ok("victim", book, "close", 0)


def test_corrected_code_belongs_to_nobody(lab: Lab) -> None:
    for name in ("OwnedVaultFixed", "OwnedVaultFixedCode", "TreasuryCode"):
        refused = lab.refused("attacker", lab[name], "initialize", lab.address("attacker"))
        assert refused == "AlreadyInitialised()"
    setup = ([lab.address("attacker")], 1, bytes(20), b"", bytes(20), bytes(20), 0, bytes(20))
    assert lab.refused("attacker", lab["GuardianSafeSingleton"], "setup", *setup) == "GS200"
    assert lab.refused("attacker", lab["GuardianSafe"], "setup", *setup) == "GS200"


def test_governance_can_be_seen_coming_and_cancelled(lab: Lab) -> None:
    timelock, treasury = lab["Timelock"], lab["Treasury"]
    attempt = begin(lab.stack, "governance-upgrade", fixed=True)
    scheduled, cancelled = None, None
    for _ in range(60):
        attempt.advance()
        lab.stack.step()
        block = lab.stack.l2.head
        for outcome in block.outcomes:
            if found := events(timelock, "CallScheduled", outcome):
                scheduled = (block, found[0])
            if events(timelock, "Cancelled", outcome):
                cancelled = block
    assert scheduled is not None
    assert cancelled is not None
    assert scheduled[1]["target"] == treasury.address
    assert cancelled.timestamp < scheduled[0].timestamp + scheduled[1]["delay"]
    assert attempt.done
    assert lab.held(treasury.address, "USDC") == 5_000_000 * USD


def test_a_stolen_safe_runs_the_thief_s_code(lab: Lab) -> None:
    safe = lab["GuardianSafe"]
    assert lab.stack.l2.storage(safe.address, 0) == int.from_bytes(lab["GuardianSafeSingleton"].address, "big")
    lab.exploit("multisig-takeover")
    [code] = [each for name, each in lab.stack.deployed.items() if name.startswith("DrainingVault")]
    assert lab.stack.l2.storage(safe.address, 0) == int.from_bytes(code.address, "big")


def test_one_key_is_not_enough(lab: Lab) -> None:
    attempt = begin(lab.stack, "multisig-takeover", parameters={"keys": 1})
    attempt.advance()
    lab.stack.step()
    failed = lab.stack.receipt("l2", attempt.core[0])
    assert failed is not None
    assert lab["GuardianSafe"].reason(failed["output"]) == "GS020"


def test_only_its_operator_runs_an_attack(lab: Lab) -> None:
    attempt = begin(lab.stack, "reentrancy")
    attempt.advance()
    lab.stack.step()
    [attack] = [each for name, each in lab.stack.deployed.items() if name.startswith("ReentrancyAttack")]
    assert lab.refused("bystander", attack, "run", 0).startswith("OnlyOperator")
    assert lab.refused("bystander", attack, "collect", []).startswith("OnlyOperator")


def test_the_attacker_does_what_it_is_told(lab: Lab) -> None:
    attacker = Attacker()
    lab.stack.actors.append(attacker)
    before = lab.stack.next_nonce("l2", lab.stack.account("attacker", "l2"))
    lab.stack.run(3)
    assert lab.stack.next_nonce("l2", lab.stack.account("attacker", "l2")) == before
    bank = lab.held(lab["EtherBank"].address)
    attacker.tell(lab.stack, "reentrancy", rounds=3, stake=ETHER)
    attacker.tell(lab.stack, "unchecked-call")
    lab.stack.run(5)
    assert all(each.done for each in attacker.attempts)
    assert lab.held(lab["EtherBank"].address) == bank - 3 * ETHER
    assert lab.held(lab["TokenVault"].address, "USDC") == 0
    with pytest.raises(Unsupported, match="no exploit 'reentrancies'; there are reentrancy, "):
        attacker.tell(lab.stack, "reentrancies")
    with pytest.raises(Unsupported, match="reentrancy has no parameter 'steak'; there are rounds, stake"):
        attacker.tell(lab.stack, "reentrancy", steak=1)


# Faults.


def test_every_exploit_is_a_fault() -> None:
    known = {name for name, kind in fault.registered().items() if kind.__module__ == contract_faults.__name__}
    assert known == set(EXPLOITS)


@pytest.mark.parametrize("name", EXPLOITS)
def test_fault_declares_the_blocks_that_hold_it(lab: Lab, name: str) -> None:
    made = fault.make(name, {})
    assert isinstance(made, contract_faults.ContractExploit)
    chain, first = lab.stack.l2, lab.stack.l2.head.number
    lab.stack.inject(made)
    lab.stack.run(30)
    assert made.attempt.done
    held = {block.number for number in range(first + 1, chain.head.number + 1) if (block := chain.block(number))
            and set(block.hashes) & set(made.attempt.core)}  # fmt: skip
    assert held
    assert {each.number for each in made.effects} == held
    for effect in made.effects:
        block = chain.block(effect.number)
        assert block is not None
        assert (effect.layer, effect.hash, effect.outcome) == ("l2", block.hash, Outcome.HOLDS)
        named = {each.key for each in effect.expected if each.scope == "subject"}
        assert f"0x{victim(lab, name, fixed=False).hex()}" in named
        # The block is valid: only what is in it is wrong.
        verdict = verify_claim(chain.claim(block), chain.preimages, config=chain.config, second_opinion="never")
        assert verdict.outcome is Outcome.HOLDS
    lab.stack.lift(made)
    lab.stack.run(2)
    assert lab.stack.l2.block(chain.head.number) is not None
    assert not set(chain.head.hashes) & set(made.attempt.sent)


def test_fault_against_a_corrected_contract_declares_nothing(lab: Lab) -> None:
    made = lab.stack.inject(fault.make("reentrancy", {"fixed": "true", "rounds": "3"}))
    lab.stack.run(5)
    assert made.effects == []
    assert lab.held(lab["EtherBankFixed"].address) == 200 * ETHER


def test_lifting_a_fault_ends_it(lab: Lab) -> None:
    made = lab.stack.inject(fault.make("governance-drain", {}))
    lab.stack.run(3)
    lab.stack.lift(made)
    lab.stack.run(40)
    assert lab.held(lab["Treasury"].address, "USDC") == 5_000_000 * USD


def test_without_a_fault_nobody_attacks(lab: Lab) -> None:
    first = lab.stack.l2.head.number
    lab.stack.run(10)
    sender = lab.address("attacker")
    for number in range(first + 1, lab.stack.l2.head.number + 1):
        block = lab.stack.l2.block(number)
        assert block is not None
        assert all(each["sender"] != sender for each in block.outcomes)


def test_fault_names_what_is_not_deployed() -> None:
    with pytest.raises(Missing, match="reentrancy: the lab has no EtherBank deployed"):
        Stack(0).inject(fault.make("reentrancy", {}))


def test_same_seed_same_chain() -> None:
    heads = []
    for _ in range(2):
        lab = Lab(full=True, seed=7)
        for name in ("reentrancy", "price-manipulation", "multisig-takeover"):
            lab.exploit(name)
        heads.append(lab.stack.l2.head.hash)
    assert heads[0] == heads[1]


def test_safe_s_hash_is_the_contract_s(lab: Lab) -> None:
    safe: Contract = lab["GuardianSafe"]
    to, data = b"\x11" * 20, b"anything"
    for value, operation, gas, nonce in ((0, 0, 0, 0), (5, 1, 100_000, 7)):
        asked = lab.view(safe, "getTransactionHash", to, value, data, operation, gas, 0, 0, bytes(20), bytes(20), nonce)
        assert asked == multisig.transaction_hash(
            1338, safe.address, to, data, nonce=nonce, value=value, operation=operation, safe_tx_gas=gas
        )
