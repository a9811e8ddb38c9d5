//! One block: pure, from a pinned state and the block's inputs to everything its header commits to.

use crate::{
    ledger::Ledger,
    outcome::{Done, Invalid, Outcome, Run},
    preimages::{Store, Witnessed},
    query::facts::Facts,
    receipt::{self, Status},
    refusal::Refusal,
    rlp,
    rules::{Env, Fork, Rules},
    shadow::Steps,
    system,
    trace::Columns,
    transaction::Transaction,
    trie::{EMPTY_ROOT, ordered_root},
    vm::{Executed, Message, Vm, Watch},
};
use alloy_primitives::{Address, B256, Bloom, Bytes, U256};
use op_revm::{L1BlockInfo, OpSpecId, transaction::estimate_tx_compressed_size};
use revm::{
    Database,
    primitives::{eip4844, hardfork::SpecId},
};
use std::{collections::BTreeMap, time::Instant};

/// What a block's body gives to execution.
pub struct Body<'a> {
    pub transactions: &'a [Bytes],
    pub withdrawals: Option<&'a [Withdrawal]>,
    /// The transactions alone, without what a block does around them: no system calls, requests, withdrawals, reward
    /// or irregular change.
    pub alone: bool,
    /// Leave out what may not be in the block, in place of giving up.
    pub skip: bool,
}

#[derive(Clone, Debug)]
pub struct Withdrawal {
    pub index: u64,
    pub validator_index: u64,
    pub address: Address,
    /// In gwei.
    pub amount: u64,
}

/// Runs a block on the state that `root` names.
pub fn run(store: &Store, root: B256, rules: &Rules, env: &Env, body: &Body<'_>, watch: Watch) -> Run {
    if !rules.can_price_blobs(env) {
        let excess = env.excess_blob_gas.unwrap_or_default();
        return Run::Malformed(format!("an excess blob gas of {excess}, whose price is beyond 128 bits"));
    }
    let store = &Witnessed::new(store);
    let mut ledger = ledger(store, root, rules, env);
    ledger.recorder = watch.recorder();
    let mut stages = Stages::new();
    let mut refused = Vec::new();
    let prepared = match prepare(rules, body, &mut stages, &mut refused) {
        Ok(prepared) => prepared,
        Err(invalid) => return Run::Invalid(invalid),
    };
    let mut vm = Vm::new(ledger, rules, env, watch);
    let ran = execute(&mut vm, rules, env, body, &prepared);
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
    let changes = vm.ledger().changes();
    for account in changes.iter().filter_map(|change| change.after) {
        if let Some(code) = vm.ledger().known_code(&account.code_hash) {
            fresh.insert(account.code_hash, code.to_vec());
        }
    }
    let transactions_root = ordered_root(ran.included.iter().map(|&index| &body.transactions[index][..]));
    refused.append(&mut ran.refused);
    refused.sort_by_key(|(index, ..)| *index);
    let receipts_root = ordered_root(ran.receipts.iter().map(|raw| &raw[..]));
    stages.end("roots");
    let ledger = vm.ledger();
    let (trace, noticed) = recorded(ledger);
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
        touched: ledger.touched(),
        used_block_hashes: std::mem::take(&mut ledger.used_block_hashes),
        trace,
        noticed,
        stages: stages.ended,
        fresh: fresh.into_values().collect(),
        included: ran.included,
        refused,
        witness: store.witness(),
    }))
}

/// A message on the state that `root` names, in a block's environment. Its effects are not applied to a trie.
pub fn call(store: &Store, root: B256, rules: &Rules, env: &Env, message: Message, watch: Watch) -> Run {
    if !rules.can_price_blobs(env) {
        return Run::Malformed("an excess blob gas whose price is beyond 128 bits".into());
    }
    let store = &Witnessed::new(store);
    let mut ledger = ledger(store, root, rules, env);
    ledger.recorder = watch.recorder();
    // A message that pays nothing sees a base fee of zero, as every node's eth_call has it.
    let env = Env { base_fee: env.base_fee.filter(|_| message.gas_price > 0), ..env.clone() };
    let (sender, to) = (message.sender, message.to);
    let mut vm = Vm::new(ledger, rules, &env, watch);
    if let Some(recorder) = &mut vm.ledger().recorder {
        recorder.begin(Some(0));
    }
    let ran = vm.message(message);
    let ledger = vm.ledger();
    if let Some(why) = ledger.malformed.take() {
        return Run::Malformed(why);
    }
    if !ledger.needs.is_empty() {
        return Run::Needs(std::mem::take(&mut ledger.needs));
    }
    let executed = match ran {
        Ok(executed) => executed,
        Err((kind, reason)) => return Run::Invalid(Invalid { transaction: None, kind, reason }),
    };
    let (trace, noticed) = recorded(ledger);
    Run::Done(Box::new(Done {
        state_root: root,
        gas_used: executed.gas_used,
        touched: ledger.touched(),
        used_block_hashes: std::mem::take(&mut ledger.used_block_hashes),
        trace,
        noticed,
        outcomes: vec![outcome(B256::ZERO, 0, sender, to, executed, 0)],
        witness: store.witness(),
        ..Done::default()
    }))
}

/// What was recorded on the way.
#[allow(clippy::type_complexity)]
fn recorded(ledger: &mut Ledger<'_>) -> (Option<Columns>, Option<Vec<(Facts, Option<Steps>)>>) {
    let Some(recorder) = ledger.recorder.take() else { return (None, None) };
    (Some(recorder.columns), recorder.inspection.map(|inspection| inspection.noticed))
}

fn ledger<'a>(store: &'a Witnessed<'a>, root: B256, rules: &Rules, env: &'a Env) -> Ledger<'a> {
    let clears_empty = rules.fork.has(SpecId::SPURIOUS_DRAGON);
    Ledger::new(store, root, clears_empty, env.number, env.parent_hash, &env.block_hashes)
}

/// Seconds that execution alone takes on state already in memory: for benchmarks. None where it needs more state.
pub fn time(store: &Store, root: B256, rules: &Rules, env: &Env, body: &Body<'_>, watch: Watch) -> Option<f64> {
    if !rules.can_price_blobs(env) {
        return None;
    }
    let store = &Witnessed::new(store);
    let prepared = prepare(rules, body, &mut Stages::new(), &mut Vec::new()).ok()?;
    let mut vm = Vm::new(ledger(store, root, rules, env), rules, env, Watch::Bare);
    execute(&mut vm, rules, env, body, &prepared).ok()?;
    let mut ledger = vm.into_ledger().rewound();
    if !ledger.needs.is_empty() {
        return None;
    }
    ledger.recorder = watch.recorder();
    let mut vm = Vm::new(ledger, rules, env, watch);
    let since = Instant::now();
    execute(&mut vm, rules, env, body, &prepared).ok()?;
    Some(since.elapsed().as_secs_f64())
}

/// A transaction with its place among those given, and who sent it.
type Prepared = Vec<(usize, Transaction, Address)>;
type Refused = Vec<(usize, &'static str, String)>;

/// The transactions that decode and are signed, as far as the others may be left out.
fn prepare(rules: &Rules, body: &Body<'_>, stages: &mut Stages, refused: &mut Refused) -> Result<Prepared, Invalid> {
    let mut refuse = |index, (kind, reason): Refusal| {
        if !body.skip {
            return Err(Invalid { transaction: Some(index), kind, reason });
        }
        refused.push((index, kind, reason));
        Ok(())
    };
    let op = rules.fork.op().is_some();
    let mut decoded = Vec::with_capacity(body.transactions.len());
    for (index, raw) in body.transactions.iter().enumerate() {
        match Transaction::decode(raw, op) {
            Ok(tx) => decoded.push((index, tx)),
            Err(why) => refuse(index, why)?,
        }
    }
    stages.end("decode");
    let (low_s, protected) = (rules.fork.has(SpecId::HOMESTEAD), rules.fork.has(SpecId::SPURIOUS_DRAGON));
    let mut prepared = Vec::with_capacity(decoded.len());
    for (index, tx) in decoded {
        match tx.sender(low_s, protected) {
            Ok(sender) => prepared.push((index, tx, sender)),
            Err(why) => refuse(index, why)?,
        }
    }
    stages.end("recover");
    Ok(prepared)
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
    included: Vec<usize>,
    refused: Refused,
}

fn execute(vm: &mut Vm<'_>, rules: &Rules, env: &Env, body: &Body<'_>, prepared: &Prepared) -> Result<Ran, Invalid> {
    let fork = rules.fork;
    if !body.alone {
        before_transactions(vm, rules, env);
    }
    let mut ran = Ran {
        receipts: Vec::with_capacity(prepared.len()),
        outcomes: Vec::with_capacity(prepared.len()),
        bloom: Bloom::ZERO,
        gas_used: 0,
        blob_gas_used: 0,
        requests_hash: None,
        fresh: BTreeMap::new(),
        included: Vec::with_capacity(prepared.len()),
        refused: Vec::new(),
    };
    for (index, tx, sender) in prepared {
        match transaction(vm, rules, env, tx, *sender, &mut ran) {
            Ok(()) => ran.included.push(*index),
            Err((kind, reason)) if body.skip => ran.refused.push((*index, kind, reason)),
            // With state missing this may be the default's fault: go on, to learn what else is missing.
            Err(_) if !vm.ledger().needs.is_empty() => (),
            Err((kind, reason)) => return Err(Invalid { transaction: Some(*index), kind, reason }),
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
        recorder.begin(Some(ran.outcomes.len() as u32));
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
    ran.outcomes.push(outcome(tx.hash, tx.tx_type, sender, tx.to(), executed, ran.gas_used));
    Ok(())
}

fn outcome(
    hash: B256,
    tx_type: u8,
    sender: Address,
    to: Option<Address>,
    executed: Executed,
    cumulative_gas_used: u64,
) -> Outcome {
    let Executed { success, gas_used, logs, output, created, halt } = executed;
    Outcome { hash, tx_type, sender, to, success, gas_used, cumulative_gas_used, logs, output, created, halt }
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
