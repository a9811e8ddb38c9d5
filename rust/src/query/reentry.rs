//! Accesses of a contract's storage from inside one of its own open calls, in time linear in frames and accesses.
//!
//! An invocation is a frame with its children that use the same account's storage. A re-entrant pair is two
//! invocations of one account, `outer` above `inner`, with a frame of another account between. Only what was not undone
//! counts. Every open invocation keeps one entry per slot that it touches; when it closes, what it changed is handed to
//! the nearest open invocation below it that touched the slot too, so that no pair of frames is ever enumerated.
//!
//! Locks are told by what they do: a byte that the outer invocation changes before the call and puts back after it.
//! Slots are compared byte by byte, because contracts pack a lock beside other values.

mod close;
mod frames;
mod judge;
mod slots;
#[cfg(test)]
mod tests;
mod walk;

use super::view::{Rows, View};
use alloy_primitives::{Address, B256, U256};

/// Most results of one transaction; those alike are counted, not listed.
const MAX_FOUND: usize = 256;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Rule {
    /// `outer` read the slot before the call and had not written it; `inner` left another value there.
    StaleRead,
    /// `inner` left another value in a slot that is not a lock of `outer`.
    OpenWrite,
    /// `outer` read another account's slot by calling that account, then gave control away; somebody else changed the
    /// slot; then `outer` had that account write it.
    CrossContract,
    /// A third account asked by `inner`, which wrote nothing, for a value that `outer` changed afterwards.
    ReadOnly,
    /// `inner` failed after it had read a lock of `outer`.
    Refused,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reentry {
    pub rule: Rule,
    /// The account whose call was open.
    pub context: Address,
    /// Whose slot it is: `context`, except where the rule is [`Rule::Cross`].
    pub account: Address,
    pub slot: B256,
    pub transient: bool,
    /// Frames: the open call; the one inside it; the one by which control left; the one that made the call of `inner`.
    pub outer: u32,
    pub inner: u32,
    pub edge: u32,
    pub caller: u32,
    /// What `outer` took the slot to hold (OpenWrite: what it held before `inner`; ReadOnly: what was answered).
    pub before: U256,
    /// What it held when control came back (ReadOnly: at the end of `outer`).
    pub after: U256,
    pub outer_selector: Option<[u8; 4]>,
    pub inner_selector: Option<[u8; 4]>,
    pub edge_selector: Option<[u8; 4]>,
    pub caller_selector: Option<[u8; 4]>,
    /// A creation lies between the two.
    pub through_create: bool,
    /// What `outer` wrote there first after control came back.
    pub written_after: Option<U256>,
    /// It read the slot again before that.
    pub reread: bool,
    /// `inner` read a lock of `outer`, or a ticket that `outer` had left for it, and went on: it was let in.
    pub admitted: bool,
    /// ReadOnly: who asked (an account and its frame), and whether it wrote state or sent wei after it.
    pub reader: Option<(Address, u32)>,
    pub reader_acted: bool,
    /// How many alike, this one included.
    pub count: u32,
}

/// What the rules find in one transaction's rows, in order of `outer`. `reverted`: per frame of the transaction, whether
/// what it did was undone.
pub fn reentries(view: View<'_>, rows: &Rows, reverted: &[bool]) -> Vec<Reentry> {
    if reverted.len() < 3 || reverted[0] {
        return Vec::new();
    }
    walk::Walk::new(view, rows, reverted).run()
}
