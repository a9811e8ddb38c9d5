//! What a run could not read.

use alloy_primitives::{Address, B256};

/// Bound on what one round may ask for.
const MAX_NEEDS: usize = 20_000;

#[derive(Clone, Debug, Default)]
pub struct Needs {
    pub first: Option<String>,
    pub accounts: Vec<Address>,
    pub slots: Vec<(Address, B256)>,
    pub codes: Vec<(Address, B256)>,
    pub headers: Vec<(u64, B256)>,
    pub nodes: Vec<(Option<Address>, Vec<u8>, B256)>,
}

impl Needs {
    pub fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    /// Notes the first thing missing by name; says whether there is room for one more.
    pub fn note(&mut self, what: impl FnOnce() -> String) -> bool {
        if self.first.is_none() {
            self.first = Some(what());
        }
        self.accounts.len() + self.slots.len() + self.codes.len() + self.headers.len() + self.nodes.len() < MAX_NEEDS
    }
}
