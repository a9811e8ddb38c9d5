//! Transactions of either family: what decodes has one encoding, and its sender and environment can be asked for.
#![no_main]

use alloy_eips::eip2718::Encodable2718;
use alloy_primitives::Bytes;
use libfuzzer_sys::fuzz_target;
use rollproof_core::fuzzing::Transaction;

fuzz_target!(|data: &[u8]| {
    let raw = Bytes::copy_from_slice(data);
    for op in [false, true] {
        let Ok(tx) = Transaction::decode(&raw, op) else {
            continue;
        };
        if let Some(signed) = tx.signed() {
            assert_eq!(signed.encoded_2718(), data);
        }
        let _ = (tx.gas_limit(), tx.to(), tx.blob_count(), tx.is_deposit(), tx.is_system());
        for (low_s, protected) in [(false, false), (false, true), (true, true)] {
            if let Ok(sender) = tx.sender(low_s, protected) {
                let _ = tx.environment(sender);
            }
        }
    }
});
