"""One line per block for people; under it, indented, what differs and (asked for) what was looked at.

Everything here may come from a hostile file or node, so control characters are shown, never sent to the terminal.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import PurePath

from rollproof.types import Difference, Outcome, Verdict

LONGEST = 400  # characters of one outside text that are shown

_COLOURS = {Outcome.HOLDS: "32", Outcome.BROKEN: "1;31", Outcome.UNKNOWN: "33"}
_SUFFIXES = (".gz", ".zst", ".json", ".evidence")


def visible(text: str) -> str:
    """``text`` on one line, with every unprintable character escaped, at most ``LONGEST`` characters."""
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text[: LONGEST + 1])
    return shown if len(shown) <= LONGEST else shown[:LONGEST] + "…"


def name(verdict: Verdict) -> str:
    """What to call a block: its file's name without suffixes, else chain id and number."""
    stem = PurePath(verdict.source).name
    if verdict.number is None or stem.endswith(_SUFFIXES):
        while stem.endswith(_SUFFIXES):
            stem = PurePath(stem).stem
        return visible(stem) or "block"
    return f"{'?' if verdict.chain_id is None else verdict.chain_id}-{verdict.number}"


def text(verdict: Verdict, *, verbose: int = 0, colour: bool = False) -> str:
    """The lines for one verdict, without a final newline.

    ``verbose`` 1 adds what was checked, not checked and assumed; 2 adds hashes, the time of each stage and what the
    nodes cost. ``colour`` marks the outcome with ANSI colours.
    """
    word = f"{verdict.outcome.value:<7}"
    if colour:
        word = f"\x1b[{_COLOURS[verdict.outcome]}m{word}\x1b[0m"
    return "\n".join(
        [f"{name(verdict):<24}  {word}  {_measure(verdict)}", *("    " + line for line in _details(verdict, verbose))]
    )


def summary(outcomes: Counter[Outcome], seconds: float) -> str:
    """The closing sentence: how many blocks hold, are broken, are unknown; ``seconds`` of wall time."""
    total = outcomes.total()
    parts = [f"{total} block{'' if total == 1 else 's'}: {outcomes[Outcome.HOLDS]} hold{_s(outcomes[Outcome.HOLDS])}"]
    parts += [f"{outcomes[o]} {o.value}" for o in (Outcome.BROKEN, Outcome.UNKNOWN)]
    return f"{', '.join(parts)} in {seconds:.1f} s"


def _s(count: int) -> str:
    return "s" if count == 1 else ""


def _measure(verdict: Verdict) -> str:
    if verdict.outcome is Outcome.UNKNOWN:
        return visible(verdict.reason) or "no reason given"
    parts = [f"{verdict.transactions} tx{'' if verdict.transactions == 1 else 's'}"]
    if verdict.gas_used is not None:
        parts.append(f"{verdict.gas_used:,} gas")
    if verdict.fork:
        parts.append(visible(verdict.fork))
    parts.append(f"{verdict.seconds * 1000:,.1f} ms")
    return "  ".join(parts)


def _details(verdict: Verdict, verbose: int) -> list[str]:
    lines = []
    if verdict.outcome is Outcome.BROKEN:
        if verdict.reason:
            lines.append(visible(verdict.reason))
        lines += [line for difference in verdict.differences for line in _difference(difference)]
        if verdict.confirmed is not None:
            lines.append(_confirmation(verdict))
    elif verdict.outcome is Outcome.UNKNOWN:
        lines += [line for difference in verdict.differences for line in _difference(difference)]
    if verbose >= 1:
        named = (("checked", verdict.checked), ("not checked", verdict.not_checked), ("assumes", verdict.assumes))
        lines += [f"{label:<12} {', '.join(visible(v) for v in values) or '-'}" for label, values in named]
        if verdict.second_opinion:
            lines.append(f"{'second':<12} {_pairs(verdict.second_opinion)}")
    if verbose >= 2:
        for label, value in (("claimed", verdict.claimed_hash), ("computed", verdict.computed_hash)):
            lines.append(f"{label:<12} {'-' if value is None else '0x' + value.hex()}")
        if verdict.stages:
            lines.append(f"{'stages':<12} {', '.join(f'{k} {v * 1000:.1f} ms' for k, v in verdict.stages.items())}")
        if verdict.rpc:
            lines.append(f"{'rpc':<12} {_pairs(verdict.rpc)}")
    return lines


def _confirmation(verdict: Verdict) -> str:
    if verdict.confirmed:
        return "confirmed: two virtual machines by different people contradict the claim"
    note = (verdict.second_opinion or {}).get("note", "no second virtual machine has judged this block")
    return f"not confirmed: {visible(str(note))}"


def _difference(difference: Difference) -> list[str]:
    values = (("claimed", difference.claimed), ("computed", difference.computed))
    shown = [f"{'':<12} {label:<9}{'absent' if value is None else visible(value)}" for label, value in values]
    return [f"{visible(difference.scope):<12} {visible(difference.key)}", *shown]


def _pairs(values: Mapping[str, object]) -> str:
    return visible(
        ", ".join(f"{k} {'0x' + v.hex() if isinstance(v, bytes) else v}" for k, v in values.items() if v is not None)
    )
