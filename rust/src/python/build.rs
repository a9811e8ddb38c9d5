//! What changes a state or asks it without a block: building, writing, calling.

use super::{
    CoreError, Missing, address,
    block::{Env, Given, Needs, RawWithdrawal, Rules, answer, watching},
    bytes, compute,
    state::Preimages,
    uint, word,
};
use crate::{
    execute::{self, Body},
    outcome::Run,
    vm::Message,
    write::{self, Written},
};
use alloy_primitives::{Bytes, U256};
use pyo3::{prelude::*, pybacked::PyBackedBytes, types::PyBytes};

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(build_block, module)?)?;
    module.add_function(wrap_pyfunction!(write_state, module)?)?;
    module.add_function(wrap_pyfunction!(call, module)?)
}

/// As run_block; the new state's nodes and codes are added to the preimages.
#[pyfunction]
#[pyo3(signature = (preimages, parent_state_root, rules, env, transactions, withdrawals=None, *, skip=false, trace=false, inspect=None))]
#[allow(clippy::too_many_arguments)]
fn build_block<'py>(
    py: Python<'py>,
    preimages: &Preimages,
    parent_state_root: &[u8],
    rules: &Rules,
    env: &Env,
    transactions: Vec<PyBackedBytes>,
    withdrawals: Option<Vec<RawWithdrawal>>,
    skip: bool,
    trace: bool,
    inspect: Option<&str>,
) -> PyResult<Bound<'py, PyAny>> {
    let watch = watching(trace, inspect)?;
    let given = Given::new(parent_state_root, &transactions, withdrawals)?;
    let body = Body { skip, ..given.body() };
    let ran = compute(py, || {
        let mut ran = execute::run(&preimages.read(), given.root, &rules.0, &env.0, &body, watch);
        if let Run::Done(done) = &mut ran {
            preimages.keep(std::mem::take(&mut done.fresh));
        }
        ran
    })?;
    answer(py, ran)
}

type RawWritten<'py> = (
    PyBackedBytes,
    Option<u64>,
    Option<Bound<'py, PyAny>>,
    Option<PyBackedBytes>,
    Vec<(Bound<'py, PyAny>, Bound<'py, PyAny>)>,
);

/// The root of a state with accounts written outside any transaction; its new nodes are added to the preimages.
#[pyfunction]
fn write_state<'py>(
    py: Python<'py>,
    preimages: &Preimages,
    root: &[u8],
    accounts: Vec<RawWritten<'py>>,
) -> PyResult<Bound<'py, PyBytes>> {
    let root = word(root, "state root")?;
    let mut written = Vec::with_capacity(accounts.len());
    for (place, nonce, balance, code, slots) in accounts {
        let slots = slots.iter().map(|(slot, value)| Ok((uint(slot, "slot")?, uint(value, "slot value")?)));
        written.push(Written {
            address: address(&place, "address")?,
            nonce,
            balance: balance.map(|wei| uint(&wei, "balance")).transpose()?,
            code: code.map(|code| Bytes::copy_from_slice(&code)),
            slots: slots.collect::<PyResult<Vec<(U256, U256)>>>()?,
        });
    }
    let new = compute(py, || {
        let (root, fresh) = write::write(&preimages.read(), root, &written)?;
        preimages.keep(fresh);
        Ok(root)
    })?;
    match new {
        Ok(root) => Ok(bytes(py, root)),
        Err(write::Refused::Needs(needs)) => Err(Missing::new_err((Py::new(py, Needs(*needs))?,))),
        Err(write::Refused::Malformed(why)) => Err(CoreError::new_err(why)),
    }
}

/// A message that nobody signed, on a state, in a block's environment.
#[pyfunction]
#[pyo3(signature = (preimages, state_root, rules, env, *, sender, to, value, input, gas_limit, gas_price=0, trace=false, inspect=None))]
#[allow(clippy::too_many_arguments)]
fn call<'py>(
    py: Python<'py>,
    preimages: &Preimages,
    state_root: &[u8],
    rules: &Rules,
    env: &Env,
    sender: &[u8],
    to: Option<PyBackedBytes>,
    value: Bound<'py, PyAny>,
    input: PyBackedBytes,
    gas_limit: u64,
    gas_price: u128,
    trace: bool,
    inspect: Option<&str>,
) -> PyResult<Bound<'py, PyAny>> {
    let watch = watching(trace, inspect)?;
    let root = word(state_root, "state root")?;
    let message = Message {
        sender: address(sender, "sender")?,
        to: to.map(|to| address(&to, "to")).transpose()?,
        value: uint(&value, "value")?,
        input: Bytes::copy_from_slice(&input),
        gas_limit,
        gas_price,
    };
    let ran = compute(py, || execute::call(&preimages.read(), root, &rules.0, &env.0, message, watch))?;
    answer(py, ran)
}
