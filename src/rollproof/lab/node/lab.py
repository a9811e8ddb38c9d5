"""The ``lab_`` namespace: the clock and the faults, from outside. Only where it is enabled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Final

from rollproof.chain import wire
from rollproof.errors import Malformed
from rollproof.lab import scenario
from rollproof.lab.faults import fault as faults
from rollproof.lab.faults.fault import Fault
from rollproof.lab.node import block as shown
from rollproof.lab.node.error import not_found
from rollproof.lab.node.method import Method
from rollproof.lab.node.node import Node
from rollproof.lab.node.params import Params

MAX_STEPS: Final = 1_000  # of one call
MAX_FAULTS: Final = 100  # at once
MAX_REFUSED: Final = 100  # in one answer, the latest


def listed(node: Node, _params: Params) -> dict[str, Any]:
    """``lab_faults``: those that work now, in order, and all that could be injected with their parameters."""
    stack = node.stack_of()
    return {
        "active": [_active(each) for each in stack.faults],
        "known": [
            {
                "id": each.id,
                "family": each.family,
                "title": each.title,
                "check": each.check,
                "parameters": {field.name: str(field.type) for field in fields(each) if field.init},
            }
            for each in _known().values()
        ],
    }


def _known() -> Mapping[str, type[Fault]]:
    """Every fault by its id, once all of their modules are read."""
    scenario.chosen((), None, ())
    return faults.registered()


def _active(fault: Fault) -> dict[str, Any]:
    values = {field.name: getattr(fault, field.name) for field in fields(fault) if field.init}
    return {"id": fault.id, "parameters": {name: _plain(value) for name, value in values.items()}}


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return wire.to_data(value)
    if isinstance(value, bool | None):
        return value
    return str(value)  # JSON numbers end at 2**53 for some readers


def inject(node: Node, params: Params) -> dict[str, Any]:
    """``lab_inject(id, parameters)``: starts a fault; says with which parameters."""
    stack = node.stack_of()
    if len(stack.faults) >= MAX_FAULTS:
        raise Malformed(f"{MAX_FAULTS} faults are at work: lift one first")
    _known()
    return _active(stack.inject(faults.make(_name(params), params.mapping(1))))


def lift(node: Node, params: Params) -> int:
    """``lab_lift(id)``: ends every fault of this id; how many there were. JsonRpcError -32001 for none."""
    stack, name = node.stack_of(), _name(params)
    found = [each for each in stack.faults if each.id == name]
    if not found:
        raise not_found(f"active fault {wire.short(name)}")
    for each in found:
        stack.lift(each)
    return len(found)


def step(node: Node, params: Params) -> str:
    """``lab_step(n)``: that many L2 block times at once, and the follower after them; the clock then, seconds."""
    steps = params.read(0, _steps) if params.given(0) else 1
    stack = node.stack_of()
    stack.run(steps)
    stack.follower.sync()
    return wire.to_quantity(stack.time)


def time(node: Node, _params: Params) -> str:
    """``lab_time``: the simulated clock, seconds."""
    return wire.to_quantity(node.stack_of().time)


def refused_payloads(node: Node, _params: Params) -> list[dict[str, Any]]:
    """``lab_refusedPayloads``: what the honest follower would not take, as engine payloads, and why."""
    return [
        {
            "payload": shown.payload(block),
            "verdict": verdict.outcome.value,
            "reason": verdict.reason,
            "differences": [
                {"scope": each.scope, "key": each.key, "claimed": each.claimed, "computed": each.computed}
                for each in verdict.differences
            ],
        }
        for block, verdict in node.stack_of().follower.refused[-MAX_REFUSED:]
    ]


def _name(params: Params) -> str:
    def text(value: Any, what: str) -> str:
        if not isinstance(value, str) or len(value) > 100:
            raise Malformed(f"{what}: expected a fault's id, got {wire.short(value)}")
        return value

    return params.read(0, text)


def _steps(value: Any, what: str) -> int:
    steps = value if isinstance(value, int) and not isinstance(value, bool) else wire.quantity(value, what, 32)
    if not 0 <= steps <= MAX_STEPS:
        raise Malformed(f"{what}: at most {MAX_STEPS} steps at once")
    return steps


METHODS: Final = {
    "lab_faults": Method(listed),
    "lab_inject": Method(inject, 1, 2),
    "lab_lift": Method(lift, 1, 1),
    "lab_step": Method(step, 0, 1),
    "lab_time": Method(time),
    "lab_refusedPayloads": Method(refused_payloads),
}
