//! The second pass: one transaction again, with where every value came from kept beside it.
//!
//! It runs only for transactions that the first pass picked, and after it: rows are those that the first pass wrote.

mod calls;
mod finish;
mod follow;
mod frame;
mod sums;
mod table;
mod taint;

pub use follow::Shadow;
pub use table::shadowed;

use alloy_primitives::U256;

/// What the second pass found in one transaction.
#[derive(Clone, Debug, Default)]
pub struct Steps {
    pub writes: Vec<Write>,
    pub calls: Vec<Call>,
    pub wraps: Vec<Wrap>,
    pub tests: Vec<Test>,
    pub ends: Vec<End>,
    pub complete: bool,
}

/// A storage write that stayed; `access` and `frame` are rows.
#[derive(Clone, Debug)]
pub struct Write {
    pub access: u32,
    pub frame: u32,
    pub pc: u32,
    pub slot: u32,
    pub value: u32,
    pub guards: u32,
}

/// A call or creation: `frame` is the row of what was called.
#[derive(Clone, Debug)]
pub struct Call {
    pub frame: u32,
    pub pc: u32,
    /// Of target, value, selector and arguments.
    pub taints: [u32; 4],
    pub guards: u32,
    pub success_checked: bool,
    pub result_checked: bool,
}

/// Arithmetic that lost something which then mattered.
#[derive(Clone, Debug)]
pub struct Wrap {
    pub kind: &'static str,
    pub frame: u32,
    pub pc: u32,
    pub left: U256,
    pub right: U256,
    pub result: U256,
    pub sink: &'static str,
    pub sink_order: u32,
    pub tested: bool,
}

/// A jump that something unusual decided.
#[derive(Clone, Debug)]
pub struct Test {
    pub frame: u32,
    pub pc: u32,
    pub order: u32,
    pub taint: u32,
    pub equality: bool,
}

/// A SELFDESTRUCT.
#[derive(Clone, Debug)]
pub struct End {
    pub frame: u32,
    pub pc: u32,
    pub beneficiary: u32,
    pub guards: u32,
}

impl Steps {
    /// Flags that only this pass can set.
    pub fn flags(&self) -> u32 {
        use crate::query::facts::flag;
        flag::STEPS | if self.wraps.is_empty() { 0 } else { flag::WRAPS }
    }
}
