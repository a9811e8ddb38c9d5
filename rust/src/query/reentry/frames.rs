//! The frames of one transaction, by number from its first.

use super::slots::NONE;
use super::{Rows, View};
use crate::trace::kind;
use alloy_primitives::{Address, map::HashMap};

/// Per frame: what is asked of it often.
pub struct Frames<'a> {
    pub(super) view: View<'a>,
    pub(super) first: u32,
    pub(super) parent: Vec<u32>,
    pub(super) context: Vec<u32>,
    /// First frame of the invocation that the frame is part of.
    pub(super) root: Vec<u32>,
    /// Nearest frame at or above that may write state.
    pub(super) mutable: Vec<u32>,
    pub(super) contexts: Vec<Address>,
}

impl<'a> Frames<'a> {
    pub(super) fn new(view: View<'a>, rows: &Rows) -> Self {
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

    pub(super) fn len(&self) -> usize {
        self.parent.len()
    }

    pub(super) fn row(&self, frame: u32) -> u32 {
        self.first + frame
    }

    pub(super) fn context_of(&self, frame: u32) -> u32 {
        self.context[frame as usize]
    }

    pub(super) fn root_of(&self, frame: u32) -> u32 {
        self.root[frame as usize]
    }

    pub(super) fn creates(&self, frame: u32) -> bool {
        matches!(self.view.kind(self.row(frame)), kind::CREATE | kind::CREATE2)
    }

    pub(super) fn selector(&self, frame: u32) -> Option<[u8; 4]> {
        if self.creates(frame) {
            return None;
        }
        self.view.input(self.row(frame)).first_chunk().copied()
    }

    /// The account and frame that asked `inner`: past frames that cannot write.
    pub(super) fn reader(&self, inner: u32) -> Option<u32> {
        let mutable = self.mutable[inner as usize];
        let asked = if mutable == inner { self.parent[inner as usize] } else { mutable };
        (asked != NONE && self.context_of(asked) != self.context_of(inner)).then(|| self.root_of(asked))
    }

    /// The frame by which control left `outer` towards `inner`, and whether a creation lies between.
    pub(super) fn way(&self, outer: u32, inner: u32) -> (u32, bool) {
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
    pub(super) fn watched(&self, reverted: &[bool]) -> Vec<bool> {
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
