//! A trace: its columns, what the queries found in them, and building one from somebody else's record.

use super::{CoreError, address, bytes, compute, int, uint, word};
use crate::{
    query::{
        facts::{self, Shown},
        flow::{Source, Transfer},
        reentry::{Reentry, Rule},
        view::View,
    },
    shadow,
    trace::{Columns, Entered, NONE, Recorder, access, kind},
};
use alloy_primitives::B256;
use pyo3::{
    exceptions::PyIndexError,
    prelude::*,
    pybacked::PyBackedBytes,
    types::{PyBool, PyBytes, PyTuple},
};
use revm::interpreter::InstructionResult;
use std::sync::{Arc, OnceLock};

/// Most rows of a trace that somebody else recorded.
const MAX_ROWS: u32 = 4_000_000;
const MAX_DEPTH: usize = 1025;

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Trace>()?;
    module.add_class::<TraceBuilder>()?;
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
        // A parent is always entered before its children, so one pass in row order settles all.
        let mut gone: Vec<u8> = Vec::with_capacity(self.columns.frame_kind.len());
        for row in 0..view.frame_count() {
            let above = view.parent(row).is_some_and(|parent| gone.get(parent as usize).is_some_and(|gone| *gone != 0));
            gone.push((above || !view.succeeded(row)) as u8);
        }
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

/// A trace from a record that somebody else made, event by event. What makes no sense is refused by name.
#[pyclass(module = "rollproof._core")]
pub struct TraceBuilder {
    recorder: Recorder,
    begun: Option<u32>,
    logs: bool,
}

impl TraceBuilder {
    fn room(&self) -> PyResult<()> {
        if self.recorder.rows().iter().any(|rows| *rows >= MAX_ROWS) {
            return Err(CoreError::new_err(format!("a trace of more than {MAX_ROWS} rows")));
        }
        Ok(())
    }

    fn inside(&self, what: &str) -> PyResult<()> {
        if self.recorder.open() == 0 {
            return Err(CoreError::new_err(format!("{what} outside any call")));
        }
        self.room()
    }
}

#[pymethods]
impl TraceBuilder {
    /// `logs`: the source has logs; where it has none, transfers are read from calls.
    #[new]
    #[pyo3(signature = (*, logs=true))]
    fn new(logs: bool) -> Self {
        Self { recorder: Recorder::default(), begun: None, logs }
    }

    /// The next calls belong to this transaction; transactions come in rising order.
    fn begin(&mut self, transaction: u32) -> PyResult<()> {
        if self.recorder.open() > 0 {
            return Err(CoreError::new_err(format!("transaction {transaction} begins inside a call")));
        }
        if transaction == NONE || self.begun.is_some_and(|last| transaction <= last) {
            return Err(CoreError::new_err(format!("transaction {transaction} is out of order")));
        }
        self.begun = Some(transaction);
        self.recorder.begin(Some(transaction));
        Ok(())
    }

    /// A call or creation begins: kind is 0 call, 1 callcode, 2 delegatecall, 3 staticcall, 4 create, 5 create2.
    #[allow(clippy::too_many_arguments)]
    fn enter(
        &mut self,
        kind: u8,
        caller: &[u8],
        target: &[u8],
        code: &[u8],
        value: &Bound<'_, PyAny>,
        gas_limit: u64,
        input: &[u8],
    ) -> PyResult<u32> {
        self.room()?;
        if self.begun.is_none() {
            return Err(CoreError::new_err("a call before any transaction"));
        }
        if kind > kind::CREATE2 {
            return Err(CoreError::new_err(format!("no kind of call has the number {kind}")));
        }
        let depth = self.recorder.open();
        if depth >= MAX_DEPTH {
            return Err(CoreError::new_err(format!("calls nested deeper than {MAX_DEPTH}")));
        }
        self.recorder.entered(&Entered {
            kind,
            caller: address(caller, "caller")?,
            target: address(target, "target")?,
            code: address(code, "code")?,
            value: uint(value, "value")?,
            gas_limit,
            input,
            depth: depth as u32,
        });
        Ok(self.recorder.rows()[0] - 1)
    }

    /// The innermost call ends. `ran`: code of an account ran in it; `out_of_gas` where that ended it.
    #[pyo3(signature = (success, gas_used, output, *, ran=true, out_of_gas=false))]
    fn leave(&mut self, success: bool, gas_used: u64, output: &[u8], ran: bool, out_of_gas: bool) -> PyResult<()> {
        if self.recorder.open() == 0 {
            return Err(CoreError::new_err("a call ends that did not begin"));
        }
        let result = match (success, out_of_gas) {
            (true, _) => InstructionResult::Return,
            (false, true) => InstructionResult::OutOfGas,
            (false, false) => InstructionResult::Revert,
        };
        self.recorder.leave(result, gas_used, output, ran);
        Ok(())
    }

    /// A storage access of the innermost call: kind is 0 sload, 1 sstore, 2 tload, 3 tstore.
    #[pyo3(signature = (kind, slot, value, before, pc=None))]
    fn access(
        &mut self,
        kind: u8,
        slot: &[u8],
        value: &Bound<'_, PyAny>,
        before: &Bound<'_, PyAny>,
        pc: Option<u32>,
    ) -> PyResult<()> {
        self.inside("a storage access")?;
        if kind > access::TSTORE {
            return Err(CoreError::new_err(format!("no kind of access has the number {kind}")));
        }
        let slot = word(slot, "slot")?.into();
        self.recorder.access(kind, pc.unwrap_or(NONE), slot, uint(value, "value")?, uint(before, "before")?);
        Ok(())
    }

    /// keccak256(key, base): names the mapping entry that a slot is.
    fn hashed(&mut self, key: &[u8], base: &[u8], result: &[u8]) -> PyResult<()> {
        let mut words = [0; 64];
        words[..32].copy_from_slice(&word(key, "key")?[..]);
        words[32..].copy_from_slice(&word(base, "base")?[..]);
        let result = word(result, "hash")?;
        if alloy_primitives::keccak256(words) != result {
            return Err(CoreError::new_err(format!("{result} is not the hash of its words")));
        }
        self.recorder.hashed(&words, result);
        Ok(())
    }

    /// A log of the innermost call.
    fn log(&mut self, place: &[u8], topics: Vec<PyBackedBytes>, data: &[u8]) -> PyResult<()> {
        self.inside("a log")?;
        if topics.len() > 4 {
            return Err(CoreError::new_err(format!("a log with {} topics", topics.len())));
        }
        let topics = topics.iter().map(|topic| word(topic, "topic")).collect::<PyResult<Vec<B256>>>()?;
        self.recorder.logged(address(place, "log address")?, &topics, data);
        Ok(())
    }

    /// The innermost call's account ends itself.
    fn selfdestruct(&mut self, beneficiary: &[u8], value: &Bound<'_, PyAny>) -> PyResult<()> {
        self.inside("a self-destruct")?;
        self.recorder.selfdestruct(address(beneficiary, "beneficiary")?, uint(value, "value")?);
        Ok(())
    }

    /// How many calls are open.
    #[getter]
    fn open(&self) -> usize {
        self.recorder.open()
    }

    /// The trace; the builder is empty after it.
    fn finish(&mut self) -> PyResult<Trace> {
        if self.recorder.open() > 0 {
            return Err(CoreError::new_err(format!("{} call(s) do not end", self.recorder.open())));
        }
        self.begun = None;
        let columns = std::mem::take(&mut self.recorder).columns;
        Ok(Trace { columns, shown: Shown { logs: self.logs }, facts: OnceLock::new() })
    }
}
