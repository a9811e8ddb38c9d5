//! Arithmetic that loses something, masks, comparisons, and where a lost sum arrives.

use super::{
    follow::{Lost, Shadow},
    frame::Frame,
    taint::{Word, bit},
};
use alloy_primitives::U256;
use revm::bytecode::opcode;

const MAX_WRAPS: usize = 1 << 16;

impl Shadow {
    pub(super) fn lose(&mut self, kind: &'static str, pc: u32, left: U256, right: U256, result: U256) -> u32 {
        let frame = self.frames.last().map_or(self.first, |frame| frame.row);
        if self.lost.len() >= MAX_WRAPS {
            self.complete = false;
            return 0;
        }
        let (tested, signed, sinks) = (false, false, Vec::new());
        self.lost.push(Lost { kind, frame, pc, left, right, result, tested, signed, sinks });
        self.lost.len() as u32
    }

    pub(super) fn sink(&mut self, word: Word, name: &'static str, frame: u32) {
        let order = self.order;
        if word.wrap != 0
            && word.taint & bit::COMPARED == 0
            && let Some(lost) = self.lost.get_mut(word.wrap as usize - 1)
            && lost.sinks.iter().all(|(known, ..)| *known != name)
        {
            lost.sinks.push((name, frame, order));
        }
    }

    /// A word that was made of two: where both speak of different calls, one is lost, and counts as looked at.
    pub(super) fn joined(&mut self, left: Word, right: Word) -> Word {
        if left.call != 0 && right.call != 0 && left.call != right.call {
            self.told(right);
        }
        left.with(right)
    }

    pub(super) fn arithmetic(&mut self, op: u8, pc: u32, left: U256, right: U256) {
        let (first, second) = self.two();
        let negative = |word: Word, value: U256| word.constant() && value.bit(255);
        let (kind, result, lost) = match op {
            opcode::SUB => ("sub", left.wrapping_sub(right), left < right),
            opcode::MUL => ("mul", left.wrapping_mul(right), left.checked_mul(right).is_none()),
            // Compilers subtract a constant by adding its complement: that wraps where nothing is lost.
            _ if negative(first, left) || negative(second, right) => {
                ("sub", left.wrapping_add(right), left.checked_add(right).is_some())
            }
            _ => ("add", left.wrapping_add(right), left.checked_add(right).is_none()),
        };
        let compares = op == opcode::SUB;
        let mut word = self.joined(first, second);
        word.taint |= bit::ARITHMETIC | if compares { compared(first, second) } else { 0 };
        if lost && !(first.constant() && second.constant()) {
            let made = self.lose(kind, pc, left, right, result);
            if made != 0 {
                (word.wrap, word.taint) = (made, word.taint | bit::WRAPPED);
            }
        }
        self.push(word);
    }

    /// A mask of whole bytes that cuts off set bits of a sum, or of what was given.
    pub(super) fn mask(&mut self, pc: u32, left: U256, right: U256) {
        let (first, second) = self.two();
        let mut word = self.joined(first, second);
        let low = |value: U256| -> Option<usize> {
            let bits = value.bit_len();
            (bits.is_multiple_of(8) && (8..=248).contains(&bits) && value == (U256::MAX >> (256 - bits)))
                .then_some(bits)
        };
        let masked = match (first.constant(), second.constant()) {
            (true, false) => low(left).map(|bits| (bits, left, right, second)),
            (false, true) => low(right).map(|bits| (bits, right, left, first)),
            _ => None,
        };
        if let Some((bits, mask, value, source)) = masked
            && value.bit_len() > bits
            && source.taint & bit::HASH == 0
        {
            let sum = source.taint & bit::ARITHMETIC != 0;
            let given = source.taint & bit::CALLDATA != 0 && bits != 160;
            // What was shifted is being unpacked.
            if source.taint & bit::SHIFTED == 0 && (sum || given) {
                let made = self.lose("truncate", pc, value, mask, value & mask);
                if made != 0 {
                    (word.wrap, word.taint) = (made, word.taint | bit::TRUNCATED);
                }
            }
        }
        self.push(word);
    }

    pub(super) fn compare(&mut self, op: u8) {
        if op == opcode::ISZERO {
            let mut word = self.frames.last_mut().map(Frame::pop).unwrap_or_default();
            word.taint |= if word.taint & bit::COMPARED == 0 { bit::COMPARED | bit::EQUALITY } else { bit::COMPARED };
            return self.push(word);
        }
        let (first, second) = self.two();
        if matches!(op, opcode::SLT | opcode::SGT) {
            self.signed(first);
            self.signed(second);
        }
        let mut word = self.joined(first, second);
        word.taint |= match op {
            opcode::EQ => bit::COMPARED | bit::EQUALITY | compared(first, second),
            opcode::XOR => compared(first, second),
            _ => bit::COMPARED,
        };
        self.push(word);
    }

    /// A sum that is read as a signed number may well be below zero.
    pub(super) fn signed(&mut self, word: Word) {
        if let Some(lost) = self.lost.get_mut((word.wrap as usize).wrapping_sub(1)) {
            lost.signed = true;
        }
    }
}

/// Whether who called, or who signed, was held against something else.
fn compared(first: Word, second: Word) -> u32 {
    let one = |bit: u32| (first.taint ^ second.taint) & bit != 0;
    let mut found = 0;
    // With what the caller says himself, nothing is checked.
    let other = if first.taint & (bit::CALLER | bit::ORIGIN) != 0 { second } else { first };
    if other.taint & bit::PUBLIC == bit::CALLDATA {
        return 0;
    }
    if one(bit::CALLER) && !one(bit::ORIGIN) {
        found |= bit::CALLER_COMPARED;
    }
    if one(bit::ORIGIN) && !one(bit::CALLER) {
        found |= bit::ORIGIN_COMPARED;
    }
    found
}
