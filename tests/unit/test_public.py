"""The public surface is what ``__all__`` lists: nothing more, nothing less, and importable without the extension."""

from __future__ import annotations

import subprocess
import sys
import types

import rollproof as rp


def test_exports_match_all() -> None:
    public = {
        name
        for name, value in vars(rp).items()
        if not name.startswith("_")
        and isinstance(value, type)
        and getattr(value, "__module__", "").startswith("rollproof")
    }
    calls = {"replay", "risk", "trace", "verify", "verify_payload", "verify_range"}
    calls |= {"inspect", "inspect_pending", "inspect_range", "inspect_traces", "inspect_transaction"}
    assert public | calls | {"__version__"} == set(rp.__all__)
    assert sorted(rp.__all__) == rp.__all__
    assert all(getattr(rp, name) is not None for name in rp.__all__)
    assert all(callable(getattr(rp, name)) for name in calls)
    assert dir(rp) == sorted(rp.__all__)


def test_every_error_is_exported() -> None:
    from rollproof import errors

    defined = {name for name, value in vars(errors).items() if isinstance(value, type)}
    assert defined <= set(rp.__all__)


def test_unknown_name_is_an_attribute_error() -> None:
    assert not hasattr(rp, "verfiy")
    assert isinstance(rp, types.ModuleType)


def test_without_the_extension_the_error_says_how_to_build() -> None:
    program = (
        "import sys; sys.modules['rollproof._core'] = None\n"
        "import rollproof as rp\n"
        "assert rp.Outcome.HOLDS == 'holds'\n"
        "try:\n    rp.verify\nexcept ImportError as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.stderr == ""
    assert "make setup" in done.stdout
    assert "pip install ." in done.stdout
