"""Runs exploits when told to, one or several at a time, from the account "attacker"."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollproof.lab.actors.exploits import begin

if TYPE_CHECKING:
    from rollproof.lab.actors.attempt import Attempt
    from rollproof.lab.stack import Stack


class Attacker:
    """Does nothing until `tell`."""

    def __init__(self) -> None:
        self.name = "attacker"
        self.attempts: list[Attempt] = []

    def tell(self, stack: Stack, exploit: str, *, fixed: bool = False, **parameters: int) -> Attempt:
        """Runs the exploit of this name from the next step on; ``fixed``: against the corrected contract.

        Raises Unsupported for an exploit or parameter that is not known.
        """
        attempt = begin(stack, exploit, fixed=fixed, parameters=parameters)
        self.attempts.append(attempt)
        return attempt

    def act(self, stack: Stack) -> None:
        for attempt in self.attempts:
            if attempt.stack is stack:
                attempt.advance()
