//! The rules, on what an invocation that ends has gathered.

use super::frames::Frames;
use super::slots::{Entry, Guards, NONE, lanes};
use super::walk::{Alike, Changed, Invocation, OpenWrite, Walk};
use super::{MAX_FOUND, Reentry, Rule};
use alloy_primitives::U256;

impl<'a> Walk<'a> {
    /// The entry of a slot of the invocation that ends.
    pub(super) fn own(&self, ended: &Invocation, slot: u32) -> Option<&Entry> {
        let top = self.slots.rows[slot as usize].top;
        self.entries.get(top as usize).filter(|_| top as usize >= ended.entries)
    }

    /// Whether an inner call read a lock of the invocation that ends, or a ticket: what it had changed before the call
    /// and what is back now, whoever put it back.
    pub(super) fn admitted(&self, ended: &Invocation, guards: &Guards) -> bool {
        guards.slots().any(|slot| self.own(ended, slot).is_some_and(|entry| entry.back(self.value(slot)) != 0))
    }

    pub(super) fn judge_stale(&mut self, at: usize, ended: &Invocation) {
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

    pub(super) fn judge_answers(&mut self, at: usize, ended: &Invocation) {
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

    pub(super) fn judge_open_write(&mut self, write: &OpenWrite, ended: &Invocation) {
        let unlocked = |(slot, before, after): &Changed| {
            let lock = self.own(ended, *slot).map_or(0, |entry| entry.lock(self.value(*slot)));
            lanes(*before, *after) & !lock != 0
        };
        let contested = || write.contested.iter().copied().find(unlocked);
        let Some((slot, before, after)) = write.plain.or_else(contested) else { return };
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

    pub(super) fn judge_refusal(&mut self, ended: &Invocation) {
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

    pub(super) fn report(
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
