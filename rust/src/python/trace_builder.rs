//! Building a trace from somebody else's record.

use super::{CoreError, address, trace::Trace, uint, word};
use crate::trace::{Entered, NONE, Recorder, access, kind};
use alloy_primitives::B256;
use pyo3::{prelude::*, pybacked::PyBackedBytes};
use revm::interpreter::InstructionResult;

/// Most rows of a trace that somebody else recorded.
const MAX_ROWS: u32 = 4_000_000;
const MAX_DEPTH: usize = 1025;

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
        Ok(Trace::foreign(columns, self.logs))
    }
}
