//! The virtual machine with its eyes open: revm's frames and storage instructions, each noted in the recorder, and
//! the one rule revm leaves out (EIP-7610).

use crate::{ledger::Ledger, trace::Recorder};
use alloy_primitives::{Address, Bytes, U256};
use revm::{
    Database,
    bytecode::opcode,
    context::{Block, Cfg, Context, Journal, Transaction},
    context_interface::{ContextTr, JournalTr, context::ContextError, local::LocalContextTr},
    handler::{
        EthFrame, EvmTr, FrameInitOrResult, FrameResult, ItemOrResult,
        evm::{FrameInitResult, FrameTr},
        instructions::EthInstructions,
    },
    inspector::JournalExt,
    interpreter::{
        FrameInput, Host, Instruction, InstructionContext,
        instructions::host,
        interpreter::EthInterpreter,
        interpreter_action::FrameInit,
        interpreter_types::{InputsTr, LoopControl},
    },
};

type Frame = EthFrame<EthInterpreter>;
type DbError<CTX> = ContextError<<<CTX as ContextTr>::Db as Database>::Error>;

/// What the hooks need of the state below the machine.
pub trait Observed {
    fn recorder(&mut self) -> Option<&mut Recorder>;
    /// Whether an account of the parent's state holds storage.
    fn holds_storage(&mut self, address: Address) -> bool;
}

impl Observed for Ledger<'_> {
    fn recorder(&mut self) -> Option<&mut Recorder> {
        self.recorder.as_mut()
    }

    fn holds_storage(&mut self, address: Address) -> bool {
        self.has_storage(address)
    }
}

/// A machine whose frames are observed.
pub struct Machine<E>(pub E);

impl<E> Machine<E>
where
    E: EvmTr<Context: ContextTr<Db: Observed, Journal: JournalExt>, Frame = Frame>,
{
    fn enter(&mut self, init: &FrameInit, created: Option<Address>) {
        let ctx = self.0.ctx();
        if ctx.db_mut().recorder().is_none() {
            return;
        }
        let input = match &init.frame_input {
            FrameInput::Call(call) => call.input.bytes(ctx),
            FrameInput::Create(create) => create.init_code().clone(),
            FrameInput::Empty => Bytes::new(),
        };
        if let Some(recorder) = ctx.db_mut().recorder() {
            recorder.enter(init, input, created);
        }
    }

    fn leave(&mut self, result: &FrameResult) {
        if let Some(recorder) = self.0.ctx().db_mut().recorder() {
            let outcome = result.interpreter_result();
            recorder.leave(outcome.result, outcome.gas.total_gas_spent(), &outcome.output);
        }
    }

    /// The address a create frame is about to take.
    fn created(&mut self, init: &FrameInit) -> Option<Address> {
        let FrameInput::Create(create) = &init.frame_input else {
            return None;
        };
        let journal = self.0.ctx().journal_mut();
        let nonce = journal.evm_state().get(&create.caller())?.info.nonce;
        Some(create.created_address(nonce))
    }

    /// EIP-7610: an address that holds storage may not be created at, though it has neither code nor nonce. revm
    /// looks at code and nonce only, so such an account shows it a nonce while it decides.
    fn collides(&mut self, address: Address) -> Result<bool, DbError<E::Context>> {
        let ctx = self.0.ctx();
        if !ctx.db_mut().holds_storage(address) {
            return Ok(false);
        }
        ctx.journal_mut().load_account(address)?;
        let account = ctx.journal_mut().evm_state_mut().get_mut(&address).expect("loaded above");
        let bare = account.info.nonce == 0 && account.info.is_empty_code_hash();
        if bare {
            account.info.nonce = 1;
        }
        Ok(bare)
    }
}

impl<E> EvmTr for Machine<E>
where
    E: EvmTr<Context: ContextTr<Db: Observed, Journal: JournalExt>, Frame = Frame>,
{
    type Context = E::Context;
    type Instructions = E::Instructions;
    type Precompiles = E::Precompiles;
    type Frame = Frame;

    fn all(
        &self,
    ) -> (&Self::Context, &Self::Instructions, &Self::Precompiles, &revm::context::FrameStack<Self::Frame>) {
        self.0.all()
    }

    fn all_mut(
        &mut self,
    ) -> (
        &mut Self::Context,
        &mut Self::Instructions,
        &mut Self::Precompiles,
        &mut revm::context::FrameStack<Self::Frame>,
    ) {
        self.0.all_mut()
    }

    fn frame_init(
        &mut self,
        init: <Self::Frame as FrameTr>::FrameInit,
    ) -> Result<FrameInitResult<'_, Self::Frame>, DbError<Self::Context>> {
        let created = self.created(&init);
        self.enter(&init, created);
        let collides = match created {
            Some(address) => self.collides(address)?,
            None => false,
        };
        // The borrow of an item may not outlive this call where a result is still to be noted.
        let result = match self.0.frame_init(init)? {
            ItemOrResult::Item(_) => None,
            ItemOrResult::Result(result) => Some(result),
        };
        if let (true, Some(address)) = (collides, created)
            && let Some(account) = self.0.ctx().journal_mut().evm_state_mut().get_mut(&address)
        {
            account.info.nonce = 0;
        }
        match result {
            None => Ok(ItemOrResult::Item(self.0.frame_stack().get())),
            Some(result) => {
                self.leave(&result);
                Ok(ItemOrResult::Result(result))
            }
        }
    }

    fn frame_run(&mut self) -> Result<FrameInitOrResult<Self::Frame>, DbError<Self::Context>> {
        let outcome = self.0.frame_run()?;
        if let ItemOrResult::Result(result) = &outcome {
            self.leave(result);
        }
        Ok(outcome)
    }

    fn frame_return_result(
        &mut self,
        result: <Self::Frame as FrameTr>::FrameResult,
    ) -> Result<Option<<Self::Frame as FrameTr>::FrameResult>, DbError<Self::Context>> {
        self.0.frame_return_result(result)
    }
}

/// A host whose storage instructions can be noted.
pub trait Recording: Host {
    fn recorder(&mut self) -> Option<&mut Recorder>;
    fn last_log(&self) -> Option<&alloy_primitives::Log>;
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

    fn last_log(&self) -> Option<&alloy_primitives::Log> {
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
    replace(opcode::SLOAD, sload);
    replace(opcode::SSTORE, sstore);
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

fn sload<H: Recording>(step: Step<'_, H>) {
    let slot = peek(&step, 0);
    let (interpreter, host) = (step.interpreter, step.host);
    host::sload(InstructionContext { interpreter, host });
    if interpreter.bytecode.is_not_end() {
        let value = interpreter.stack.data().last().copied().unwrap_or_default();
        if let Some(recorder) = host.recorder() {
            recorder.access(false, slot, value, value);
        }
    }
}

fn sstore<H: Recording>(step: Step<'_, H>) {
    let (slot, value) = (peek(&step, 0), peek(&step, 1));
    let address = step.interpreter.input.target_address();
    let (interpreter, host) = (step.interpreter, step.host);
    let known = host.present(address, slot);
    host::sstore(InstructionContext { interpreter, host });
    if interpreter.bytecode.is_not_end() {
        // A slot first touched by this write was loaded by it: what it held is what the transaction began with.
        let before = known.unwrap_or_else(|| host.original(address, slot));
        if let Some(recorder) = host.recorder() {
            recorder.access(true, slot, value, before);
        }
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
        Some(revm::interpreter::InterpreterAction::Return(result)) if result.result.is_ok()
    );
    if done && let Some(recorder) = host.recorder() {
        recorder.selfdestruct(beneficiary, value);
    }
}
