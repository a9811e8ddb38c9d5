//! Headers as BLOCKHASH walks them: parent hashes out of bytes that only have to hash right.
#![no_main]

use libfuzzer_sys::fuzz_target;
use revm::Database;
use rollproof_core::fuzzing::{EMPTY_ROOT, Ledger, Witnessed};
use rollproof_fuzz::{input::Input, seal::Sealed};

fuzz_target!(|data: &[u8]| {
    let mut input = Input(data);
    let number = input.u64();
    let sealed = Sealed::read(&mut input);
    let unauthenticated = Default::default();
    let parent = sealed.hashes.last().copied().unwrap_or_default();
    let store = Witnessed::new(&sealed.store);
    let mut ledger = Ledger::new(&store, EMPTY_ROOT, true, number, parent, &unauthenticated);
    while !input.is_empty() {
        let asked = number.wrapping_sub(input.u16().into());
        let Ok(hash) = ledger.block_hash(asked);
        // The parent's hash is known without any header; a block asked for twice has the same hash.
        if asked == number.wrapping_sub(1) && number > 0 {
            assert_eq!(hash, parent);
        }
        assert_eq!(ledger.block_hash(asked), Ok(hash));
        let _ = ledger.block_hash(input.u64());
    }
});
