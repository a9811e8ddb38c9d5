//! What open invocations know of slots.

use alloy_primitives::{B256, U256, map::HashMap};

pub const NONE: u32 = u32::MAX;

/// Most lock slots remembered per inner call.
const MAX_GUARDS: usize = 4;

/// Which of the 32 bytes differ.
pub fn lanes(one: U256, other: U256) -> u32 {
    let differing = one ^ other;
    if differing.is_zero() {
        return 0;
    }
    differing.to_be_bytes::<32>().iter().enumerate().fold(0, |mask, (at, byte)| mask | u32::from(*byte != 0) << at)
}

/// Slots that an inner call read and that the outer one had written: maybe locks.
#[derive(Clone, Copy, Debug)]
pub struct Guards([u32; MAX_GUARDS]);

impl Default for Guards {
    fn default() -> Self {
        Self([NONE; MAX_GUARDS])
    }
}

impl Guards {
    pub fn add(&mut self, slot: u32) {
        if let Some(free) = self.0.iter_mut().find(|each| **each == NONE) {
            *free = slot;
        }
    }

    pub fn slots(&self) -> impl Iterator<Item = u32> + '_ {
        self.0.iter().copied().filter(|slot| *slot != NONE)
    }
}

/// An inner call that changed a slot: local frame numbers, and how many creations are open at its caller.
#[derive(Clone, Copy, Debug)]
pub struct Inner {
    pub frame: u32,
    pub edge: u32,
    pub creates: u32,
    pub guards: Guards,
}

/// A slot whose value an inner call changed since the invocation last looked.
#[derive(Clone, Copy, Debug)]
pub struct Stale {
    pub inner: Inner,
    pub known: U256,
    pub found: U256,
    pub order: u32,
    pub reread: bool,
    pub written_after: Option<U256>,
}

/// One open invocation's dealings with one slot.
#[derive(Clone, Debug)]
pub struct Entry {
    pub slot: u32,
    pub below: u32,
    /// Place of the invocation in the stack of open ones.
    pub invocation: u32,
    pub first: U256,
    pub own: U256,
    pub read: bool,
    pub read_first: bool,
    pub wrote: bool,
    pub last_write: u32,
    /// What it had there when an inner call first met the slot, and when.
    pub met: Option<(U256, u32)>,
    pub pending: Option<Inner>,
    pub last_inner: Option<Inner>,
    pub stale: Option<Stale>,
    /// Newest of a list of answers given from this slot by inner calls.
    pub answers: u32,
}

impl Entry {
    pub fn meet(&mut self, order: u32) {
        self.met.get_or_insert((self.own, order));
    }

    /// Bytes that are a lock: changed before an inner call, put back after it.
    pub fn lock(&self, last: U256) -> u32 {
        self.met.map_or(0, |(known, order)| self.restored(known, order, last))
    }

    /// Bytes that it had changed before an inner call and that hold their first value at last.
    pub fn back(&self, last: U256) -> u32 {
        self.met.map_or(0, |(known, _)| lanes(self.first, known) & !lanes(self.first, last))
    }

    /// Bytes that differed from the first value at `order` and were put back by a later write.
    pub fn restored(&self, known: U256, order: u32, last: U256) -> u32 {
        if self.wrote && self.last_write > order { lanes(self.first, known) & !lanes(self.first, last) } else { 0 }
    }

    /// Control is back: what inner calls left there is seen now.
    pub fn resume(&mut self, value: U256, order: u32) {
        let Some(inner) = self.pending.take() else { return };
        self.meet(order);
        self.last_inner = Some(inner);
        if self.read && self.stale.is_none() && self.own != value {
            let (known, found) = (self.own, value);
            self.stale = Some(Stale { inner, known, found, order, reread: false, written_after: None });
        }
    }
}

/// What an invocation learnt of another account's slot by calling that account.
#[derive(Clone, Debug)]
pub struct Learnt {
    pub slot: u32,
    pub below: u32,
    pub invocation: u32,
    pub value: U256,
    pub order: u32,
    pub reread: bool,
    pub used: bool,
}

/// The last change of a slot: where, and by which invocation's call (its first frame).
#[derive(Clone, Copy, Debug)]
pub struct Change {
    pub order: u32,
    pub frame: u32,
    pub caller: u32,
}

#[derive(Debug)]
pub struct Slot {
    pub context: u32,
    pub transient: bool,
    pub key: B256,
    pub value: Option<U256>,
    pub top: u32,
    pub learnt: u32,
    pub change: Option<Change>,
    /// Newest answer that no open invocation had an entry for.
    pub answers: u32,
}

#[derive(Default)]
pub struct Slots {
    index: HashMap<(u32, bool, B256), u32>,
    pub rows: Vec<Slot>,
}

impl Slots {
    pub fn find(&self, context: u32, transient: bool, key: B256) -> Option<u32> {
        self.index.get(&(context, transient, key)).copied()
    }

    pub fn get(&mut self, context: u32, transient: bool, key: B256) -> u32 {
        *self.index.entry((context, transient, key)).or_insert_with(|| {
            self.rows.push(Slot {
                context,
                transient,
                key,
                value: None,
                top: NONE,
                learnt: NONE,
                change: None,
                answers: NONE,
            });
            self.rows.len() as u32 - 1
        })
    }
}
