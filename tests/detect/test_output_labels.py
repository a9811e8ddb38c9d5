"""Labels from a user's file: three formats, bounds, and names that try to be more than names."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollproof.errors import Malformed
from rollproof.report import labels

ADDRESS = "0x" + "Ab" * 20
RAW = b"\xab" * 20


def written(tmp_path: Path, name: str, content: str | bytes) -> Path:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("l.csv", f"address,name\n{ADDRESS},Vault\n"),
        ("l.csv", f"# mine\n{ADDRESS}, Vault ,extra\n"),
        ("l.csv", f'\ufeffaddress,name\n{ADDRESS},"Vault"\n'),
        ("l.json", json.dumps({ADDRESS: "Vault"})),
        ("l.json", json.dumps({"labels": {ADDRESS: "Vault"}})),
        ("l.json", json.dumps([{"address": ADDRESS, "name": "Vault", "chain": 1}])),
        ("l.toml", f'"{ADDRESS}" = "Vault"'),
        ("l.toml", f'[labels]\n"{ADDRESS}" = "Vault"'),
        ("l.TOML", f'"{ADDRESS.lower()}" = "Vault"'),
    ],
)
def test_formats(tmp_path: Path, name: str, content: str) -> None:
    assert labels.read(written(tmp_path, name, content)) == {RAW: "Vault"}


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("l.csv", f"{ADDRESS}\n", "line 1"),
        ("l.csv", "0x12,Vault\n", "entry 1"),
        ("l.csv", f'{ADDRESS},"open', "CSV"),
        ("l.csv", b"\xff\xfe\x00", "UTF-8"),
        ("l.json", "{", "JSON"),
        ("l.json", "[1]", "entry 1"),
        ("l.json", "7", "by address"),
        ("l.json", json.dumps({ADDRESS: 7}), "entry 1"),
        ("l.json", "[" * 100_000, "JSON"),
        ("l.toml", "x = " + "[" * 10_000, "TOML"),
        ("l.json", json.dumps({"0x" + "zz" * 20: "V"}), "entry 1"),
        ("l.txt", "", ".csv"),
        ("l.csv", f"{ADDRESS},  \n", "entry 1"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, name: str, content: str | bytes, said: str) -> None:
    with pytest.raises(Malformed, match=said) as raised:
        labels.read(written(tmp_path, name, content))
    assert str(raised.value).startswith(name)
    assert "\n" not in str(raised.value)


def test_names_are_one_short_printable_line(tmp_path: Path) -> None:
    name = "Bank\x1b[31m\n\u202e" + "x" * 500
    found = labels.read(written(tmp_path, "l.json", json.dumps({ADDRESS: name})))[RAW]
    assert found.isprintable()
    assert len(found) == labels.LONGEST
    assert found.startswith("Bank\\x1b[31m\\n\\u202e")


def test_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(labels, "MAX_BYTES", 20)
    with pytest.raises(Malformed, match="20 bytes"):
        labels.read(written(tmp_path, "l.csv", f"{ADDRESS},Vault\n"))
    monkeypatch.setattr(labels, "MAX_ENTRIES", 1)
    with pytest.raises(Malformed, match="more than 1"):
        labels.collect([(ADDRESS, "a"), (ADDRESS, "b")], "l")


@given(st.binary(max_size=200), st.sampled_from([".csv", ".json", ".toml"]))
def test_any_bytes_give_labels_or_a_named_error(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, end: str
) -> None:
    path = written(tmp_path_factory.getbasetemp(), f"fuzz{end}", data)
    try:
        found = labels.read(path)
    except Malformed:
        return
    assert all(len(address) == 20 and name.isprintable() for address, name in found.items())
