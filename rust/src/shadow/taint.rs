//! Where a value came from, as bits beside each word.

/// Bits of a taint; the low ones are the same as `rollproof.detect.steps.Taint`.
pub mod bit {
    pub const CALLDATA: u32 = 1 << 0;
    pub const CALLER: u32 = 1 << 1;
    pub const ORIGIN: u32 = 1 << 2;
    pub const STORAGE: u32 = 1 << 3;
    pub const CALLVALUE: u32 = 1 << 4;
    pub const TIMESTAMP: u32 = 1 << 5;
    pub const BLOCK_HASH: u32 = 1 << 6;
    pub const OWN_BALANCE: u32 = 1 << 7;
    pub const BALANCE: u32 = 1 << 8;
    pub const GAS: u32 = 1 << 9;
    pub const RETURNED: u32 = 1 << 10;
    pub const SIGNER: u32 = 1 << 11;
    pub const CALLER_SLOT: u32 = 1 << 12;
    pub const HASH: u32 = 1 << 13;
    pub const SUCCESS: u32 = 1 << 14;
    pub const WRAPPED: u32 = 1 << 15;
    pub const TRUNCATED: u32 = 1 << 16;
    pub const ADDRESS: u32 = 1 << 17;
    pub const CHAIN_ID: u32 = 1 << 18;

    // Only within this pass.
    pub const ARITHMETIC: u32 = 1 << 24;
    pub const SHIFTED: u32 = 1 << 25;
    /// The outcome of a comparison: true or false, no sum any more.
    pub const COMPARED: u32 = 1 << 26;
    pub const EQUALITY: u32 = 1 << 27;
    pub const CALLER_COMPARED: u32 = 1 << 28;
    pub const ORIGIN_COMPARED: u32 = 1 << 29;
    /// Read from a mapping by a key that is itself a hash of call data: a commitment.
    pub const COMMITTED: u32 = 1 << 30;

    /// What Python sees.
    pub const PUBLIC: u32 = (1 << 19) - 1;
    /// What means something within one account's call only.
    pub const OF_THE_CALL: u32 = CALLDATA
        | CALLER
        | CALLVALUE
        | OWN_BALANCE
        | CALLER_SLOT
        | ADDRESS
        | SUCCESS
        | CALLER_COMPARED
        | ORIGIN_COMPARED
        | EQUALITY
        | COMPARED;
}

/// Bits of a guard; the same as `rollproof.detect.steps.Guard`.
pub mod guard {
    pub const CALLER: u32 = 1 << 0;
    pub const ORIGIN: u32 = 1 << 1;
    pub const SIGNATURE: u32 = 1 << 2;
    pub const CALLER_SLOT: u32 = 1 << 3;
    pub const STORAGE: u32 = 1 << 4;
    pub const PROOF: u32 = 1 << 5;
    pub const RETURNED: u32 = 1 << 6;
    pub const ABOVE: u32 = 1 << 7;
    pub const WHO: u32 = CALLER | ORIGIN | SIGNATURE | CALLER_SLOT;
}

/// What is known of one word, or of one byte of memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Word {
    pub taint: u32,
    /// The arithmetic that lost something on the way here: its place in the list, from 1.
    pub wrap: u32,
    /// The call that this says something about: its place in the list, from 1.
    pub call: u32,
}

impl Word {
    pub fn of(taint: u32) -> Self {
        Self { taint, ..Self::default() }
    }

    /// Of a value made of both; where both speak of calls, the first stays.
    pub fn with(self, other: Self) -> Self {
        let either = |first, second| if first != 0 { first } else { second };
        Self {
            taint: self.taint | other.taint,
            wrap: either(self.wrap, other.wrap),
            call: either(self.call, other.call),
        }
    }

    pub fn constant(self) -> bool {
        self.taint & bit::PUBLIC == 0 && self.wrap == 0
    }

    /// As another account's call sees it.
    pub fn outside(self) -> Self {
        Self { taint: self.taint & !bit::OF_THE_CALL, wrap: self.wrap, call: 0 }
    }
}
