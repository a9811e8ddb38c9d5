//! Traces in a line: `A.1( r0 w0=7 B( ) )!` is a call of A with selector 1 that reads slot 0, writes 7 there, calls B,
//! and fails. `s:` static, `d:` delegated, `c:` creation; `tr` and `tw` are transient.

use crate::query::reentry::{Reentry, reentries};
use crate::query::view::{Rows, View};
use crate::trace::{Entered, Recorder, kind};
use alloy_primitives::{Address, U256};
use revm::interpreter::InstructionResult;
use std::collections::HashMap;
use std::fmt::Write;

pub type Place = (Address, bool, u64);

/// An access as it happened: frame, place, whether it writes, the value read or written, the value before.
#[derive(Clone, Copy)]
pub struct Step {
    pub frame: usize,
    pub place: Place,
    pub writes: bool,
    pub value: u64,
    pub before: u64,
}

pub struct Script {
    pub text: String,
    pub recorder: Recorder,
    pub parents: Vec<Option<usize>>,
    pub storage: Vec<Address>,
    pub undone: Vec<bool>,
    pub steps: Vec<Step>,
    /// Per frame: how many steps there were when it ended.
    pub ends: Vec<usize>,
}

impl Script {
    pub fn new(text: &str) -> Self {
        let mut script = Self {
            text: text.into(),
            recorder: Recorder::default(),
            parents: Vec::new(),
            storage: Vec::new(),
            undone: Vec::new(),
            steps: Vec::new(),
            ends: Vec::new(),
        };
        script.recorder.begin(Some(0));
        let mut open: Vec<usize> = Vec::new();
        let mut state: HashMap<Place, u64> = HashMap::new();
        for word in text.split_whitespace() {
            if let Some(call) = word.strip_suffix('(') {
                script.enter(call, open.last().copied());
                open.push(script.parents.len() - 1);
            } else if word.starts_with(')') {
                let frame = open.pop().expect("an open call");
                script.ends[frame] = script.steps.len();
                let failed = word == ")!";
                if failed {
                    script.undo(frame, &mut state);
                }
                let result = if failed { InstructionResult::Revert } else { InstructionResult::Return };
                script.recorder.leave(result, 0, &[], true);
            } else {
                script.access(word, *open.last().expect("an open call"), &mut state);
            }
        }
        assert!(open.is_empty(), "{text}");
        script
    }

    fn enter(&mut self, call: &str, parent: Option<usize>) {
        let (how, name) = call.split_once(':').unwrap_or(("", call));
        let (name, selector) = name.split_once('.').unwrap_or((name, "0"));
        let code = Address::repeat_byte(name.as_bytes()[0]);
        let above = parent.map_or(Address::ZERO, |parent| self.storage[parent]);
        let kind = match how {
            "s" => kind::STATICCALL,
            "d" => kind::DELEGATECALL,
            "c" => kind::CREATE,
            _ => kind::CALL,
        };
        let target = if how == "d" { above } else { code };
        self.recorder.entered(&Entered {
            kind,
            caller: above,
            target,
            code,
            value: U256::ZERO,
            gas_limit: 0,
            input: &selector.parse::<u32>().expect("a selector").to_be_bytes(),
            depth: 0,
        });
        self.parents.push(parent);
        self.storage.push(target);
        self.undone.push(false);
        self.ends.push(0);
    }

    fn access(&mut self, word: &str, frame: usize, state: &mut HashMap<Place, u64>) {
        let transient = word.starts_with('t');
        let word = word.trim_start_matches('t');
        let writes = word.starts_with('w');
        let (slot, value) = word[1..].split_once('=').unwrap_or((&word[1..], "0"));
        let slot = slot.parse().expect("a slot");
        let place = (self.storage[frame], transient, slot);
        let before = state.get(&place).copied().unwrap_or_default();
        let value = if writes { value.parse().expect("a value") } else { before };
        state.insert(place, value);
        let kind = u8::from(writes) | u8::from(transient) << 1;
        self.recorder.access(kind, 0, U256::from(slot), U256::from(value), U256::from(before));
        self.steps.push(Step { frame, place, writes, value, before });
    }

    fn undo(&mut self, frame: usize, state: &mut HashMap<Place, u64>) {
        for at in frame..self.parents.len() {
            self.undone[at] = self.undone[at] || at == frame || self.inside(at, frame);
        }
        for step in self.steps.iter().rev() {
            if step.writes && (step.frame == frame || self.inside(step.frame, frame)) {
                state.insert(step.place, step.before);
            }
        }
    }

    pub fn inside(&self, mut frame: usize, above: usize) -> bool {
        while let Some(parent) = self.parents[frame] {
            if parent == above {
                return true;
            }
            frame = parent;
        }
        false
    }

    /// Every call has a selector of its own, so that nothing is alike.
    pub fn random(seed: &mut u64) -> Self {
        let mut next = |below: u64| {
            *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (*seed >> 33) % below
        };
        let (mut text, mut depth, mut calls) = (String::from("X.0( "), 1, 0);
        for _ in 0..40 {
            match next(8) {
                0..=2 if depth < 8 => {
                    calls += 1;
                    let how = if next(8) == 0 { "d:" } else { "" };
                    let _ = write!(text, "{how}{}.{calls}( ", b"AABC"[next(4) as usize] as char);
                    depth += 1;
                }
                0..=3 if depth > 1 => {
                    text.push_str(if next(6) == 0 { ")! " } else { ") " });
                    depth -= 1;
                }
                4..=5 => {
                    let _ = write!(text, "r{} ", next(2));
                }
                _ => {
                    let _ = write!(text, "w{}={} ", next(2), [0, 1, 2, 256, 257][next(5) as usize]);
                }
            }
        }
        text.push_str(&") ".repeat(depth));
        Self::new(&text)
    }
}

pub fn found(script: &Script) -> Vec<Reentry> {
    let [frames, accesses, logs, gone] = script.recorder.rows();
    let rows = Rows { frames: 0..frames, accesses: 0..accesses, logs: 0..logs, selfdestructs: 0..gone };
    reentries(View(&script.recorder.columns), &rows, &script.undone)
}
