"""What a fault declares that it did: where, when, and what a check has to name. It comes from the fault alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rollproof import _core
from rollproof.types import Difference, Outcome


@dataclass(frozen=True, slots=True)
class Expected:
    """One place that has to be named: ``scope`` and ``key`` as a `types.Difference` has them.

    ``also`` are other names of the same place, scope and key: what nobody touched is known by the hash of its name
    only. The scope ``reason`` is a phrase that the verdict's reason has to hold, where there is nothing to compare.
    """

    scope: str
    key: str
    also: tuple[tuple[str, str], ...] = ()

    @classmethod
    def header(cls, name: str) -> Expected:
        """A header field, by its name in `types.Header`."""
        return cls("header", name)

    @classmethod
    def account(cls, address: bytes, field: str) -> Expected:
        """A balance or nonce."""
        return cls("account", f"0x{address.hex()}.{field}", (("account", f"{_hashed(address)}.{field}"),))

    @classmethod
    def slot(cls, address: bytes, slot: int, *, touched: bool = True) -> Expected:
        """A storage slot by its number.

        Where no transaction touched the account, nothing in the block says its address, and a node proves slots by
        address only: the account's hash and that its storage differs is then all that can be said.
        """
        word = slot.to_bytes(32, "big")
        first, *others = (
            f"{account}[{place}]"
            for account in (f"0x{address.hex()}", _hashed(address))
            for place in (f"0x{word.hex()}", _hashed(word))
        )
        also = tuple(("storage", other) for other in others)
        return cls("storage", first, also if touched else (*also, ("account", f"{_hashed(address)}.storage_root")))

    @classmethod
    def transaction(cls, index: int, what: str) -> Expected:
        """``status``, ``gas_used``, ``cumulative_gas_used``, ``logs`` or ``logs[N].data`` of one transaction."""
        return cls("transaction", f"{index}.{what}")

    @classmethod
    def reason(cls, phrase: str) -> Expected:
        """Words of the verdict's reason."""
        return cls("reason", phrase)

    @classmethod
    def finding(cls, detector: str) -> Expected:
        """A finding by this name, from a check that compares no results: inspect, link, watch."""
        return cls("finding", detector)

    @classmethod
    def subject(cls, what: bytes) -> Expected:
        """What a finding is about: an address, or the hash of a transaction, block, withdrawal or game."""
        return cls("subject", f"0x{what.hex()}")

    @property
    def names(self) -> tuple[tuple[str, str], ...]:
        """Scope and key of every name that the place has."""
        return ((self.scope, self.key), *self.also)

    def __str__(self) -> str:
        return f"{self.scope} {self.key}"


@dataclass(frozen=True, slots=True)
class Effect:
    """One block (of a layer, by number and hash) that the fault made wrong, or was asked about and lied.

    ``time`` is the simulated time in seconds. ``outcome`` is the verdict that it deserves. Not ``exact``: more than
    what is expected may differ.
    """

    layer: str
    number: int
    hash: bytes
    time: int
    expected: tuple[Expected, ...]
    outcome: Outcome = Outcome.BROKEN
    exact: bool = True

    def unnamed(self, reason: str, differences: Iterable[Difference]) -> list[Expected]:
        """What a verdict with this reason and these differences leaves out."""
        found = {(each.scope, each.key) for each in differences}
        return [
            each
            for each in self.expected
            if not (each.key in reason if each.scope == "reason" else found.intersection(each.names))
        ]

    def beside(self, differences: Sequence[Difference]) -> list[Difference]:
        """What the verdict names although the fault did nothing there; empty where more may differ.

        The storage root of an account whose slot is expected is the same place, said in less detail.
        """
        if not self.exact:
            return []
        known = {name for each in self.expected for name in each.names}
        slots = {name.partition("[")[0] for scope, name in known if scope == "storage"}
        known |= {("account", f"{account}.storage_root") for account in slots}
        return [each for each in differences if (each.scope, each.key) not in known]


def _hashed(name: bytes) -> str:
    return f"keccak 0x{_core.keccak256(name).hex()}"
