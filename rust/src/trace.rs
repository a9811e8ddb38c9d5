//! What a block did, as columns: frames, storage accesses, logs, self-destructs.
//!
//! Recording costs calls and storage instructions only; no hook runs per step. `order` numbers all rows of all tables
//! in the order they happened. A row of a frame that reverted stays: its frame's status, and those above, tell.

use crate::query::inspect::Inspection;
use alloy_primitives::{Address, B256, Bytes, Log, U256, map::HashSet};
use revm::interpreter::{CallScheme, CreateScheme, FrameInput, InstructionResult, interpreter_action::FrameInit};

/// Longest call data or return data kept per frame; the full length is always kept.
const MAX_DATA: usize = 128 << 10;
/// Most bytes of call data, return data and log data kept per block.
const MAX_BLOB: usize = 64 << 20;
/// Most mapping entries named per block.
const MAX_HASHES: usize = 1 << 20;
/// Stands for "no parent frame", "not known".
pub const NONE: u32 = u32::MAX;

/// `kind` of a frame.
pub mod kind {
    pub const CALL: u8 = 0;
    pub const CALLCODE: u8 = 1;
    pub const DELEGATECALL: u8 = 2;
    pub const STATICCALL: u8 = 3;
    pub const CREATE: u8 = 4;
    pub const CREATE2: u8 = 5;
}

macro_rules! columns {
    ($($name:ident),* $(,)?) => {
        /// Little-endian fixed-width columns; `data` is the blob that offsets point into.
        #[derive(Clone, Debug, Default)]
        pub struct Columns { $(pub $name: Vec<u8>),* }

        impl Columns {
            pub const NAMES: &'static [&'static str] = &[$(stringify!($name)),*];

            pub fn get(&self, name: &str) -> Option<&[u8]> {
                match name { $(stringify!($name) => Some(&self.$name),)* _ => None }
            }
        }
    };
}

columns! {
    // u32 index of the transaction (u32::MAX: a system call), u32 parent frame (u32::MAX: none), u32 depth, u32 order
    frame_transaction, frame_parent, frame_depth, frame_order,
    // u8 kind (0 call .. 5 create2), u8 status (revm InstructionResult; 1..=3 is success), u8 whether code ran in it
    frame_kind, frame_status, frame_ran,
    // 20 bytes each: caller, account whose storage is used (created account for creates), account whose code runs
    frame_caller, frame_target, frame_code,
    // 32 bytes big-endian wei; u64 gas
    frame_value, frame_gas_limit, frame_gas_used,
    // u32 offset and u32 kept length in `data`, u32 full length
    frame_input_at, frame_input_kept, frame_input_length,
    frame_output_at, frame_output_kept, frame_output_length,
    // u32 frame, u32 order, u8 write (bit 0) and transient (bit 1), u32 program counter (u32::MAX: not known),
    // 32 bytes slot, 32 bytes value (read, or new), 32 bytes value before (writes)
    access_frame, access_order, access_write, access_pc, access_slot, access_value, access_before,
    // Which mapping entries there are: 32 bytes each of keccak256(key, base), once a block
    hash_key, hash_base, hash_result,
    // u32 frame, u32 order, 20 bytes address, u8 number of topics, topics of all logs one after another
    log_frame, log_order, log_address, log_topic_count, log_topics,
    log_data_at, log_data_kept, log_data_length,
    // u32 frame, u32 order, 20 bytes beneficiary, 32 bytes wei moved
    selfdestruct_frame, selfdestruct_order, selfdestruct_beneficiary, selfdestruct_value,
    data,
}

/// `write` of an access.
pub mod access {
    pub const SLOAD: u8 = 0;
    pub const SSTORE: u8 = 1;
    pub const TLOAD: u8 = 2;
    pub const TSTORE: u8 = 3;
}

#[derive(Debug, Default)]
pub struct Recorder {
    pub columns: Columns,
    transaction: u32,
    stack: Vec<u32>,
    frames: u32,
    order: u32,
    hashed: HashSet<B256>,
    /// Flags of what the transaction read of its surroundings.
    pub read: u32,
    /// Where the queries run along.
    pub inspection: Option<Box<Inspection>>,
}

/// One call or creation as it is entered.
pub struct Entered<'a> {
    pub kind: u8,
    pub caller: Address,
    pub target: Address,
    pub code: Address,
    pub value: U256,
    pub gas_limit: u64,
    pub input: &'a [u8],
    pub depth: u32,
}

fn put(column: &mut Vec<u8>, value: u32) {
    column.extend(value.to_le_bytes());
}

fn set(column: &mut [u8], row: u32, value: u32) {
    let at = row as usize * 4;
    column[at..at + 4].copy_from_slice(&value.to_le_bytes());
}

impl Recorder {
    /// The next frames belong to this transaction (none: a system call).
    pub fn begin(&mut self, transaction: Option<u32>) {
        self.transaction = transaction.unwrap_or(NONE);
        self.stack.clear();
        self.read = 0;
        let (rows, order) = (self.rows(), self.order);
        if let Some(inspection) = &mut self.inspection {
            inspection.begin(&self.columns, rows, order);
        }
    }

    fn frame(&self) -> u32 {
        self.stack.last().copied().unwrap_or(NONE)
    }

    fn tick(&mut self) -> u32 {
        self.order += 1;
        self.order - 1
    }

    fn keep(&mut self, bytes: &[u8]) -> (u32, u32, u32) {
        let room = MAX_BLOB.saturating_sub(self.columns.data.len());
        let kept = bytes.len().min(MAX_DATA).min(room);
        let at = self.columns.data.len() as u32;
        self.columns.data.extend(&bytes[..kept]);
        (at, kept as u32, bytes.len() as u32)
    }

    pub fn enter(&mut self, init: &FrameInit, input: Bytes, created: Option<Address>) {
        let (kind, caller, target, code, value, gas_limit) = match &init.frame_input {
            FrameInput::Call(call) => {
                let kind = match call.scheme {
                    CallScheme::Call => kind::CALL,
                    CallScheme::CallCode => kind::CALLCODE,
                    CallScheme::DelegateCall => kind::DELEGATECALL,
                    CallScheme::StaticCall => kind::STATICCALL,
                };
                (kind, call.caller, call.target_address, call.bytecode_address, call.value.get(), call.gas_limit)
            }
            FrameInput::Create(create) => {
                let kind =
                    if matches!(create.scheme(), CreateScheme::Create2 { .. }) { kind::CREATE2 } else { kind::CREATE };
                let target = created.unwrap_or_default();
                (kind, create.caller(), target, target, create.value(), create.gas_limit())
            }
            FrameInput::Empty => return,
        };
        let depth = init.depth as u32;
        self.entered(&Entered { kind, caller, target, code, value, gas_limit, input: &input, depth });
    }

    pub fn entered(&mut self, frame: &Entered<'_>) {
        let (parent, order) = (self.frame(), self.tick());
        let (at, kept, length) = self.keep(frame.input);
        let columns = &mut self.columns;
        put(&mut columns.frame_transaction, self.transaction);
        put(&mut columns.frame_parent, parent);
        put(&mut columns.frame_depth, frame.depth);
        put(&mut columns.frame_order, order);
        columns.frame_kind.push(frame.kind);
        columns.frame_status.push(0);
        columns.frame_ran.push(1);
        columns.frame_caller.extend(frame.caller);
        columns.frame_target.extend(frame.target);
        columns.frame_code.extend(frame.code);
        columns.frame_value.extend(frame.value.to_be_bytes::<32>());
        columns.frame_gas_limit.extend(frame.gas_limit.to_le_bytes());
        columns.frame_gas_used.extend(0u64.to_le_bytes());
        put(&mut columns.frame_input_at, at);
        put(&mut columns.frame_input_kept, kept);
        put(&mut columns.frame_input_length, length);
        for column in [&mut columns.frame_output_at, &mut columns.frame_output_kept, &mut columns.frame_output_length] {
            put(column, 0);
        }
        self.stack.push(self.frames);
        self.frames += 1;
    }

    /// `ran`: code of an account ran in it.
    pub fn leave(&mut self, result: InstructionResult, gas_used: u64, output: &[u8], ran: bool) {
        let Some(row) = self.stack.pop() else { return };
        let (at, kept, length) = self.keep(output);
        let columns = &mut self.columns;
        columns.frame_status[row as usize] = result as u8;
        columns.frame_ran[row as usize] = ran as u8;
        let used = row as usize * 8;
        columns.frame_gas_used[used..used + 8].copy_from_slice(&gas_used.to_le_bytes());
        set(&mut columns.frame_output_at, row, at);
        set(&mut columns.frame_output_kept, row, kept);
        set(&mut columns.frame_output_length, row, length);
    }

    /// How many frames are open.
    pub fn open(&self) -> usize {
        self.stack.len()
    }

    /// Rows so far: frames, accesses, logs, self-destructs.
    pub fn rows(&self) -> [u32; 4] {
        let columns = &self.columns;
        [
            self.frames,
            columns.access_write.len() as u32,
            columns.log_topic_count.len() as u32,
            (columns.selfdestruct_frame.len() / 4) as u32,
        ]
    }

    /// The next transaction's index where frames belong to one.
    pub fn current(&self) -> Option<u32> {
        (self.transaction != NONE).then_some(self.transaction)
    }

    /// keccak256 of two words: the place of a mapping's entry.
    pub fn hashed(&mut self, words: &[u8; 64], result: B256) {
        if self.hashed.len() < MAX_HASHES && self.hashed.insert(result) {
            self.columns.hash_key.extend(&words[..32]);
            self.columns.hash_base.extend(&words[32..]);
            self.columns.hash_result.extend(result);
        }
    }

    pub fn access(&mut self, kind: u8, pc: u32, slot: U256, value: U256, before: U256) {
        let (frame, order) = (self.frame(), self.tick());
        let columns = &mut self.columns;
        put(&mut columns.access_frame, frame);
        put(&mut columns.access_order, order);
        columns.access_write.push(kind);
        put(&mut columns.access_pc, pc);
        columns.access_slot.extend(slot.to_be_bytes::<32>());
        columns.access_value.extend(value.to_be_bytes::<32>());
        columns.access_before.extend(before.to_be_bytes::<32>());
    }

    pub fn log(&mut self, log: &Log) {
        self.logged(log.address, log.topics(), &log.data.data);
    }

    pub fn logged(&mut self, address: Address, topics: &[B256], data: &[u8]) {
        let (frame, order) = (self.frame(), self.tick());
        let (at, kept, length) = self.keep(data);
        let columns = &mut self.columns;
        put(&mut columns.log_frame, frame);
        put(&mut columns.log_order, order);
        columns.log_address.extend(address);
        columns.log_topic_count.push(topics.len() as u8);
        columns.log_topics.extend(topics.iter().flat_map(B256::as_slice));
        put(&mut columns.log_data_at, at);
        put(&mut columns.log_data_kept, kept);
        put(&mut columns.log_data_length, length);
    }

    pub fn selfdestruct(&mut self, beneficiary: Address, value: U256) {
        let (frame, order) = (self.frame(), self.tick());
        let columns = &mut self.columns;
        put(&mut columns.selfdestruct_frame, frame);
        put(&mut columns.selfdestruct_order, order);
        columns.selfdestruct_beneficiary.extend(beneficiary);
        columns.selfdestruct_value.extend(value.to_be_bytes::<32>());
    }
}
