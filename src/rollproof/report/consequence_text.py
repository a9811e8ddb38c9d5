"""What a wrong block costs a venue, for people: who, how much, and what that is beside their leverage.

Written from the record that `consequence_json` makes. Everything here may come from a hostile chain or file: control
characters are shown, never sent to the terminal.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from rollproof.report.text import visible

MAX_ROWS: Final = 40  # accounts of one table

_VENUE: Final = (
    ("held", "tokens it holds"),
    ("owed", "tokens it owes"),
    ("surplus", "holds beyond that"),
    ("pool_equity", "pool's equity"),
    ("fund", "insurance fund"),
    ("bad_debt", "bad debt so far"),
    ("shortfall", "accounts below zero"),
    ("supply", "tokens on this chain"),
)
_FIRST: Final = ("wrongly-liquidated", "spared")
_OUTCOMES: Final = {"holds": "32", "broken": "1;31", "unknown": "33"}


def text(values: Mapping[str, Any], *, colour: bool = False, verbose: int = 0) -> str:
    """All lines, without a final newline. ``verbose`` 1 lists every account, and what is assumed."""
    return "\n".join(line.rstrip() for line in _lines(values, colour=colour, verbose=verbose))


def headline(values: Mapping[str, Any]) -> str:
    """One sentence: what it comes to."""
    if values["verdict"] == "holds":
        return "the block holds: nobody is owed anything by it"
    if values["reason"] or values["venue"] is None:
        return f"not revalued: {visible(values['reason'] or 'no reason given')}"
    if not values["wrong"]:
        return "nothing of this venue differs" if values["complete"] else "nothing that could be read differs"
    counted, totals, symbol = values["labels"], values["totals"], visible(values["collateral"]["symbol"])
    amounts = {
        name: f"{money(totals[name], values)} {symbol}" for name in ("overpaid", "underpaid", "hole", "unbacked")
    }
    people = [
        f"{counted[label]} {words}"
        for label, words in (
            ("wrongly-liquidated", "wrongly liquidated or liquidatable"),
            ("spared", "spared a liquidation"),
            ("overpaid", f"overpaid by {amounts['overpaid']}"),
            ("underpaid", f"underpaid by {amounts['underpaid']}"),
            ("altered", "altered"),
            ("unknown", "unknown"),
        )
        if counted.get(label)
    ]
    owed = [
        f"{words} {amounts[name]}"
        for name, words in (("hole", "the venue lacks"), ("unbacked", "the bridge's escrow lacks"))
        if totals[name] not in (None, "0")
    ]
    return "; ".join((*([", ".join(people)] if people else []), *owed)) or "no account differs, but the venue does"


def _lines(values: Mapping[str, Any], *, colour: bool, verbose: int) -> Iterator[str]:
    word = f"{values['verdict']:<7}"
    if colour:
        word = f"\x1b[{_OUTCOMES.get(values['verdict'], '0')}m{word}\x1b[0m"
    yield f"{values['chain_id']}-{values['number']}  {word}  {headline(values)}"
    if values["venue"] is not None and values["verdict"] == "broken" and not values["reason"]:
        yield from ("    " + line for line in _body(values, verbose))
    if values["confirmed"] is False:
        yield "    not confirmed: no second virtual machine has judged this block"
    for note in values["notes"]:
        yield f"    note: {visible(note)}"
    if values["assumes"] and verbose:
        yield from (f"    assumes: {visible(each)}" for each in values["assumes"])


def _body(values: Mapping[str, Any], verbose: int) -> Iterator[str]:
    token = values["collateral"]
    yield f"venue {values['venue']} ({values['adapter']}), amounts in {visible(token['symbol'])} {token['address']}"
    moved = [each for each in values["markets"] if each["changed"]]
    if moved:
        yield ""
        yield from table(
            ("market", "index claimed", "computed", "move", "mark claimed", "computed", "move"), markets(moved)
        )
    yield ""
    yield from table(("venue", "claimed", "computed", "difference"), venue(values))
    rows = [each for each in (*values["accounts"], *values["outside"]) if verbose or each["labels"] != ["unchanged"]]
    if rows:
        yield ""
        yield from table(HEAD, list(accounts(rows, values))[: len(rows) if verbose else MAX_ROWS])
    if len(rows) > MAX_ROWS and not verbose:
        yield f"and {len(rows) - MAX_ROWS} more (-v or --json lists all)"
    calm = values["labels"].get("unchanged", 0)
    if calm and not verbose:
        yield f"accounts that are as they should be: {calm}"
    yield from (f"unknown: {line}" for line in unknowns(values))
    yield from beside(values)


HEAD: Final = ("account", "what", "should have", "by the claim", "difference", "is a move of", "health")


def accounts(rows: Iterable[Mapping[str, Any]], values: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """The cells of the accounts' table, liquidations first, then the largest differences."""
    for each in sorted(rows, key=_rank):
        what = ", ".join(each["labels"])
        if "reason" in each:
            yield each["address"], what, "?", "?", "?", "", visible(each["reason"])
            continue
        wallet = each["difference"]["wallet"] != "0"
        has = [
            int(each[at]["equity"]) + (int(each[at]["wallet"] or 0) if wallet else 0) for at in ("computed", "claimed")
        ]
        closed = [f"{visible(m)} closed" for m in each["closed"]] + [f"{visible(m)} kept open" for m in each["kept"]]
        yield (
            each["address"],
            "; ".join((what, *closed)),
            money(has[0], values),
            money(has[1], values),
            money(each["difference"]["worth"], values, signed=True),
            move(each),
            _health(each),
        )


def venue(values: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """The cells of the venue's table: its tokens and debts, where anything of them is known."""
    for name, words in _VENUE:
        both = values["totals"][name]
        if both["claimed"] is None and both["computed"] is None and name == "pool_equity":
            continue
        yield (
            words,
            *(money(both[at], values, signed=at == "difference") for at in ("claimed", "computed", "difference")),
        )


def markets(rows: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, ...]]:
    """The cells of the markets' table."""
    for each in rows:
        cells = [visible(each["symbol"])]
        for name, moved in (("index_price", each["index_move"]), ("mark_price", each["mark_move"])):
            cells += [price(each[name][at]) for at in ("claimed", "computed")]
            cells.append("?" if moved is None else f"{moved * 1e4:+,.1f} bp")
        yield tuple(cells)


def unknowns(values: Mapping[str, Any]) -> Iterator[str]:
    """What could not be looked at."""
    if values["unlisted"]:
        yield visible(values["unlisted"])
    if values["unexplained_slots"]:
        yield f"slots of the token that differ, and nobody says whose they are: {len(values['unexplained_slots'])}"


def beside(values: Mapping[str, Any]) -> Iterator[str]:
    """The differences beside the positions, what wrong liquidations endanger, and what follows if nobody notices."""
    totals, knock = values["totals"], values["knock_on"]
    inside, open_ = int(totals["inside"]), int(totals["notional"])
    if inside and open_:
        yield f"all differences inside: {inside / open_ * 1e4:,.1f} bp of positions worth {money(open_, values)}"
    if totals["at_stake"] != "0":
        yield f"at stake for who is wrongly liquidated: {money(totals['at_stake'], values)}"
    if knock["bad_debt"] == "0":
        return
    paid = [
        f"{words} {money(knock[name], values)}"
        for name, words in (("by_fund", "the fund pays"), ("by_pool", "the pool"), ("by_accounts", "other accounts"))
        if knock[name] != "0"
    ]
    yield (
        f"if unnoticed: overpaid accounts can withdraw {money(knock['withdrawn'], values)}, which leaves bad debt of "
        f"{money(knock['bad_debt'], values)}: {', '.join(paid)}"
    )


def move(each: Mapping[str, Any]) -> str:
    """An equity difference as a price move at the account's leverage: "+12.0 bp at 8.0x: +1.0 %" of its equity."""
    share, leverage = each["share_of_notional"], each["computed"]["leverage"]
    if not share:
        return ""
    shown = f"{share * 1e4:+,.1f} bp" if abs(share) < 1 else f"{share:+,.1f} times its notional"
    if leverage is None:
        return shown
    return f"{shown} at {leverage:,.1f}x: {each['share_of_equity'] * 100:+,.1f} %"


def money(amount: str | int | None, values: Mapping[str, Any], *, signed: bool = False) -> str:
    """Base units as a decimal amount of the collateral, exact, trailing zeros left out."""
    if amount is None:
        return "?"
    return decimal(int(amount), values["collateral"]["decimals"], signed=signed)


def price(value: str | None) -> str:
    """A price of 18 decimals."""
    return "?" if value is None else decimal(int(value), 18)


def decimal(value: int, decimals: int, *, signed: bool = False) -> str:
    """A fixed-point number, exact, without trailing zeros."""
    sign = "-" if value < 0 else "+" if signed and value > 0 else ""
    whole, rest = divmod(abs(value), 10**decimals)
    digits = f"{rest:0{decimals}d}".rstrip("0") if decimals else ""
    return f"{sign}{whole:,}{'.' + digits if digits else ''}"


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """Columns under their heads; numbers to the right, the first two columns to the left."""
    all_rows = [head, *rows]
    widths = [max(len(row[at]) for row in all_rows) for at in range(len(head))]
    for row in all_rows:
        cells = [
            f"{cell:<{width}}" if at == 0 or head[at] in ("what", "health", "is a move of") else f"{cell:>{width}}"
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()


def _health(each: Mapping[str, Any]) -> str:
    said, made = each["claimed"]["health"], each["computed"]["health"]
    if said is None and made is None:
        return ""
    shown = ["-" if value is None else f"{value:,.2f}" for value in (made, said)]
    return shown[0] if shown[0] == shown[1] else f"{shown[0]} -> {shown[1]}"


def _rank(each: Mapping[str, Any]) -> tuple[int, int, str]:
    """Whom a liquidation concerns first, then by amount; who is unknown comes last."""
    worth = 0 if "reason" in each else abs(int(each["difference"]["worth"]))
    first = next((at for at, label in enumerate(_FIRST) if label in each["labels"]), len(_FIRST))
    return len(_FIRST) + 1 if "reason" in each else first, -worth, each["address"]
