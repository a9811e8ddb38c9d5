"""Share inflation: assets given to a vault change what a share is worth, or stop it from working."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from rollproof import _core
from rollproof.detect.ancestry import target
from rollproof.detect.cluster import cluster, gains
from rollproof.detect.detector import Detector, Judgement
from rollproof.detect.execution import ExecutedBlock, Execution
from rollproof.detect.holdings import holdings
from rollproof.detect.selectors import selectors
from rollproof.detect.shows import Shows, Trigger
from rollproof.detect.vault_flow import Donation, VaultOperation, donations, given, issues, operations, pulled, touches
from rollproof.types import Amount, Confidence, Severity

JUMP = 2.0  # times that a share's price rises between two operations; yield that is paid out stays far below

# EIP-4626 and EIP-20: what is asked of a vault and of nothing else, and what it asks its asset.
_VAULT_VIEWS = frozenset(
    _core.keccak256(each)[:4]
    for each in (b"totalAssets()", b"convertToShares(uint256)", b"convertToAssets(uint256)", b"asset()")
)


@dataclass(frozen=True, slots=True)
class Step:
    """An operation or donation, and the execution that it is of."""

    execution: Execution
    what: VaultOperation | Donation


class ShareInflation(Detector):
    id = "share-inflation"
    severity = Severity.HIGH
    title = "A donation to a vault changed what its shares are worth"
    what = (
        "Between two operations of a vault its shares' price at least doubled, with a direct transfer to the vault in "
        "between; or after such a transfer the vault, asked for its assets, failed."
    )
    why = "Shares are whole numbers: who deposits at an inflated price gets too few, or none, and others get the rest."
    example = "One share for 1 wei, a donation of 10,000 tokens; the next depositor of 19,999 gets one share."
    references = ("https://eips.ethereum.org/EIPS/eip-4626#security-considerations",)
    scope = "block"
    needs = Shows.CALLS | Shows.ETHER
    trigger = Trigger.TOKENS | Trigger.ETHER

    def check(self, block: ExecutedBlock) -> Iterator[Judgement]:
        """One finding a vault."""
        executions = [each for each in block.executions if each.flags & (Trigger.TOKENS | Trigger.ETHER)]
        for execution in executions:
            yield from self._stopped(execution)
        donated = set().union(*(given(each) for each in executions))
        if not donated:
            return
        issued = Counter(issuer for each in executions for issuer in issues(each))
        asked = set().union(*(pulled(each) for each in executions))
        for vault in sorted({vault for vault, asset in donated if issued[vault] > 1 or (vault, asset) in asked}):
            yield from self._inflated(vault, [each for each in executions if touches(each, vault)])

    def _inflated(self, vault: bytes, executions: list[Execution]) -> Iterator[Judgement]:
        steps = [Step(each, what) for each in executions for what in _steps(each, vault)]
        jump = _jump(steps)
        if jump is None:
            return
        donation, before, after, factor = jump
        who = cluster(donation.execution) | {donation.what.account}
        harmed = [each for each in _deposits_after(steps, donation) if each.account not in who and not each.shares]
        taken = sum(gains(each, who).get(after.asset, 0) for each in executions)
        others = any(each.account not in who for each in _deposits_after(steps, donation))
        observed = bool(harmed) or (taken > 0 and others)
        amounts = [Amount(each.asset, each.account, -each.assets) for each in harmed]
        if taken > 0:
            amounts.append(Amount(after.asset, donation.what.account, taken))
        severity = Severity.HIGH if observed else Severity.MEDIUM
        yield self.finding(
            donation.execution,
            f"a share of 0x{vault.hex()} rose {_times(factor)} in price by a donation"
            + (", and others' deposits paid for it" if observed else ""),
            severity=severity,
            confidence=Confidence.OBSERVED if observed else Confidence.POSSIBLE,
            addresses=(vault, donation.what.account, *(each.account for each in harmed)),
            amounts=amounts or [Amount(donation.what.asset, donation.what.account, -_amount(donation))],
            frames=[each.frame for each in (before, after)] if len(executions) == 1 else (),
            subject=vault.hex(),
        )

    def _stopped(self, execution: Execution) -> Iterator[Judgement]:
        """A vault that failed after a donation, having asked for its own balance."""
        if not execution.flags & Trigger.FAILED_CALL:
            return
        failed = {target(execution, row) for row in execution.frame_rows if execution.reverted(row)}
        asked = {target(execution, row) for row, data in selectors(execution) if data in _VAULT_VIEWS}
        for vault in sorted(asked & failed):
            first: dict[bytes | None, Donation] = {}
            for each in donations(execution, vault):
                first.setdefault(each.asset, each)
            for donation in first.values():
                frame = _failed_after(execution, vault, donation)
                if frame is not None:
                    yield self.finding(
                        execution,
                        f"0x{vault.hex()} failed after it was sent {donation.amount} that nobody deposited",
                        severity=Severity.MEDIUM,
                        confidence=Confidence.POSSIBLE,
                        addresses=(vault, donation.account),
                        amounts=(Amount(donation.asset, vault, donation.amount),),
                        frames=(frame,),
                        subject="stopped " + vault.hex(),
                    )
                    break


def _steps(execution: Execution, vault: bytes) -> list[VaultOperation | Donation]:
    found: list[VaultOperation | Donation] = [*operations(execution, vault), *donations(execution, vault)]
    return sorted(found, key=lambda each: each.order)


def _jump(steps: list[Step]) -> tuple[Step, VaultOperation, VaultOperation, float] | None:
    """The first donation between two operations of which the second's price is far higher."""
    before: VaultOperation | None = None
    donation: Step | None = None
    for step in steps:
        if isinstance(step.what, Donation):
            donation = donation or (step if before is not None else None)
            continue
        if before is not None and donation is not None and step.what.asset == before.asset == donation.what.asset:
            if not step.what.shares and step.what.assets < 0:
                continue
            factor = float("inf") if not step.what.shares else (step.what.price or 0.0) / (before.price or 1.0)
            if factor >= JUMP:
                return donation, before, step.what, factor
        if step.what.shares:
            before, donation = step.what, None
    return None


def _deposits_after(steps: list[Step], donation: Step) -> list[VaultOperation]:
    at = steps.index(donation)
    return [each.what for each in steps[at:] if isinstance(each.what, VaultOperation) and each.what.assets > 0]


def _amount(step: Step) -> int:
    return step.what.amount if isinstance(step.what, Donation) else 0


def _failed_after(execution: Execution, vault: bytes, donation: Donation) -> int | None:
    """A frame of a vault, entered after a donation, that read the vault's balance of what was given, and failed."""
    held = None if donation.asset is None else holdings(execution).get((vault, donation.asset))
    if held is None:
        return None
    readers = {access.frame for access in execution.accesses if access.slot == held.slot and not access.write}
    for row in readers:
        for frame in execution.ancestors(row):
            if frame.target == vault and frame.order > donation.order and not frame.success:
                return frame.row
    return None


def _times(factor: float) -> str:
    return "without end" if factor == float("inf") else f"{factor:.1f} times"
