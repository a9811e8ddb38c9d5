//! Follows one transaction: what every instruction does to what is known of the values it takes.

use super::{
    Call, End, Test, Write,
    frame::{Frame, slice, union},
    taint::{Word, bit, guard},
};
use alloy_primitives::{Address, U256, map::HashMap};
use revm::{bytecode::opcode, interpreter::SharedMemory};
use std::ops::Range;

pub(super) const MAX_TESTS: usize = 4096;

#[derive(Clone, Debug)]
pub(super) struct Lost {
    pub(super) kind: &'static str,
    pub(super) frame: u32,
    pub(super) pc: u32,
    pub(super) left: U256,
    pub(super) right: U256,
    pub(super) result: U256,
    pub(super) tested: bool,
    pub(super) signed: bool,
    /// Sinks that it reached: name, frame, order.
    pub(super) sinks: Vec<(&'static str, u32, u32)>,
}

/// What is to be noted once the instruction has succeeded.
#[derive(Debug)]
enum Then {
    Load { transient: bool, slot: U256, key: Word },
    Store { transient: bool, slot: U256, key: Word, value: Word, pc: u32 },
    Log { data: Word },
    End { beneficiary: Word, pc: u32 },
}

#[derive(Debug)]
pub struct Shadow {
    /// The next frame row, access row and order.
    pub(super) row: u32,
    pub(super) access: u32,
    pub(super) order: u32,
    pub(super) first: u32,
    pub(super) frames: Vec<Frame>,
    pub(super) stored: HashMap<(Address, U256, bool), Word>,
    pub(super) calls: Vec<(u32, Call)>,
    pub(super) lost: Vec<Lost>,
    pub(super) writes: Vec<Write>,
    pub(super) tests: Vec<Test>,
    pub(super) ends: Vec<End>,
    then: Option<Then>,
    pub(super) complete: bool,
}

fn small(value: U256) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

pub(super) fn span(at: U256, length: U256) -> Range<usize> {
    let (at, length) = (small(at), small(length));
    if length == 0 { 0..0 } else { at..at.saturating_add(length) }
}

impl Shadow {
    /// `start`: rows of frames and accesses, and the order, at which the transaction began.
    pub fn new(row: u32, access: u32, order: u32) -> Self {
        let (frames, stored, calls, lost, writes, tests, ends) = Default::default();
        Self {
            row,
            access,
            order,
            first: row,
            frames,
            stored,
            calls,
            lost,
            writes,
            tests,
            ends,
            then: None,
            complete: true,
        }
    }

    pub(super) fn top(&mut self) -> Option<&mut Frame> {
        self.frames.last_mut()
    }

    pub fn before(&mut self, op: u8, pc: u32, address: Address, stack: &[U256], memory: &SharedMemory) {
        self.then = None;
        let value = |depth: usize| stack.len().checked_sub(depth + 1).map_or(U256::ZERO, |at| stack[at]);
        let Some(frame) = self.frames.last_mut() else { return };
        frame.address = address;
        let row = frame.row;
        use opcode::*;
        match op {
            PUSH0..=PUSH32 => frame.push(Word::default()),
            DUP1..=DUP16 => frame.push(frame.peek((op - DUP1) as usize)),
            SWAP1..=SWAP16 => {
                let (top, other) =
                    (frame.stack.len().wrapping_sub(1), frame.stack.len().wrapping_sub((op - SWAP1) as usize + 2));
                if other < top && top < frame.stack.len() {
                    frame.stack.swap(top, other);
                }
            }
            ADD | SUB | MUL => self.arithmetic(op, pc, value(0), value(1)),
            EXP => {
                let (left, right) = (frame.pop(), frame.pop());
                let mut word = self.joined(left, right);
                if !(left.constant() && right.constant()) {
                    word.taint |= bit::ARITHMETIC;
                }
                self.push(word);
            }
            DIV => {
                let (left, right) = (frame.pop(), frame.pop());
                let mut word = self.joined(left, right);
                // Before there were shifts, compilers divided by a power of two.
                if right.constant() && value(1).count_ones() == 1 {
                    word.taint |= bit::SHIFTED;
                }
                if !value(0).is_zero() && value(0) < value(1) && word.wrap == 0 {
                    word.wrap = self.lose("round-to-zero", pc, value(0), value(1), U256::ZERO);
                }
                self.push(word);
            }
            AND => self.mask(pc, value(0), value(1)),
            SHL | SHR | SAR | BYTE => {
                let (left, right) = (frame.pop(), frame.pop());
                if op == SAR {
                    self.signed(right);
                }
                let mut word = self.joined(left, right);
                word.taint |= bit::SHIFTED;
                self.push(word);
            }
            EQ | LT | GT | SLT | SGT | ISZERO | XOR => self.compare(op),
            SDIV | SMOD | SIGNEXTEND => {
                let (left, right) = (frame.pop(), frame.pop());
                self.signed(left);
                self.signed(right);
                let word = self.joined(left, right);
                self.push(word);
            }
            KECCAK256 => {
                let place = span(value(0), value(1));
                let (word, key) =
                    (frame.memory_of(place.clone()), frame.memory_of(place.start..place.start.saturating_add(32)));
                frame.drop(2);
                let hashed = bit::HASH | bit::CALLDATA;
                let committed = if place.len() == 64 && key.taint & hashed == hashed { bit::COMMITTED } else { 0 };
                frame.push(Word { taint: word.taint | bit::HASH | committed, wrap: 0, call: 0 });
            }
            ADDRESS => frame.push(Word::of(bit::ADDRESS)),
            CALLER => frame.push(Word::of(bit::CALLER)),
            ORIGIN => frame.push(Word::of(bit::ORIGIN)),
            CALLVALUE => frame.push(Word::of(bit::CALLVALUE)),
            TIMESTAMP | NUMBER => frame.push(Word::of(bit::TIMESTAMP)),
            COINBASE | DIFFICULTY => frame.push(Word::of(bit::BLOCK_HASH)),
            BLOCKHASH => {
                frame.drop(1);
                frame.push(Word::of(bit::BLOCK_HASH));
            }
            GAS | GASPRICE | BASEFEE => frame.push(Word::of(bit::GAS)),
            CHAINID => frame.push(Word::of(bit::CHAIN_ID)),
            SELFBALANCE => frame.push(Word::of(bit::OWN_BALANCE)),
            BALANCE => {
                frame.drop(1);
                let own = Address::from_word(value(0).into()) == address;
                frame.push(Word::of(if own { bit::OWN_BALANCE } else { bit::BALANCE }));
            }
            RETURNDATASIZE => {
                let call = frame.last_call;
                frame.push(Word { taint: if call == 0 { 0 } else { bit::RETURNED }, wrap: 0, call });
            }
            CALLDATALOAD => {
                let at = small(value(0));
                let word = union(slice(&frame.calldata, at..at.saturating_add(32)));
                frame.drop(1);
                frame.push(word);
            }
            CALLDATACOPY | CODECOPY | RETURNDATACOPY => {
                let (to, from) = (span(value(0), value(2)), span(value(1), value(2)));
                frame.drop(3);
                let source = match op {
                    CALLDATACOPY => std::mem::take(&mut frame.calldata),
                    RETURNDATACOPY => std::mem::take(&mut frame.returned),
                    _ => Vec::new(),
                };
                let fits = frame.copy(to.start, &source, from);
                match op {
                    CALLDATACOPY => frame.calldata = source,
                    RETURNDATACOPY => frame.returned = source,
                    _ => (),
                }
                self.complete &= fits;
            }
            EXTCODECOPY => {
                let to = span(value(1), value(3));
                frame.drop(4);
                self.complete &= frame.copy(to.start, &[], 0..to.len());
            }
            MCOPY => {
                let (to, from) = (span(value(0), value(2)), span(value(1), value(2)));
                frame.drop(3);
                let words = frame.copied(from.clone());
                self.complete &= frame.copy(to.start, &words, 0..from.len());
            }
            MLOAD => {
                let at = small(value(0));
                let word = frame.memory_of(at..at.saturating_add(32));
                frame.drop(1);
                frame.push(word);
            }
            MSTORE => {
                let word = frame.peek(1);
                frame.drop(2);
                self.complete &= frame.write(small(value(0)), std::iter::repeat_n(word, 32));
            }
            MSTORE8 => {
                let word = frame.peek(1);
                frame.drop(2);
                self.complete &= frame.write(small(value(0)), std::iter::once(word));
            }
            SLOAD | TLOAD => {
                let key = frame.pop();
                self.then = Some(Then::Load { transient: op == TLOAD, slot: value(0), key });
            }
            SSTORE | TSTORE => {
                let (key, word) = (frame.pop(), frame.pop());
                self.then = Some(Then::Store { transient: op == TSTORE, slot: value(0), key, value: word, pc });
            }
            LOG0..=LOG4 => {
                let data = frame.memory_of(span(value(0), value(1)));
                frame.drop((op - LOG0) as usize + 2);
                self.then = Some(Then::Log { data });
            }
            SELFDESTRUCT => self.then = Some(Then::End { beneficiary: frame.peek(0), pc }),
            JUMPI => {
                let condition = frame.peek(1);
                frame.drop(2);
                self.jump(pc, condition);
            }
            CALL | CALLCODE | DELEGATECALL | STATICCALL => self.call(op, pc, &value, memory),
            CREATE | CREATE2 => {
                let count = if op == CREATE { 3 } else { 4 };
                let wei = frame.peek(0);
                frame.drop(count);
                let data = frame.copied(span(value(1), value(2)));
                self.leaving(
                    row,
                    pc,
                    [0, wei.taint, 0, union(&data).taint],
                    Vec::new(),
                    0..0,
                    (false, true),
                    Address::ZERO,
                );
            }
            RETURN | REVERT => {
                frame.output = frame.copied(span(value(0), value(1)));
                // A caller that is handed a success, or what a call returned, is told of it.
                let told: Vec<Word> = frame.output.iter().filter(|word| word.call != 0).copied().collect();
                for word in told {
                    self.told(word);
                }
            }
            _ => {
                let Some(known) = OpCode::new(op) else { return };
                let (inputs, outputs) = (known.inputs() as usize, known.outputs() as usize);
                let mut word = Word::default();
                for _ in 0..inputs {
                    word = word.with(frame.pop());
                }
                for _ in 0..outputs {
                    frame.push(word);
                }
            }
        }
    }

    pub(super) fn push(&mut self, word: Word) {
        if let Some(frame) = self.frames.last_mut() {
            frame.push(word);
        }
    }

    pub(super) fn two(&mut self) -> (Word, Word) {
        self.frames.last_mut().map_or_else(Default::default, |frame| (frame.pop(), frame.pop()))
    }

    fn jump(&mut self, pc: u32, condition: Word) {
        self.told(condition);
        if let Some(lost) = self.lost.get_mut((condition.wrap as usize).wrapping_sub(1)) {
            lost.tested = true;
        }
        let order = self.order;
        let Some(frame) = self.frames.last_mut() else { return };
        let taint = condition.taint;
        let mut guards = 0;
        for (bits, what) in [
            (bit::CALLER_COMPARED, guard::CALLER),
            (bit::ORIGIN_COMPARED, guard::ORIGIN),
            (bit::SIGNER, guard::SIGNATURE),
            (bit::CALLER_SLOT, guard::CALLER_SLOT),
            (bit::STORAGE, guard::STORAGE),
            (bit::RETURNED, guard::RETURNED),
        ] {
            if taint & bits != 0 {
                guards |= what;
            }
        }
        if taint & bit::HASH != 0 && taint & bit::CALLDATA != 0 || taint & bit::COMMITTED != 0 {
            guards |= guard::PROOF;
        }
        frame.guards |= guards;
        let odd = bit::ORIGIN | bit::TIMESTAMP | bit::BLOCK_HASH | bit::OWN_BALANCE | bit::GAS | bit::SIGNER;
        if taint & odd != 0 && self.tests.len() < MAX_TESTS {
            // Compilers jump on a difference or a remainder itself.
            let equality = taint & bit::EQUALITY != 0 || taint & bit::COMPARED == 0;
            self.tests.push(Test { frame: frame.row, pc, order, taint: taint & bit::PUBLIC, equality });
        }
    }

    /// The instruction ran; `goes_on`: the frame is still running.
    pub fn after(&mut self, goes_on: bool) {
        let Some(then) = self.then.take() else { return };
        if !goes_on && !matches!(then, Then::End { .. }) {
            return;
        }
        let Some(frame) = self.frames.last_mut() else { return };
        let (row, address) = (frame.row, frame.address);
        match then {
            Then::Load { transient, slot, key } => {
                let mut word = self.stored.get(&(address, slot, transient)).copied().unwrap_or_default();
                word.taint |= bit::STORAGE;
                if key.taint & (bit::CALLER | bit::CALLER_SLOT) != 0 {
                    word.taint |= bit::CALLER_SLOT;
                }
                word.taint |= key.taint & bit::COMMITTED;
                frame.push(word);
                self.access += 1;
                self.order += 1;
            }
            Then::Store { transient, slot, key, value, pc } => {
                let guards = frame.guarded();
                self.sink(value, "storage", row);
                if value.call != 0 {
                    self.told(value);
                }
                let kept = Word { taint: value.taint & !bit::OF_THE_CALL | value.taint & bit::CALLDATA, ..value };
                self.stored.insert((address, slot, transient), Word { call: 0, ..kept });
                if !transient {
                    let (slot, value) = (key.taint & bit::PUBLIC, value.taint & bit::PUBLIC);
                    self.writes.push(Write { access: self.access, frame: row, pc, slot, value, guards });
                }
                self.access += 1;
                self.order += 1;
            }
            Then::Log { data } => {
                self.sink(data, "log", row);
                self.order += 1;
            }
            Then::End { beneficiary, pc } => {
                let guards = frame.guarded();
                self.ends.push(End { frame: row, pc, beneficiary: beneficiary.taint & bit::PUBLIC, guards });
                self.order += 1;
            }
        }
    }
}
