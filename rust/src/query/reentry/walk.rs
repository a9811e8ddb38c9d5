//! One pass over a transaction's frames and accesses in time order.

use super::slots::{Change, Entry, Guards, Inner, Learnt, NONE, Slots, lanes};
use super::{MAX_FOUND, Reentry, Rows, Rule, View};
use crate::trace::{access, kind};
use alloy_primitives::{Address, B256, U256, map::HashMap};

/// Most inner calls, told apart by selector, that one open call lists.
const MAX_OPEN_WRITES: usize = 64;

/// Frames of the transaction, by number from its first.
struct Frames<'a> {
    view: View<'a>,
    first: u32,
    parent: Vec<u32>,
    context: Vec<u32>,
    /// First frame of the invocation that the frame is part of.
    root: Vec<u32>,
    /// Nearest frame at or above that may write state.
    mutable: Vec<u32>,
    contexts: Vec<Address>,
}

/// An open invocation. `outer`: the next one below of the same account.
struct Invocation {
    root: u32,
    outer: u32,
    entries: usize,
    learnt: usize,
    creates: u32,
    opened: u32,
    acted: u32,
    wrote: bool,
    open_writes: Vec<OpenWrite>,
    /// A slot that it had written and that an inner call read, which failed.
    refused: Option<(u32, u32)>,
}

/// A slot that an inner call changed, with the value before and after.
type Changed = (u32, U256, U256);

struct OpenWrite {
    selector: Option<[u8; 4]>,
    inner: Inner,
    /// A slot that the outer call had not written, and one that it had.
    plain: Option<Changed>,
    contested: Option<Changed>,
    count: u32,
}

/// An answer that an inner call gave from a slot, to `reader`.
#[derive(Clone, Copy)]
struct Answer {
    next: u32,
    inner: Inner,
    reader: u32,
    value: U256,
    order: u32,
}

#[derive(PartialEq, Eq, Hash)]
struct Alike {
    rule: Rule,
    context: u32,
    slot: u32,
    outer: Option<[u8; 4]>,
    inner: Option<[u8; 4]>,
    reader: u32,
}

pub struct Walk<'a> {
    frames: Frames<'a>,
    rows: &'a Rows,
    reverted: &'a [bool],
    watched: Vec<bool>,
    /// Order of the last row that was looked at.
    now: u32,
    stack: Vec<u32>,
    /// Place of each frame in the stack.
    place: Vec<u32>,
    open: Vec<Invocation>,
    /// Per account, its innermost open invocation.
    innermost: Vec<u32>,
    slots: Slots,
    entries: Vec<Entry>,
    learnt: Vec<Learnt>,
    answers: Vec<Answer>,
    /// Per first frame of a closed invocation: the order after its last write or payment.
    acted: Vec<u32>,
    found: Vec<Reentry>,
    alike: HashMap<Alike, usize>,
}

impl<'a> Frames<'a> {
    fn new(view: View<'a>, rows: &Rows) -> Self {
        let (first, count) = (rows.frames.start, rows.frames.len());
        let mut numbers: HashMap<Address, u32> = HashMap::default();
        let mut frames = Self {
            view,
            first,
            parent: Vec::with_capacity(count),
            context: Vec::with_capacity(count),
            root: Vec::with_capacity(count),
            mutable: Vec::with_capacity(count),
            contexts: Vec::new(),
        };
        for at in 0..count as u32 {
            let row = first + at;
            let parent = view.parent(row).filter(|parent| (first..row).contains(parent)).map_or(NONE, |it| it - first);
            let address = view.target(row);
            let context = *numbers.entry(address).or_insert_with(|| {
                frames.contexts.push(address);
                frames.contexts.len() as u32 - 1
            });
            let above = parent as usize;
            let same = parent != NONE && frames.context[above] == context;
            let fixed = parent != NONE && (view.kind(row) == kind::STATICCALL || frames.mutable[above] != parent);
            frames.parent.push(parent);
            frames.context.push(context);
            frames.root.push(if same { frames.root[above] } else { at });
            frames.mutable.push(if fixed { frames.mutable[above] } else { at });
        }
        frames
    }

    fn len(&self) -> usize {
        self.parent.len()
    }

    fn row(&self, frame: u32) -> u32 {
        self.first + frame
    }

    fn context_of(&self, frame: u32) -> u32 {
        self.context[frame as usize]
    }

    fn root_of(&self, frame: u32) -> u32 {
        self.root[frame as usize]
    }

    fn creates(&self, frame: u32) -> bool {
        matches!(self.view.kind(self.row(frame)), kind::CREATE | kind::CREATE2)
    }

    fn selector(&self, frame: u32) -> Option<[u8; 4]> {
        if self.creates(frame) {
            return None;
        }
        self.view.input(self.row(frame)).first_chunk().copied()
    }

    /// The account and frame that asked `inner`: past frames that cannot write.
    fn reader(&self, inner: u32) -> Option<u32> {
        let mutable = self.mutable[inner as usize];
        let asked = if mutable == inner { self.parent[inner as usize] } else { mutable };
        (asked != NONE && self.context_of(asked) != self.context_of(inner)).then(|| self.root_of(asked))
    }

    /// The frame by which control left `outer` towards `inner`, and whether a creation lies between.
    fn way(&self, outer: u32, inner: u32) -> (u32, bool) {
        let (mut at, mut creates) = (inner, false);
        loop {
            let parent = self.parent[at as usize];
            creates |= at != inner && self.creates(at);
            if parent == NONE || self.root_of(parent) == outer {
                return (at, creates);
            }
            at = parent;
        }
    }

    /// Accounts whose slots matter: entered again while open, or called by two invocations and twice by one.
    fn watched(&self, reverted: &[bool]) -> Vec<bool> {
        let mut watched = vec![false; self.contexts.len()];
        let mut open = vec![0u32; self.contexts.len()];
        let mut calls = vec![(0u32, NONE, false); self.contexts.len()];
        let mut stack: Vec<u32> = Vec::new();
        for at in 0..self.len() as u32 {
            while stack.last().is_some_and(|last| *last != self.parent[at as usize]) {
                let left = stack.pop().expect("not empty");
                open[self.context_of(left) as usize] -= u32::from(self.root_of(left) == left);
            }
            stack.push(at);
            if self.root_of(at) != at {
                continue;
            }
            let context = self.context_of(at) as usize;
            let caller = self.parent[at as usize];
            let caller = if caller == NONE { NONE } else { self.root_of(caller) };
            let (count, one, several) = &mut calls[context];
            if !reverted[at as usize] {
                *several |= *count > 0 && *one != caller;
                *one = caller;
                *count += 1;
            }
            // A frame that failed may have met a lock, but hands nothing to its caller.
            watched[context] |= open[context] > 0 || (*count > 2 && *several);
            open[context] += 1;
        }
        watched
    }
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

    fn caller(&self) -> Option<&Invocation> {
        self.open.len().checked_sub(2).map(|at| &self.open[at])
    }

    /// The entry of the executing invocation, made where there is none.
    fn touch(&mut self, slot: u32, value: U256, writes: bool, order: u32) -> &mut Entry {
        let invocation = self.open.len() as u32 - 1;
        let row = &mut self.slots.rows[slot as usize];
        let top = row.top;
        if top != NONE && self.entries[top as usize].invocation == invocation {
            let entry = &mut self.entries[top as usize];
            entry.resume(value, order);
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

    /// The innermost open invocation ends.
    fn close(&mut self) {
        let order = self.now;
        let mut ended = self.open.pop().expect("an invocation is open");
        let number = self.open.len() as u32;
        let context = self.frames.context_of(ended.root);
        self.innermost[context as usize] = ended.outer;
        for learnt in self.learnt.drain(ended.learnt..) {
            self.slots.rows[learnt.slot as usize].learnt = learnt.below;
        }
        self.acted[ended.root as usize] = ended.acted;
        for at in ended.entries..self.entries.len() {
            let slot = self.entries[at].slot;
            let value = self.value(slot);
            self.entries[at].resume(value, order);
        }
        for at in ended.entries..self.entries.len() {
            self.judge_stale(at, &ended);
            self.judge_answers(at, &ended);
        }
        for write in std::mem::take(&mut ended.open_writes) {
            self.judge_open_write(&write, &ended);
        }
        self.judge_refusal(&ended);
        if let Some(caller) = self.open.last_mut() {
            caller.acted = caller.acted.max(ended.acted);
            self.hand_over(&ended, number, order);
        }
        for entry in self.entries.drain(ended.entries..) {
            self.slots.rows[entry.slot as usize].top = entry.below;
        }
    }

    fn value(&self, slot: u32) -> U256 {
        self.slots.rows[slot as usize].value.unwrap_or_default()
    }

    /// What an invocation did to slots is told to those below it.
    fn hand_over(&mut self, ended: &Invocation, number: u32, order: u32) {
        let caller = self.open.last().expect("there is a caller");
        let mut inner =
            Inner { frame: ended.root, edge: ended.root, creates: caller.creates, guards: Guards::default() };
        for at in ended.entries..self.entries.len() {
            let (slot, below, read_first) =
                (self.entries[at].slot, self.entries[at].below, self.entries[at].read_first);
            let Some(outer) = self.entries.get_mut(below as usize).filter(|_| read_first) else { continue };
            if outer.own != outer.first {
                outer.meet(order);
                inner.guards.add(slot);
            }
        }
        let edge_of = |walk: &Self, outer: u32| walk.open.get(outer as usize + 1).map_or(ended.root, |each| each.root);
        let reader = if ended.outer == NONE || ended.wrote { None } else { self.frames.reader(ended.root) };
        let reader = reader.filter(|reader| *reader > self.open[ended.outer as usize].root);
        for at in ended.entries..self.entries.len() {
            let entry = &self.entries[at];
            let (slot, below, first, wrote, own) = (entry.slot, entry.below, entry.first, entry.wrote, entry.own);
            let (read, last_inner) = (entry.read, entry.last_inner);
            let value = self.value(slot);
            if below != NONE && first != value {
                let outer = self.entries[below as usize].invocation;
                let edge = edge_of(self, outer);
                let by = if wrote { inner } else { last_inner.unwrap_or(inner) };
                let pending = &mut self.entries[below as usize].pending;
                pending.get_or_insert(Inner { edge, ..by });
            }
            if ended.outer != NONE && wrote && first != value {
                let edge = edge_of(self, ended.outer);
                self.open_write(ended.outer, Inner { edge, ..inner }, below, (slot, first, value), order);
            }
            if let Some(reader) = reader.filter(|_| read) {
                let edge = edge_of(self, ended.outer);
                self.answer(slot, below, Inner { edge, ..inner }, reader, own, order);
            }
            if read && !wrote {
                self.learn(slot, number - 1, own, order);
            }
        }
    }

    fn open_write(&mut self, outer: u32, inner: Inner, below: u32, changed: Changed, order: u32) {
        let selector = self.frames.selector(inner.frame);
        let entry = self.entries.get_mut(below as usize).filter(|entry| entry.invocation == outer);
        let contested = entry.is_some_and(|entry| {
            entry.meet(order);
            entry.own != entry.first
        });
        let writes = &mut self.open[outer as usize].open_writes;
        let known = writes.iter().position(|each| each.selector == selector);
        let at = known.unwrap_or_else(|| {
            if writes.len() < MAX_OPEN_WRITES {
                writes.push(OpenWrite { selector, inner, plain: None, contested: None, count: 0 });
            }
            writes.len() - 1
        });
        let write = &mut writes[at];
        write.count += 1;
        let place = if contested { &mut write.contested } else { &mut write.plain };
        place.get_or_insert(changed);
    }

    fn answer(&mut self, slot: u32, below: u32, inner: Inner, reader: u32, value: U256, order: u32) {
        let list = match self.entries.get_mut(below as usize) {
            Some(entry) => {
                entry.meet(order);
                &mut entry.answers
            }
            None => &mut self.slots.rows[slot as usize].answers,
        };
        let next = std::mem::replace(list, self.answers.len() as u32);
        self.answers.push(Answer { next, inner, reader, value, order });
    }

    /// The caller was told a slot's value.
    fn learn(&mut self, slot: u32, invocation: u32, value: U256, order: u32) {
        let row = &mut self.slots.rows[slot as usize];
        if let Some(learnt) = self.learnt.get_mut(row.learnt as usize).filter(|each| each.invocation == invocation) {
            if learnt.used {
                (learnt.value, learnt.order, learnt.used, learnt.reread) = (value, order, false, false);
            } else {
                learnt.reread |= learnt.value != value;
            }
            return;
        }
        let below = std::mem::replace(&mut row.learnt, self.learnt.len() as u32);
        self.learnt.push(Learnt { slot, below, invocation, value, order, reread: false, used: false });
    }

    /// The entry of a slot of the invocation that ends.
    fn own(&self, ended: &Invocation, slot: u32) -> Option<&Entry> {
        let top = self.slots.rows[slot as usize].top;
        self.entries.get(top as usize).filter(|_| top as usize >= ended.entries)
    }

    /// Whether an inner call read a lock of the invocation that ends, or a ticket: what it had changed before the call
    /// and what is back now, whoever put it back.
    fn admitted(&self, ended: &Invocation, guards: &Guards) -> bool {
        guards.slots().any(|slot| self.own(ended, slot).is_some_and(|entry| entry.back(self.value(slot)) != 0))
    }

    fn judge_stale(&mut self, at: usize, ended: &Invocation) {
        let entry = &self.entries[at];
        let Some(stale) = entry.stale else { return };
        let written = lanes(entry.first, stale.known);
        let lock = entry.restored(stale.known, stale.order, self.value(entry.slot));
        if written != lock || lanes(stale.known, stale.found) & !written == 0 {
            return;
        }
        let (slot, inner, admitted) = (entry.slot, stale.inner, self.admitted(ended, &stale.inner.guards));
        self.report(Rule::StaleRead, slot, ended.root, inner.frame, NONE, |frames, found| {
            (found.edge, found.through_create) = (frames.row(inner.edge), inner.creates > ended.creates);
            (found.before, found.after) = (stale.known, stale.found);
            (found.written_after, found.reread, found.admitted) = (stale.written_after, stale.reread, admitted);
        });
    }

    fn judge_answers(&mut self, at: usize, ended: &Invocation) {
        let (mut next, slot) = (self.entries[at].answers, self.entries[at].slot);
        let value = self.value(slot);
        while let Some(answer) = self.answers.get(next as usize).copied() {
            next = answer.next;
            let entry = &self.entries[at];
            if entry.last_write <= answer.order || lanes(answer.value, value) & !entry.lock(value) == 0 {
                continue;
            }
            let (inner, admitted) = (answer.inner, self.admitted(ended, &answer.inner.guards));
            let acted = self.acted[answer.reader as usize] > answer.order;
            self.report(Rule::ReadOnly, slot, ended.root, inner.frame, answer.reader, |frames, found| {
                (found.edge, found.through_create) = (frames.row(inner.edge), inner.creates > ended.creates);
                (found.before, found.after) = (answer.value, value);
                (found.written_after, found.admitted, found.reader_acted) = (Some(value), admitted, acted);
            });
        }
    }

    fn judge_open_write(&mut self, write: &OpenWrite, ended: &Invocation) {
        let unlocked = |(slot, before, after): &Changed| {
            let lock = self.own(ended, *slot).map_or(0, |entry| entry.lock(self.value(*slot)));
            lanes(*before, *after) & !lock != 0
        };
        let Some((slot, before, after)) = write.plain.or(write.contested).filter(unlocked) else { return };
        let (inner, admitted) = (write.inner, self.admitted(ended, &write.inner.guards));
        let value =
            self.own(ended, slot).filter(|entry| entry.wrote && entry.met.is_some_and(|met| met.1 < entry.last_write));
        let written_after = value.map(|entry| entry.own);
        self.report(Rule::OpenWrite, slot, ended.root, inner.frame, NONE, |frames, found| {
            (found.edge, found.through_create) = (frames.row(inner.edge), inner.creates > ended.creates);
            (found.before, found.after) = (before, after);
            (found.written_after, found.admitted, found.count) = (written_after, admitted, write.count);
        });
    }

    fn judge_refusal(&mut self, ended: &Invocation) {
        let Some((slot, inner)) = ended.refused else { return };
        let value = self.value(slot);
        let Some((held, lock)) = self.own(ended, slot).map(|entry| (entry.met, entry.lock(value))) else { return };
        if lock == 0 {
            return;
        }
        self.report(Rule::Refused, slot, ended.root, inner, NONE, |frames, found| {
            let (edge, creates) = frames.way(ended.root, inner);
            (found.edge, found.through_create) = (frames.row(edge), creates);
            (found.before, found.after) = (held.map_or(value, |met| met.0), value);
        });
    }

    fn report(
        &mut self,
        rule: Rule,
        slot: u32,
        outer: u32,
        inner: u32,
        reader: u32,
        fill: impl FnOnce(&Frames<'a>, &mut Reentry),
    ) {
        let frames = &self.frames;
        let context = frames.context_of(outer);
        let (outer_selector, inner_selector) = (frames.selector(outer), frames.selector(inner));
        // An open write's slot is one of many that the inner call wrote; which one does not tell two apart.
        let told = if rule == Rule::OpenWrite { NONE } else { slot };
        let asked = if reader == NONE { NONE } else { frames.context_of(reader) };
        let alike = Alike { rule, context, slot: told, outer: outer_selector, inner: inner_selector, reader: asked };
        if let Some(at) = self.alike.get(&alike) {
            self.found[*at].count = self.found[*at].count.saturating_add(1);
            return;
        }
        if self.found.len() == MAX_FOUND {
            return;
        }
        self.alike.insert(alike, self.found.len());
        let caller = frames.parent[inner as usize];
        let row = &self.slots.rows[slot as usize];
        let caller = if caller == NONE { inner } else { frames.root_of(caller) };
        let mut found = Reentry {
            rule,
            context: frames.contexts[context as usize],
            account: frames.contexts[row.context as usize],
            slot: row.key,
            transient: row.transient,
            outer: frames.row(outer),
            inner: frames.row(inner),
            edge: frames.row(inner),
            caller: frames.row(caller),
            before: U256::ZERO,
            after: U256::ZERO,
            outer_selector,
            inner_selector,
            edge_selector: None,
            caller_selector: frames.selector(caller),
            through_create: false,
            written_after: None,
            reread: false,
            admitted: false,
            reader: (reader != NONE).then(|| (frames.contexts[asked as usize], frames.row(reader))),
            reader_acted: false,
            count: 1,
        };
        fill(frames, &mut found);
        found.edge_selector = frames.selector(found.edge - frames.first);
        self.found.push(found);
    }
}
