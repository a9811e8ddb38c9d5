//! What running a block gave, converted when it is asked for.

use super::{bytes, dict, int, state::fields, trace::Trace};
use crate::outcome;
use pyo3::{
    prelude::*,
    types::{PyBytes, PyDict, PyList},
};

#[pyclass(frozen, module = "rollproof._core")]
pub struct Done {
    pub done: outcome::Done,
    pub trace: Option<Py<Trace>>,
}

#[pymethods]
impl Done {
    #[getter]
    fn state_root<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        bytes(py, self.done.state_root)
    }

    #[getter]
    fn transactions_root<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        bytes(py, self.done.transactions_root)
    }

    #[getter]
    fn receipts_root<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        bytes(py, self.done.receipts_root)
    }

    #[getter]
    fn logs_bloom<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        bytes(py, self.done.logs_bloom)
    }

    #[getter]
    fn gas_used(&self) -> u64 {
        self.done.gas_used
    }

    #[getter]
    fn blob_gas_used(&self) -> u64 {
        self.done.blob_gas_used
    }

    #[getter]
    fn withdrawals_root<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyBytes>> {
        self.done.withdrawals_root.map(|root| bytes(py, root))
    }

    #[getter]
    fn requests_hash<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyBytes>> {
        self.done.requests_hash.map(|hash| bytes(py, hash))
    }

    #[getter]
    fn receipts<'py>(&self, py: Python<'py>) -> Vec<Bound<'py, PyBytes>> {
        self.done.receipts.iter().map(|raw| bytes(py, raw)).collect()
    }

    #[getter]
    fn outcomes<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyDict>>> {
        self.done.outcomes.iter().map(|outcome| outcome_dict(py, outcome)).collect()
    }

    #[getter]
    fn changes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let list = PyList::empty(py);
        for change in &self.done.changes {
            let before = change.before.map(|account| fields(py, account)).transpose()?;
            let after = change.after.map(|account| fields(py, account)).transpose()?;
            let slots: PyResult<Vec<_>> = change
                .slots
                .iter()
                .map(|(slot, before, after)| Ok((bytes(py, slot), int(py, *before)?, int(py, *after)?)))
                .collect();
            list.append((bytes(py, change.address), before, after, slots?))?;
        }
        Ok(list)
    }

    #[getter]
    fn touched<'py>(&self, py: Python<'py>) -> Vec<(Bound<'py, PyBytes>, Vec<Bound<'py, PyBytes>>)> {
        let touched = self.done.touched.iter();
        touched.map(|(place, slots)| (bytes(py, place), slots.iter().map(|slot| bytes(py, slot)).collect())).collect()
    }

    #[getter]
    fn used_block_hashes(&self) -> Vec<u64> {
        self.done.used_block_hashes.clone()
    }

    #[getter]
    fn included(&self) -> Vec<usize> {
        self.done.included.clone()
    }

    #[getter]
    fn refused(&self) -> Vec<(usize, &'static str, String)> {
        self.done.refused.clone()
    }

    #[getter]
    fn fresh<'py>(&self, py: Python<'py>) -> Vec<Bound<'py, PyBytes>> {
        self.done.fresh.iter().map(|value| bytes(py, value)).collect()
    }

    #[getter]
    fn witness<'py>(&self, py: Python<'py>) -> Vec<Bound<'py, PyBytes>> {
        self.done.witness.iter().map(|value| bytes(py, value)).collect()
    }

    #[getter]
    fn trace(&self, py: Python<'_>) -> Option<Py<Trace>> {
        self.trace.as_ref().map(|trace| trace.clone_ref(py))
    }

    #[getter]
    fn stages<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let out = PyDict::new(py);
        for (name, seconds) in &self.done.stages {
            out.set_item(name, seconds)?;
        }
        Ok(out)
    }

    fn __repr__(&self) -> String {
        format!(
            "Done({} transactions, {} gas, state {})",
            self.done.outcomes.len(),
            self.done.gas_used,
            self.done.state_root
        )
    }
}

fn outcome_dict<'py>(py: Python<'py>, outcome: &outcome::Outcome) -> PyResult<Bound<'py, PyDict>> {
    let logs: Vec<_> = outcome
        .logs
        .iter()
        .map(|log| {
            let topics: Vec<_> = log.topics().iter().map(|topic| bytes(py, topic)).collect();
            (bytes(py, log.address), topics, bytes(py, &log.data.data))
        })
        .collect();
    dict(
        py,
        vec![
            ("hash", bytes(py, outcome.hash).into_any()),
            ("type", outcome.tx_type.into_pyobject(py)?.into_any()),
            ("sender", bytes(py, outcome.sender).into_any()),
            ("to", outcome.to.map(|to| bytes(py, to)).into_pyobject(py)?.into_any()),
            ("status", (outcome.success as u8).into_pyobject(py)?.into_any()),
            ("gas_used", outcome.gas_used.into_pyobject(py)?.into_any()),
            ("cumulative_gas_used", outcome.cumulative_gas_used.into_pyobject(py)?.into_any()),
            ("logs", logs.into_pyobject(py)?.into_any()),
            ("output", bytes(py, &outcome.output).into_any()),
            ("created", outcome.created.map(|created| bytes(py, created)).into_pyobject(py)?.into_any()),
            ("halt", outcome.halt.as_deref().into_pyobject(py)?.into_any()),
        ],
    )
}
