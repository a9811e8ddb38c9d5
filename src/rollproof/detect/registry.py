"""The detectors there are: one line each. Other packages add theirs by the entry point ``rollproof.detectors``."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.metadata import entry_points

from rollproof.detect.detector import Detector
from rollproof.errors import Malformed

# module of this package, class
LISTED: tuple[str, ...] = (
    "approval_drain:ApprovalDrain",
    "arbitrary_call:ArbitraryCall",
    "denial_of_service:RejectedPayment",
    "false_events:FalseEvents",
    "flash_loan:FlashLoan",
    "flash_loan:SideEntrance",
    "forced_ether:ForcedEther",
    "gas_griefing:GasGriefing",
    "gas_growth:GasGrowth",
    "gas_limit:GasLimitManipulation",
    "governance_drain:GovernanceDrain",
    "integer_wrap:IntegerWrap",
    "ordering.arbitrage:Arbitrage",
    "ordering.back_run:BackRun",
    "ordering.back_run_liquidation:BackRunLiquidation",
    "ordering.censorship:Censorship",
    "ordering.delayed_inclusion:DelayedInclusion",
    "ordering.displacement:Displacement",
    "ordering.jit_liquidity:JitLiquidity",
    "ordering.liquidation:Liquidate",
    "ordering.oracle_back_run:OracleBackRun",
    "ordering.priority_violated:PriorityViolated",
    "ordering.sandwich:Sandwich",
    "price_manipulation:PriceManipulation",
    "proxy_hijack:ProxyHijack",
    "randomness:TimestampDependence",
    "randomness:WeakRandomness",
    "reentrancy:Creating",
    "reentrancy:CrossFunction",
    "reentrancy:SameFunction",
    "reentrancy:TokenCallback",
    "reentrancy_across:CrossContract",
    "reentrancy_across:ReadOnly",
    "return_bomb:ReturnBomb",
    "rounding:Rounding",
    "selfdestruct:UnprotectedSelfdestruct",
    "share_inflation:ShareInflation",
    "signature:SignatureMisuse",
    "storage_layout:StorageCollision",
    "transaction_origin:TransactionOrigin",
    "truncation:Truncation",
    "unauthorised_write:UnauthorisedWrite",
    "unchecked_call:UncheckedCall",
    "value_extraction:ValueExtraction",
)


@cache
def detectors() -> tuple[Detector, ...]:
    """One object of each, ours first.

    Raises Malformed naming an entry point that is no detector, or an id that is given twice.
    """
    found: list[Detector] = []
    for place in LISTED:
        module, _, name = place.partition(":")
        found.append(getattr(import_module(f"rollproof.detect.{module}"), name)())
    for entry in sorted(entry_points(group="rollproof.detectors"), key=lambda each: each.name):
        made = entry.load()
        if not (isinstance(made, type) and issubclass(made, Detector)):
            raise Malformed(f"entry point {entry.name} of rollproof.detectors is no Detector")
        found.append(made())
    seen: set[str] = set()
    for detector in found:
        if detector.id in seen:
            raise Malformed(f"two detectors are called {detector.id}")
        seen.add(detector.id)
    return tuple(found)
