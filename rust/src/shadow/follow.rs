//! Follows one transaction: what every instruction does to what is known of the values it takes.

use super::{
    Call, End, Steps, Test, Wrap, Write,
    frame::{Frame, Leaving, MAX_BYTES, slice, union},
    taint::{Word, bit, guard},
};
use crate::trace::Columns;
use alloy_primitives::{Address, U256, map::HashMap};
use revm::{
    bytecode::opcode,
    interpreter::{CallScheme, FrameInput, SharedMemory, interpreter_action::FrameInit},
};
use std::ops::Range;

const MAX_WRAPS: usize = 1 << 16;
const MAX_LISTED: usize = 1024;
const MAX_TESTS: usize = 4096;
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

#[derive(Clone, Debug)]
struct Lost {
    kind: &'static str,
    frame: u32,
    pc: u32,
    left: U256,
    right: U256,
    result: U256,
    tested: bool,
    signed: bool,
    /// Sinks that it reached: name, frame, order.
    sinks: Vec<(&'static str, u32, u32)>,
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
    row: u32,
    access: u32,
    order: u32,
    first: u32,
    frames: Vec<Frame>,
    stored: HashMap<(Address, U256, bool), Word>,
    calls: Vec<(u32, Call)>,
    lost: Vec<Lost>,
    writes: Vec<Write>,
    tests: Vec<Test>,
    ends: Vec<End>,
    then: Option<Then>,
    complete: bool,
}

fn small(value: U256) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

fn span(at: U256, length: U256) -> Range<usize> {
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

    fn top(&mut self) -> Option<&mut Frame> {
        self.frames.last_mut()
    }

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
    fn told(&mut self, word: Word) {
        if let Some((_, call)) = self.calls.get_mut((word.call as usize).wrapping_sub(1)) {
            if word.taint & bit::SUCCESS != 0 {
                call.success_checked = true;
            } else {
                call.result_checked = true;
            }
        }
    }

    /// A word that was made of two: where both speak of different calls, one is lost, and counts as looked at.
    fn joined(&mut self, left: Word, right: Word) -> Word {
        if left.call != 0 && right.call != 0 && left.call != right.call {
            self.told(right);
        }
        left.with(right)
    }

    fn sink(&mut self, word: Word, name: &'static str, frame: u32) {
        let order = self.order;
        if word.wrap != 0
            && word.taint & bit::COMPARED == 0
            && let Some(lost) = self.lost.get_mut(word.wrap as usize - 1)
            && lost.sinks.iter().all(|(known, ..)| *known != name)
        {
            lost.sinks.push((name, frame, order));
        }
    }

    fn lose(&mut self, kind: &'static str, pc: u32, left: U256, right: U256, result: U256) -> u32 {
        let frame = self.frames.last().map_or(self.first, |frame| frame.row);
        if self.lost.len() >= MAX_WRAPS {
            self.complete = false;
            return 0;
        }
        let (tested, signed, sinks) = (false, false, Vec::new());
        self.lost.push(Lost { kind, frame, pc, left, right, result, tested, signed, sinks });
        self.lost.len() as u32
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

    fn push(&mut self, word: Word) {
        if let Some(frame) = self.frames.last_mut() {
            frame.push(word);
        }
    }

    fn two(&mut self) -> (Word, Word) {
        self.frames.last_mut().map_or_else(Default::default, |frame| (frame.pop(), frame.pop()))
    }

    fn arithmetic(&mut self, op: u8, pc: u32, left: U256, right: U256) {
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
    fn mask(&mut self, pc: u32, left: U256, right: U256) {
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

    fn compare(&mut self, op: u8) {
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
    fn signed(&mut self, word: Word) {
        if let Some(lost) = self.lost.get_mut((word.wrap as usize).wrapping_sub(1)) {
            lost.signed = true;
        }
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

    fn call(&mut self, op: u8, pc: u32, value: &impl Fn(usize) -> U256, memory: &SharedMemory) {
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
    fn leaving(
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

    /// What was found; `valid`: the transaction ran to its end.
    pub fn finish(self, valid: bool, columns: &Columns) -> Steps {
        let view = crate::query::view::View(columns);
        let first = self.first;
        let mut reverted = Vec::new();
        for row in first..view.frame_count() {
            let above = view.parent(row).is_some_and(|parent| parent >= first && reverted[(parent - first) as usize]);
            reverted.push(above || !view.succeeded(row));
        }
        let live = |row: u32| row >= first && reverted.get((row - first) as usize).is_some_and(|gone| !gone);
        // Both runs saw the same frames, or nothing here can be told to belong to a row.
        let same = self.row == view.frame_count() && self.access == columns.access_write.len() as u32;
        if !same {
            return Steps::default();
        }
        let mut wraps = Vec::new();
        for lost in self.lost.into_iter().filter(|lost| !lost.signed) {
            for (sink, frame, sink_order) in lost.sinks.into_iter().filter(|(_, frame, _)| live(*frame)) {
                if wraps.len() < MAX_LISTED {
                    let (frame_of, pc, kind, tested) = (lost.frame, lost.pc, lost.kind, lost.tested);
                    let (left, right, result) = (lost.left, lost.right, lost.result);
                    let _ = frame;
                    wraps.push(Wrap { kind, frame: frame_of, pc, left, right, result, sink, sink_order, tested });
                }
            }
        }
        Steps {
            writes: self.writes.into_iter().filter(|write| live(write.frame)).collect(),
            calls: self
                .calls
                .into_iter()
                .filter(|(row, call)| call.frame != u32::MAX && live(*row))
                .map(|(_, call)| call)
                .collect(),
            wraps,
            tests: self.tests.into_iter().filter(|test| live(test.frame)).collect(),
            ends: self.ends.into_iter().filter(|end| live(end.frame)).collect(),
            complete: self.complete && valid,
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
