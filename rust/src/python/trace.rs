//! A trace: its columns, and what the queries found in them.

use super::{CoreError, bytes, compute, int};
use crate::{
    query::{
        facts::{self, Shown},
        flow::{Source, Transfer},
        reentry::{Reentry, Rule},
        view::View,
    },
    shadow,
    trace::Columns,
};
use pyo3::{
    exceptions::PyIndexError,
    prelude::*,
    types::{PyBool, PyBytes, PyTuple},
};
use std::sync::{Arc, OnceLock};

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Trace>()?;
    module.add_class::<Facts>()?;
    module.add_class::<Steps>()
}

#[pyclass(frozen, module = "rollproof._core")]
pub struct Trace {
    columns: Columns,
    shown: Shown,
    facts: OnceLock<Vec<Noticed>>,
}

#[derive(Clone)]
struct Noticed(Arc<facts::Facts>, Option<Arc<shadow::Steps>>);

impl Trace {
    /// `noticed` where the queries ran along with the execution.
    pub fn new(columns: Columns, noticed: Option<Vec<(facts::Facts, Option<shadow::Steps>)>>) -> Self {
        let facts = OnceLock::new();
        if let Some(noticed) = noticed {
            let noticed = noticed.into_iter();
            let _ = facts.set(noticed.map(|(each, steps)| Noticed(Arc::new(each), steps.map(Arc::new))).collect());
        }
        Self { columns, shown: Shown { logs: true }, facts }
    }

    /// `logs`: the source has logs.
    pub fn foreign(columns: Columns, logs: bool) -> Self {
        Self { columns, shown: Shown { logs }, facts: OnceLock::new() }
    }
}

#[pymethods]
impl Trace {
    fn column<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyBytes>> {
        let column = self.columns.get(name).ok_or_else(|| CoreError::new_err(format!("no trace column {name:?}")))?;
        Ok(bytes(py, column))
    }

    fn columns(&self) -> Vec<&'static str> {
        Columns::NAMES.to_vec()
    }

    /// Rows of frames, accesses, logs and self-destructs.
    fn rows(&self) -> [u32; 4] {
        let columns = &self.columns;
        let counts = [
            columns.frame_kind.len(),
            columns.access_write.len(),
            columns.log_topic_count.len(),
            columns.selfdestruct_frame.len() / 4,
        ];
        counts.map(|count| count as u32)
    }

    /// For each frame, whether what it did was undone: it failed, or one above it did.
    fn reverted<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let view = View(&self.columns);
        let gone: Vec<u8> = view.undone(0..view.frame_count()).into_iter().map(u8::from).collect();
        bytes(py, gone)
    }

    /// The fields of a frame, in the order of `replay.trace.Frame`.
    fn frame<'py>(&self, py: Python<'py>, row: u32) -> PyResult<Bound<'py, PyTuple>> {
        if row >= self.rows()[0] {
            return Err(PyIndexError::new_err(row));
        }
        let view = View(&self.columns);
        let fields: Vec<Bound<'py, PyAny>> = vec![
            row.into_pyobject(py)?.into_any(),
            view.transaction(row).into_pyobject(py)?.into_any(),
            view.parent(row).into_pyobject(py)?.into_any(),
            view.depth(row).into_pyobject(py)?.into_any(),
            view.frame_order(row).into_pyobject(py)?.into_any(),
            view.kind(row).into_pyobject(py)?.into_any(),
            view.status(row).into_pyobject(py)?.into_any(),
            bytes(py, view.caller(row)).into_any(),
            bytes(py, view.target(row)).into_any(),
            bytes(py, view.code(row)).into_any(),
            int(py, view.value(row))?,
            view.gas_limit(row).into_pyobject(py)?.into_any(),
            view.gas_used(row).into_pyobject(py)?.into_any(),
            bytes(py, view.input(row)).into_any(),
            view.input_length(row).into_pyobject(py)?.into_any(),
            bytes(py, view.output(row)).into_any(),
            view.output_length(row).into_pyobject(py)?.into_any(),
            PyBool::new(py, view.ran(row)).to_owned().into_any(),
        ];
        PyTuple::new(py, fields)
    }

    /// The fields of a storage access, in the order of `replay.trace.Access`.
    #[allow(clippy::type_complexity)]
    fn access<'py>(
        &self,
        py: Python<'py>,
        row: u32,
    ) -> PyResult<(u32, u32, bool, Bound<'py, PyBytes>, Bound<'py, PyAny>, Bound<'py, PyAny>, bool, Option<u32>)> {
        if row >= self.rows()[1] {
            return Err(PyIndexError::new_err(row));
        }
        let view = View(&self.columns);
        let kind = view.access_kind(row);
        Ok((
            view.access_frame(row),
            view.access_order(row),
            kind & 1 != 0,
            bytes(py, view.access_slot(row)),
            int(py, view.access_value(row))?,
            int(py, view.access_before(row))?,
            kind & 2 != 0,
            view.access_pc(row),
        ))
    }

    /// What was noticed in each transaction, in order.
    fn facts(&self, py: Python<'_>) -> PyResult<Vec<Facts>> {
        if self.facts.get().is_none() {
            let found = compute(py, || facts::all(&self.columns, self.shown))?;
            let found = found.into_iter().map(|each| Noticed(Arc::new(each), None)).collect();
            let _ = self.facts.set(found);
        }
        Ok(self.facts.get().expect("set above").iter().map(|each| Facts(each.clone())).collect())
    }
}

#[pyclass(frozen, module = "rollproof._core")]
pub struct Facts(Noticed);

fn pair(range: &std::ops::Range<u32>) -> (u32, u32) {
    (range.start, range.end)
}

#[pymethods]
impl Facts {
    #[getter]
    fn index(&self) -> u32 {
        self.0.0.index
    }

    #[getter]
    fn flags(&self) -> u32 {
        self.0.0.flags | self.0.1.as_ref().map_or(0, |steps| steps.flags())
    }

    #[getter]
    fn frames(&self) -> (u32, u32) {
        pair(&self.0.0.rows.frames)
    }

    #[getter]
    fn accesses(&self) -> (u32, u32) {
        pair(&self.0.0.rows.accesses)
    }

    #[getter]
    fn logs(&self) -> (u32, u32) {
        pair(&self.0.0.rows.logs)
    }

    #[getter]
    fn selfdestructs(&self) -> (u32, u32) {
        pair(&self.0.0.rows.selfdestructs)
    }

    #[getter]
    fn created<'py>(&self, py: Python<'py>) -> Vec<Bound<'py, PyBytes>> {
        self.0.0.created.iter().map(|place| bytes(py, place)).collect()
    }

    #[getter]
    fn transfers<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        self.0.0.transfers.iter().map(|each| moved(py, each)).collect()
    }

    /// (token, account, what its events say, what its slots did): two's complement.
    #[getter]
    fn lies<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let lies = self.0.0.lies.iter();
        lies.map(|each| {
            let said = (bytes(py, each.token), bytes(py, each.account), int(py, each.logged)?, int(py, each.stored)?);
            Ok(said.into_pyobject(py)?.into_any())
        })
        .collect()
    }

    #[getter]
    fn reentries<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        self.0.0.reentries.iter().map(|each| reentered(py, each)).collect()
    }

    #[getter]
    fn steps(&self) -> Option<Steps> {
        self.0.1.clone().map(Steps)
    }

    fn __repr__(&self) -> String {
        format!("Facts(transaction {}, flags {:#x})", self.0.0.index, self.flags())
    }
}

fn moved<'py>(py: Python<'py>, each: &Transfer) -> PyResult<Bound<'py, PyAny>> {
    let source = match each.source {
        Source::Value => "value",
        Source::Log => "log",
        Source::Call => "call",
        Source::Slot => "slot",
    };
    let row = (
        each.order,
        each.frame,
        each.token.map(|token| bytes(py, token)),
        bytes(py, each.sender),
        bytes(py, each.recipient),
        int(py, each.amount)?,
        each.item.map(|item| int(py, item)).transpose()?,
        source,
    );
    Ok(row.into_pyobject(py)?.into_any())
}

fn reentered<'py>(py: Python<'py>, each: &Reentry) -> PyResult<Bound<'py, PyAny>> {
    let rule = match each.rule {
        Rule::StaleRead => "stale-read",
        Rule::OpenWrite => "open-write",
        Rule::CrossContract => "cross-contract",
        Rule::ReadOnly => "read-only",
        Rule::Refused => "refused",
    };
    let selector = |value: Option<[u8; 4]>| value.map(|selector| bytes(py, selector));
    let yes = |value: bool| PyBool::new(py, value).to_owned().into_any();
    let fields: Vec<Bound<'py, PyAny>> = vec![
        rule.into_pyobject(py)?.into_any(),
        bytes(py, each.context).into_any(),
        bytes(py, each.account).into_any(),
        bytes(py, each.slot).into_any(),
        yes(each.transient),
        each.outer.into_pyobject(py)?.into_any(),
        each.inner.into_pyobject(py)?.into_any(),
        each.edge.into_pyobject(py)?.into_any(),
        each.caller.into_pyobject(py)?.into_any(),
        int(py, each.before)?,
        int(py, each.after)?,
        selector(each.outer_selector).into_pyobject(py)?.into_any(),
        selector(each.inner_selector).into_pyobject(py)?.into_any(),
        selector(each.edge_selector).into_pyobject(py)?.into_any(),
        selector(each.caller_selector).into_pyobject(py)?.into_any(),
        yes(each.through_create),
        each.written_after.map(|value| int(py, value)).transpose()?.into_pyobject(py)?.into_any(),
        yes(each.reread),
        yes(each.admitted),
        each.reader.map(|(reader, _)| bytes(py, reader)).into_pyobject(py)?.into_any(),
        each.reader.map(|(_, frame)| frame).into_pyobject(py)?.into_any(),
        yes(each.reader_acted),
        each.count.into_pyobject(py)?.into_any(),
    ];
    Ok(PyTuple::new(py, fields)?.into_any())
}

/// What the second pass found in one transaction.
#[pyclass(frozen, module = "rollproof._core")]
pub struct Steps(Arc<shadow::Steps>);

#[pymethods]
impl Steps {
    #[getter]
    fn complete(&self) -> bool {
        self.0.complete
    }

    /// (access row, frame row, pc, taint of the slot, taint of the value, guards)
    #[getter]
    fn writes(&self) -> Vec<(u32, u32, u32, u32, u32, u32)> {
        let writes = self.0.writes.iter();
        writes.map(|each| (each.access, each.frame, each.pc, each.slot, each.value, each.guards)).collect()
    }

    /// (frame row, pc, taints of target, value, selector and arguments, guards, success checked, result checked)
    #[getter]
    #[allow(clippy::type_complexity)]
    fn calls(&self) -> Vec<(u32, u32, u32, u32, u32, u32, u32, bool, bool)> {
        let calls = self.0.calls.iter();
        calls
            .map(|each| {
                let [target, value, selector, arguments] = each.taints;
                let checked = (each.success_checked, each.result_checked);
                (each.frame, each.pc, target, value, selector, arguments, each.guards, checked.0, checked.1)
            })
            .collect()
    }

    /// (kind, frame row, pc, left, right, result, sink, order at the sink, tested)
    #[getter]
    fn wraps<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let wraps = self.0.wraps.iter();
        wraps
            .map(|each| {
                let row = (
                    each.kind,
                    each.frame,
                    each.pc,
                    int(py, each.left)?,
                    int(py, each.right)?,
                    int(py, each.result)?,
                    each.sink,
                    each.sink_order,
                    each.tested,
                );
                Ok(row.into_pyobject(py)?.into_any())
            })
            .collect()
    }

    /// (frame row, pc, taint of the beneficiary, guards)
    #[getter]
    fn selfdestructs(&self) -> Vec<(u32, u32, u32, u32)> {
        self.0.ends.iter().map(|each| (each.frame, each.pc, each.beneficiary, each.guards)).collect()
    }

    /// (frame row, pc, order, taint, equality)
    #[getter]
    fn tests(&self) -> Vec<(u32, u32, u32, u32, bool)> {
        self.0.tests.iter().map(|each| (each.frame, each.pc, each.order, each.taint, each.equality)).collect()
    }
}
