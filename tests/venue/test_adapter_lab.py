"""The lab venue's adapter: against arithmetic done by hand, against an independent model, and over a node."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rollproof.chain import abi
from rollproof.chain.node import Node as Client
from rollproof.chain.rpc import Rpc
from rollproof.errors import Malformed, Missing, RollproofError, Unsupported
from rollproof.lab.node.node import Node
from rollproof.lab.node.server import Server
from rollproof.lab.stack import Stack
from rollproof.venue import adapters, lab_venue, perp_v2_views, token
from rollproof.venue.adapters import detect, named
from rollproof.venue.book import Mode
from rollproof.venue.lab_venue import ACCOUNT, ACCOUNT_AT, MARKET_COUNT, LabVenue
from rollproof.venue.node_reader import NodeReader
from rollproof.venue.perp_v2 import PerpV2
from rollproof.venue.reader import Reverted
from rollproof.venue.snapshot import Snapshot
from rollproof.venue.snapshot_book import book_of
from rollproof.venue.token import distinct
from rollproof.venue.view import View
from unit.venue_chain import FLAT, PRICES, VenueChain, config
from unit.venue_model import ONE, USD, Settings
from venue.chain_reader import ChainReader, Holes

ETH, BTC = 0, 1
DOLLAR = 10**8  # of the oracle
PRICE = 10**18
A, B, C, D = "trader-0", "trader-1", "trader-2", "trader-3"


def made() -> VenueChain:
    """No fees, no premium, no funding: A crosses 5 ETH and -0.1 BTC, B has 3 ETH isolated, C shorts 2 ETH, D waits."""
    venue = VenueChain([replace(FLAT, max_age=60)] * 2)
    assert venue.add_liquidity("provider", 1_000_000 * USD) is None
    assert venue.insure(50_000 * USD) is None
    for name, amount in ((A, 1_000), (B, 500), (C, 300), (D, 70)):
        assert venue.deposit(name, amount * USD) is None
    assert venue.trade(A, ETH, 5 * ONE) is None
    assert venue.trade(A, BTC, -ONE // 10) is None
    assert venue.trade(B, ETH, 3 * ONE, isolated=True, margin=200 * USD) is None
    assert venue.trade(C, ETH, -2 * ONE) is None
    venue.push(2_100 * DOLLAR, 61_000 * DOLLAR)
    return venue


@pytest.fixture(scope="module")
def base() -> VenueChain:
    return made()


@pytest.fixture
def venue(base: VenueChain) -> VenueChain:
    return base.branch()


@pytest.fixture(scope="module")
def busy() -> VenueChain:
    """With fees, premium and funding, a debt, and a liquidation behind it."""
    venue = VenueChain([Settings(max_age=0), Settings(max_age=0)])
    assert venue.add_liquidity("provider", 1_000_000 * USD) is None
    assert venue.insure(10 * USD) is None
    for name in (A, B, C, D):
        assert venue.deposit(name, 4_000 * USD) is None
    assert venue.trade(A, ETH, 40 * ONE) is None
    assert venue.trade(A, BTC, -ONE) is None
    assert venue.trade(B, ETH, -30 * ONE, isolated=True, margin=3_000 * USD) is None
    assert venue.trade(B, BTC, ONE // 2) is None
    assert venue.trade(C, BTC, 2 * ONE) is None
    assert venue.trade(D, ETH, -3 * ONE) is None
    venue.wait(10_000)
    venue.push(1_890 * DOLLAR, 58_600 * DOLLAR)
    assert venue.liquidate(BTC, C) is None
    venue.push(1_890 * DOLLAR, 57_000 * DOLLAR)
    assert venue.close(A, ETH) is None
    venue.wait(5_000)
    venue.push(1_960 * DOLLAR, 58_700 * DOLLAR)
    assert venue.model.accounts[venue.address(A)].debt > 0
    assert venue.model.fund not in (0, 10 * USD)
    venue.agree()
    return venue


def read(venue: VenueChain) -> Snapshot:
    return LabVenue().read(ChainReader(venue.chain), venue.venue.address)


def test_what_is_read_is_what_was_done(venue: VenueChain) -> None:
    """Every figure by hand, at 2,100 and 61,000 after trades at 2,000 and 60,000."""
    found = read(venue)
    assert (found.chain_id, found.number) == (venue.chain.config.chain_id, venue.chain.head.number)
    assert found.timestamp == venue.chain.head.timestamp
    assert (found.collateral.address, found.collateral.symbol, found.collateral.decimals) == (
        venue.usdc.address, "USDC", 6,
    )  # fmt: skip
    assert [each.symbol for each in found.markets] == ["ETH-USD", "BTC-USD"]
    assert [each.mark_price for each in found.markets] == [2_100 * PRICE, 61_000 * PRICE]
    assert [each.index_price for each in found.markets] == [2_100 * PRICE, 61_000 * PRICE]
    assert [(each.longs, each.shorts) for each in found.markets] == [(8 * ONE, 2 * ONE), (0, ONE // 10)]
    assert (found.pool, found.insurance_fund, found.bad_debt) == (1_000_000 * USD, 50_000 * USD, 0)
    # Traders are up 5 * 100 - 0.1 * 1,000 + 3 * 100 - 2 * 100 = 500.
    assert found.pool_equity == 999_500 * USD
    assert found.held == (1_000_000 + 50_000 + 1_000 + 500 + 300 + 70) * USD
    assert (found.unread, found.unlisted) == ({}, "")
    by_name = {each.address: each for each in found.accounts}
    assert set(by_name) == {venue.address(name) for name in (A, B, C, D)}
    a, b, c, d = (by_name[venue.address(name)] for name in (A, B, C, D))
    assert (a.balance, a.debt, a.equity) == (1_000 * USD, 0, 1_400 * USD)
    # Notional 10,500 and 6,100; 2 % and 1 %.
    assert (a.initial, a.maintenance) == (332 * USD, 166 * USD)
    assert a.free == 1_000 * USD
    eth, btc = a.positions
    assert (eth.market, eth.size, eth.isolated, eth.margin) == ("ETH-USD", 5 * ONE, False, 0)
    assert (eth.entry_price, eth.profit, eth.notional) == (2_000 * PRICE, 500 * USD, 10_500 * USD)
    assert (eth.initial, eth.maintenance) == (210 * USD, 105 * USD)
    assert eth.bankruptcy_price == 1_820 * PRICE  # 2,100 - 1,400 / 5
    assert (btc.size, btc.profit, btc.bankruptcy_price) == (-ONE // 10, -100 * USD, 75_000 * PRICE)
    assert (b.balance, b.equity, b.initial, b.maintenance) == (300 * USD, 300 * USD, 0, 0)
    [isolated] = b.positions
    assert (isolated.isolated, isolated.margin, isolated.profit) == (True, 200 * USD, 300 * USD)
    assert isolated.bankruptcy_price == 1_933_333_333_34 * PRICE // 10**8  # 2,000 - 200 / 3, up to the oracle's tick
    assert (b.total, b.free) == (800 * USD, 300 * USD)
    # C: 300 - 200 of equity; 4,200 of notional.
    assert (c.equity, c.initial, c.free) == (100 * USD, 84 * USD, 16 * USD)
    assert (d.balance, d.positions, d.free) == (70 * USD, (), 70 * USD)
    assert not any(each.liquidatable for each in found.accounts)


@pytest.mark.parametrize(("name", "free"), [(A, 1_000), (B, 300), (C, 16), (D, 70)])
def test_the_venue_pays_what_is_free_and_no_unit_more(venue: VenueChain, name: str, free: int) -> None:
    assert venue.branch().withdraw(name, free * USD) is None
    assert venue.withdraw(name, free * USD + 1) in ("InsufficientMargin", "InsufficientBalance")


def test_a_price_is_stale_one_second_after_its_age(venue: VenueChain) -> None:
    assert not any(each.stale for each in read(venue).markets)
    venue.wait(61 - 2)  # the next block is two seconds later by itself
    assert venue.deposit(D, 1) is None
    assert all(each.stale for each in read(venue).markets)


def test_who_may_be_liquidated_is_what_the_venue_says(venue: VenueChain) -> None:
    """C's 300 - 2 (p - 2,000) is 1 % of 2 p at 4,300 / 2.02 = 2,128.71; B's 200 + 3 (p - 2,000) at 1,952.86."""
    for eth, short in ((2_127, set()), (2_129, {C}), (1_953, set()), (1_952, {B})):
        moved = venue.branch()
        moved.push(eth * DOLLAR, 61_000 * DOLLAR)
        found = {each.address: each.liquidatable for each in read(moved).accounts}
        assert found == {moved.address(name): (("ETH-USD",) if name in short else ()) for name in (A, B, C, D)}, eth
        for name in (A, B, C, D):
            said = moved.view("liquidatable", moved.address(name))
            assert bool(said) == bool(found[moved.address(name)])


def test_the_whole_state_is_the_models(busy: VenueChain) -> None:
    """Funding, premium, fees, a liquidation: `venue_model` was written from the rules, not from this code."""
    found, model = read(busy), busy.model
    assert (found.pool, found.insurance_fund, found.bad_debt) == (model.pool, model.fund, model.bad_debt)
    assert (found.pool_equity, found.held) == (model.pool_equity(), model.holdings())
    assert {each.address for each in found.accounts} == set(model.accounts)
    assert found.held == model.pool + model.fund + sum(
        each.balance + sum(position.margin for position in each.positions) for each in found.accounts
    )
    for index, market in enumerate(found.markets):
        assert market.mark_price == model.mark(index) * 10**10
        assert (market.longs, market.shorts) == model.sides(index)
    for account in found.accounts:
        its = model.accounts[account.address]
        assert (account.balance, account.debt) == (its.balance, its.debt)
        assert (account.equity, account.initial, account.maintenance) == model.health(account.address)
        assert {busy_index(each.market) for each in account.positions} == set(its.positions)
        for each in account.positions:
            number = busy_index(each.market)
            position = its.positions[number]
            assert (each.size, each.isolated, each.margin) == (position.size, position.isolated, position.margin)
            assert (each.profit, each.initial, each.maintenance) == model.weighed(number, position)
            assert each.notional == model.notional(position, model.mark(number))
            price = model.bankruptcy_price(number, account.address)
            assert each.bankruptcy_price == (price * 10**10 if price else None)


def busy_index(symbol: str) -> int:
    return {"ETH-USD": ETH, "BTC-USD": BTC}[symbol]


# Over a node.


@pytest.fixture
def client(venue: VenueChain) -> Iterator[Client]:
    with Server(Node(venue.chain)) as server, Rpc(server.url) as rpc:
        yield Client(rpc)


def test_over_a_node_it_is_the_same(venue: VenueChain, client: Client) -> None:
    here = ChainReader(venue.chain)
    there = NodeReader.at(client)
    assert there.number == here.number
    snapshot = LabVenue().read(there, venue.venue.address)
    assert snapshot == LabVenue().read(here, venue.venue.address)
    # Some two dozen questions an account, in few requests.
    assert client.rpc.usage.requests < 20
    for slot in range(8):
        assert there.storage(venue.venue.address, slot) == venue.chain.storage(venue.venue.address, slot)


def test_a_reader_stays_at_its_block(venue: VenueChain, client: Client) -> None:
    before = NodeReader.at(client)
    first = LabVenue().read(before, venue.venue.address)
    venue.push(1_900 * DOLLAR, PRICES[BTC])
    assert LabVenue().read(before, venue.venue.address) == first
    after = LabVenue().read(NodeReader.at(client), venue.venue.address)
    assert after.markets[ETH].mark_price == 1_900 * PRICE
    assert after.number == first.number + 1


def test_a_revert_is_told_from_what_is_not_served(venue: VenueChain, client: Client) -> None:
    reader = NodeReader.at(client)
    market = View("market", ("uint256",))
    with pytest.raises(Reverted, match=r"^market of 0x"):
        market.ask(reader, venue.venue.address, 7)
    assert client.rpc.usage.retries == 0
    with pytest.raises(Malformed, match=r"decimals of 0x(ee){20}: "):
        View("decimals").ask(reader, b"\xee" * 20)  # no code there


# Detection.


def test_a_venue_is_recognised_and_anything_else_is_refused_by_name(venue: VenueChain, client: Client) -> None:
    for reader in (ChainReader(venue.chain), NodeReader.at(client)):
        assert detect(reader, venue.venue.address).name == "lab"
        for other in (venue.usdc.address, venue.oracle.address, venue.address(A), bytes(20)):
            with pytest.raises(Unsupported, match=f"0x{other.hex()} at block .* lab, perp-v2"):
                detect(reader, other)


def test_what_could_not_be_asked_is_not_another_contract(venue: VenueChain) -> None:
    with pytest.raises(Missing):
        detect(Holes(ChainReader(venue.chain), lambda data: data == MARKET_COUNT.encode()), venue.venue.address)


def test_adapters_are_refused_by_name() -> None:
    assert named("lab").name == "lab"
    assert named("perp-v2", accounts=[bytes(20)]).name == "perp-v2"
    assert {named(name).name for name in adapters.NAMES} == set(adapters.NAMES)
    with pytest.raises(Unsupported, match="no adapter 'gmx': lab, perp-v2"):
        named("gmx")
    with pytest.raises(Unsupported, match="lists its accounts itself"):
        named("lab", accounts=[bytes(20)])


# What is not there.


def test_an_account_that_is_not_there_is_named(venue: VenueChain) -> None:
    who = venue.address(B)
    holes = Holes(ChainReader(venue.chain), lambda data: data == ACCOUNT.encode(who))
    found = LabVenue().read(holes, venue.venue.address)
    assert found.unread == {who: "not in the evidence"}
    assert {each.address for each in found.accounts} == {venue.address(name) for name in (A, C, D)}
    with pytest.raises(Missing, match=f"could not be read: 1, 0x{who.hex()}"):
        book_of(found, "lab")
    book, _ = book_of(found, "lab", partial=True)
    assert book.rows == 3


def test_a_position_that_is_not_there_takes_its_account_along(venue: VenueChain) -> None:
    who = venue.address(A)
    holes = Holes(ChainReader(venue.chain), lambda data: data[:4] == POSITION and data.endswith(who))
    found = LabVenue().read(holes, venue.venue.address)
    assert set(found.unread) == {who}
    assert len(found.accounts) == 3


POSITION = abi.selector("position(uint256,address)")


def test_an_account_without_a_name_is_said(venue: VenueChain) -> None:
    holes = Holes(ChainReader(venue.chain), lambda data: data == ACCOUNT_AT.encode(2))
    found = LabVenue().read(holes, venue.venue.address)
    assert found.unlisted.startswith("1 of 4 accounts are not named: not in the evidence")
    assert len(found.accounts) == 3


def test_a_market_without_a_price_is_no_snapshot(venue: VenueChain) -> None:
    feed = venue._deploy("PriceFeed", venue.oracle.address, b"SOL-USD".ljust(32, b"\0"))
    assert (
        venue.send("owner", venue.venue, "addMarket", b"SOL-USD".ljust(32, b"\0"), config(feed.address, FLAT)) is None
    )
    with pytest.raises(Reverted):
        read(venue)


class Lying(ChainReader):
    """Answers some calls with what it likes."""

    answers: dict[bytes, bytes]

    def call(self, to: bytes, data: bytes) -> bytes:
        return self.answers.get(data[:4]) or super().call(to, data)


@pytest.mark.parametrize(
    ("signature", "types", "values", "message"),
    [
        ("marketCount()", ["uint256"], [17], "17 markets"),
        ("accountCount()", ["uint256"], [2**255], "more than 16 and 200000"),
        ("decimals()", ["uint256"], [19], "19 decimals"),
        ("decimals()", ["uint256"], [256], "decimals of 0x"),
        ("poolEquity()", ["bytes1"], [b"\1"], ""),
        ("market(uint256)", ["uint256"], [1], "market of 0x"),
    ],
)
def test_answers_out_of_bounds_are_refused(
    venue: VenueChain, signature: str, types: list[str], values: list[int], message: str
) -> None:
    reader = Lying(venue.chain)
    reader.answers = {abi.selector(signature): abi.encode(types, values)}
    if not message:
        assert LabVenue().read(reader, venue.venue.address).pool_equity == -(2**255) + 2**248 * 0x81
        return
    with pytest.raises(Malformed, match=message):
        LabVenue().read(reader, venue.venue.address)


def test_a_bit_for_a_market_that_is_not_there_is_no_clean_account(venue: VenueChain) -> None:
    reader = Lying(venue.chain)
    reader.answers = {abi.selector("marketsOf(address)"): abi.encode(["uint256", "uint256"], [4, 0])}
    found = LabVenue().read(reader, venue.venue.address)
    assert found.accounts == ()
    assert set(found.unread.values()) == {"a position in market 2, of 2"}


@pytest.mark.parametrize(
    ("name", "shown"), [(b"DAI", "DAI"), (b"", "0x"), (b"\x1b[2J", "0x"), (b"x" * 33, "0x"), ("é".encode(), "0x")]
)
def test_a_tokens_name_is_untrusted(venue: VenueChain, name: bytes, shown: str) -> None:
    reader = Lying(venue.chain)
    reader.answers = {abi.selector("symbol()"): abi.encode(["bytes"], [name])}
    symbol = LabVenue().read(reader, venue.venue.address).collateral.symbol
    assert symbol == (shown if shown != "0x" else f"0x{venue.usdc.address.hex()}")


# As a book.


def test_the_book_has_the_venues_equity(busy: VenueChain, venue: VenueChain) -> None:
    for chain in (busy, venue):
        snapshot = read(chain)
        book, state = book_of(snapshot, "lab")
        assert (book.venue, book.quote, book.assets) == ("lab", "USDC", ("ETH-USD", "BTC-USD"))
        equity = book.equity(book.marks)
        expected: dict[tuple[str, int, int], int] = {}
        for account in snapshot.accounts:
            name = f"0x{account.address.hex()}"
            expected[name, Mode.CROSS, -1] = account.equity
            for each in account.positions:
                if each.isolated:
                    expected[name, Mode.ISOLATED, busy_index(each.market)] = each.margin + each.profit
        for number in range(book.subaccounts):
            rows = np.flatnonzero(book.subaccount == number)
            mode = Mode(int(book.mode[number]))
            asset = int(book.asset[rows[0]]) if mode is Mode.ISOLATED else -1
            exact = expected.pop((book.accounts[book.owner[number]], mode, asset))
            assert equity[number] * USD == pytest.approx(exact, abs=1e-3)
        assert set(expected.values()) <= {0}  # accounts with nothing have no subaccount
        longs = [chain.model.sides(market)[0] / ONE for market in (ETH, BTC)]
        shorts = [chain.model.sides(market)[1] / ONE for market in (ETH, BTC)]
        np.testing.assert_allclose(book.skew, np.subtract(longs, shorts), rtol=1e-12)
        np.testing.assert_allclose(state.skew, np.subtract(longs, shorts), rtol=1e-12)
        np.testing.assert_allclose(state.open_interest, np.maximum(longs, shorts), rtol=1e-12)
        assert state.insurance_fund == chain.model.fund / USD
        assert state.pool == chain.model.pool / USD


def test_the_book_is_worth_what_the_venue_says_after_a_move(venue: VenueChain) -> None:
    """Without premium and funding, the book at other prices is the venue at those prices."""
    book, _ = book_of(read(venue), "lab")
    venue.push(1_961 * DOLLAR, 64_321 * DOLLAR)
    after, _ = book_of(read(venue), "lab")
    np.testing.assert_allclose(book.equity(np.array([1_961.0, 64_321.0])), after.equity(after.marks), atol=1e-6)
    np.testing.assert_allclose(after.marks, [1_961.0, 64_321.0])


# As rules.


def test_the_rules_are_the_markets_settings(busy: VenueChain) -> None:
    rules = LabVenue().rules_of(ChainReader(busy.chain), busy.venue.address)
    its = Settings()
    for own in (rules.markets["ETH-USD"], rules.markets["BTC-USD"]):
        assert (own["initial_ratio"], own["maintenance_ratio"], own["fee"]) == (0.02, 0.01, 0.0005)
        assert own["skew_scale"] == its.skew_scale / ONE == 1_000_000
        assert (own["max_premium"], own["min_notional"]) == (0.05, 10.0)
        assert (own["funding_factor"], own["max_funding_rate"]) == (1e-6, 1e-6)
    assert (rules.liquidation.penalty, rules.liquidation.keeper_share, rules.liquidation.step) == (0.005, 0.5, 0.25)


def test_the_rules_require_what_the_venue_requires(busy: VenueChain, venue: VenueChain) -> None:
    for chain in (busy, venue):
        snapshot, reader = read(chain), ChainReader(chain.chain)
        rules = LabVenue().rules_of(reader, chain.venue.address)
        book, state = book_of(snapshot, "lab")
        initial, maintenance = (each(book, book.marks, state) for each in (rules.initial, rules.maintenance))
        liquidatable = rules.liquidatable(book, book.marks, state)
        bankruptcy = rules.bankruptcy_price(book, book.marks, state)
        by_name = {f"0x{each.address.hex()}": each for each in snapshot.accounts}
        for number in range(book.subaccounts):
            account = by_name[book.accounts[book.owner[number]]]
            rows = np.flatnonzero(book.subaccount == number)
            markets = [book.assets[book.asset[row]] for row in rows]
            isolated = book.mode[number] == Mode.ISOLATED
            positions = [each for each in account.positions if each.isolated == isolated and each.market in markets]
            exact = positions[0] if isolated else account
            assert initial[number] * USD == pytest.approx(exact.initial, abs=4)  # each position is rounded up
            assert maintenance[number] * USD == pytest.approx(exact.maintenance, abs=4)
            assert bool(liquidatable[number]) == bool(set(markets) & set(account.liquidatable))
            for row, each in zip(rows, positions, strict=True):
                price = each.bankruptcy_price
                assert bankruptcy[row] == pytest.approx(np.nan if price is None else price / PRICE, nan_ok=True)


def test_markets_that_liquidate_differently_are_refused() -> None:
    venue = VenueChain([Settings(), Settings(step=5_000)])
    with pytest.raises(Unsupported, match="differ in liquidation"):
        LabVenue().rules_of(ChainReader(venue.chain), venue.venue.address)


def test_the_rules_liquidation_price_is_where_the_venue_begins(venue: VenueChain) -> None:
    """A's ETH alone moved to it, a millionth of a dollar to each side: the venue rounds to units of collateral."""
    rules = LabVenue().rules_of(ChainReader(venue.chain), venue.venue.address)
    book, state = book_of(read(venue), "lab")
    row = next(n for n in range(book.rows) if book.size[n] == 5.0)
    price = rules.liquidation_price(book, book.marks, state)[row]
    # 1,400 - 5 d = 166 - 0.05 d, where d is what it falls: 1,234 / 4.95.
    assert price == pytest.approx(2_100 - 1_234 / 4.95, rel=1e-12)
    for ticks, wanted in ((100, 0), (-100, 3)):
        moved = venue.branch()
        moved.push(round(price * DOLLAR) + ticks, 61_000 * DOLLAR)
        assert moved.view("liquidatable", moved.address(A)) == wanted


def test_symbols_that_are_used_twice_are_told_apart() -> None:
    assert distinct(["ETH", "BTC"]) == ["ETH", "BTC"]
    assert distinct(["ETH", "BTC", "ETH"]) == ["ETH#0", "BTC", "ETH#2"]
    for hostile in (["A", "A", "A#1"], ["A#1", "A", "A", "A#2"], ["A#0", "A#0", "A#0#1"]):
        assert len(set(distinct(hostile))) == len(hostile)


# Whatever a contract answers, it is read or refused by a named error.


VIEWS = {
    abi.selector(f"{view.name}({','.join(view.inputs)})"): view.outputs
    for module in (lab_venue, perp_v2_views, token)
    for view in vars(module).values()
    if isinstance(view, View)
} | {abi.selector(f"{view.name}()"): view.outputs for view in perp_v2_views.PARTS}
EDGES = (0, 1, 6, 18, 10**6, 10**18, 2**127, 2**255 - 1)


class Noise:
    """Answers of the right types and of any value, now and then of no type at all; the same to the same question."""

    chain_id, number, timestamp = 1, 1, 1

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def call(self, to: bytes, data: bytes) -> bytes:
        rng = random.Random(f"{self.seed} {to.hex()} {data.hex()}")
        if rng.random() < 0.02:
            return rng.randbytes(rng.choice((0, 31, 32, 96)))
        if rng.random() < 0.01:
            raise Reverted("no reason")
        outputs = VIEWS[data[:4]]
        return abi.encode(outputs, [self.value(rng, each) for each in outputs])

    def value(self, rng: random.Random, kind: str) -> Any:
        if kind.startswith("("):
            return [self.value(rng, each) for each in kind[1:-1].split(",")]
        if kind == "address[]":
            return [self.value(rng, "address") for _ in range(rng.randrange(4))]
        if kind == "address":
            return bytes([rng.randrange(4)]) * 20
        if kind == "bool":
            return rng.random() < 0.5
        if kind == "string":
            return rng.choice(("", "USDC", "\x00\x1b", "#1", "x" * 40))
        if kind == "bytes32":
            return rng.choice((b"", b"ETH", b"#0", b"\xff\0\1")).ljust(32, b"\0")
        bits = int(kind.lstrip("uint"))
        small = rng.choice((rng.randrange(4), rng.choice(EDGES)))
        return -small if kind[0] == "i" and rng.random() < 0.5 else min(small, 2 ** (bits - 1))

    def storage(self, address: bytes, slot: int) -> int:
        return 0


def test_whatever_a_contract_answers_is_read_or_refused_by_name() -> None:
    read = set()
    for seed in range(400):
        for adapter in (LabVenue(), PerpV2([b"\x01" * 20, b"\x02" * 20])):
            for ask in (adapter.read, adapter.matches, adapter.rules_of):
                with suppress(RollproofError):
                    found = ask(Noise(seed), b"\xaa" * 20)
                    if isinstance(found, Snapshot):
                        book, _ = book_of(found, "lab", partial=True)
                        assert np.isfinite(book.equity(book.marks)).all()
                        read.add((adapter.name, bool(book.rows)))
    assert read == {(name, rows) for name in ("lab", "perp-v2") for rows in (False, True)}  # deep enough


def test_the_populated_lab_is_read_over_its_node() -> None:
    """Everybody of the lab trades: what the venue holds is what it owes, and all of it is found."""
    stack = Stack(11)
    stack.populate()
    stack.run(25)
    contract = stack.deployed["PerpetualsVenue"]
    with Server(Node(stack.l2, stack=stack, name="l2")) as server, Rpc(server.url) as rpc:
        reader = NodeReader.at(Client(rpc))
        adapter = detect(reader, contract.address)
        snapshot = adapter.read(reader, contract.address)
        rules = LabVenue().rules_of(reader, contract.address)
    assert snapshot == LabVenue().read(ChainReader(stack.l2), contract.address)
    traders = {stack.account(f"trader-{number}", "l2").address for number in range(12)}
    assert traders >= {each.address for each in snapshot.accounts if each.positions} != set()
    owed = sum(each.balance + sum(position.margin for position in each.positions) for each in snapshot.accounts)
    assert snapshot.held == owed + (snapshot.pool or 0) + snapshot.insurance_fund
    [equity] = stack.view("l2", contract, "poolEquity")
    profits = sum(position.profit for each in snapshot.accounts for position in each.positions)
    debts = sum(each.debt for each in snapshot.accounts)
    assert snapshot.pool_equity == equity
    # Each position's profit is rounded down, their sum up.
    assert 0 <= (snapshot.pool or 0) + debts - profits - equity <= 2 * len(snapshot.accounts) + 2
    for each in snapshot.accounts:
        [bits] = stack.view("l2", contract, "liquidatable", each.address)
        markets = [market.symbol for place, market in enumerate(snapshot.markets) if bits >> place & 1]
        assert sorted(each.liquidatable) == sorted(markets)
    for market, symbol in enumerate(("ETH-USD", "BTC-USD")):
        [its] = stack.view("l2", contract, "config", market)
        assert rules.markets[symbol]["skew_scale"] * ONE == pytest.approx(its[8])
        assert rules.markets[symbol]["initial_ratio"] == its[2] / 10_000 == 0.02
