//! One block: pure, from a pinned state and the block's inputs to everything its header commits to.

use crate::{
    ledger::{Ledger, Needs, TrieAccount},
    machine::{Machine, observe},
    preimages::Store,
    receipt::{self, Status},
    rlp,
    rollup::Rollup,
    rules::{Env, Fork, Rules},
    system,
    trace::{Columns, Recorder},
    transaction::{Refusal, Transaction},
    trie::{EMPTY_ROOT, ordered_root},
};
use alloy_primitives::{Address, B256, Bloom, Bytes, Log, U256};
use op_revm::{
    L1BlockInfo, OpContext, OpHaltReason, OpSpecId, OpTransactionError, transaction::estimate_tx_compressed_size,
};
use revm::{
    Context, Database, Journal,
    context::{
        BlockEnv, CfgEnv, TxEnv,
        result::{EVMError, ExecutionResult, InvalidTransaction},
    },
    context_interface::{ContextTr, JournalTr, block::BlobExcessGasAndPrice},
    handler::{EthFrame, Handler, MainnetHandler, SystemCallTx, system_call::SYSTEM_ADDRESS},
    interpreter::interpreter::EthInterpreter,
    primitives::{eip4844, hardfork::SpecId},
};
use std::{collections::BTreeMap, convert::Infallible, time::Instant};

/// What a block's body gives to execution.
pub struct Body<'a> {
    pub transactions: &'a [Bytes],
    pub withdrawals: Option<&'a [Withdrawal]>,
    /// The transactions alone, without what a block does around them: no system calls, requests, withdrawals, reward
    /// or irregular change.
    pub alone: bool,
}

#[derive(Clone, Debug)]
pub struct Withdrawal {
    pub index: u64,
    pub validator_index: u64,
    pub address: Address,
    /// In gwei.
    pub amount: u64,
}

/// How much is noted on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watch {
    /// revm as it is: the measure for what noting costs.
    Bare,
    Frames,
    Trace,
}

#[derive(Debug)]
pub struct Outcome {
    pub hash: B256,
    pub tx_type: u8,
    pub sender: Address,
    pub to: Option<Address>,
    pub success: bool,
    pub gas_used: u64,
    pub cumulative_gas_used: u64,
    pub logs: Vec<Log>,
    pub output: Bytes,
    pub created: Option<Address>,
}

pub struct Change {
    pub address: Address,
    pub before: Option<TrieAccount>,
    pub after: Option<TrieAccount>,
    pub slots: Vec<(B256, U256, U256)>,
}

pub struct Done {
    pub state_root: B256,
    pub transactions_root: B256,
    pub receipts_root: B256,
    pub logs_bloom: Bloom,
    pub gas_used: u64,
    pub blob_gas_used: u64,
    pub withdrawals_root: Option<B256>,
    pub requests_hash: Option<B256>,
    pub receipts: Vec<Vec<u8>>,
    pub outcomes: Vec<Outcome>,
    pub changes: Vec<Change>,
    pub touched: Vec<(Address, Vec<B256>)>,
    pub used_block_hashes: Vec<u64>,
    pub trace: Option<Columns>,
    pub stages: Vec<(&'static str, f64)>,
    /// Trie nodes and codes that the new state has and the old had not; before Byzantium also those of states between.
    pub fresh: Vec<Vec<u8>>,
}

#[derive(Debug)]
pub struct Invalid {
    pub transaction: Option<usize>,
    pub kind: &'static str,
    pub reason: String,
}

pub enum Run {
    Done(Box<Done>),
    Invalid(Invalid),
    Needs(Needs),
    /// The given state is not one: a preimage that hashes right but is no node of its trie.
    Malformed(String),
}

type EthContext<'a> = Context<BlockEnv, TxEnv, CfgEnv, Ledger<'a>, Journal<Ledger<'a>>, ()>;
type EthMachine<'a> = revm::handler::MainnetEvm<EthContext<'a>>;
type OpMachine<'a> = op_revm::OpEvm<OpContext<Ledger<'a>>, ()>;

/// The machine of either family, observed or bare.
enum Vm<'a> {
    Ethereum(Box<Machine<EthMachine<'a>>>, Watch),
    Op(Box<Machine<OpMachine<'a>>>, Watch),
}

/// A transaction's result, of either family.
struct Executed {
    success: bool,
    gas_used: u64,
    logs: Vec<Log>,
    output: Bytes,
    created: Option<Address>,
}

impl Executed {
    fn new<H>(result: ExecutionResult<H>) -> Self {
        let (gas_used, created) = (result.tx_gas_used(), result.created_address());
        match result {
            ExecutionResult::Success { logs, output, .. } => {
                Self { success: true, gas_used, logs, output: output.into_data(), created }
            }
            // Logs of what did not succeed are none of the receipt's.
            ExecutionResult::Revert { output, .. } => {
                Self { success: false, gas_used, logs: Vec::new(), output, created: None }
            }
            ExecutionResult::Halt { .. } => {
                Self { success: false, gas_used, logs: Vec::new(), output: Bytes::new(), created: None }
            }
        }
    }
}

impl<'a> Vm<'a> {
    fn new(ledger: Ledger<'a>, rules: &Rules, env: &Env, watch: Watch) -> Self {
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
                if watch == Watch::Trace {
                    observe(&mut machine.instruction);
                }
                Self::Ethereum(Box::new(Machine(machine)), watch)
            }
            Fork::Op(spec) => {
                let cfg = CfgEnv::new_with_spec(spec).with_chain_id(rules.chain_id);
                let ctx: OpContext<Ledger<'a>> = Context::new(ledger, spec);
                let ctx = ctx.with_cfg(cfg).with_block(block).with_chain(L1BlockInfo::default());
                let mut machine = op_revm::OpEvm::new(ctx, ());
                if watch == Watch::Trace {
                    observe(&mut machine.0.instruction);
                }
                Self::Op(Box::new(Machine(machine)), watch)
            }
        }
    }

    fn ledger(&mut self) -> &mut Ledger<'a> {
        match self {
            Self::Ethereum(machine, _) => machine.0.ctx.journaled_state.db_mut(),
            Self::Op(machine, _) => machine.0.0.ctx.journaled_state.db_mut(),
        }
    }

    fn into_ledger(self) -> Ledger<'a> {
        match self {
            Self::Ethereum(machine, _) => machine.0.ctx.journaled_state.database,
            Self::Op(machine, _) => machine.0.0.ctx.journaled_state.database,
        }
    }

    fn transact(&mut self, tx: &Transaction, sender: Address) -> Result<Executed, Refusal> {
        let tx = tx.environment(sender);
        let (result, state) = match self {
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
        };
        let executed = result?;
        self.ledger().commit(state);
        Ok(executed)
    }

    /// A system call (EIP-4788 and later): no fee, no nonce, its own gas. None where it did not succeed.
    fn system_call(&mut self, to: Address, input: Bytes) -> Option<Bytes> {
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

/// revm's reason for not running a transaction, as kind and sentence.
fn refuse<T: std::fmt::Display + Classified>(error: EVMError<Infallible, T>) -> Refusal {
    let kind = match &error {
        EVMError::Transaction(why) => why.kind(),
        _ => "invalid",
    };
    (kind, error.to_string())
}

trait Classified {
    fn kind(&self) -> &'static str;
}

impl Classified for InvalidTransaction {
    fn kind(&self) -> &'static str {
        use InvalidTransaction as I;
        match self {
            I::NonceTooLow { .. } => "nonce-too-low",
            I::NonceTooHigh { .. } => "nonce-too-high",
            I::NonceOverflowInTransaction => "nonce-overflow",
            I::LackOfFundForMaxFee { .. } | I::OverflowPaymentInTransaction => "insufficient-funds",
            I::CallGasCostMoreThanGasLimit { .. } | I::GasFloorMoreThanGasLimit { .. } => "intrinsic-gas-too-low",
            I::GasPriceLessThanBasefee => "fee-below-base-fee",
            I::PriorityFeeGreaterThanMaxFee => "tip-above-fee-cap",
            I::CallerGasLimitMoreThanBlock => "block-gas-exceeded",
            I::TxGasLimitGreaterThanCap { .. } => "gas-limit-above-cap",
            I::RejectCallerWithCode => "sender-has-code",
            I::InvalidChainId | I::MissingChainId => "chain-id",
            I::CreateInitCodeSizeLimit => "init-code-too-large",
            I::BlobGasPriceGreaterThanMax { .. } => "blob-fee-too-low",
            I::EmptyBlobs | I::BlobCreateTransaction | I::TooManyBlobs { .. } | I::BlobVersionNotSupported => "blobs",
            I::EmptyAuthorizationList | I::AuthorizationListInvalidFields => "authorizations",
            _ => "transaction-type",
        }
    }
}

impl Classified for OpTransactionError {
    fn kind(&self) -> &'static str {
        match self {
            Self::Base(base) => base.kind(),
            _ => "deposit",
        }
    }
}

/// Runs a block on the state that `root` names.
pub fn run(store: &Store, root: B256, rules: &Rules, env: &Env, body: &Body<'_>, watch: Watch) -> Run {
    let clears_empty = rules.fork.has(SpecId::SPURIOUS_DRAGON);
    let mut ledger = Ledger::new(store, root, clears_empty, env.number, env.parent_hash, &env.block_hashes);
    ledger.recorder = (watch == Watch::Trace).then(Recorder::default);
    let mut stages = Stages::new();
    let (transactions, senders) = match prepare(rules, body, &mut stages) {
        Ok(prepared) => prepared,
        Err(invalid) => return Run::Invalid(invalid),
    };
    let mut vm = Vm::new(ledger, rules, env, watch);
    let ran = execute(&mut vm, rules, env, body, &transactions, &senders);
    stages.end("execute");
    // What a block did on a state it could not fully read proves nothing, least of all that it is invalid.
    if let Some(why) = vm.ledger().malformed.take() {
        return Run::Malformed(why);
    }
    if !vm.ledger().needs.is_empty() {
        // The new root's needs are asked for in the same round.
        vm.ledger().root(&mut |_, _| ());
        return Run::Needs(std::mem::take(&mut vm.ledger().needs));
    }
    let mut ran = match ran {
        Ok(ran) => ran,
        Err(invalid) => return Run::Invalid(invalid),
    };
    let mut fresh = std::mem::take(&mut ran.fresh);
    let state_root = vm.ledger().root(&mut |hash, raw| {
        fresh.insert(hash, raw);
    });
    let Some(state_root) = state_root else {
        return match vm.ledger().malformed.take() {
            Some(why) => Run::Malformed(why),
            None => Run::Needs(std::mem::take(&mut vm.ledger().needs)),
        };
    };
    let withdrawals_root = match rules.fork {
        _ if body.alone => None,
        Fork::Op(spec) if spec.is_enabled_in(OpSpecId::ISTHMUS) => {
            let ledger = vm.ledger();
            ledger.entry(system::MESSAGE_PASSER);
            if !ledger.needs.is_empty() {
                return Run::Needs(std::mem::take(&mut ledger.needs));
            }
            Some(ledger.after(system::MESSAGE_PASSER).map_or(EMPTY_ROOT, |account| account.storage_root))
        }
        Fork::Op(spec) => spec.is_enabled_in(OpSpecId::CANYON).then_some(EMPTY_ROOT),
        Fork::Ethereum(_) => body.withdrawals.map(withdrawals_root),
    };
    let changes = changes(vm.ledger());
    for change in &changes {
        if let Some(code) = change.after.and_then(|account| vm.ledger().known_code(&account.code_hash)) {
            fresh.insert(change.after.expect("has code").code_hash, code.to_vec());
        }
    }
    let transactions_root = ordered_root(body.transactions.iter().map(|raw| &raw[..]));
    let receipts_root = ordered_root(ran.receipts.iter().map(|raw| &raw[..]));
    stages.end("roots");
    let ledger = vm.ledger();
    let mut touched: Vec<_> = ledger
        .entries
        .iter()
        .map(|(address, entry)| {
            let mut slots: Vec<B256> = entry.storage_before.keys().map(|slot| B256::from(*slot)).collect();
            slots.sort_unstable();
            (*address, slots)
        })
        .collect();
    touched.sort_unstable();
    Run::Done(Box::new(Done {
        state_root,
        transactions_root,
        receipts_root,
        logs_bloom: ran.bloom,
        gas_used: ran.gas_used,
        blob_gas_used: ran.blob_gas_used,
        withdrawals_root,
        requests_hash: ran.requests_hash,
        receipts: ran.receipts,
        outcomes: ran.outcomes,
        changes,
        touched,
        used_block_hashes: std::mem::take(&mut ledger.used_block_hashes),
        trace: ledger.recorder.take().map(|recorder| recorder.columns),
        stages: stages.ended,
        fresh: fresh.into_values().collect(),
    }))
}

/// Seconds that execution alone takes on state already in memory: for benchmarks. None where it needs more state.
pub fn time(store: &Store, root: B256, rules: &Rules, env: &Env, body: &Body<'_>, watch: Watch) -> Option<f64> {
    let clears_empty = rules.fork.has(SpecId::SPURIOUS_DRAGON);
    let ledger = Ledger::new(store, root, clears_empty, env.number, env.parent_hash, &env.block_hashes);
    let (transactions, senders) = prepare(rules, body, &mut Stages::new()).ok()?;
    let mut vm = Vm::new(ledger, rules, env, Watch::Bare);
    execute(&mut vm, rules, env, body, &transactions, &senders).ok()?;
    let mut ledger = vm.into_ledger().rewound();
    if !ledger.needs.is_empty() {
        return None;
    }
    ledger.recorder = (watch == Watch::Trace).then(Recorder::default);
    let mut vm = Vm::new(ledger, rules, env, watch);
    let since = Instant::now();
    execute(&mut vm, rules, env, body, &transactions, &senders).ok()?;
    Some(since.elapsed().as_secs_f64())
}

type Prepared = (Vec<Transaction>, Vec<Address>);

/// The transactions and who sent them.
fn prepare(rules: &Rules, body: &Body<'_>, stages: &mut Stages) -> Result<Prepared, Invalid> {
    let invalid = |index, (kind, reason)| Invalid { transaction: Some(index), kind, reason };
    let op = rules.fork.op().is_some();
    let decoded = body.transactions.iter().enumerate();
    let transactions = decoded
        .map(|(index, raw)| Transaction::decode(raw, op).map_err(|why| invalid(index, why)))
        .collect::<Result<Vec<_>, _>>()?;
    stages.end("decode");
    let (low_s, protected) = (rules.fork.has(SpecId::HOMESTEAD), rules.fork.has(SpecId::SPURIOUS_DRAGON));
    let signed = transactions.iter().enumerate();
    let senders = signed
        .map(|(index, tx)| tx.sender(low_s, protected).map_err(|why| invalid(index, why)))
        .collect::<Result<Vec<_>, _>>()?;
    stages.end("recover");
    Ok((transactions, senders))
}

/// What running the transactions and the system calls around them gave.
struct Ran {
    receipts: Vec<Vec<u8>>,
    outcomes: Vec<Outcome>,
    bloom: Bloom,
    gas_used: u64,
    blob_gas_used: u64,
    requests_hash: Option<B256>,
    /// Nodes encoded for the roots in receipts before Byzantium. The block's own root does not encode again those
    /// that are still in it.
    fresh: BTreeMap<B256, Vec<u8>>,
}

fn execute(
    vm: &mut Vm<'_>,
    rules: &Rules,
    env: &Env,
    body: &Body<'_>,
    transactions: &[Transaction],
    senders: &[Address],
) -> Result<Ran, Invalid> {
    let fork = rules.fork;
    if !body.alone {
        before_transactions(vm, rules, env);
    }
    let mut ran = Ran {
        receipts: Vec::with_capacity(transactions.len()),
        outcomes: Vec::with_capacity(transactions.len()),
        bloom: Bloom::ZERO,
        gas_used: 0,
        blob_gas_used: 0,
        requests_hash: None,
        fresh: BTreeMap::new(),
    };
    for (index, (tx, &sender)) in transactions.iter().zip(senders).enumerate() {
        let result = transaction(vm, rules, env, tx, sender, index, &mut ran);
        if let Err((kind, reason)) = result {
            // With state missing this may be the default's fault: go on, to learn what else is missing.
            if vm.ledger().needs.is_empty() {
                return Err(Invalid { transaction: Some(index), kind, reason });
            }
        }
    }
    if body.alone {
        return Ok(ran);
    }
    if fork.op().is_none() {
        if fork.has(SpecId::PRAGUE) {
            ran.requests_hash = Some(requests(vm, rules, &ran)?);
        }
        for withdrawal in body.withdrawals.unwrap_or_default() {
            let wei = U256::from(withdrawal.amount) * U256::from(1_000_000_000u64);
            vm.ledger().adjust(withdrawal.address, |info| info.balance = info.balance.saturating_add(wei));
        }
        if rules.block_reward > 0 {
            vm.ledger().adjust(env.beneficiary, |info| info.balance += U256::from(rules.block_reward));
        }
    } else if fork.has_op(OpSpecId::ISTHMUS) {
        ran.requests_hash = Some(system::requests_hash(&[]));
    }
    Ok(ran)
}

fn before_transactions(vm: &mut Vm<'_>, rules: &Rules, env: &Env) {
    if rules.dao {
        system::dao_fork(vm.ledger());
    }
    if rules.create2_deployer {
        system::deploy_create2_deployer(vm.ledger());
    }
    // The genesis block is made, not executed.
    if env.number > 0 {
        if rules.fork.has(SpecId::CANCUN)
            && let Some(root) = env.parent_beacon_block_root
        {
            vm.system_call(system::BEACON_ROOTS, root.into());
        }
        if rules.fork.has(SpecId::PRAGUE) {
            vm.system_call(system::HISTORY_STORAGE, env.parent_hash.into());
        }
    }
}

fn transaction(
    vm: &mut Vm<'_>,
    rules: &Rules,
    env: &Env,
    tx: &Transaction,
    sender: Address,
    index: usize,
    ran: &mut Ran,
) -> Result<(), Refusal> {
    let fork = rules.fork;
    let left = env.gas_limit.saturating_sub(ran.gas_used);
    // System deposits before Regolith take no gas from the block.
    if tx.gas_limit() > left && (fork.has_op(OpSpecId::REGOLITH) || !tx.is_system()) {
        return Err(("block-gas-exceeded", format!("gas limit {} with {left} left in the block", tx.gas_limit())));
    }
    let blob_gas = blob_gas(vm, rules, env, tx, ran.blob_gas_used)?;
    let mut deposit_nonce = None;
    if tx.is_deposit() && fork.has_op(OpSpecId::CANYON) {
        deposit_nonce = Some(vm.ledger().entry(sender).info.as_ref().map_or(0, |info| info.nonce));
    }
    if let Some(recorder) = &mut vm.ledger().recorder {
        recorder.begin(Some(index as u32));
    }
    let executed = vm.transact(tx, sender)?;
    ran.gas_used += executed.gas_used;
    ran.blob_gas_used += blob_gas;
    let status = if fork.has(SpecId::BYZANTIUM) {
        Status::Success(executed.success)
    } else {
        let root = vm.ledger().root(&mut |hash, raw| {
            ran.fresh.insert(hash, raw);
        });
        Status::Root(root.unwrap_or_default())
    };
    let bloom = receipt::bloom(&executed.logs);
    ran.bloom.accrue_bloom(&bloom);
    let deposit = deposit_nonce.map(|nonce| (nonce, 1));
    ran.receipts.push(receipt::encode(tx.tx_type, status, ran.gas_used, &bloom, &executed.logs, deposit));
    ran.outcomes.push(Outcome {
        hash: tx.hash,
        tx_type: tx.tx_type,
        sender,
        to: tx.to(),
        success: executed.success,
        gas_used: executed.gas_used,
        cumulative_gas_used: ran.gas_used,
        logs: executed.logs,
        output: executed.output,
        created: executed.created,
    });
    Ok(())
}

/// Blob gas of a transaction (EIP-4844), or its data-availability footprint from Jovian on (OP Stack specs, Jovian).
fn blob_gas(vm: &mut Vm<'_>, rules: &Rules, env: &Env, tx: &Transaction, used: u64) -> Result<u64, Refusal> {
    if rules.fork.has_op(OpSpecId::JOVIAN) {
        if tx.is_deposit() {
            return Ok(0);
        }
        let ledger = vm.ledger();
        let Ok(_) = ledger.basic(op_revm::constants::L1_BLOCK_CONTRACT);
        let Ok(scalar) = L1BlockInfo::fetch_da_footprint_gas_scalar(ledger);
        let footprint = (estimate_tx_compressed_size(&tx.raw) / 1_000_000).saturating_mul(scalar.into());
        if footprint > env.gas_limit.saturating_sub(used) {
            return Err((
                "da-footprint-exceeded",
                format!("data-availability footprint {footprint} above what the block has left"),
            ));
        }
        return Ok(footprint);
    }
    let gas = tx.blob_count() * eip4844::GAS_PER_BLOB;
    let most = rules.blob.map_or(0, |blob| blob.max) * eip4844::GAS_PER_BLOB;
    // Before Cancun it is the transaction's type that is wrong, which revm says.
    if used + gas > most && rules.fork.has(SpecId::CANCUN) {
        return Err(("blob-gas-exceeded", format!("blob gas {} of at most {most}", used + gas)));
    }
    Ok(gas)
}

/// EIP-7685 requests: deposits from logs, withdrawals and consolidations from their system contracts.
fn requests(vm: &mut Vm<'_>, rules: &Rules, ran: &Ran) -> Result<B256, Invalid> {
    let invalid = |kind, reason| Invalid { transaction: None, kind, reason };
    let mut requests = Vec::new();
    if let Some(contract) = rules.deposit_contract {
        let logs = ran.outcomes.iter().flat_map(|outcome| &outcome.logs);
        let body = system::deposit_requests(contract, logs).map_err(|why| invalid("deposit-event", why))?;
        requests.push((0, body));
    }
    for (kind, contract) in [(1, system::WITHDRAWAL_REQUESTS), (2, system::CONSOLIDATION_REQUESTS)] {
        let code = vm.ledger().entry(contract).info.as_ref().is_some_and(|info| !info.is_empty_code_hash());
        let answer = if code { vm.system_call(contract, Bytes::new()) } else { None };
        let answer = answer.ok_or_else(|| {
            invalid("system-call", format!("the system contract {contract:#x} has no code or failed"))
        })?;
        requests.push((kind, answer.to_vec()));
    }
    Ok(system::requests_hash(&requests))
}

fn withdrawals_root(withdrawals: &[Withdrawal]) -> B256 {
    let encoded: Vec<_> = withdrawals
        .iter()
        .map(|withdrawal| {
            let mut body = Vec::with_capacity(48);
            rlp::put_uint(&mut body, withdrawal.index);
            rlp::put_uint(&mut body, withdrawal.validator_index);
            rlp::put_bytes(&mut body, withdrawal.address.as_slice());
            rlp::put_uint(&mut body, withdrawal.amount);
            rlp::list(&body)
        })
        .collect();
    ordered_root(encoded.iter().map(|raw| &raw[..]))
}

/// Accounts and slots that differ from the parent's state, in order.
fn changes(ledger: &mut Ledger<'_>) -> Vec<Change> {
    let mut addresses: Vec<Address> = ledger.entries.keys().copied().collect();
    addresses.sort_unstable();
    let mut changes = Vec::new();
    for address in addresses {
        let after = ledger.after(address);
        let entry = &ledger.entries[&address];
        let mut slots: Vec<_> = entry
            .storage
            .iter()
            .map(|(slot, value)| (slot, entry.storage_before.get(slot).copied().unwrap_or_default(), *value))
            .chain(
                entry
                    .storage_before
                    .iter()
                    .filter(|(slot, _)| !entry.storage.contains_key(*slot))
                    .map(|(slot, before)| (slot, *before, U256::ZERO)),
            )
            .filter(|(_, before, after)| before != after)
            .map(|(slot, before, after)| (B256::from(*slot), before, after))
            .collect();
        if after != entry.before || !slots.is_empty() {
            slots.sort_unstable();
            changes.push(Change { address, before: entry.before, after, slots });
        }
    }
    changes
}

struct Stages {
    since: Instant,
    ended: Vec<(&'static str, f64)>,
}

impl Stages {
    fn new() -> Self {
        Self { since: Instant::now(), ended: Vec::new() }
    }

    fn end(&mut self, name: &'static str) {
        self.ended.push((name, self.since.elapsed().as_secs_f64()));
        self.since = Instant::now();
    }
}
