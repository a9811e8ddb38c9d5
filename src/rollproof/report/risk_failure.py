"""One failure of a risk report: its loss with both intervals, what binds, and what others would have said of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from rollproof.report import risk_cascade, risk_hedge
from rollproof.report.risk_document import Block, Points, Refused, Section, Table, Wider
from rollproof.report.risk_numbers import (
    digits,
    estimate,
    finite,
    interval,
    lasting,
    level,
    moved,
    named,
    number,
    percent,
    span,
    width,
)

MOVES: Final = 4  # assets whose moves are shown of one path, those that moved most


def sections(failure: Mapping[str, Any], record: Mapping[str, Any], *, full: bool) -> Iterator[Section]:
    """The failure's own section and those below it."""
    quote = named(record.get("quote"), 12)
    yield Section(title(failure), tuple(_loss(failure, record, quote)))
    if worst := failure.get("worst"):
        yield Section("Binding scenario", tuple(_worst(worst, quote, full=full)), 3)
    if (priced := failure.get("uncertainty")) is not None:
        yield Section("What else it could have been", tuple(_truths(failure, priced, quote, full=full)), 3)
    yield risk_cascade.section(failure, quote, full=full)
    if (hedge := failure.get("hedge")) is not None:
        yield risk_hedge.section(hedge, quote, full=full)
    if notes := failure.get("notes"):
        yield Section("Notes", (Points(tuple(map(str, notes))),), 3)


def title(failure: Mapping[str, Any]) -> str:
    """Kind, length and how often, in words."""
    often = number(failure.get("intensity_per_year"))
    return f"{named(failure.get('kind'))}: {named(failure.get('duration'), 120)}; starts {often} times a year"


def sentence(failure: Mapping[str, Any], quote: str) -> str:
    """What the failure comes to, in one sentence."""
    what, whole = named(failure.get("kind")), whole_of(failure)
    if whole is None:
        return Refused(f"{what}: not priced: {reason(failure)}")
    found = _worst_tail(whole)
    said = f"{what}: one failure costs {estimate(whole.get('mean'))} {quote} on average"
    if found is None:
        return said
    at, tail = found
    said += (
        f", and {estimate(tail.get('es'))} {quote} in its worst {digits((1 - tail['level']) * 100)} % "
        f"(ES {level(tail['level'])})"
    )
    points = (failure.get("basis_points") or {}).get(f"es_{tail['level'] * 100:g}")
    if finite(points) is not None:
        said += f", {digits(points)} bp of open interest"
    if (around := _over_models(failure, at)) is not None:
        said += f"; over models and parameters {span(*around)} {quote}"
    return said


def whole_of(failure: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The loss that basis points and the interval over models are of: bad debt, and users' losses where there are."""
    found = failure.get("loss") or failure.get("bad_debt")
    return found if isinstance(found, Mapping) else None


def reason(failure: Mapping[str, Any]) -> str:
    """Why a failure was not priced."""
    return "; ".join(map(str, failure.get("not_priced") or ())) or "no reason given"


def _loss(failure: Mapping[str, Any], record: Mapping[str, Any], quote: str) -> Iterator[Block]:
    whole, users = whole_of(failure), failure.get("users")
    if whole is None:
        yield Refused(f"not priced: {reason(failure)}")
        return
    if users is None:
        yield from tails(whole, f"Bad debt of one failure, {quote}", record, failure)
    else:
        if failure.get("bad_debt") is not None:
            yield from tails(failure["bad_debt"], f"Bad debt of one failure, {quote}", record)
        yield from tails(users, f"Taken from the venue's users, {quote}", record)
        if failure.get("loss") is not None:
            yield from tails(whole, f"Both together, {quote}", record, failure)
    shares = {name: finite(each) for name, each in (failure.get("by_asset") or {}).items()}
    total = sum(abs(each) for each in shares.values() if each is not None)
    if total > 0:
        said = ", ".join(
            f"{named(name, 24)} {number(each) if each is None else digits(each)} ({percent((each or 0) / total, 2)})"
            for name, each in sorted(shares.items(), key=lambda item: -(item[1] or 0))
        )
        yield f"Of the 99.9 % shortfall, by asset, {quote}: {said}"
    yield f"How: {whole.get('method')}, {number(whole.get('paths'))} paths"


def tails(
    losses: Mapping[str, Any], what: str, record: Mapping[str, Any], failure: Mapping[str, Any] | None = None
) -> Iterator[Block]:
    """The law of a loss; with ``failure`` its interval over models stands beside the Monte Carlo one."""
    priced = None if failure is None else failure.get("uncertainty")
    open_interest = finite((record.get("book") or {}).get("open_interest"))
    rows = [
        _row(name, value, around, open_interest, beside=failure is not None)
        for name, value, around in _measures(losses, priced)
    ]
    head = ("", "estimate", "95 % Monte Carlo", "over models and parameters", "bp of open interest")
    yield Table(head if failure is not None else (*head[:3], head[-1]), tuple(rows), title=what)
    chance = losses.get("probability")
    yield f"Probability of any: {estimate(chance, 100)} % ({interval(chance, 100, floor=0, ceiling=1)} %)"


def _row(
    name: str, value: Any, around: tuple[Any, Any] | None, open_interest: float | None, *, beside: bool
) -> tuple[str, ...]:
    """A line of the table; the wider of its two intervals is marked."""
    sampled = interval(value, floor=0.0)
    amount = finite(value.get("value")) if isinstance(value, Mapping) else None
    points = "not known" if not open_interest or amount is None else digits(amount / open_interest * 1e4)
    if not beside:
        return name, estimate(value), sampled, points
    if around is None:
        return name, estimate(value), sampled, "not computed", points
    if width(around) >= width(value):
        return name, estimate(value), sampled, Wider(span(*around)), points
    return name, estimate(value), Wider(sampled), span(*around), points


def _measures(
    losses: Mapping[str, Any], priced: Mapping[str, Any] | None
) -> Iterator[tuple[str, Any, tuple[Any, Any] | None]]:
    """Name, estimate and interval over models: the mean, then each level's tail."""
    around = (priced or {}).get("mean")
    yield "expected", losses.get("mean"), None if around is None else (around[0], around[1])
    spans = (priced or {}).get("shortfalls") or ()
    for at, tail in enumerate(losses.get("tails") or ()):
        both = (spans[at][0], spans[at][1]) if at < len(spans) else None
        yield f"VaR {level(tail.get('level'))}", tail.get("var"), None
        yield f"ES {level(tail.get('level'))}", tail.get("es"), both


def _over_models(failure: Mapping[str, Any], at: int) -> tuple[Any, Any] | None:
    spans = (failure.get("uncertainty") or {}).get("shortfalls") or ()
    return (spans[at][0], spans[at][1]) if at < len(spans) else None


def _worst_tail(losses: Mapping[str, Any]) -> tuple[int, Mapping[str, Any]] | None:
    found = [(each.get("level") or 0.0, at, each) for at, each in enumerate(losses.get("tails") or ())]
    return max(found, key=lambda each: each[0])[1:] if found else None


def _worst(worst: Sequence[Mapping[str, Any]], quote: str, *, full: bool) -> Iterator[Block]:
    if not full:
        worst = worst[:3]
    size: dict[str, float] = {}
    for each in worst:
        for name, value in each["moves"].items():
            size[name] = max(size.get(name, 0.0), abs(finite(value) or 0.0))
    assets = sorted(size, key=lambda name: (-size[name], name))[:MOVES]
    yield Table(
        (f"loss, {quote}", "length", "caused by load", *(named(name, 24) for name in assets)),
        tuple(
            (
                digits(each["loss"], 4),
                lasting(each["seconds"]),
                "yes" if each["stressed"] else "no",
                *(moved(each["moves"].get(name)) for name in assets),
            )
            for each in worst
        ),
        left=frozenset(),
        title="Paths spread over the worst 0.1 %, the dearest first; lengths with the grace period, moves to its end",
    )


def _truths(failure: Mapping[str, Any], priced: Mapping[str, Any], quote: str, *, full: bool) -> Iterator[Block]:
    variants = priced.get("variants") or ()
    whole = whole_of(failure) or {}
    levels = [level(tail.get("level")) for tail in whole.get("tails") or ()]
    rows: list[tuple[str, ...]] = [("priced here", "", *_figures_of(whole))]
    for kind in dict.fromkeys(str(each.get("kind")) for each in variants):
        group = [each for each in variants if str(each.get("kind")) == kind]
        if full and kind != "parameters":
            rows += [
                (named(kind), named(each.get("name"), 80), digits(each.get("mean")), *map(digits, each["shortfalls"]))
                for each in group
            ]
            continue
        columns = zip(*([each["mean"], *each["shortfalls"]] for each in group), strict=True)
        spans = [span(min(column), max(column)) if _known(column) else "not known" for column in columns]
        rows.append((named(kind), f"{len(group)} of them", *spans))
    yield Table(
        ("", "", "expected", *(f"ES {each}" for each in levels)),
        tuple(rows),
        left=frozenset({0, 1}),
        title=f"Truths that the data do not rule out, {quote}",
    )
    if notes := priced.get("notes"):
        yield Points(tuple(map(str, notes)))


def _figures_of(losses: Mapping[str, Any]) -> list[str]:
    return [estimate(losses.get("mean")), *(estimate(tail.get("es")) for tail in losses.get("tails") or ())]


def _known(column: Sequence[Any]) -> bool:
    return all(finite(each) is not None for each in column)
