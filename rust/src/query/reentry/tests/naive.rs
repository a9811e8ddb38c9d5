//! The definitions of `StaleRead` and `OpenWrite`, pair by pair and slot by slot.

use super::script::{Place, Script, Step};
use crate::query::reentry::Rule;

struct Reference<'a> {
    script: &'a Script,
    roots: Vec<usize>,
}

/// Rule, first frame of the open call, first frame of the inner one; sorted.
pub fn pairs(script: &Script) -> Vec<(Rule, u32, u32)> {
    let mut roots: Vec<usize> = Vec::new();
    for frame in 0..script.parents.len() {
        let above = script.parents[frame].filter(|above| script.storage[*above] == script.storage[frame]);
        roots.push(above.map_or(frame, |above| roots[above]));
    }
    let reference = Reference { script, roots };
    let mut found = Vec::new();
    if !script.undone[0] {
        let live = |frame: &usize| reference.roots[*frame] == *frame && !script.undone[*frame];
        for outer in (0..script.parents.len()).filter(live) {
            for place in reference.places(outer) {
                found.extend(reference.stale(outer, place).map(|inner| (Rule::StaleRead, outer as u32, inner as u32)));
            }
            for inner in (outer + 1..script.parents.len()).filter(live) {
                if reference.nearest(inner) == Some(outer) && reference.open_write(outer, inner) {
                    found.push((Rule::OpenWrite, outer as u32, inner as u32));
                }
            }
        }
    }
    found.sort();
    found
}

fn lanes(one: u64, other: u64) -> Vec<usize> {
    (0..8).filter(|byte| (one ^ other) >> (8 * byte) & 255 != 0).collect()
}

impl Reference<'_> {
    fn places(&self, root: usize) -> Vec<Place> {
        let mut found: Vec<Place> = self.own(root).map(|(_, step)| step.place).collect();
        found.sort();
        found.dedup();
        found
    }

    /// What an invocation did itself, with the time of each.
    fn own(&self, root: usize) -> impl Iterator<Item = (usize, &Step)> {
        let steps = self.script.steps.iter().enumerate();
        steps.filter(move |(_, step)| self.roots[step.frame] == root && !self.script.undone[step.frame])
    }

    fn own_at(&self, root: usize, place: Place) -> Vec<(usize, &Step)> {
        self.own(root).filter(|(_, step)| step.place == place).collect()
    }

    /// The invocations that are open above one, innermost first.
    fn above(&self, root: usize) -> Vec<usize> {
        let mut found = Vec::new();
        let mut at = self.script.parents[root];
        while let Some(frame) = at {
            found.push(self.roots[frame]);
            at = self.script.parents[self.roots[frame]];
        }
        found
    }

    fn nearest(&self, root: usize) -> Option<usize> {
        let storage = &self.script.storage;
        self.above(root).into_iter().find(|each| storage[*each] == storage[root])
    }

    fn value_at(&self, place: Place, time: usize) -> u64 {
        let done = self.script.steps[..time].iter().rev();
        let mut last = done.filter(|step| step.place == place && !self.script.undone[step.frame]);
        last.next().map_or(0, |step| step.value)
    }

    fn end(&self, root: usize) -> usize {
        self.script.ends[root]
    }

    /// Value of a place when an invocation first touched it, and when it ended.
    fn change(&self, root: usize, place: Place) -> Option<(u64, u64)> {
        let own = self.own_at(root, place);
        let (_, first) = own.first()?;
        Some((if first.writes { first.before } else { first.value }, self.value_at(place, self.end(root))))
    }

    /// Invocations inside one that touched a place with nobody between who had by then, in the order they ended.
    fn touchers(&self, outer: usize, place: Place) -> Vec<usize> {
        let mut found: Vec<usize> = (outer + 1..self.roots.len())
            .filter(|each| self.roots[*each] == *each && !self.script.undone[*each])
            .filter(|each| !self.own_at(*each, place).is_empty())
            .filter(|each| {
                let above = self.above(*each);
                let between: Vec<_> = above.iter().take_while(|one| **one != outer).collect();
                above.contains(&outer)
                    && between
                        .iter()
                        .all(|one| self.own_at(**one, place).iter().all(|(time, _)| *time >= self.end(*each)))
            })
            .collect();
        found.sort_by_key(|each| self.end(*each));
        found
    }

    /// For every stretch between two of an invocation's own accesses in which inner calls left a change: the last
    /// access before it, the time after it, and the first inner call that made one.
    fn gaps(&self, outer: usize, place: Place) -> Vec<(usize, usize, usize)> {
        let own = self.own_at(outer, place);
        let touchers = self.touchers(outer, place);
        let mut found = Vec::new();
        for (at, (began, _)) in own.iter().enumerate() {
            let ended = own.get(at + 1).map_or(self.end(outer), |(time, _)| *time);
            let inner = touchers.iter().find(|each| {
                let end = self.end(**each);
                let first = self.own_at(**each, place)[0].0;
                let (before, after) = self.change(**each, place).expect("it touched it");
                *began < first && end <= ended && before != after
            });
            if let Some(inner) = inner {
                found.push((at, ended, self.writer(*inner, place)));
            }
        }
        found
    }

    /// The invocation that a change inside another is put down to: itself if it wrote, else its last inner call.
    fn writer(&self, root: usize, place: Place) -> usize {
        let wrote = self.own_at(root, place).iter().any(|(_, step)| step.writes);
        if wrote { root } else { self.gaps(root, place).last().map_or(root, |(_, _, inner)| *inner) }
    }

    fn restored(&self, outer: usize, place: Place, known: u64, time: usize) -> Vec<usize> {
        let own = self.own_at(outer, place);
        let written = own.iter().any(|(at, step)| step.writes && *at >= time);
        let (first, last) = self.change(outer, place).expect("it touched it");
        let back = lanes(first, last);
        lanes(first, known).into_iter().filter(|byte| written && !back.contains(byte)).collect()
    }

    fn stale(&self, outer: usize, place: Place) -> Option<usize> {
        let own = self.own_at(outer, place);
        let (first, _) = self.change(outer, place)?;
        let (known, found, time, inner) = self.gaps(outer, place).into_iter().find_map(|(at, time, inner)| {
            let read = own[..=at].iter().any(|(_, step)| !step.writes);
            let (known, found) = (own[at].1.value, self.value_at(place, time));
            (read && known != found).then_some((known, found, time, inner))
        })?;
        let written = lanes(first, known);
        let elsewhere = lanes(known, found).into_iter().any(|byte| !written.contains(&byte));
        (written == self.restored(outer, place, known, time) && elsewhere).then_some(inner)
    }

    fn open_write(&self, outer: usize, inner: usize) -> bool {
        self.places(inner).into_iter().any(|place| {
            let wrote = self.own_at(inner, place).iter().any(|(_, step)| step.writes);
            let (before, after) = self.change(inner, place).expect("it touched it");
            let earlier = self.own_at(outer, place).into_iter().rfind(|(time, _)| *time < self.end(inner));
            let known = earlier.map_or(0, |(_, step)| step.value);
            let changed = self.change(outer, place).is_some_and(|(first, _)| earlier.is_some() && first != known);
            let lock = if changed { self.lock(outer, place) } else { Vec::new() };
            wrote && lanes(before, after).into_iter().any(|byte| !lock.contains(&byte))
        })
    }

    /// Bytes that a call changed before an inner call first met the place, and put back afterwards.
    fn lock(&self, outer: usize, place: Place) -> Vec<usize> {
        let own = self.own_at(outer, place);
        let met = self.touchers(outer, place).into_iter().filter_map(|inner| {
            let mine = self.own_at(inner, place);
            let (first, end) = (mine[0], self.end(inner));
            let earlier = own.iter().rev().find(|(time, _)| *time < first.0)?;
            let (before, after) = self.change(inner, place)?;
            let start = own[0].1;
            let known_first = if start.writes { start.before } else { start.value };
            // Who only reads what was not changed does not meet a lock.
            let meets = before != after || (!first.1.writes && earlier.1.value != known_first);
            meets.then_some((end, earlier.1.value))
        });
        let Some((end, known)) = met.min_by_key(|(end, _)| *end) else { return Vec::new() };
        self.restored(outer, place, known, end)
    }
}
