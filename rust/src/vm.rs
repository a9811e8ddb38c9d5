//! The virtual machine of either family, set up for one block, over the block's ledger.

use crate::{
    ledger::Ledger,
    machine::Machine,
    observe::observe,
    query::inspect::{Inspection, Pick},
    refusal::{Refusal, refuse},
    rollup::Rollup,
    rules::{Env, Fork, Rules},
    shadow::{Shadow, shadowed},
    trace::Recorder,
    transaction::Transaction,
};
use alloy_primitives::{Address, Bytes, Log, TxKind, U256};
use op_revm::{L1BlockInfo, OpContext, OpHaltReason, OpTransaction, OpTransactionError};
use revm::{
    Context, Journal,
    context::{
        BlockEnv, CfgEnv, TxEnv,
        result::{EVMError, ExecutionResult, InvalidTransaction},
    },
    context_interface::{ContextTr, JournalTr, block::BlobExcessGasAndPrice},
    handler::{EthFrame, Handler, MainnetHandler, SystemCallTx, system_call::SYSTEM_ADDRESS},
    interpreter::interpreter::EthInterpreter,
    primitives::{eip4844, hardfork::SpecId},
    state::EvmState,
};
use std::{convert::Infallible, fmt::Debug};

/// How much is noted on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watch {
    /// revm as it is: the measure for what noting costs.
    Bare,
    Frames,
    Trace,
    /// A trace with the queries run along.
    Inspect(Pick),
}

impl Watch {
    /// Whether instructions are observed, beside frames.
    fn observes(self) -> bool {
        matches!(self, Self::Trace | Self::Inspect(_))
    }

    /// A recorder for what is to be noted.
    pub fn recorder(self) -> Option<Recorder> {
        let inspection = match self {
            Self::Bare | Self::Frames => return None,
            Self::Trace => None,
            Self::Inspect(pick) => Some(Box::new(Inspection::new(pick))),
        };
        let mut recorder = Recorder::default();
        recorder.inspection = inspection;
        Some(recorder)
    }
}

type EthContext<'a> = Context<BlockEnv, TxEnv, CfgEnv, Ledger<'a>, Journal<Ledger<'a>>, ()>;
type EthMachine<'a> = revm::handler::MainnetEvm<EthContext<'a>>;
type OpMachine<'a> = op_revm::OpEvm<OpContext<Ledger<'a>>, ()>;

/// The machine of either family, observed or bare.
pub enum Vm<'a> {
    Ethereum(Box<Machine<EthMachine<'a>>>, Watch),
    Op(Box<Machine<OpMachine<'a>>>, Watch),
}

/// A transaction's result, of either family.
pub struct Executed {
    pub success: bool,
    pub gas_used: u64,
    pub logs: Vec<Log>,
    pub output: Bytes,
    pub created: Option<Address>,
    /// The name of what ended it, where it neither succeeded nor reverted.
    pub halt: Option<String>,
}

impl Executed {
    fn new<H: Debug>(result: ExecutionResult<H>) -> Self {
        let (gas_used, created) = (result.tx_gas_used(), result.created_address());
        // Logs of what did not succeed are none of the receipt's.
        let failed = |output, halt| Self { success: false, gas_used, logs: Vec::new(), output, created: None, halt };
        match result {
            ExecutionResult::Success { logs, output, .. } => {
                Self { success: true, gas_used, logs, output: output.into_data(), created, halt: None }
            }
            ExecutionResult::Revert { output, .. } => failed(output, None),
            ExecutionResult::Halt { reason, .. } => failed(Bytes::new(), Some(name(&reason))),
        }
    }
}

/// The name of a halt alone, of either family: `Base(OutOfGas(Basic))` is `OutOfGas`.
fn name(reason: &impl Debug) -> String {
    let full = format!("{reason:?}");
    let own = full.strip_prefix("Base(").unwrap_or(&full);
    own.split(['(', ')']).next().unwrap_or_default().to_string()
}

/// A message that nobody signed.
pub struct Message {
    pub sender: Address,
    /// None creates a contract.
    pub to: Option<Address>,
    pub value: U256,
    pub input: Bytes,
    pub gas_limit: u64,
    /// Wei per gas.
    pub gas_price: u128,
}

impl<'a> Vm<'a> {
    pub fn new(ledger: Ledger<'a>, rules: &Rules, env: &Env, watch: Watch) -> Self {
        let spec = rules.fork.ethereum();
        let merged = spec.is_enabled_in(SpecId::MERGE);
        let price = |excess| {
            let fraction =
                rules.blob.map_or(eip4844::BLOB_BASE_FEE_UPDATE_FRACTION_CANCUN, |blob| blob.update_fraction);
            BlobExcessGasAndPrice::new(excess, fraction)
        };
        let block = BlockEnv {
            number: U256::from(env.number),
            beneficiary: env.beneficiary,
            timestamp: U256::from(env.timestamp),
            gas_limit: env.gas_limit,
            basefee: env.base_fee.unwrap_or_default(),
            difficulty: if merged { U256::ZERO } else { env.difficulty },
            prevrandao: merged.then_some(env.prev_randao),
            // revm wants one from Cancun on; an OP Stack block before Jovian has an excess of zero.
            blob_excess_gas_and_price: env
                .excess_blob_gas
                .or(spec.is_enabled_in(SpecId::CANCUN).then_some(0))
                .map(price),
            slot_num: 0,
        };
        match rules.fork {
            Fork::Ethereum(spec) => {
                let mut cfg = CfgEnv::new_with_spec(spec).with_chain_id(rules.chain_id);
                cfg.max_blobs_per_tx = rules.blob.map(|blob| match spec.is_enabled_in(SpecId::OSAKA) {
                    // EIP-7594.
                    true => blob.max.min(6),
                    false => blob.max,
                });
                cfg.blob_base_fee_update_fraction = rules.blob.map(|blob| blob.update_fraction);
                let ctx: EthContext<'a> = Context::new(ledger, spec);
                let mut machine = revm::MainBuilder::build_mainnet(ctx.with_cfg(cfg).with_block(block));
                if watch.observes() {
                    observe(&mut machine.instruction);
                }
                Self::Ethereum(Box::new(Machine(machine)), watch)
            }
            Fork::Op(spec) => {
                let cfg = CfgEnv::new_with_spec(spec).with_chain_id(rules.chain_id);
                let ctx: OpContext<Ledger<'a>> = Context::new(ledger, spec);
                let ctx = ctx.with_cfg(cfg).with_block(block).with_chain(L1BlockInfo::default());
                let mut machine = op_revm::OpEvm::new(ctx, ());
                if watch.observes() {
                    observe(&mut machine.0.instruction);
                }
                Self::Op(Box::new(Machine(machine)), watch)
            }
        }
    }

    pub fn ledger(&mut self) -> &mut Ledger<'a> {
        match self {
            Self::Ethereum(machine, _) => machine.0.ctx.journaled_state.db_mut(),
            Self::Op(machine, _) => machine.0.0.ctx.journaled_state.db_mut(),
        }
    }

    pub fn into_ledger(self) -> Ledger<'a> {
        match self {
            Self::Ethereum(machine, _) => machine.0.ctx.journaled_state.database,
            Self::Op(machine, _) => machine.0.0.ctx.journaled_state.database,
        }
    }

    pub fn transact(&mut self, tx: &Transaction, sender: Address) -> Result<Executed, Refusal> {
        self.run(tx.environment(sender))
    }

    /// A message that no block holds: from any account, whatever its nonce or code; of the OP Stack's fees none.
    pub fn message(&mut self, message: Message) -> Result<Executed, Refusal> {
        let base = TxEnv {
            caller: message.sender,
            kind: message.to.map_or(TxKind::Create, TxKind::Call),
            value: message.value,
            data: message.input,
            gas_limit: message.gas_limit,
            gas_price: message.gas_price,
            chain_id: None,
            ..TxEnv::default()
        };
        match self {
            Self::Ethereum(machine, _) => lenient(&mut machine.0.ctx.cfg),
            Self::Op(machine, _) => lenient(&mut machine.0.0.ctx.cfg),
        }
        // What has no bytes has no data to pay for on L1.
        self.run(OpTransaction { base, enveloped_tx: Some(Bytes::new()), deposit: Default::default() })
    }

    fn run(&mut self, tx: OpTransaction<TxEnv>) -> Result<Executed, Refusal> {
        let again = self.inspects().then(|| tx.clone());
        let (result, state) = self.execute(tx);
        let executed = result?;
        if let Some(tx) = again
            && self.first_pass()
        {
            self.second_pass(tx);
        }
        self.ledger().commit(state);
        Ok(executed)
    }

    fn inspects(&mut self) -> bool {
        self.ledger().recorder.as_ref().is_some_and(|recorder| recorder.inspection.is_some())
    }

    /// What the queries notice in the transaction that just ran; whether it is to be run again, step by step.
    fn first_pass(&mut self) -> bool {
        let Some(recorder) = &mut self.ledger().recorder else { return false };
        let (Some(index), Some(mut inspection)) = (recorder.current(), recorder.inspection.take()) else {
            return false;
        };
        let follow = inspection.first(recorder, index);
        recorder.inspection = Some(inspection);
        follow
    }

    /// The same transaction on the same state, which nobody has changed yet, with its values followed.
    fn second_pass(&mut self, tx: OpTransaction<TxEnv>) {
        let Some(mut recorder) = self.ledger().recorder.take() else { return };
        let Some([frames, accesses, order]) = recorder.inspection.as_ref().map(|inspection| inspection.start()) else {
            return;
        };
        self.ledger().shadow = Some(Box::new(Shadow::new(frames, accesses, order)));
        let (result, _) = match self {
            Self::Ethereum(machine, _) => {
                let shadowed = shadowed(&machine.0.instruction);
                let own = std::mem::replace(&mut machine.0.instruction, shadowed);
                let ran = self.execute(tx);
                if let Self::Ethereum(machine, _) = self {
                    machine.0.instruction = own;
                }
                ran
            }
            Self::Op(machine, _) => {
                let shadowed = shadowed(&machine.0.0.instruction);
                let own = std::mem::replace(&mut machine.0.0.instruction, shadowed);
                let ran = self.execute(tx);
                if let Self::Op(machine, _) = self {
                    machine.0.0.instruction = own;
                }
                ran
            }
        };
        let steps = self.ledger().shadow.take().map(|shadow| shadow.finish(result.is_ok(), &recorder.columns));
        if let (Some(steps), Some(inspection)) = (steps, &mut recorder.inspection) {
            inspection.second(steps);
        }
        self.ledger().recorder = Some(recorder);
    }

    /// The transaction's result, and the state it would leave; nothing is kept of it.
    fn execute(&mut self, tx: OpTransaction<TxEnv>) -> (Result<Executed, Refusal>, EvmState) {
        match self {
            Self::Ethereum(machine, watch) => {
                machine.0.ctx.tx = tx.base;
                type Error = EVMError<Infallible, InvalidTransaction>;
                let result = match watch {
                    Watch::Bare => MainnetHandler::<_, Error, EthFrame<EthInterpreter>>::default().run(&mut machine.0),
                    _ => MainnetHandler::<_, Error, EthFrame<EthInterpreter>>::default().run(&mut **machine),
                };
                let state = machine.0.ctx.journal_mut().finalize();
                (result.map(Executed::new).map_err(refuse), state)
            }
            Self::Op(machine, watch) => {
                machine.0.0.ctx.tx = tx;
                type Error = EVMError<Infallible, OpTransactionError>;
                let result = match watch {
                    Watch::Bare => Rollup::<_, Error, EthFrame<EthInterpreter>>::default().run(&mut machine.0),
                    _ => Rollup::<_, Error, EthFrame<EthInterpreter>>::default().run(&mut **machine),
                };
                let state = machine.0.0.ctx.journal_mut().finalize();
                (result.map(Executed::new::<OpHaltReason>).map_err(refuse), state)
            }
        }
    }

    /// A system call (EIP-4788 and later): no fee, no nonce, its own gas. None where it did not succeed.
    pub fn system_call(&mut self, to: Address, input: Bytes) -> Option<Bytes> {
        if let Some(recorder) = &mut self.ledger().recorder {
            recorder.begin(None);
        }
        let (executed, mut state) = match self {
            Self::Ethereum(machine, _) => {
                machine.0.ctx.tx = TxEnv::new_system_tx_with_caller(SYSTEM_ADDRESS, to, input);
                type Error = EVMError<Infallible, InvalidTransaction>;
                let result =
                    MainnetHandler::<_, Error, EthFrame<EthInterpreter>>::default().run_system_call(&mut **machine);
                (result.map(Executed::new).ok(), machine.0.ctx.journal_mut().finalize())
            }
            Self::Op(machine, _) => {
                machine.0.0.ctx.tx = op_revm::OpTransaction::new_system_tx_with_caller(SYSTEM_ADDRESS, to, input);
                type Error = EVMError<Infallible, OpTransactionError>;
                let result = Rollup::<_, Error, EthFrame<EthInterpreter>>::default().run_system_call(&mut **machine);
                (result.map(Executed::new::<OpHaltReason>).ok(), machine.0.0.ctx.journal_mut().finalize())
            }
        };
        state.remove(&SYSTEM_ADDRESS);
        self.ledger().commit(state);
        executed.filter(|executed| executed.success).map(|executed| executed.output)
    }
}

fn lenient<S>(cfg: &mut CfgEnv<S>) {
    cfg.disable_nonce_check = true;
    cfg.disable_eip3607 = true;
    cfg.tx_gas_limit_cap = Some(u64::MAX);
}
