"""What a risk report is about and whom it concerns: venue, positions, market; accounts; published figures; the year."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from rollproof.report.risk_document import Block, Link, Points, Refused, Section, Table
from rollproof.report.risk_numbers import (
    digits,
    estimate,
    exact,
    finite,
    interval,
    lasting,
    level,
    named,
    number,
    percent,
    span,
)

ACCOUNTS: Final = 10  # rows of the short form
MARKS: Final = 8  # assets of the short form


def venue(record: Mapping[str, Any], *, full: bool) -> Iterator[Block]:
    """Venue, rules, positions and market, a line each."""
    quote, book, rules = named(record.get("quote"), 12), record.get("book") or {}, record.get("rules") or {}
    marks = list((book.get("marks") or {}).items())
    shown = ", ".join(f"{named(name, 24)} {number(mark)}" for name, mark in (marks if full else marks[:MARKS]))
    more = "" if full or len(marks) <= MARKS else f", and {len(marks) - MARKS} more"
    pool = finite(book.get("pool"))
    size = f"{number(book.get('rows'))} positions, {number(book.get('subaccounts'))} subaccounts"
    below = f"below nothing before the failure: {number(book.get('under_water'))}"
    lines = (
        f"venue {named(record.get('venue'))}, margin rules {named(rules.get('family'))}",
        f"{size}; {below}",
        f"open interest {_money(book.get('open_interest'))} {quote}, equity {_money(book.get('equity'))} {quote}",
        f"leverage: median {digits(book.get('leverage_median'))}, 90 % quantile {digits(book.get('leverage_90'))}",
        f"insurance fund {_money(book.get('insurance_fund'))} {quote}; "
        + ("no pool is given" if pool is None else f"pool {_money(pool)} {quote}"),
        f"marks in {quote}: {shown or 'not known'}{more}",
        _market(record.get("market") or {}),
    )
    yield Points(lines)


def accounts(record: Mapping[str, Any], *, full: bool) -> Section:
    """Who is wiped out first."""
    found, quote = record.get("accounts") or (), named(record.get("quote"), 12)
    shown = found if full else found[:ACCOUNTS]
    if not shown:
        return Section("Who is wiped out first", ("no subaccount has an open position",))
    failures: Sequence[Mapping[str, Any]] = record.get("failures") or ({},)
    first = named(failures[0].get("kind"), 24)
    rows = tuple(
        (
            named(each.get("account")),
            named(each.get("mode"), 12),
            ", ".join(named(name, 16) for name in each["assets"][:4]) + (", …" if len(each["assets"]) > 4 else ""),
            digits(each.get("leverage")) if finite(each.get("leverage")) is not None else "no equity",
            _money(each.get("equity")),
            _money(each.get("notional")),
            "no halt up to 30 days" if each.get("seconds") is None else lasting(each["seconds"]),
            # A law in closed form is never nothing: none of the paths that were simulated is.
            "on no path" if each.get("probability") == 0 else percent(each.get("probability")),
            "on no path" if each.get("bad_debt") == 0 else digits(each.get("bad_debt")),
        )
        for each in shown
    )
    head = (
        "account", "mode", "assets", "leverage", f"equity, {quote}", f"notional, {quote}", "after a halt of",
        "probability", "bad debt",
    )  # fmt: skip
    said = (
        "The shortest halt after which equity is below nothing with 1 % probability; probability and expected bad debt "
        f"are those of the first failure ({first})."
    )
    blocks: list[Block] = [said, Table(head, rows, left=frozenset({0, 1, 2}))]
    if len(found) > len(shown):
        blocks.append(f"and {len(found) - len(shown)} more")
    return Section("Who is wiped out first", tuple(blocks))


def compared(record: Mapping[str, Any]) -> Section | None:
    """Published figures beside the model's; None where nothing was published."""
    found = record.get("compared") or ()
    if not found:
        return None
    rows = tuple(
        (
            named(each.get("what"), 80),
            exact(each.get("published")),
            "no such figure" if finite(each.get("model")) is None else digits(each["model"]),
            named(each.get("unit"), 16),
            named(each.get("why") or "", 160),
        )
        for each in found
    )
    table = Table(("figure", "published", "model", "unit", "read it so"), rows, left=frozenset({0, 3, 4}))
    sources = tuple(Link(each) for each in dict.fromkeys(str(each.get("source")) for each in found))
    return Section("Published and modelled", (table, "Published by:", Points(sources)))


def year(record: Mapping[str, Any]) -> Section:
    """The loss of a year."""
    found, quote = record.get("annual"), named(record.get("quote"), 12)
    if not isinstance(found, Mapping):
        why = "it needs every failure of the scenario to be priced"
        return Section("A year", (Refused(f"not priced: {why}"),))
    rows = [("expected", estimate(found.get("mean")), interval(found.get("mean"), floor=0.0), _mean_span(record))]
    spans: Sequence[Any] = (found.get("uncertainty") or {}).get("shortfalls") or ()
    for at, (each, var, es) in enumerate(found.get("tails") or ()):
        rows.append((f"VaR {level(each)}", estimate(var), interval(var, floor=0.0), "not computed"))
        around = span(*spans[at]) if at < len(spans) else "not computed"
        rows.append((f"ES {level(each)}", estimate(es), interval(es, floor=0.0), around))
    head = ("", "estimate", "95 % Monte Carlo", "over models and parameters")
    blocks: list[Block] = [Table(head, tuple(rows), title=f"Loss of a year from all failures, {quote}")]
    often: Sequence[Any] = found.get("intensity") or ()
    if len(often) == 3:
        blocks.append(
            f"Failures a year: {number(often[0])} in this scenario; outages of rollups that were published say "
            f"{span(often[1], often[2])} (95 %). The loss moves with it in proportion, on average."
        )
    if notes := found.get("notes"):
        blocks.append(Points(tuple(map(str, notes))))
    return Section("A year", tuple(blocks))


def _mean_span(record: Mapping[str, Any]) -> str:
    """Over models and parameters of the failures: a year's mean is the sum of theirs, times how often they start."""
    low = high = 0.0
    for each in record.get("failures") or ():
        often, around = finite(each.get("intensity_per_year")), (each.get("uncertainty") or {}).get("mean")
        ends = [finite(end) for end in around or ()]
        if often is None or len(ends) != 2 or ends[0] is None or ends[1] is None:
            return "not computed"
        low, high = low + often * ends[0], high + often * ends[1]
    return span(low, high)


def _market(market: Mapping[str, Any]) -> str:
    known = [each for each in map(finite, market.get("volatility") or ()) if each is not None]
    said = "market: fitted to prices" if market.get("calibrated") else "market: illustrative, not fitted"
    if known:
        low, high = percent(min(known)), percent(max(known))
        said += f"; volatility of the diffusion {low if low == high else f'{low} to {high}'} a year"
    common = market.get("common") or {}
    if finite(common.get("intensity")) is not None:
        said += (
            f"; common jumps {number(common['intensity'])} a year, "
            f"mean {percent(common.get('mean'))}, deviation {percent(common.get('deviation'))}"
        )
    return said


def _money(value: Any) -> str:
    """An amount, without decimals where it is large."""
    found = finite(value)
    return number(value) if found is None or abs(found) < 1_000 else f"{found:,.0f}"
