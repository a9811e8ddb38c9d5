//! Decoding never fails otherwise than by its error; what decodes encodes back to the same bytes: there is one form.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rollproof_core::fuzzing::{Item, TrieAccount, decode_rlp, decode_slot, list, put_bytes};

fn encode(item: &Item<'_>, out: &mut Vec<u8>) {
    match item {
        Item::Bytes(raw) => put_bytes(out, raw),
        Item::List(items) => {
            let mut body = Vec::new();
            items.iter().for_each(|item| encode(item, &mut body));
            out.extend(list(&body));
        }
    }
}

fuzz_target!(|data: &[u8]| {
    if let Ok(item) = decode_rlp(data, 64, &mut 0) {
        let mut again = Vec::new();
        encode(&item, &mut again);
        assert_eq!(again, data);
    }
    if let Ok(account) = TrieAccount::decode(data) {
        assert_eq!(account.encode(), data);
    }
    let _ = decode_slot(data);
});
