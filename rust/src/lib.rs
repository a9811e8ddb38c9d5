//! The deterministic core of Rollproof: no network, no files, no policy.

#![cfg_attr(not(feature = "python"), allow(dead_code))]

mod account;
mod execute;
mod ledger;
mod machine;
mod needs;
mod observe;
mod outcome;
mod preimages;
#[cfg(feature = "python")]
mod python;
mod query;
mod receipt;
mod refusal;
mod rlp;
mod rollup;
mod rules;
mod shadow;
mod system;
mod trace;
mod transaction;
mod trie;
mod vm;
mod write;

/// What the fuzz targets in `fuzz/` reach; not part of any interface.
#[cfg(fuzzing)]
pub mod fuzzing {
    pub use crate::{
        account::{TrieAccount, decode_slot},
        execute::{Body, Withdrawal, run},
        ledger::Ledger,
        outcome::{Done, Run},
        preimages::{Store, Witnessed},
        rlp::{Item, MAX_ITEMS, decode as decode_rlp, list, put_bytes},
        rules::{BlobSchedule, Env, Fork, Rules},
        transaction::Transaction,
        trie::{EMPTY_ROOT, Trie, TrieError, ordered_root},
        vm::Watch,
    };
}
