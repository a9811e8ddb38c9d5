//! The face Python sees: conversions and errors, nothing else.

mod block;
mod build;
mod codec;
mod outcome;
mod state;
mod trace;
mod trace_builder;

use alloy_primitives::{Address, B256, U256};
use pyo3::{
    create_exception,
    exceptions::{PyException, PyValueError},
    prelude::*,
    types::{PyBytes, PyDict, PyInt},
};
use std::panic::{AssertUnwindSafe, catch_unwind};

create_exception!(rollproof._core, CoreError, PyValueError, "Input that breaks its own format or a bound.");
create_exception!(rollproof._core, Missing, PyException, "A read met state that no preimage was given for.");

#[pymodule(name = "_core")]
fn core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("CoreError", module.py().get_type::<CoreError>())?;
    module.add("Missing", module.py().get_type::<Missing>())?;
    codec::register(module)?;
    state::register(module)?;
    block::register(module)?;
    build::register(module)?;
    trace::register(module)?;
    module.add_class::<trace_builder::TraceBuilder>()
}

/// Runs without the GIL; a panic ends as a CoreError, never as one in Python.
fn compute<T: Send>(py: Python<'_>, work: impl FnOnce() -> T + Send) -> PyResult<T> {
    py.detach(|| catch_unwind(AssertUnwindSafe(work))).map_err(|panic| {
        let why = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or(panic.downcast_ref::<&str>().copied())
            .unwrap_or("no message");
        CoreError::new_err(format!("the core gave up on this input: {}", why.lines().next().unwrap_or_default()))
    })
}

fn word(bytes: &[u8], what: &str) -> PyResult<B256> {
    B256::try_from(bytes).map_err(|_| CoreError::new_err(format!("{what} has {} bytes instead of 32", bytes.len())))
}

fn address(bytes: &[u8], what: &str) -> PyResult<Address> {
    Address::try_from(bytes).map_err(|_| CoreError::new_err(format!("{what} has {} bytes instead of 20", bytes.len())))
}

fn int<'py>(py: Python<'py>, value: U256) -> PyResult<Bound<'py, PyAny>> {
    match u128::try_from(value) {
        Ok(small) => Ok(small.into_pyobject(py)?.into_any()),
        Err(_) => {
            py.get_type::<PyInt>().call_method1("from_bytes", (PyBytes::new(py, &value.to_be_bytes::<32>()), "big"))
        }
    }
}

fn uint(value: &Bound<'_, PyAny>, what: &str) -> PyResult<U256> {
    let out_of_range = || CoreError::new_err(format!("{what} is not an integer of 0 to 2**256-1"));
    let raw = value.call_method1("to_bytes", (32, "big")).map_err(|_| out_of_range())?;
    Ok(U256::from_be_slice(raw.cast::<PyBytes>().map_err(|_| out_of_range())?.as_bytes()))
}

fn bytes<'py>(py: Python<'py>, value: impl AsRef<[u8]>) -> Bound<'py, PyBytes> {
    PyBytes::new(py, value.as_ref())
}

fn dict<'py>(py: Python<'py>, items: Vec<(&str, Bound<'py, PyAny>)>) -> PyResult<Bound<'py, PyDict>> {
    let out = PyDict::new(py);
    for (key, value) in items {
        out.set_item(key, value)?;
    }
    Ok(out)
}
