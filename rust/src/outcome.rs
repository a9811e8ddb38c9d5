//! What running a block gives.

use crate::{account::TrieAccount, needs::Needs, query::facts::Facts, shadow::Steps, trace::Columns};
use alloy_primitives::{Address, B256, Bloom, Bytes, Log, U256};

#[derive(Debug)]
pub struct Outcome {
    pub hash: B256,
    pub tx_type: u8,
    pub sender: Address,
    pub to: Option<Address>,
    pub success: bool,
    pub gas_used: u64,
    pub cumulative_gas_used: u64,
    pub logs: Vec<Log>,
    pub output: Bytes,
    pub created: Option<Address>,
    /// Why it neither succeeded nor reverted.
    pub halt: Option<String>,
}

pub struct Change {
    pub address: Address,
    pub before: Option<TrieAccount>,
    pub after: Option<TrieAccount>,
    pub slots: Vec<(B256, U256, U256)>,
}

#[derive(Default)]
pub struct Done {
    pub state_root: B256,
    pub transactions_root: B256,
    pub receipts_root: B256,
    pub logs_bloom: Bloom,
    pub gas_used: u64,
    pub blob_gas_used: u64,
    pub withdrawals_root: Option<B256>,
    pub requests_hash: Option<B256>,
    pub receipts: Vec<Vec<u8>>,
    pub outcomes: Vec<Outcome>,
    pub changes: Vec<Change>,
    pub touched: Vec<(Address, Vec<B256>)>,
    pub used_block_hashes: Vec<u64>,
    pub trace: Option<Columns>,
    /// What the queries noticed, transaction by transaction, where they ran along.
    pub noticed: Option<Vec<(Facts, Option<Steps>)>>,
    pub stages: Vec<(&'static str, f64)>,
    /// Trie nodes and codes that the new state has and the old had not; before Byzantium also those of states between.
    pub fresh: Vec<Vec<u8>>,
    /// Which of the given transactions are in the block, and why the others are not.
    pub included: Vec<usize>,
    pub refused: Vec<(usize, &'static str, String)>,
    /// What was read of the given preimages.
    pub witness: Vec<Bytes>,
}

#[derive(Debug)]
pub struct Invalid {
    pub transaction: Option<usize>,
    pub kind: &'static str,
    pub reason: String,
}

pub enum Run {
    Done(Box<Done>),
    Invalid(Invalid),
    Needs(Needs),
    /// The given state is not one: a preimage that hashes right but is no node of its trie.
    Malformed(String),
}
