"""One chain's rules as data: its family, its full fork schedule and the parameters that forks refer to."""

from __future__ import annotations

from dataclasses import dataclass

from rollproof.chain.fork import ORDER, Blob, Fork, implies, instant
from rollproof.errors import Unsupported

_ETHER = 10**18
ELASTICITY, DENOMINATOR = 2, 8  # EIP-1559, where a chain says nothing else


@dataclass(frozen=True, slots=True)
class ChainConfig:
    """A chain configuration; times in seconds, amounts in wei, hashes and addresses as bytes.

    ``forks`` is ordered by activation, forks that Rollproof cannot run included (``runs_as`` None).
    ``as_of`` is the time up to which the schedule is known to be complete; None: no such time is known (a record's).
    """

    chain_id: int
    name: str
    family: str  # the core's family ("ethereum", "op"), or the name of one that the core does not know ("celo")
    forks: tuple[Fork, ...]
    eip1559_elasticity: int = ELASTICITY
    eip1559_denominator: int = DENOMINATOR
    eip1559_denominator_canyon: int | None = None  # OP Stack, from Canyon on
    deposit_contract: bytes | None = None  # EIP-6110
    l1_chain_id: int | None = None
    genesis_number: int = 0  # first block of this rule family; cannot be executed itself
    genesis_time: int | None = None
    genesis_hash: bytes | None = None
    block_time: int | None = None  # seconds, OP Stack
    netsplit_block: int | None = None  # EIP-2124 counts it, execution does not (Sepolia)
    builtin: bool = False
    as_of: int | None = None
    source: str = ""

    @property
    def dao_block(self) -> int | None:
        """The block that carries the DAO fork's state change (EIP-779); None where the chain had none."""
        return next((fork.block for fork in self.forks if fork.name == "dao_fork"), None)

    def merged(self, number: int, timestamp: int = 0) -> bool:
        """Whether the block is under proof of stake or a sequencer: past Paris, by block number, or of the OP Stack."""
        return self.family != "ethereum" or self.active("paris", number, timestamp)

    def fork_at(self, number: int, timestamp: int) -> Fork:
        """The fork whose rules a block of this number and timestamp follows. Never raises.

        An active fork that cannot be run hides every later one: rules that build on unknown rules are unknown.
        Before the first fork (OP Mainnet before Bedrock) the answer is named ``before_NAME``; its ``runs_as`` is None.
        """
        active = self._active(number, timestamp)
        if not active:
            return Fork(f"before_{self.forks[0].name}" if self.forks else "no_fork", None, block=0)
        for fork in reversed(active):
            if fork.runs_as is None:
                return fork
        return active[-1]

    def require_fork_at(self, number: int, timestamp: int) -> Fork:
        """As `fork_at`; raises Unsupported, naming the fork, when its rules cannot be run."""
        fork = self.fork_at(number, timestamp)
        if fork.runs_as is None:
            raise Unsupported(self.cannot_run(fork))
        return fork

    def cannot_run(self, fork: Fork) -> str:
        """One line naming the fork: ``fork Base Azul (since 2026-05-28 18:00:00 UTC, 1779991200) is not supported``."""
        if self.family not in ("ethereum", "op"):
            rules = self.family.replace("_", " ").title()
            return f"{self.name} (chain {self.chain_id}) follows the rules of {rules}, which are not supported"
        if fork.name.startswith("before_"):
            return f"{self.name} (chain {self.chain_id}) before {fork.name[7:].title()} is not supported"
        title = fork.name.replace("_", " ").title()
        own = self.builtin and fork.name not in ORDER[self.family]  # a chain's own fork goes by the chain's name
        name = f"{self.name.split()[0]} {title}" if own else title
        return f"fork {name} ({fork.since()}) is not supported on {self.name} (chain {self.chain_id})"

    def active(self, name: str, number: int, timestamp: int) -> bool:
        """Whether a block is past the named fork, by its own activation or by that of a fork that builds on it."""
        return any(implies(self.family, fork.name, name) for fork in self._active(number, timestamp))

    def is_first_block_of(self, name: str, number: int, timestamp: int, parent_timestamp: int) -> bool:
        """Whether the block is the first past the named fork; the genesis block is no fork's first block."""
        if number <= self.genesis_number:
            return False
        return self.active(name, number, timestamp) and not self.active(name, number - 1, parent_timestamp)

    def blob_schedule(self, number: int, timestamp: int) -> Blob | None:
        """(target blobs, max blobs, base fee update fraction) in force; None before Cancun and on the OP Stack."""
        active = self._active(number, timestamp)
        return active[-1].blob if active else None

    def base_fee_params(self, number: int, timestamp: int) -> tuple[int, int]:
        """(denominator, elasticity) of EIP-1559 by the configuration.

        For a block whose parent is past Holocene the OP Stack reads them from the parent's extraData instead, and falls
        back to these where that says 0 (OP Stack specification, Holocene, "Dynamic EIP-1559 Parameters").
        """
        if self.eip1559_denominator_canyon is not None and self.active("canyon", number, timestamp):
            return self.eip1559_denominator_canyon, self.eip1559_elasticity
        return self.eip1559_denominator, self.eip1559_elasticity

    def block_reward(self, number: int, timestamp: int = 0) -> int:
        """Proof-of-work reward in wei: 5, 3 (EIP-649), 2 (EIP-1234) ether, 0 from Paris on and on the OP Stack."""
        if self.merged(number, timestamp):
            return 0
        for name, ether in (("constantinople", 2), ("byzantium", 3)):
            if self.active(name, number, timestamp):
                return ether * _ETHER
        return 5 * _ETHER

    def stale(self, timestamp: int) -> str | None:
        """One line for ``assumes`` when the block is younger than what is known of the schedule; else None."""
        if self.as_of is None or timestamp <= self.as_of:
            return None
        return f"no fork of chain {self.chain_id} activated after {instant(self.as_of)} other than those known then"

    def _active(self, number: int, timestamp: int) -> list[Fork]:
        # Nothing is active before the first fork, whatever its time says (OP Mainnet: Regolith's time is 0).
        if not self.forks or not self.forks[0].is_active(number, timestamp):
            return []
        return [fork for fork in self.forks if fork.is_active(number, timestamp)]
