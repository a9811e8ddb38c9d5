//! The instructions that touch storage, emit logs or end an account, replaced by ones that also note it.

use crate::{
    ledger::Ledger,
    query::facts::flag,
    shadow::Shadow,
    trace::{Recorder, access},
};
use alloy_primitives::{Address, Log, U256};
use revm::{
    bytecode::opcode,
    context::{Block, Cfg, Context, Journal, Transaction},
    context_interface::{JournalTr, local::LocalContextTr},
    handler::instructions::EthInstructions,
    interpreter::{
        Host, Instruction, InstructionContext, InterpreterAction,
        instructions::{block_info, host, system, tx_info},
        interpreter::EthInterpreter,
        interpreter_types::{InputsTr, Jumps, LoopControl},
    },
};

/// A host whose storage instructions can be noted.
pub trait Recording: Host {
    fn recorder(&mut self) -> Option<&mut Recorder>;
    fn shadow(&mut self) -> Option<&mut Shadow>;
    fn last_log(&self) -> Option<&Log>;
    /// A slot's value now, where this transaction has touched it.
    fn present(&self, address: Address, slot: U256) -> Option<U256>;
    /// A slot's value when the transaction began, where this transaction has touched it.
    fn original(&self, address: Address, slot: U256) -> U256;
    fn wei(&self, address: Address) -> U256;
}

impl<'a, BLOCK, TX, CFG, CHAIN, LOCAL> Recording
    for Context<BLOCK, TX, CFG, Ledger<'a>, Journal<Ledger<'a>>, CHAIN, LOCAL>
where
    BLOCK: Block,
    TX: Transaction,
    CFG: Cfg,
    LOCAL: LocalContextTr,
{
    fn recorder(&mut self) -> Option<&mut Recorder> {
        self.journaled_state.db_mut().recorder.as_mut()
    }

    fn shadow(&mut self) -> Option<&mut Shadow> {
        self.journaled_state.db_mut().shadow.as_deref_mut()
    }

    fn last_log(&self) -> Option<&Log> {
        self.journaled_state.logs.last()
    }

    fn present(&self, address: Address, slot: U256) -> Option<U256> {
        Some(self.journaled_state.state.get(&address)?.storage.get(&slot)?.present_value)
    }

    fn original(&self, address: Address, slot: U256) -> U256 {
        let account = self.journaled_state.state.get(&address);
        account.and_then(|account| account.storage.get(&slot)).map_or(U256::ZERO, |slot| slot.original_value)
    }

    fn wei(&self, address: Address) -> U256 {
        self.journaled_state.state.get(&address).map_or(U256::ZERO, |account| account.info.balance)
    }
}

/// Replaces the instructions that touch storage, emit logs or end an account by ones that also note it.
pub fn observe<H: Recording>(instructions: &mut EthInstructions<EthInterpreter, H>) {
    let table = &mut instructions.instruction_table;
    let mut replace = |code: u8, function: fn(InstructionContext<'_, H, EthInterpreter>)| {
        table[code as usize] = Instruction::new(function, table[code as usize].static_gas());
    };
    replace(opcode::KECCAK256, keccak256);
    replace(opcode::GASPRICE, gas_price);
    replace(opcode::ORIGIN, origin);
    replace(opcode::TIMESTAMP, timestamp);
    replace(opcode::BLOCKHASH, block_hash);
    replace(opcode::DIFFICULTY, difficulty);
    replace(opcode::SLOAD, sload);
    replace(opcode::SSTORE, sstore);
    replace(opcode::TLOAD, tload);
    replace(opcode::TSTORE, tstore);
    replace(opcode::LOG0, log::<0, H>);
    replace(opcode::LOG1, log::<1, H>);
    replace(opcode::LOG2, log::<2, H>);
    replace(opcode::LOG3, log::<3, H>);
    replace(opcode::LOG4, log::<4, H>);
    replace(opcode::SELFDESTRUCT, selfdestruct);
}

type Step<'a, H> = InstructionContext<'a, H, EthInterpreter>;

/// The word `depth` below the top of the stack.
fn peek<H>(step: &Step<'_, H>, depth: usize) -> U256 {
    let stack = step.interpreter.stack.data();
    stack.len().checked_sub(depth + 1).map_or(U256::ZERO, |at| stack[at])
}

/// The program counter of the instruction that runs; the machine has already gone past it.
fn pc<H>(step: &Step<'_, H>) -> u32 {
    step.interpreter.bytecode.pc().saturating_sub(1) as u32
}

fn keccak256<H: Recording>(step: Step<'_, H>) {
    let (offset, length) = (peek(&step, 0), peek(&step, 1));
    let (interpreter, host) = (step.interpreter, step.host);
    system::keccak256(InstructionContext { interpreter, host });
    if length == U256::from(64)
        && interpreter.bytecode.is_not_end()
        && let Some(recorder) = host.recorder()
    {
        let result = interpreter.stack.data().last().copied().unwrap_or_default();
        let memory = interpreter.memory.slice_len(offset.saturating_to::<usize>(), 64);
        if let Ok(words) = <&[u8; 64]>::try_from(&memory[..]) {
            recorder.hashed(words, result.into());
        }
    }
}

/// An instruction that reads something around the transaction, and is told to have been run.
macro_rules! read {
    ($name:ident, $instruction:path, $flag:expr) => {
        fn $name<H: Recording>(step: Step<'_, H>) {
            let (interpreter, host) = (step.interpreter, step.host);
            $instruction(InstructionContext { interpreter, host });
            if let Some(recorder) = host.recorder() {
                recorder.read |= $flag;
            }
        }
    };
}

read!(gas_price, tx_info::gasprice, flag::GAS_PRICE);
read!(timestamp, block_info::timestamp, flag::CLOCK);
read!(block_hash, host::blockhash, flag::RANDOMNESS);
read!(difficulty, block_info::difficulty, flag::RANDOMNESS);

/// Who signed, asked where somebody else calls.
fn origin<H: Recording>(step: Step<'_, H>) {
    let (interpreter, host) = (step.interpreter, step.host);
    tx_info::origin(InstructionContext { interpreter, host });
    let signer = interpreter.stack.data().last().copied().unwrap_or_default();
    if Address::from_word(signer.into()) != interpreter.input.caller_address()
        && let Some(recorder) = host.recorder()
    {
        recorder.read |= flag::ORIGIN;
    }
}

fn sload<H: Recording>(step: Step<'_, H>) {
    let (slot, pc) = (peek(&step, 0), pc(&step));
    let (interpreter, host) = (step.interpreter, step.host);
    host::sload(InstructionContext { interpreter, host });
    if interpreter.bytecode.is_not_end() {
        let value = interpreter.stack.data().last().copied().unwrap_or_default();
        if let Some(recorder) = host.recorder() {
            recorder.access(access::SLOAD, pc, slot, value, value);
        }
    }
}

fn sstore<H: Recording>(step: Step<'_, H>) {
    let (slot, value, pc) = (peek(&step, 0), peek(&step, 1), pc(&step));
    let address = step.interpreter.input.target_address();
    let (interpreter, host) = (step.interpreter, step.host);
    let known = host.present(address, slot);
    host::sstore(InstructionContext { interpreter, host });
    if interpreter.bytecode.is_not_end() {
        // A slot first touched by this write was loaded by it: what it held is what the transaction began with.
        let before = known.unwrap_or_else(|| host.original(address, slot));
        if let Some(recorder) = host.recorder() {
            recorder.access(access::SSTORE, pc, slot, value, before);
        }
    }
}

fn tload<H: Recording>(step: Step<'_, H>) {
    let (slot, pc) = (peek(&step, 0), pc(&step));
    let (interpreter, host) = (step.interpreter, step.host);
    host::tload(InstructionContext { interpreter, host });
    if interpreter.bytecode.is_not_end() {
        let value = interpreter.stack.data().last().copied().unwrap_or_default();
        if let Some(recorder) = host.recorder() {
            recorder.access(access::TLOAD, pc, slot, value, value);
        }
    }
}

fn tstore<H: Recording>(step: Step<'_, H>) {
    let (slot, value, pc) = (peek(&step, 0), peek(&step, 1), pc(&step));
    let address = step.interpreter.input.target_address();
    let (interpreter, host) = (step.interpreter, step.host);
    let before = host.tload(address, slot);
    host::tstore(InstructionContext { interpreter, host });
    if interpreter.bytecode.is_not_end()
        && let Some(recorder) = host.recorder()
    {
        recorder.access(access::TSTORE, pc, slot, value, before);
    }
}

fn log<const N: usize, H: Recording>(step: Step<'_, H>) {
    let (interpreter, host) = (step.interpreter, step.host);
    host::log::<N, H>(InstructionContext { interpreter, host });
    if interpreter.bytecode.is_not_end()
        && let Some(log) = host.last_log().cloned()
        && let Some(recorder) = host.recorder()
    {
        recorder.log(&log);
    }
}

fn selfdestruct<H: Recording>(step: Step<'_, H>) {
    let beneficiary = Address::from_word(peek(&step, 0).into());
    let address = step.interpreter.input.target_address();
    let (interpreter, host) = (step.interpreter, step.host);
    let value = host.wei(address);
    host::selfdestruct(InstructionContext { interpreter, host });
    let done = matches!(
        interpreter.bytecode.action(),
        Some(InterpreterAction::Return(result)) if result.result.is_ok()
    );
    if done && let Some(recorder) = host.recorder() {
        recorder.selfdestruct(beneficiary, value);
    }
}
