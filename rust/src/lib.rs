//! The deterministic core of Rollproof: no network, no files, no policy.

mod execute;
mod ledger;
mod machine;
mod preimages;
mod python;
mod receipt;
mod rlp;
mod rollup;
mod rules;
mod system;
mod trace;
mod transaction;
mod trie;
