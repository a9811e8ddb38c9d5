//! One pass over a transaction's frames and accesses in time order.

use super::frames::Frames;
use super::slots::{Change, Entry, Inner, Learnt, NONE, Slots};
use super::{Reentry, Rows, Rule, View};
use crate::trace::{access, kind};
use alloy_primitives::{B256, U256, map::HashMap};

/// An open invocation. `outer`: the next one below of the same account.
pub(super) struct Invocation {
    pub(super) root: u32,
    pub(super) outer: u32,
    pub(super) entries: usize,
    pub(super) learnt: usize,
    pub(super) creates: u32,
    pub(super) opened: u32,
    pub(super) acted: u32,
    pub(super) wrote: bool,
    pub(super) open_writes: Vec<OpenWrite>,
    /// A slot that it had written and that an inner call read, which failed.
    pub(super) refused: Option<(u32, u32)>,
}

/// A slot that an inner call changed, with the value before and after.
pub(super) type Changed = (u32, U256, U256);

pub(super) struct OpenWrite {
    pub(super) selector: Option<[u8; 4]>,
    pub(super) inner: Inner,
    /// A slot that the outer call had not written, and some that it had.
    pub(super) plain: Option<Changed>,
    pub(super) contested: Vec<Changed>,
    pub(super) count: u32,
}

/// An answer that an inner call gave from a slot, to `reader`.
#[derive(Clone, Copy)]
pub(super) struct Answer {
    pub(super) next: u32,
    pub(super) inner: Inner,
    pub(super) reader: u32,
    pub(super) value: U256,
    pub(super) order: u32,
}

#[derive(PartialEq, Eq, Hash)]
pub(super) struct Alike {
    pub(super) rule: Rule,
    pub(super) context: u32,
    pub(super) slot: u32,
    pub(super) outer: Option<[u8; 4]>,
    pub(super) inner: Option<[u8; 4]>,
    pub(super) reader: u32,
}

pub struct Walk<'a> {
    pub(super) frames: Frames<'a>,
    pub(super) rows: &'a Rows,
    pub(super) reverted: &'a [bool],
    pub(super) watched: Vec<bool>,
    /// Order of the last row that was looked at.
    pub(super) now: u32,
    pub(super) stack: Vec<u32>,
    /// Place of each frame in the stack.
    pub(super) place: Vec<u32>,
    pub(super) open: Vec<Invocation>,
    /// Per account, its innermost open invocation.
    pub(super) innermost: Vec<u32>,
    pub(super) slots: Slots,
    pub(super) entries: Vec<Entry>,
    pub(super) learnt: Vec<Learnt>,
    pub(super) answers: Vec<Answer>,
    /// Per first frame of a closed invocation: the order after its last write or payment.
    pub(super) acted: Vec<u32>,
    pub(super) found: Vec<Reentry>,
    pub(super) alike: HashMap<Alike, usize>,
}

impl<'a> Walk<'a> {
    pub fn new(view: View<'a>, rows: &'a Rows, reverted: &'a [bool]) -> Self {
        let frames = Frames::new(view, rows);
        let (count, contexts) = (frames.len(), frames.contexts.len());
        Self {
            watched: frames.watched(reverted),
            frames,
            rows,
            reverted,
            now: 0,
            stack: Vec::new(),
            place: vec![NONE; count],
            open: Vec::new(),
            innermost: vec![NONE; contexts],
            slots: Slots::default(),
            entries: Vec::new(),
            learnt: Vec::new(),
            answers: Vec::new(),
            acted: vec![0; count],
            found: Vec::new(),
            alike: HashMap::default(),
        }
    }

    pub fn run(mut self) -> Vec<Reentry> {
        if !self.watched.contains(&true) {
            return Vec::new();
        }
        let view = self.frames.view;
        let mut next = 0;
        for row in self.rows.accesses.clone() {
            let order = view.access_order(row);
            next = self.enter_until(next, order);
            let frame = view.access_frame(row).wrapping_sub(self.frames.first);
            if (frame as usize) < self.frames.len() && self.unwind(frame) {
                self.now = order;
                self.access(row, frame, order);
            }
        }
        self.enter_until(next, u32::MAX);
        self.leave_above(0);
        self.found.sort_by_key(|each| (each.outer, each.inner));
        self.found
    }

    /// Enters the frames from `next` on that began before `order`.
    fn enter_until(&mut self, mut next: u32, order: u32) -> u32 {
        while next < self.frames.len() as u32 {
            let began = self.frames.view.frame_order(self.frames.row(next));
            if began >= order {
                break;
            }
            self.enter(next, began);
            next += 1;
        }
        next
    }

    /// Leaves every frame above this one; false where it is not open.
    fn unwind(&mut self, frame: u32) -> bool {
        let place = self.place[frame as usize] as usize;
        if self.stack.get(place) != Some(&frame) {
            return false;
        }
        self.leave_above(place + 1);
        true
    }

    fn leave_above(&mut self, place: usize) {
        while self.stack.len() > place {
            let frame = self.stack.pop().expect("not empty");
            if self.open.last().is_some_and(|top| top.root == frame) {
                self.close();
            }
        }
    }

    fn enter(&mut self, frame: u32, order: u32) {
        let parent = self.frames.parent[frame as usize];
        if parent == NONE {
            self.leave_above(0);
        } else if !self.unwind(parent) {
            return;
        }
        self.now = order;
        self.place[frame as usize] = self.stack.len() as u32;
        self.stack.push(frame);
        if self.reverted[frame as usize] {
            return;
        }
        let (view, row) = (self.frames.view, self.frames.row(frame));
        let pays = matches!(view.kind(row), kind::CALL | kind::CREATE | kind::CREATE2) && !view.value(row).is_zero();
        if let Some(caller) = self.open.last_mut().filter(|_| pays) {
            caller.acted = order;
        }
        if self.frames.root_of(frame) != frame {
            return;
        }
        let context = self.frames.context_of(frame) as usize;
        let creates = self.open.last().map_or(0, |caller| caller.creates) + u32::from(self.frames.creates(frame));
        let outer = std::mem::replace(&mut self.innermost[context], self.open.len() as u32);
        self.open.push(Invocation {
            root: frame,
            outer,
            entries: self.entries.len(),
            learnt: self.learnt.len(),
            creates,
            opened: order,
            acted: 0,
            wrote: false,
            open_writes: Vec::new(),
            refused: None,
        });
    }

    fn access(&mut self, row: u32, frame: u32, order: u32) {
        let view = self.frames.view;
        let how = view.access_kind(row);
        let (writes, transient) = (how & access::SSTORE != 0, how & access::TLOAD != 0);
        let context = self.frames.context_of(frame);
        let watched = self.watched[context as usize];
        if self.reverted[frame as usize] {
            if watched && !writes {
                self.refuse(context, transient, view.access_slot(row), frame, order);
            }
            return;
        }
        let value = view.access_value(row);
        let Some(top) = self.open.last_mut() else { return };
        if !watched {
            if writes && value != view.access_before(row) {
                (top.acted, top.wrote) = (order, true);
            }
            return;
        }
        let slot = self.slots.get(context, transient, view.access_slot(row));
        let known = self.slots.rows[slot as usize].value;
        let before = if writes { known.unwrap_or_else(|| view.access_before(row)) } else { value };
        self.slots.rows[slot as usize].value = Some(before);
        let entry = self.touch(slot, before, writes, order);
        if !writes {
            entry.own = value;
            entry.read = true;
            if let Some(stale) = entry.stale.as_mut().filter(|stale| stale.written_after.is_none()) {
                stale.reread = true;
            }
            return;
        }
        entry.own = value;
        entry.wrote = true;
        entry.last_write = order;
        if let Some(stale) = &mut entry.stale {
            stale.written_after.get_or_insert(value);
        }
        self.use_learnt(slot, before, value);
        let caller = self.caller().map_or(NONE, |caller| caller.root);
        let top = self.open.last_mut().expect("an invocation is open");
        if value != before {
            (top.acted, top.wrote) = (order, true);
            self.slots.rows[slot as usize].change = Some(Change { order, frame, caller });
        }
        self.slots.rows[slot as usize].value = Some(value);
    }

    pub(super) fn caller(&self) -> Option<&Invocation> {
        self.open.len().checked_sub(2).map(|at| &self.open[at])
    }

    /// The entry of the executing invocation, made where there is none.
    fn touch(&mut self, slot: u32, value: U256, writes: bool, order: u32) -> &mut Entry {
        let invocation = self.open.len() as u32 - 1;
        let row = &mut self.slots.rows[slot as usize];
        let top = row.top;
        if top != NONE && self.entries[top as usize].invocation == invocation {
            let entry = &mut self.entries[top as usize];
            // Before this access, which may itself be the write that puts a lock back.
            entry.resume(value, order.saturating_sub(1));
            return entry;
        }
        let mut answers = NONE;
        if row.answers != NONE && self.answers[row.answers as usize].order > self.open[invocation as usize].opened {
            answers = std::mem::replace(&mut row.answers, NONE);
        }
        row.top = self.entries.len() as u32;
        self.entries.push(Entry {
            slot,
            below: top,
            invocation,
            first: value,
            own: value,
            read: false,
            read_first: !writes,
            wrote: false,
            last_write: 0,
            met: None,
            pending: None,
            last_inner: None,
            stale: None,
            answers,
        });
        self.entries.last_mut().expect("just pushed")
    }

    /// A frame that failed read a slot: maybe a lock of an open call.
    fn refuse(&mut self, context: u32, transient: bool, key: B256, frame: u32, order: u32) {
        let Some(slot) = self.slots.find(context, transient, key) else { return };
        let top = self.slots.rows[slot as usize].top;
        let Some(entry) = self.entries.get_mut(top as usize) else { return };
        let inner = self.frames.root_of(frame);
        let outer = &mut self.open[entry.invocation as usize];
        if outer.root == inner || entry.own == entry.first || outer.refused.is_some() {
            return;
        }
        entry.meet(order);
        outer.refused = Some((slot, inner));
    }

    /// The executing invocation writes a slot: did its caller learn the value before somebody else changed it?
    fn use_learnt(&mut self, slot: u32, value: U256, written: U256) {
        let row = &self.slots.rows[slot as usize];
        let Some(learnt) = self.learnt.get_mut(row.learnt as usize) else { return };
        if learnt.used || learnt.invocation + 2 != self.open.len() as u32 {
            return;
        }
        learnt.used = true;
        let Some(change) = row.change.filter(|change| change.order > learnt.order) else { return };
        let outer = self.open[learnt.invocation as usize].root;
        let context = self.frames.context_of(outer);
        if change.caller == NONE || learnt.value == value || self.frames.context_of(change.caller) == context {
            return;
        }
        let (known, reread, inner) = (learnt.value, learnt.reread, self.frames.root_of(change.frame));
        self.report(Rule::CrossContract, slot, outer, inner, NONE, |frames, found| {
            let (edge, creates) = frames.way(outer, inner);
            (found.edge, found.through_create) = (frames.row(edge), creates);
            (found.before, found.after) = (known, value);
            (found.written_after, found.reread) = (Some(written), reread);
        });
    }
}
