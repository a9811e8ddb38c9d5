"""Who acts in an execution and who gains by it, as the access detectors have to know it."""

from __future__ import annotations

from rollproof import _core
from rollproof.detect.cluster import actors, by_account, cluster, only_loses
from rollproof.detect.execution import Execution
from rollproof.detect.shows import Shows

CHEATS = _core.keccak256(b"hevm cheat code")[12:]  # where forge's and hevm's tests ask for what no chain can do


def staged(execution: Execution) -> bool:
    """Whether a test plays everybody in one transaction: it calls where only test frameworks answer."""
    return execution.kept("authority.staged", _staged)


def _staged(execution: Execution) -> bool:
    if Shows.STEPS in execution.shows:
        return False  # executed by ourselves: nobody can be played
    rows = execution.frame_rows
    return execution.trace.column("frame_target").find(CHEATS, 20 * rows.start, 20 * rows.stop) >= 0


def insiders(execution: Execution) -> frozenset[bytes]:
    """Who acts, without who only loses: a contract that is called directly and robbed is no actor.

    In a test that plays everybody, only the test itself: of the others it cannot be said before who is who.
    """
    return execution.kept("authority.insiders", _insiders)


def winners(execution: Execution) -> frozenset[bytes]:
    """Who acts, and who gains by it; in a test that plays everybody, whoever gains."""
    return execution.kept("authority.winners", _winners)


def _insiders(execution: Execution) -> frozenset[bytes]:
    if staged(execution):
        harness = {each.caller for each in execution.frames if each.target == CHEATS}
        return frozenset(harness | ({execution.sender} if execution.sender else set()))
    table = by_account(execution)
    return frozenset(
        each for each in actors(execution) if each == execution.sender or not only_loses(table.get(each, {}))
    )


def _winners(execution: Execution) -> frozenset[bytes]:
    if not staged(execution):
        return cluster(execution)
    return insiders(execution) | {account for (account, _), amount in execution.net.items() if amount > 0}
