//! revm's machine with its frames noted in the recorder, and the one rule revm leaves out (EIP-7610).

use crate::{ledger::Ledger, shadow::Shadow, trace::Recorder};
use alloy_primitives::{Address, Bytes};
use revm::{
    Database,
    context_interface::{ContextTr, JournalTr, context::ContextError},
    handler::{
        EthFrame, EvmTr, FrameInitOrResult, FrameResult, ItemOrResult,
        evm::{FrameInitResult, FrameTr},
    },
    inspector::JournalExt,
    interpreter::{FrameInput, interpreter::EthInterpreter, interpreter_action::FrameInit},
};

type Frame = EthFrame<EthInterpreter>;
type DbError<CTX> = ContextError<<<CTX as ContextTr>::Db as Database>::Error>;

/// What the hooks need of the state below the machine.
pub trait Observed {
    fn recorder(&mut self) -> Option<&mut Recorder>;
    /// What follows values, where the second pass runs.
    fn shadow(&mut self) -> Option<&mut Shadow>;
    /// Whether an account of the parent's state holds storage.
    fn holds_storage(&mut self, address: Address) -> bool;
}

impl Observed for Ledger<'_> {
    fn recorder(&mut self) -> Option<&mut Recorder> {
        self.recorder.as_mut()
    }

    fn shadow(&mut self) -> Option<&mut Shadow> {
        self.shadow.as_deref_mut()
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
        if let Some(shadow) = ctx.db_mut().shadow() {
            shadow.enter(init);
        }
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

    fn leave(&mut self, result: &FrameResult, ran: bool) {
        if let Some(shadow) = self.0.ctx().db_mut().shadow() {
            let outcome = result.interpreter_result();
            shadow.leave(outcome.result.is_ok(), outcome.output.len(), ran);
        }
        if let Some(recorder) = self.0.ctx().db_mut().recorder() {
            let outcome = result.interpreter_result();
            recorder.leave(outcome.result, outcome.gas.total_gas_spent(), &outcome.output, ran);
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
                self.leave(&result, false);
                Ok(ItemOrResult::Result(result))
            }
        }
    }

    fn frame_run(&mut self) -> Result<FrameInitOrResult<Self::Frame>, DbError<Self::Context>> {
        let outcome = self.0.frame_run()?;
        if let ItemOrResult::Result(result) = &outcome {
            self.leave(result, true);
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
