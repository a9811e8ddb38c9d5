//! Rules, environment, and the outcomes of running a block.

use super::{CoreError, address, bytes, compute, outcome::Done, state::Preimages, trace::Trace, uint, word};
use crate::{
    execute::{self, Body, Withdrawal},
    needs,
    outcome::{self, Run},
    query::inspect::Pick,
    rules::{self, BlobSchedule, Fork},
    vm::Watch,
};
use alloy_primitives::{B256, Bytes, map::HashMap};
use pyo3::{prelude::*, pybacked::PyBackedBytes, types::PyBytes};

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Rules>()?;
    module.add_class::<Env>()?;
    module.add_class::<Needs>()?;
    module.add_class::<Invalid>()?;
    module.add_class::<Done>()?;
    module.add_function(wrap_pyfunction!(run_block, module)?)?;
    module.add_function(wrap_pyfunction!(run_transactions, module)?)?;
    module.add_function(wrap_pyfunction!(time_execution, module)?)
}

#[pyclass(frozen, module = "rollproof._core")]
pub struct Rules(pub rules::Rules);

#[pymethods]
impl Rules {
    #[new]
    #[pyo3(signature = (*, family, chain_id, fork, blob=None, block_reward=0, dao=false, create2_deployer=false, deposit_contract=None))]
    #[allow(clippy::too_many_arguments)]
    fn new(
        family: &str,
        chain_id: u64,
        fork: &str,
        blob: Option<(u64, u64, u64)>,
        block_reward: u128,
        dao: bool,
        create2_deployer: bool,
        deposit_contract: Option<PyBackedBytes>,
    ) -> PyResult<Self> {
        let blob = blob.map(|(target, max, update_fraction)| BlobSchedule { target, max, update_fraction });
        if blob.is_some_and(|blob| blob.update_fraction == 0 || blob.max > 1 << 20 || blob.target > blob.max) {
            return Err(CoreError::new_err("a blob schedule out of range"));
        }
        Ok(Self(rules::Rules {
            fork: Fork::named(family, fork).map_err(CoreError::new_err)?,
            chain_id,
            blob,
            block_reward,
            dao,
            create2_deployer,
            deposit_contract: deposit_contract.map(|raw| address(&raw, "deposit contract")).transpose()?,
        }))
    }

    fn __repr__(&self) -> String {
        format!("Rules({:?}, chain {})", self.0.fork, self.0.chain_id)
    }
}

#[pyclass(frozen, module = "rollproof._core")]
pub struct Env(pub rules::Env);

#[pymethods]
impl Env {
    #[new]
    #[pyo3(signature = (*, number, timestamp, gas_limit, beneficiary, parent_hash, difficulty=None, prev_randao=None,
        base_fee=None, excess_blob_gas=None, parent_beacon_block_root=None, block_hashes=None))]
    #[allow(clippy::too_many_arguments)]
    fn new(
        number: u64,
        timestamp: u64,
        gas_limit: u64,
        beneficiary: &[u8],
        parent_hash: &[u8],
        difficulty: Option<Bound<'_, PyAny>>,
        prev_randao: Option<PyBackedBytes>,
        base_fee: Option<u64>,
        excess_blob_gas: Option<u64>,
        parent_beacon_block_root: Option<PyBackedBytes>,
        block_hashes: Option<std::collections::HashMap<u64, PyBackedBytes>>,
    ) -> PyResult<Self> {
        let mut hashes = HashMap::default();
        for (number, hash) in block_hashes.unwrap_or_default() {
            hashes.insert(number, word(&hash, "block hash")?);
        }
        Ok(Self(rules::Env {
            number,
            timestamp,
            gas_limit,
            beneficiary: address(beneficiary, "beneficiary")?,
            parent_hash: word(parent_hash, "parent hash")?,
            difficulty: difficulty.map(|value| uint(&value, "difficulty")).transpose()?.unwrap_or_default(),
            prev_randao: prev_randao.map(|raw| word(&raw, "prev_randao")).transpose()?.unwrap_or_default(),
            base_fee,
            excess_blob_gas,
            parent_beacon_block_root: parent_beacon_block_root
                .map(|raw| word(&raw, "parent beacon block root"))
                .transpose()?,
            block_hashes: hashes,
        }))
    }
}

#[pyclass(frozen, module = "rollproof._core")]
pub struct Needs(pub needs::Needs);

#[pymethods]
impl Needs {
    #[getter]
    fn first(&self) -> &str {
        self.0.first.as_deref().unwrap_or_default()
    }

    #[getter]
    fn accounts<'py>(&self, py: Python<'py>) -> Vec<Bound<'py, PyBytes>> {
        self.0.accounts.iter().map(|place| bytes(py, place)).collect()
    }

    #[getter]
    fn slots<'py>(&self, py: Python<'py>) -> Vec<(Bound<'py, PyBytes>, Bound<'py, PyBytes>)> {
        self.0.slots.iter().map(|(place, slot)| (bytes(py, place), bytes(py, slot))).collect()
    }

    #[getter]
    fn codes<'py>(&self, py: Python<'py>) -> Vec<(Bound<'py, PyBytes>, Bound<'py, PyBytes>)> {
        self.0.codes.iter().map(|(place, hash)| (bytes(py, place), bytes(py, hash))).collect()
    }

    #[getter]
    fn headers<'py>(&self, py: Python<'py>) -> Vec<(u64, Bound<'py, PyBytes>)> {
        self.0.headers.iter().map(|(number, hash)| (*number, bytes(py, hash))).collect()
    }

    #[getter]
    #[allow(clippy::type_complexity)]
    fn nodes<'py>(
        &self,
        py: Python<'py>,
    ) -> Vec<(Option<Bound<'py, PyBytes>>, Bound<'py, PyBytes>, Bound<'py, PyBytes>)> {
        let nodes = self.0.nodes.iter();
        nodes
            .map(|(place, path, hash)| (place.map(|place| bytes(py, place)), bytes(py, path), bytes(py, hash)))
            .collect()
    }

    fn __repr__(&self) -> String {
        format!("Needs({})", self.first())
    }
}

#[pyclass(frozen, module = "rollproof._core")]
pub struct Invalid(outcome::Invalid);

#[pymethods]
impl Invalid {
    #[getter]
    fn transaction(&self) -> Option<usize> {
        self.0.transaction
    }

    #[getter]
    fn kind(&self) -> &str {
        self.0.kind
    }

    #[getter]
    fn reason(&self) -> &str {
        &self.0.reason
    }

    fn __repr__(&self) -> String {
        format!("Invalid({:?}, {}, {:?})", self.0.transaction, self.0.kind, self.0.reason)
    }
}

pub type RawWithdrawal = (u64, u64, PyBackedBytes, u64);

/// What Python gives of a block, checked and owned.
pub struct Given {
    pub root: B256,
    transactions: Vec<Bytes>,
    withdrawals: Option<Vec<Withdrawal>>,
}

impl Given {
    pub fn new(root: &[u8], transactions: &[PyBackedBytes], withdrawals: Option<Vec<RawWithdrawal>>) -> PyResult<Self> {
        let withdrawal = |(index, validator_index, place, amount): &RawWithdrawal| {
            let address = address(place, "withdrawal address")?;
            Ok(Withdrawal { index: *index, validator_index: *validator_index, address, amount: *amount })
        };
        Ok(Self {
            root: word(root, "parent state root")?,
            transactions: transactions.iter().map(|raw| Bytes::copy_from_slice(raw)).collect(),
            withdrawals: withdrawals
                .map(|list| list.iter().map(withdrawal).collect::<PyResult<Vec<_>>>())
                .transpose()?,
        })
    }

    pub fn body(&self) -> Body<'_> {
        Body { transactions: &self.transactions, withdrawals: self.withdrawals.as_deref(), alone: false, skip: false }
    }
}

#[allow(clippy::too_many_arguments)]
fn run(
    py: Python<'_>,
    preimages: &Preimages,
    parent_state_root: &[u8],
    rules: &Rules,
    env: &Env,
    transactions: Vec<PyBackedBytes>,
    withdrawals: Option<Vec<RawWithdrawal>>,
    alone: bool,
    watch: Watch,
) -> PyResult<Run> {
    let given = Given::new(parent_state_root, &transactions, withdrawals)?;
    let body = Body { alone, ..given.body() };
    compute(py, || execute::run(&preimages.read(), given.root, &rules.0, &env.0, &body, watch))
}

#[pyfunction]
#[pyo3(signature = (preimages, parent_state_root, rules, env, transactions, withdrawals=None, *, trace=false, inspect=None))]
#[allow(clippy::too_many_arguments)]
fn run_block<'py>(
    py: Python<'py>,
    preimages: &Preimages,
    parent_state_root: &[u8],
    rules: &Rules,
    env: &Env,
    transactions: Vec<PyBackedBytes>,
    withdrawals: Option<Vec<RawWithdrawal>>,
    trace: bool,
    inspect: Option<&str>,
) -> PyResult<Bound<'py, PyAny>> {
    let watch = watching(trace, inspect)?;
    let ran = run(py, preimages, parent_state_root, rules, env, transactions, withdrawals, false, watch)?;
    answer(py, ran)
}

/// Transactions on a state, without what a block does around them. For single and pending transactions.
#[pyfunction]
#[pyo3(signature = (preimages, state_root, rules, env, transactions, *, trace=false, inspect=None))]
#[allow(clippy::too_many_arguments)]
fn run_transactions<'py>(
    py: Python<'py>,
    preimages: &Preimages,
    state_root: &[u8],
    rules: &Rules,
    env: &Env,
    transactions: Vec<PyBackedBytes>,
    trace: bool,
    inspect: Option<&str>,
) -> PyResult<Bound<'py, PyAny>> {
    let watch = watching(trace, inspect)?;
    let ran = run(py, preimages, state_root, rules, env, transactions, None, true, watch)?;
    answer(py, ran)
}

/// What is noted on the way: with `inspect` (first, picked, all) the queries run along.
pub fn watching(trace: bool, inspect: Option<&str>) -> PyResult<Watch> {
    Ok(match inspect {
        None if trace => Watch::Trace,
        None => Watch::Frames,
        Some("first") => Watch::Inspect(Pick::None),
        Some("picked") => Watch::Inspect(Pick::Picked),
        Some("all") => Watch::Inspect(Pick::All),
        Some(other) => return Err(CoreError::new_err(format!("inspect is first, picked or all, not {other:?}"))),
    })
}

pub fn answer(py: Python<'_>, ran: Run) -> PyResult<Bound<'_, PyAny>> {
    match ran {
        Run::Done(mut done) => {
            let noticed = done.noticed.take();
            let trace = done.trace.take().map(|columns| Py::new(py, Trace::new(columns, noticed))).transpose()?;
            Ok(Bound::new(py, Done { done: *done, trace })?.into_any())
        }
        Run::Invalid(invalid) => Ok(Bound::new(py, Invalid(invalid))?.into_any()),
        Run::Needs(needs) => Ok(Bound::new(py, Needs(needs))?.into_any()),
        Run::Malformed(why) => Err(CoreError::new_err(why)),
    }
}

/// Seconds of execution alone, on state already in memory; `watch` is bare (revm as it is), frames or trace.
#[pyfunction]
#[pyo3(signature = (preimages, parent_state_root, rules, env, transactions, withdrawals=None, *, watch="bare"))]
#[allow(clippy::too_many_arguments)]
fn time_execution(
    py: Python<'_>,
    preimages: &Preimages,
    parent_state_root: &[u8],
    rules: &Rules,
    env: &Env,
    transactions: Vec<PyBackedBytes>,
    withdrawals: Option<Vec<RawWithdrawal>>,
    watch: &str,
) -> PyResult<f64> {
    let watch = match watch {
        "bare" => Watch::Bare,
        "frames" => Watch::Frames,
        "trace" => Watch::Trace,
        "first" => Watch::Inspect(Pick::None),
        "picked" => Watch::Inspect(Pick::Picked),
        "all" => Watch::Inspect(Pick::All),
        other => {
            return Err(CoreError::new_err(format!(
                "watch is bare, frames, trace, first, picked or all, not {other:?}"
            )));
        }
    };
    let given = Given::new(parent_state_root, &transactions, withdrawals)?;
    compute(py, || execute::time(&preimages.read(), given.root, &rules.0, &env.0, &given.body(), watch))?
        .ok_or_else(|| CoreError::new_err("the block does not run to its end"))
}
