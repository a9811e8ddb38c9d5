"""A risk report as data frames, for further work: one table a kind of figure, empty where nothing was priced.

Needs polars: the extra ``rollproof[risk]``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from rollproof.errors import Missing, Unsupported
from rollproof.report.risk_report import FORMAT

if TYPE_CHECKING:
    import polars as pl

Row = dict[str, Any]
# Which losses of a failure have a law, and of the cascade.
_LOSSES: Final = ("bad_debt", "users", "loss")
_CASCADE: Final = (("cascade_bad_debt", "bad_debt"), ("liquidated", "liquidated"))


def frames(record: Mapping[str, Any]) -> dict[str, pl.DataFrame]:
    """``tails``, ``exceedance``, ``variants``, ``accounts``, ``heat_map`` and ``comparisons`` of one record.

    ``failure`` is the failure's number in the scenario from 0, null for the year; money is in the record's quote
    currency. Raises Unsupported for a record of another format, and Missing without polars.
    """
    if record.get("format") != FORMAT:
        raise Unsupported(f"a record of format {str(record.get('format'))[:40]!a}: {FORMAT} is known")
    try:
        import polars as pl
    except ImportError:
        raise Missing("data frames need polars: pip install 'rollproof[risk]'") from None
    text, number, whole = pl.String, pl.Float64, pl.Int64
    failure = {"failure": whole, "kind": text}
    bounds = {f"{of}{end}": number for of in ("var", "es") for end in ("", "_low", "_high")}
    made: dict[str, tuple[Iterator[Row], dict[str, Any]]] = {
        "tails": (_tails(record), {**failure, "loss": text, "level": number, **bounds}),
        "exceedance": (_exceedance(record), {**failure, "loss": text, "amount": number, "probability": number}),
        "variants": (_variants(record), {**failure, "of": text, "name": text, "level": number, "es": number}),
        "accounts": (
            _accounts(record),
            {
                "account": text, "mode": text, "assets": pl.List(text), "equity": number, "notional": number,
                "leverage": number, "seconds": number, "probability": number, "bad_debt": number,
            },
        ),
        "heat_map": (
            _heat_map(record),
            {"asset": text, "leverage": number, "minutes": number, "probability": number, "bad_debt": number},
        ),
        "comparisons": (
            iter(record.get("compared") or ()),
            {"what": text, "published": number, "model": number, "unit": text, "source": text, "why": text},
        ),
    }  # fmt: skip
    return {name: pl.DataFrame([_whole(row) for row in rows], schema=schema) for name, (rows, schema) in made.items()}


def _whole(value: Any) -> Any:
    """The row; half of a surrogate pair in a name is no text that a frame can hold, and is escaped."""
    if isinstance(value, Mapping):
        return {name: _whole(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_whole(each) for each in value]
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value


def _laws(record: Mapping[str, Any]) -> Iterator[tuple[Row, Mapping[str, Any]]]:
    """Which loss of which failure, and its law."""
    for at, failure in enumerate(record.get("failures") or ()):
        stepped = failure.get("cascade") or {}
        found = [(name, failure.get(name)) for name in _LOSSES] + [(name, stepped.get(key)) for name, key in _CASCADE]
        for name, law in found:
            if law is not None:
                yield {"failure": at, "kind": failure.get("kind"), "loss": name}, law


def _tails(record: Mapping[str, Any]) -> Iterator[Row]:
    for about, law in _laws(record):
        for tail in law.get("tails") or ():
            yield _tail(about, tail["level"], tail["var"], tail["es"])
    for level, var, es in (record.get("annual") or {}).get("tails") or ():
        yield _tail({"failure": None, "kind": None, "loss": "annual"}, level, var, es)


def _tail(about: Row, level: float, var: Mapping[str, Any], es: Mapping[str, Any]) -> Row:
    ends = {"": "value", "_low": "low", "_high": "high"}
    cells = {f"{name}{end}": of[key] for name, of in (("var", var), ("es", es)) for end, key in ends.items()}
    return {**about, "level": level, **cells}


def _exceedance(record: Mapping[str, Any]) -> Iterator[Row]:
    year = record.get("annual")
    laws = [*_laws(record), *([({"failure": None, "kind": None, "loss": "annual"}, year)] if year else [])]
    for about, law in laws:
        for amount, probability in zip(*(law.get("exceedance") or ((), ())), strict=True):
            yield {**about, "amount": amount, "probability": probability}


def _variants(record: Mapping[str, Any]) -> Iterator[Row]:
    """``of`` is law, parameters or market."""
    for at, failure in enumerate(record.get("failures") or ()):
        whole = failure.get("loss") or failure.get("bad_debt") or {}
        levels = [tail["level"] for tail in whole.get("tails") or ()]
        for each in (failure.get("uncertainty") or {}).get("variants") or ():
            about = {"failure": at, "kind": failure.get("kind"), "of": each["kind"], "name": each["name"]}
            for level, es in zip(levels, each["shortfalls"], strict=True):
                yield {**about, "level": level, "es": es}


def _accounts(record: Mapping[str, Any]) -> Iterator[Row]:
    yield from record.get("accounts") or ()


def _heat_map(record: Mapping[str, Any]) -> Iterator[Row]:
    for each in record.get("heat_maps") or ():
        for row, leverage in enumerate(each["leverages"]):
            for column, minutes in enumerate(each["minutes"]):
                yield {
                    "asset": each["asset"],
                    "leverage": leverage,
                    "minutes": minutes,
                    "probability": each["probability"][row][column],
                    "bad_debt": each["bad_debt"][row][column],
                }
