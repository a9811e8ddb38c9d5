"""A transaction has exactly one encoding; another one that a lenient decoder reads is none."""

from __future__ import annotations

import pytest

from rollproof import _core
from rollproof.lab.transaction import Account

# Found by fuzzing: the fourteen fields of a blob transaction without its type byte, which the library's decoder reads
# although it encodes to other bytes.
LENIENT = bytes.fromhex(
    "f8b882053904843b9aca0085174876e80083030d40949f10f17c8d29300c69f5fe1424a90acc6b80d53e0c80c085174876e800f842a0"
    "017f86589578df43e413167ae8d9dceb36762833811a71a7237386264861c623a00179627cc124d446183c6e4d9ea1a5a5ccf72e2140"
    "c304bdfc6a21e5e817568880a0354252898bc38f3d7ff12882e16192e9184290d7ba1027393e22c184f288f70fa03ff411fc6c493a76"
    "097412ae8282d438c07c8585008585858585858dfa0000fe"
)


def test_a_second_encoding_is_refused() -> None:
    with pytest.raises(_core.CoreError, match="one encoding"):
        _core.decode_transaction(LENIENT, "ethereum")


def test_the_encodings_in_use_are_read() -> None:
    account = Account.named("somebody", 1)
    for number, raw in enumerate((account.send_legacy(b"\x11" * 20), account.send(b"\x11" * 20), account.send(None))):
        decoded = _core.decode_transaction(raw, "ethereum")
        assert decoded["hash"] == _core.keccak256(raw)
        assert decoded["sender"] == account.address
        assert decoded["nonce"] == number
