//! Receipts in their consensus encoding, and the bloom filter over their logs.

use crate::{rlp, transaction::DEPOSIT};
use alloy_primitives::{B256, Bloom, Log};

/// What the first field of a receipt says.
#[derive(Clone, Copy, Debug)]
pub enum Status {
    /// The state root after the transaction, before Byzantium.
    Root(B256),
    /// EIP-658.
    Success(bool),
}

pub fn bloom(logs: &[Log]) -> Bloom {
    let mut bloom = Bloom::ZERO;
    for log in logs {
        bloom.accrue_log(log);
    }
    bloom
}

/// `deposit`: nonce and version that an OP Stack deposit receipt commits to from Canyon on.
pub fn encode(
    tx_type: u8,
    status: Status,
    cumulative_gas: u64,
    bloom: &Bloom,
    logs: &[Log],
    deposit: Option<(u64, u64)>,
) -> Vec<u8> {
    let mut body = Vec::with_capacity(400);
    match status {
        Status::Root(root) => rlp::put_bytes(&mut body, root.as_slice()),
        Status::Success(true) => body.push(1),
        Status::Success(false) => body.push(0x80),
    }
    rlp::put_uint(&mut body, cumulative_gas);
    rlp::put_bytes(&mut body, bloom.as_slice());
    let mut entries = Vec::new();
    for log in logs {
        let mut entry = Vec::with_capacity(log.data.data.len() + 160);
        rlp::put_bytes(&mut entry, log.address.as_slice());
        let mut topics = Vec::with_capacity(33 * 4);
        for topic in log.topics() {
            rlp::put_bytes(&mut topics, topic.as_slice());
        }
        entry.extend(rlp::list(&topics));
        rlp::put_bytes(&mut entry, &log.data.data);
        entries.extend(rlp::list(&entry));
    }
    body.extend(rlp::list(&entries));
    if let (DEPOSIT, Some((nonce, version))) = (tx_type, deposit) {
        rlp::put_uint(&mut body, nonce);
        rlp::put_uint(&mut body, version);
    }
    let list = rlp::list(&body);
    if tx_type == 0 { list } else { [&[tx_type], &list[..]].concat() }
}
