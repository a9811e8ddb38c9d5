//! The second pass: one transaction again, with where every value came from kept beside it.

use crate::trace::Columns;
use alloy_primitives::U256;
use revm::{
    handler::instructions::EthInstructions,
    interpreter::{Host, interpreter::EthInterpreter, interpreter_action::FrameInit},
};

/// Follows the values of one transaction.
#[derive(Debug)]
pub struct Shadow {
    steps: Steps,
}

impl Shadow {
    pub fn new(_start: [u32; 4]) -> Self {
        Self { steps: Steps::default() }
    }

    pub fn enter(&mut self, _init: &FrameInit) {}

    pub fn leave(&mut self, _success: bool) {}

    pub fn finish(self, _valid: bool, _columns: &Columns) -> Steps {
        self.steps
    }
}

pub fn swap<H: Host>(_instructions: &mut EthInstructions<EthInterpreter, H>) {}

/// What the second pass found in one transaction.
#[derive(Clone, Debug, Default)]
pub struct Steps {
    pub writes: Vec<Write>,
    pub calls: Vec<Call>,
    pub wraps: Vec<Wrap>,
    pub tests: Vec<Test>,
    pub complete: bool,
}

#[derive(Clone, Debug)]
pub struct Write {
    pub access: u32,
    pub frame: u32,
    pub pc: u32,
    pub slot: u32,
    pub value: u32,
    pub guards: u32,
}

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

#[derive(Clone, Debug)]
pub struct Test {
    pub frame: u32,
    pub pc: u32,
    pub order: u32,
    pub taint: u32,
    pub equality: bool,
}

impl Steps {
    /// Flags that only this pass can set.
    pub fn flags(&self) -> u32 {
        use crate::query::facts::flag;
        flag::STEPS | if self.wraps.is_empty() { 0 } else { flag::WRAPS }
    }
}
