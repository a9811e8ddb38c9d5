//! What happens when an invocation ends: it is judged, and what it did is told to those still open.

use super::slots::{Guards, Inner, Learnt, NONE};
use super::walk::{Answer, Changed, Invocation, OpenWrite, Walk};
use alloy_primitives::U256;

/// Most inner calls, told apart by selector, that one open call lists.
const MAX_OPEN_WRITES: usize = 64;
/// Most slots that both calls wrote, looked at for one that is no lock.
const MAX_CONTESTED: usize = 8;

impl Walk<'_> {
    /// The innermost open invocation ends.
    pub(super) fn close(&mut self) {
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

    pub(super) fn value(&self, slot: u32) -> U256 {
        self.slots.rows[slot as usize].value.unwrap_or_default()
    }

    /// What an invocation did to slots is told to those below it.
    pub(super) fn hand_over(&mut self, ended: &Invocation, number: u32, order: u32) {
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

    pub(super) fn open_write(&mut self, outer: u32, inner: Inner, below: u32, changed: Changed, order: u32) {
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
                writes.push(OpenWrite { selector, inner, plain: None, contested: Vec::new(), count: 0 });
            }
            writes.len() - 1
        });
        let write = &mut writes[at];
        write.count += 1;
        if !contested {
            write.plain.get_or_insert(changed);
        } else if write.contested.len() < MAX_CONTESTED {
            write.contested.push(changed);
        }
    }

    pub(super) fn answer(&mut self, slot: u32, below: u32, inner: Inner, reader: u32, value: U256, order: u32) {
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
    pub(super) fn learn(&mut self, slot: u32, invocation: u32, value: U256, order: u32) {
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
}
