//! The queries run along with a block's execution, transaction by transaction.

use super::facts::{self, Facts, Shown, flag};
use crate::{
    query::view::View,
    shadow::Steps,
    trace::{Columns, Recorder},
};
use alloy_primitives::{B256, map::HashMap};

/// For which transactions the second pass is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pick {
    None,
    Picked,
    All,
}

/// What was noticed so far in a block's transactions.
#[derive(Debug)]
pub struct Inspection {
    pub pick: Pick,
    pub noticed: Vec<(Facts, Option<Steps>)>,
    /// Rows of the four tables where the transaction began, and the order.
    start: [u32; 4],
    order: u32,
    topics_at: usize,
    entries: HashMap<B256, (B256, B256)>,
    hashes: usize,
}

impl Inspection {
    pub fn new(pick: Pick) -> Self {
        let (noticed, start, order, topics_at, hashes) = (Vec::new(), [0; 4], 0, 0, 0);
        Self { pick, noticed, start, order, topics_at, entries: HashMap::default(), hashes }
    }

    /// A transaction begins, or what is no transaction.
    pub fn begin(&mut self, columns: &Columns, rows: [u32; 4], order: u32) {
        (self.start, self.order) = (rows, order);
        self.topics_at = columns.log_topics.len() / 32;
    }

    /// The rows of frames and accesses, and the order, at which the transaction began.
    pub fn start(&self) -> [u32; 3] {
        [self.start[0], self.start[1], self.order]
    }

    /// What the first pass notices in the transaction that ended, and whether the second is to follow.
    pub fn first(&mut self, recorder: &Recorder, index: u32) -> bool {
        let columns = &recorder.columns;
        let word = |column: &[u8], row: usize| B256::from_slice(&column[32 * row..32 * row + 32]);
        for row in self.hashes..columns.hash_result.len() / 32 {
            let entry = (word(&columns.hash_key, row), word(&columns.hash_base, row));
            self.entries.insert(word(&columns.hash_result, row), entry);
        }
        self.hashes = columns.hash_result.len() / 32;
        let rows = facts::rows(self.start, recorder.rows());
        let mut facts = facts::one(columns, index, rows, self.topics_at, &self.entries, Shown { logs: true });
        let mut read = recorder.read;
        if facts.flags & (flag::ETHER | flag::TOKENS) == 0 {
            // Nothing was at stake.
            read &= !(flag::RANDOMNESS | flag::CLOCK);
        }
        facts.flags |= read;
        facts.pick |= read & (flag::ORIGIN | flag::RANDOMNESS) != 0;
        if read & flag::GAS_PRICE != 0 {
            // It is read often, and followed where it may have paid who chose it.
            let signer = View(columns).caller(facts.rows.frames.start);
            facts.pick |= facts.transfers.iter().any(|each| each.recipient == signer && each.token.is_none());
        }
        let follow = match self.pick {
            Pick::None => false,
            Pick::Picked => facts.pick,
            Pick::All => true,
        };
        self.noticed.push((facts, None));
        follow
    }

    /// What the second pass found in it.
    pub fn second(&mut self, steps: Steps) {
        if let Some(last) = self.noticed.last_mut() {
            last.1 = Some(steps);
        }
    }
}
