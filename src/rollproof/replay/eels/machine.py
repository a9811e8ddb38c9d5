"""Private copies of EELS's forks, each running on our state.

A copy is a fork's package loaded again under a name of its own with our module in place of its ``state``, so the
installed EELS stays as it is for everybody else, and block-specific constants (blob schedule, block reward,
precompiles) can differ from copy to copy.
"""

from __future__ import annotations

import importlib
import importlib.util
import itertools
import sys
import threading
from collections.abc import Callable, Hashable
from functools import lru_cache
from types import ModuleType
from typing import Any, Final

from rollproof.replay.eels.preimages import AbsentCode, keccak256
from rollproof.replay.eels.state import EMPTY_ACCOUNT
from rollproof.replay.eels.state_functions import functions

# From Paris on, EELS removes an account the moment it is left empty; before, it collects touched accounts.
REMOVES_EMPTY: Final = frozenset({"paris", "shanghai", "cancun", "prague", "osaka"})

MAX_COPIES: Final = 64  # of about 2 MB each

_lock = threading.Lock()
_number = itertools.count()
_copies: dict[tuple[str, Hashable], Machine] = {}


class Machine:
    """One private copy of a fork: its modules by name, ``machine["vm.gas"]``."""

    def __init__(self, fork: str) -> None:
        self.fork = fork
        self._modules: dict[str, ModuleType] = {}
        found = importlib.util.find_spec(f"ethereum.forks.{fork}")
        if found is None or found.origin is None:
            raise ImportError(f"the installed EELS has no fork {fork}")
        self._name = f"_rollproof_eels_{fork}_{next(_number)}"
        spec = importlib.util.spec_from_file_location(
            self._name, found.origin, submodule_search_locations=found.submodule_search_locations
        )
        if spec is None or spec.loader is None:
            raise ImportError(f"the installed EELS fork {fork} cannot be loaded")
        package = importlib.util.module_from_spec(spec)
        sys.modules[self._name] = package
        spec.loader.exec_module(package)
        state = ModuleType(f"{self._name}.state")
        state.__dict__.update(functions(removes_empty=fork in REMOVES_EMPTY))
        sys.modules[state.__name__] = state
        package.state = state  # type: ignore[attr-defined]
        self["fork_types"].EMPTY_ACCOUNT = EMPTY_ACCOUNT
        self._remember_jump_destinations()
        self["vm.instructions.environment"].keccak256 = _code_hash
        self._watch_jumps()
        self._record_outputs()

    def __getitem__(self, module: str) -> Any:
        found = self._modules.get(module)
        if found is None:
            limit = sys.getrecursionlimit()
            found = self._modules[module] = importlib.import_module(f"{self._name}.{module}")
            sys.setrecursionlimit(limit)  # py_ecc, which some modules import, raises it for the whole process
        return found

    def unload(self) -> None:
        """Forgets the modules; a run that still holds the machine keeps what it has imported."""
        for name in [name for name in sys.modules if name == self._name or name.startswith(f"{self._name}.")]:
            del sys.modules[name]

    def _remember_jump_destinations(self) -> None:
        """EELS scans the whole code at each call; the answer depends on nothing but the code."""
        runtime = self["vm.runtime"]
        runtime.get_valid_jump_destinations = lru_cache(maxsize=256)(runtime.get_valid_jump_destinations)

    def _watch_jumps(self) -> None:
        """Code without calls can only go on for long by jumping."""
        instructions = self["vm.instructions"]
        for op in (instructions.Ops.JUMP, instructions.Ops.JUMPI):
            instructions.op_implementation[op] = _watched(instructions.op_implementation[op])

    def _record_outputs(self) -> None:
        """The top frame's output is left in the state: pre-Byzantium receipts do not say whether it failed."""
        fork = self["fork"]
        call: Callable[[Any], Any] = fork.process_message_call

        def recorded(*message: Any) -> Any:
            output = call(*message)
            message[0].block_env.state.output = output
            return output

        fork.process_message_call = recorded


def _watched(jump: Callable[[Any], None]) -> Callable[[Any], None]:
    def watched(evm: Any) -> None:
        evm.message.block_env.state.check_time()
        jump(evm)

    return watched


def _code_hash(data: bytes | AbsentCode) -> bytes:
    return data.hash if isinstance(data, AbsentCode) else keccak256(data)


def machine(fork: str, constants: Hashable, prepare: Callable[[Machine], None]) -> Machine:
    """The copy of ``fork`` for these ``constants``, made and given to ``prepare`` the first time."""
    with _lock:
        copy = _copies.get((fork, constants))
        if copy is None:
            copy = Machine(fork)
            prepare(copy)
            if len(_copies) >= MAX_COPIES:
                _copies.pop(next(iter(_copies))).unload()
            _copies[fork, constants] = copy
        return copy
