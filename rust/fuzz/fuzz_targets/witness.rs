//! A trie over values that are anything at all but hash to what refers to them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rollproof_core::fuzzing::{Trie, TrieAccount, decode_slot};
use rollproof_fuzz::{input::Input, seal::Sealed};

fuzz_target!(|data: &[u8]| {
    let mut input = Input(data);
    let sealed = Sealed::read(&mut input);
    let Some(root) = sealed.hashes.last() else {
        return;
    };
    let mut trie = Trie::new(*root);
    while !input.is_empty() {
        let (what, key) = (input.u8(), input.word());
        match what % 4 {
            0 => {
                if let Ok(Some(raw)) = trie.get(key.as_slice(), &sealed.store) {
                    let _ = (TrieAccount::decode(raw), decode_slot(raw));
                }
            }
            1 => {
                let before = trie.root(&mut |_, _| ());
                if trie.remove(key.as_slice(), &sealed.store).is_err() {
                    assert_eq!(before, trie.root(&mut |_, _| ()));
                }
            }
            2 => {
                let value = vec![what; 1 + what as usize % 48];
                if trie.insert(key.as_slice(), value.clone(), &sealed.store).is_ok() {
                    assert_eq!(trie.get(key.as_slice(), &sealed.store), Ok(Some(&value[..])));
                }
            }
            _ => {
                let _ = trie.prove(key.as_slice(), &sealed.store);
            }
        }
    }
    trie.root(&mut |_, _| ());
});
