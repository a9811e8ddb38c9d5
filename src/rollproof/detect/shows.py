"""What a source of executions can show, and what the core's first pass noticed in one: the two masks checks go by."""

from __future__ import annotations

from enum import IntFlag


class Shows(IntFlag):
    """Parts of an execution that a source has. A check that needs more than that gives `unknown`."""

    CALLS = 1 << 0  # the tree of calls with caller, target, code and success
    SELECTOR = 1 << 1  # the first four bytes of call data
    INPUT = 1 << 2  # call data
    OUTPUT = 1 << 3  # what calls returned
    ETHER = 1 << 4  # wei sent with calls
    GAS = 1 << 5  # gas given and used, frame by frame
    TOPICS = 1 << 6  # that a log was emitted, and its first topic
    LOGS = 1 << 7  # logs with address, all topics and data
    STORAGE = 1 << 8  # which slots are read and written, in order with the calls
    VALUES = 1 << 9  # what those slots held
    TRANSIENT = 1 << 10  # the same for transient storage (EIP-1153)
    HASHES = 1 << 11  # which mapping entries the slots are
    SENDER = 1 << 12  # who signed, and the transaction's own fields
    STEPS = 1 << 13  # the second pass: where values came from and went to
    STATE = 1 << 14  # the state below the block: it can be executed again in another order
    NET_STORAGE = 1 << 15  # slots before and after each transaction, without order

    @classmethod
    def reexecuted(cls) -> Shows:
        """All of it: the execution is our own."""
        return ~cls(0)


class Trigger(IntFlag):
    """What the first pass noticed in one transaction. Bits are set by the core (``rust/src/query/facts.rs``)."""

    CALLS = 1 << 0  # more than one frame
    REENTERED = 1 << 1  # a live re-entrant access, by one of the rules in `Reentry`
    ETHER = 1 << 2  # wei moved between accounts
    TOKENS = 1 << 3  # a token moved
    TWO_TOKENS = 1 << 4  # at least two different assets moved
    WRITES = 1 << 5  # live storage writes
    CREATES = 1 << 6  # contracts were created
    DELEGATES = 1 << 7  # code of another account ran on an account's storage
    FAILED_CALL = 1 << 8  # a call failed below one that did not, or a token answered false
    OUT_OF_GAS = 1 << 9  # such a call ran out of gas
    SELFDESTRUCTS = 1 << 10
    PRIVILEGED = 1 << 11  # a write or an event that changes who may do what (owner, role, code, initialiser)
    APPROVES = 1 << 12  # an allowance was given
    PULLS = 1 << 13  # transferFrom of an account that is not the caller
    LOOPS = 1 << 14  # one instruction touched at least 64 different slots of an account
    LARGE_RETURN = 1 << 15  # a call returned 16 KiB or more
    RECOVERS = 1 << 16  # ecrecover was called
    LARGE_VALUE = 1 << 17  # a small slot went below zero, or 2**128 or more of something moved
    LENDS = 1 << 18  # an asset left an account and came back to it inside one of its frames
    FAILED = 1 << 19  # the transaction itself did not succeed
    FORWARDS = 1 << 20  # a call's data stands in the call data of the frame that makes it
    LIES = 1 << 21  # a token's transfer events differ from what its balance slots did
    STEPS = 1 << 22  # the second pass was run
    WRAPS = 1 << 23  # the second pass saw arithmetic wrap, and the result matter
    GAS_PRICE = 1 << 24  # the gas price was read
    ORIGIN = 1 << 25  # so was who signed, where somebody else called
    RANDOMNESS = 1 << 26  # so was a block's hash or the beacon's randomness, and something moved
    CLOCK = 1 << 27  # so was the time, and something moved
