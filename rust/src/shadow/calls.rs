//! What passes between calls: data, answers, guards, and whether anybody looked at the outcome.

use super::{
    Call,
    follow::{Shadow, span},
    frame::{Frame, Leaving, MAX_BYTES, slice, union},
    taint::{Word, bit, guard},
};
use alloy_primitives::{Address, U256};
use revm::{
    bytecode::opcode,
    interpreter::{CallScheme, FrameInput, SharedMemory, interpreter_action::FrameInit},
};
use std::ops::Range;

const MAX_CALLS: usize = 1 << 17;

/// Selectors whose arguments are sums of a token: transfer, transferFrom, mint, burn (two forms), withdraw.
const SUMS: [[u8; 4]; 6] = [
    [0xa9, 0x05, 0x9c, 0xbb],
    [0x23, 0xb8, 0x72, 0xdd],
    [0x40, 0xc1, 0x0f, 0x19],
    [0x9d, 0xc2, 0x9f, 0xac],
    [0x42, 0x96, 0x6c, 0x68],
    [0x2e, 0x1a, 0x7d, 0x4d],
];

impl Shadow {
    pub fn enter(&mut self, init: &FrameInit) {
        let (row, root) = (self.row, self.frames.is_empty());
        self.row += 1;
        self.order += 1;
        let (address, delegated, creates, length) = match &init.frame_input {
            FrameInput::Call(call) => {
                let delegated = matches!(call.scheme, CallScheme::DelegateCall | CallScheme::CallCode);
                (call.target_address, delegated, false, call.input.len())
            }
            FrameInput::Create(_) => (Address::ZERO, false, true, 0),
            FrameInput::Empty => return,
        };
        let mut frame = Frame::new(row, address, Vec::new());
        if root {
            frame.calldata = vec![Word::of(bit::CALLDATA); length.min(MAX_BYTES)];
        } else if let Some(parent) = self.frames.last_mut() {
            let leaving = parent.leaving.as_mut();
            let data = leaving.as_ref().map(|leaving| leaving.data.as_slice()).unwrap_or_default();
            if delegated {
                frame.calldata = data.to_vec();
                (frame.guards, frame.above) = (parent.guards, parent.above);
            } else {
                if !creates {
                    let seen = |word: &Word| word.outside().with(Word::of(bit::CALLDATA));
                    frame.calldata = data.iter().map(seen).collect();
                }
                let own = parent.guards & guard::WHO;
                frame.above = if own != 0 { own | guard::ABOVE } else { parent.above };
            }
            if let Some(leaving) = leaving
                && let Some((_, call)) = self.calls.get_mut(leaving.call.wrapping_sub(1) as usize)
            {
                call.frame = row;
            }
        }
        self.frames.push(frame);
    }

    /// `length` of what it returned; `ran`: code ran in it.
    pub fn leave(&mut self, success: bool, length: usize, ran: bool) {
        let Some(child) = self.frames.pop() else { return };
        let Some(parent) = self.frames.last_mut() else { return };
        let Some(leaving) = parent.leaving.take() else { return };
        let call = leaving.call;
        let said = |word: Word| {
            if leaving.delegated {
                Word { call, ..word }
            } else {
                let asked = if leaving.asks { bit::CALLER_SLOT } else { 0 };
                let word = word.outside();
                Word { call, taint: word.taint | bit::RETURNED | asked, ..word }
            }
        };
        parent.returned = if ran {
            child.output.into_iter().map(said).collect()
        } else {
            // Precompiles: who signed, hashes, copies, and the rest.
            let all = union(&leaving.data);
            let taint = match leaving.to.into_word().0 {
                [zeros @ .., 1] if zeros == [0; 31] => bit::SIGNER,
                [zeros @ .., 2 | 3] if zeros == [0; 31] => bit::HASH | all.taint,
                _ => all.taint,
            };
            let word = Word { taint, wrap: 0, call };
            if leaving.to.into_word().0 == Address::with_last_byte(4).into_word().0 {
                leaving.data.iter().map(|word| Word { call, ..*word }).take(length).collect()
            } else {
                vec![word; length.min(MAX_BYTES)]
            }
        };
        if leaving.creates {
            parent.returned.truncate(if success { 0 } else { MAX_BYTES });
        }
        let wanted = leaving.wanted.start..leaving.wanted.end.min(leaving.wanted.start.saturating_add(length));
        let returned = std::mem::take(&mut parent.returned);
        if !leaving.creates && !wanted.is_empty() && !parent.copy(wanted.start, &returned, 0..wanted.len()) {
            self.complete = false;
        }
        parent.returned = returned;
        if leaving.delegated && success {
            parent.guards |= child.guards;
        }
        parent.last_call = call;
        parent.push(Word { taint: bit::SUCCESS, wrap: 0, call });
    }

    /// Some jump, or somebody outside, was told of the calls and sums in a word.
    pub(super) fn told(&mut self, word: Word) {
        if let Some((_, call)) = self.calls.get_mut((word.call as usize).wrapping_sub(1)) {
            if word.taint & bit::SUCCESS != 0 {
                call.success_checked = true;
            } else {
                call.result_checked = true;
            }
        }
    }

    pub(super) fn call(&mut self, op: u8, pc: u32, value: &impl Fn(usize) -> U256, memory: &SharedMemory) {
        let pays = matches!(op, opcode::CALL | opcode::CALLCODE);
        let first = if pays { 3 } else { 2 };
        let Some(frame) = self.frames.last_mut() else { return };
        let (row, target) = (frame.row, frame.peek(1));
        let wei = if pays { frame.peek(2) } else { Word::default() };
        let given = span(value(first), value(first + 1));
        let wanted = span(value(first + 2), value(first + 3));
        frame.drop(first + 4);
        if given.len() > MAX_BYTES {
            self.complete = false;
        }
        let (from, length) = (given.start, given.len().min(MAX_BYTES));
        let data = frame.copied(given.clone());
        let selector = union(slice(&data, 0..4));
        let arguments = union(slice(&data, 4..usize::MAX));
        let sums = given.end <= memory.len() && length >= 4 && {
            let bytes = memory.slice_len(from, 4);
            SUMS.iter().any(|known| known[..] == bytes[..])
        };
        if wei.wrap != 0 {
            self.sink(wei, "value", row);
        }
        if sums {
            for word in data[4..].chunks(32).map(union).collect::<Vec<_>>() {
                self.sink(word, "argument", row);
            }
        }
        let delegated = matches!(op, opcode::DELEGATECALL | opcode::CALLCODE);
        let asks = op == opcode::STATICCALL && arguments.taint & bit::CALLER != 0;
        let taints = [target.taint, wei.taint, selector.taint, arguments.taint];
        let to = Address::from_word(value(1).into());
        self.leaving(row, pc, taints, data, wanted, (delegated, false), to);
        if let Some(leaving) = self.top().and_then(|frame| frame.leaving.as_mut()) {
            leaving.asks = asks;
        }
    }

    #[allow(clippy::too_many_arguments)]
    pub(super) fn leaving(
        &mut self,
        row: u32,
        pc: u32,
        taints: [u32; 4],
        data: Vec<Word>,
        wanted: Range<usize>,
        (delegated, creates): (bool, bool),
        to: Address,
    ) {
        let Some(frame) = self.frames.last_mut() else { return };
        let guards = frame.guarded();
        let mut call = 0;
        if self.calls.len() < MAX_CALLS {
            let taints = taints.map(|taint| taint & bit::PUBLIC);
            let (success_checked, result_checked) = (false, false);
            self.calls.push((row, Call { frame: u32::MAX, pc, taints, guards, success_checked, result_checked }));
            call = self.calls.len() as u32;
        } else {
            self.complete = false;
        }
        frame.leaving = Some(Leaving { call, data, wanted, delegated, asks: false, creates, to });
    }
}
