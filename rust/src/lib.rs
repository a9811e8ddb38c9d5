//! The deterministic core of Rollproof: no network, no files, no policy.

#![cfg_attr(not(feature = "python"), allow(dead_code))]

mod execute;
mod ledger;
mod machine;
mod preimages;
#[cfg(feature = "python")]
mod python;
mod receipt;
mod rlp;
mod rollup;
mod rules;
mod system;
mod trace;
mod transaction;
mod trie;

/// What the fuzz targets in `fuzz/` reach; not part of any interface.
#[cfg(fuzzing)]
pub mod fuzzing {
    pub use crate::{
        execute::{Body, Done, Run, Watch, Withdrawal, run},
        ledger::{Ledger, TrieAccount, decode_slot},
        preimages::Store,
        rlp::{Item, MAX_ITEMS, decode as decode_rlp, list, put_bytes},
        rules::{BlobSchedule, Env, Fork, Rules},
        transaction::Transaction,
        trie::{EMPTY_ROOT, Trie, TrieError, ordered_root},
    };
}
