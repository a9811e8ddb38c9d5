"""A real anvil for the tests that ask for one: ``anvil`` yields its URL.

``@pytest.mark.parametrize("anvil", [{"network": "optimism", "hardfork": "isthmus"}], indirect=True)`` sets it up
otherwise; ``args`` adds command-line arguments.
"""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
LISTENING = re.compile(r"Listening on (127\.0\.0\.1:\d+)")


def binary() -> Path:
    """anvil itself, not npm's launcher, which would survive it; skips the test where it is not installed."""
    found = sorted((ROOT / "build" / "node" / "node_modules" / "@foundry-rs").glob("anvil-*/bin/anvil*"))
    if not found:
        pytest.skip("no anvil: `make node-tools` installs it (npm)")
    return found[0]


@pytest.fixture
def anvil(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a fresh anvil that mines a block for every transaction."""
    options: Mapping[str, Any] = getattr(request, "param", {})
    command = [str(binary()), "--port", "0", "--threads", "2"]
    for name in ("network", "hardfork"):
        if name in options:
            command += [f"--{name}", options[name]]
    log = tmp_path / "anvil.log"
    with log.open("wb") as out, subprocess.Popen([*command, *options.get("args", ())], stdout=out, stderr=out) as node:
        try:
            yield f"http://{_address(node, log)}"
        finally:
            node.kill()


def _address(node: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if found := LISTENING.search(log.read_text(errors="replace")):
            return found[1]
        if node.poll() is not None:
            break
        time.sleep(0.02)
    raise RuntimeError(f"anvil did not start: {log.read_text(errors='replace')[-500:]}")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks every test that asks for anvil, so that ``-m anvil`` selects them."""
    for item in items:
        if "anvil" in getattr(item, "fixturenames", ()):
            item.add_marker("anvil")
