//! A whole block over a mutated witness: it ends in one of its four ways, twice the same, recorded or not.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rollproof_core::fuzzing::{Body, Run, Watch, run};
use rollproof_fuzz::{block::Block, input::Input};

fuzz_target!(|data: &[u8]| {
    let block = Block::read(&mut Input(data));
    let body = Body {
        transactions: &block.transactions,
        withdrawals: block.withdrawals.as_deref(),
        alone: false,
        skip: false,
    };
    let with = |watch| run(&block.sealed.store, block.root, &block.rules, &block.env, &body, watch);
    match (with(Watch::Frames), with(Watch::Trace)) {
        (Run::Done(plain), Run::Done(traced)) => {
            assert_eq!(plain.state_root, traced.state_root);
            assert_eq!(plain.receipts_root, traced.receipts_root);
            assert_eq!(plain.logs_bloom, traced.logs_bloom);
            assert_eq!(plain.gas_used, traced.gas_used);
            assert!(plain.trace.is_none() && traced.trace.is_some());
        }
        (Run::Invalid(plain), Run::Invalid(traced)) => assert_eq!(plain.reason, traced.reason),
        (Run::Needs(plain), Run::Needs(traced)) => assert_eq!(plain.first, traced.first),
        (Run::Malformed(plain), Run::Malformed(traced)) => assert_eq!(plain, traced),
        _ => panic!("recording changed how the block ends"),
    }
});
