"""View functions of contracts by name: the few signatures an adapter asks, declared once, and every answer checked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

from rollproof.chain import abi
from rollproof.errors import Malformed, Missing, RollproofError
from rollproof.venue.reader import Batching, Reader, Reverted


@dataclass(frozen=True, slots=True)
class View:
    """A view function: its name, and the ABI types that go in and come out."""

    name: str
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ("uint256",)

    def encode(self, *arguments: Any) -> bytes:
        """Calldata. Raises ValueError for arguments that are not of their types."""
        return abi.selector(f"{self.name}({','.join(self.inputs)})") + abi.encode(self.inputs, arguments)

    def decode(self, output: bytes, to: bytes) -> Any:
        """What it returned: one value, or a tuple of several. Raises Malformed, naming the function and contract."""
        try:
            values = abi.decode(self.outputs, output)
        except Malformed as error:
            raise Malformed(f"{self.name} of 0x{to.hex()}: {error}") from None
        return values[0] if len(values) == 1 else values

    def ask(self, reader: Reader, to: bytes, *arguments: Any) -> Any:
        """One answer. Raises as `Reader.call`; Reverted and Malformed name the function."""
        [answer] = ask_all(reader, [(to, self, arguments)])
        if isinstance(answer, RollproofError):
            raise answer
        return answer


_PARTIAL = (Missing, Malformed)  # of one call; others say that the source as a whole is not usable
Question: TypeAlias = tuple[bytes, View, tuple[Any, ...]]  # contract, function, arguments


def ask_all(reader: Reader, questions: Iterable[Question]) -> list[Any]:
    """The answers in order, in batches where the reader takes them.

    A call that reverts, is not served, or whose answer is not of its types, gives its error as a value. What says
    that the source as a whole is not usable is raised: Retry, Reset, Lying.
    """
    listed = list(questions)
    calls = [(to, view.encode(*arguments)) for to, view, arguments in listed]
    raw = reader.calls(calls) if isinstance(reader, Batching) else [_answer(reader, *call) for call in calls]
    return [_checked(view, to, answer) for (to, view, _), answer in zip(listed, raw, strict=True)]


def need_all(reader: Reader, questions: Iterable[Question]) -> list[Any]:
    """As `ask_all`, where nothing may fail: raises the first error."""
    answers = ask_all(reader, questions)
    for answer in answers:
        if isinstance(answer, RollproofError):
            raise answer
    return answers


def _answer(reader: Reader, to: bytes, data: bytes) -> bytes | RollproofError:
    try:
        return reader.call(to, data)
    except RollproofError as error:
        return error


def _checked(view: View, to: bytes, answer: bytes | RollproofError) -> Any:
    if isinstance(answer, Reverted):
        return Reverted(f"{view.name} of 0x{to.hex()}: {answer}")
    if isinstance(answer, RollproofError):
        if not isinstance(answer, _PARTIAL):
            raise answer
        return answer
    try:
        return view.decode(answer, to)
    except Malformed as error:
        return error
