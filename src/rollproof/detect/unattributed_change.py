"""State that changed although no transaction changed it: a broken verdict, told as findings.

Executing the block again gives what its transactions do. An account or slot that the claimed state has otherwise, and
that no transaction touched, was written by somebody past the transactions.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from rollproof.types import Amount, Confidence, Difference, Finding, Outcome, Severity, SlotChange, Verdict

ID = "unattributed-change"
TITLE = "State changed without a transaction"

_EXPLAINED = frozenset({"transaction", "config"})


def unattributed_changes(
    verdict: Verdict, touched: Mapping[bytes, Collection[bytes]] | None = None, *, evidence: str | None = None
) -> Iterator[Finding]:
    """One finding an account whose claimed state no transaction of the block explains; none if it is not broken.

    ``touched`` is what the block's own execution wrote: account -> slots (`_core.Done.changes` has it). Without it, an
    account counts only where nothing in the block says its address (its hash is all that is known), or where no
    transaction's result is disputed. ``evidence`` names the file that shows it.
    """
    if verdict.outcome is not Outcome.BROKEN:
        return
    disputed = any(each.scope in _EXPLAINED for each in verdict.differences)
    accounts: dict[str, list[Difference]] = {}
    for each in verdict.differences:
        if each.scope in ("account", "storage", "trie"):
            accounts.setdefault(_account(each.key), []).append(each)
    for name, found in accounts.items():
        address = _address(name)
        loose = [each for each in found if not _explained(each, address, touched, disputed)]
        if not loose:
            continue
        amounts, slots = _shown(loose, address)
        what = ", ".join(sorted({_part(each) for each in loose}))
        yield Finding(
            detector=ID,
            severity=Severity.CRITICAL if any(each.amount for each in amounts) or slots else Severity.HIGH,
            confidence=Confidence.OBSERVED,
            chain_id=verdict.chain_id,
            block=verdict.number,
            transaction=None,
            title=f"{what} of {name} changed, and no transaction of the block changes that",
            addresses=(address,) if address is not None else (),
            amounts=amounts,
            slots=slots,
            notes=tuple(f"{each.key}: claimed {each.claimed}, computed {each.computed}" for each in loose[:16]),
            subject=name,
            evidence=evidence,
        )


def _account(key: str) -> str:
    """0xADDRESS (or a hash) of ``0xADDRESS.balance`` and ``0xADDRESS[0xSLOT]``; a trie path as it is."""
    return key.partition("[")[0].partition(".")[0]


def _address(name: str) -> bytes | None:
    try:
        raw = bytes.fromhex(name.removeprefix("0x"))
    except ValueError:
        return None
    return raw if len(raw) == 20 else None


def _slot(key: str) -> bytes | None:
    name = key.partition("[")[2].rstrip("]")
    try:
        return bytes.fromhex(name.removeprefix("0x")) or None
    except ValueError:
        return None


def _explained(
    difference: Difference,
    address: bytes | None,
    touched: Mapping[bytes, Collection[bytes]] | None,
    disputed: bool,
) -> bool:
    """Whether a transaction of the block may be why: it wrote there, or its own result is disputed."""
    if address is None:
        return False  # nothing in the block so much as names it
    if touched is None:
        return disputed
    if address not in touched:
        return False
    slot = _slot(difference.key)
    return slot is None or slot in touched[address]


def _shown(differences: list[Difference], address: bytes | None) -> tuple[tuple[Amount, ...], tuple[SlotChange, ...]]:
    amounts: list[Amount] = []
    slots: list[SlotChange] = []
    for each in differences:
        claimed, computed = _number(each.claimed), _number(each.computed)
        if address is None or claimed is None or computed is None:
            continue
        if each.key.endswith(".balance"):
            amounts.append(Amount(None, address, claimed - computed))
        elif each.scope == "storage" and (slot := _slot(each.key)) is not None:
            slots.append(SlotChange(address, slot, computed, claimed))
    return tuple(amounts), tuple(slots)


def _number(shown: str | None) -> int | None:
    """A wire quantity; absent reads as zero, which is what an absent account or slot holds."""
    if shown is None:
        return 0
    try:
        return int(shown, 16) if shown.startswith("0x") else int(shown)
    except ValueError:
        return None


def _part(difference: Difference) -> str:
    if difference.scope == "storage":
        return "storage"
    return difference.key.rpartition(".")[2].replace("_", " ") if "." in difference.key else "state"
