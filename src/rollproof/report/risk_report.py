"""The whole risk report of one record (`rollproof.risk.record`, format rollproof-risk/1), section by section."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from rollproof.errors import Unsupported
from rollproof.report import risk_failure, risk_network, risk_settings, risk_stakes
from rollproof.report.risk_document import Link, Picture, Points, Section
from rollproof.report.risk_numbers import named, number

FORMAT: Final = "rollproof-risk/1"
HEAT_MAPS: Final = ("heat-map", "heat-map-2", "heat-map-3")


def sections(record: Mapping[str, Any], *, full: bool) -> Iterator[Section]:
    """From what it comes to, down to what is assumed; ``full`` has every account and every variant.

    Raises Unsupported for a record of another format.
    """
    if record.get("format") != FORMAT:
        raise Unsupported(f"a record of format {named(record.get('format'))!r}: {FORMAT} is known")
    scenario, quote = record.get("scenario") or {}, named(record.get("quote"), 12)
    failures = record.get("failures") or ()
    yield Section(
        f"{named(scenario.get('name'))}: {named(scenario.get('title'), 200)}",
        (
            *(risk_failure.sentence(each, quote) for each in failures),
            *risk_stakes.venue(record, full=full),
        ),
        1,
    )
    if full:
        yield Section("Figures", (Picture("exceedance", "Loss and how often it is exceeded"),))
    for at, failure in enumerate(failures, 1):
        yield from risk_failure.sections(failure, record, full=full)
        if full:
            yield Section("", (Picture(f"cascade-{at}", f"{named(failure.get('kind'))}: one path"),), 3)
    yield risk_stakes.year(record)
    yield risk_stakes.accounts(record, full=full)
    if full:
        pictures = tuple(Picture(name, "Leverage against length of a halt") for name in HEAT_MAPS)
        yield Section("Leverage and length", pictures)
    recommended = record.get("recommendations") or ()
    if recommended:
        yield Section("Settings", ())
    for at, each in enumerate(recommended, 1):
        yield risk_settings.section(each, at, quote, full=full)
    if (network := record.get("network")) is not None:
        yield risk_network.section(network, full=full)
        if full:
            yield Section("", (Picture("network", "Who owes whom, and who defaults"),), 3)
    if (compared := risk_stakes.compared(record)) is not None:
        yield compared
    yield from _assumed(record)


def _assumed(record: Mapping[str, Any]) -> Iterator[Section]:
    rules, scenario, settings = (record.get(name) or {} for name in ("rules", "scenario", "settings"))
    if notes := record.get("notes"):
        yield Section("Assumed", (Points(tuple(map(str, notes))),))
    if assumes := rules.get("assumes"):
        yield Section(f"Margin rules {named(rules.get('family'))}", (Points(tuple(map(str, assumes))),), 3)
    if notes := scenario.get("notes"):
        yield Section("Scenario", (Points(tuple(map(str, notes))),), 3)
    sources = [*(scenario.get("sources") or ()), *([rules["source"]] if rules.get("source") else [])]
    if sources:
        yield Section("Sources", (Points(tuple(Link(each) for each in sources)),), 3)
    seconds, cpu = number(round(record.get("seconds") or 0.0, 1)), number(round(record.get("cpu_seconds") or 0.0, 1))
    again = (
        f"seed {record.get('seed')}; {number(settings.get('paths'))} paths of the terminal layer in "
        f"{number(settings.get('replicates'))} randomisations, {number(settings.get('cascade_paths'))} of the cascade, "
        f"{number(settings.get('variant_paths'))} for each other truth; {seconds} s, {cpu} CPU s"
    )
    yield Section("To run it again", (again,))
