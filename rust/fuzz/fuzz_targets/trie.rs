//! The trie against a map: reads, writes and deletions on nodes of which some are missing.
#![no_main]

use alloy_primitives::B256;
use libfuzzer_sys::fuzz_target;
use rollproof_core::fuzzing::{Store, Trie, TrieError};
use rollproof_fuzz::{input::Input, reference};
use std::collections::BTreeMap;

type Model = BTreeMap<Vec<u8>, Vec<u8>>;

/// Keys of one length, spread over few enough nibbles that paths are shared.
fn key(input: &mut Input<'_>, size: usize) -> Vec<u8> {
    let (head, tail) = (input.u8(), input.u8());
    let mut key = vec![head & 0x11; size];
    key[size - 1] = tail;
    key[size / 2] ^= head & 0x30;
    key
}

fn value(input: &mut Input<'_>) -> Vec<u8> {
    let size = 1 + input.u8() as usize % 40;
    vec![input.u8() | 1; size]
}

fuzz_target!(|data: &[u8]| {
    let mut input = Input(data);
    let size = 1 + input.u8() as usize % 4;
    let mut model = Model::new();
    let mut whole = Trie::default();
    for _ in 0..input.u8() % 64 {
        let (key, value) = (key(&mut input, size), value(&mut input));
        whole.insert(&key, value.clone(), &()).expect("nothing is blind");
        model.insert(key, value);
    }
    let mut nodes: Vec<(B256, Vec<u8>)> = Vec::new();
    let root = whole.root(&mut |hash, raw| nodes.push((hash, raw)));
    assert_eq!(root, reference::root(&model));

    let mut store = Store::default();
    let dropped = input.u64();
    for (index, (_, raw)) in nodes.into_iter().enumerate() {
        if dropped >> (index % 64) & 1 == 0 {
            store.add(raw.into());
        }
    }
    let mut trie = Trie::new(root);
    // The reference builds the whole trie anew each time it is asked.
    let mut asked = 0;
    while !input.is_empty() && asked < 16 {
        let (what, key) = (input.u8(), key(&mut input, size));
        let missing = |error: TrieError| match error {
            TrieError::Missing { hash, .. } => assert!(store.get(&hash).is_none()),
            TrieError::Malformed { why, .. } => panic!("{why}"),
        };
        match what % 4 {
            0 => match trie.get(&key, &store) {
                Ok(found) => assert_eq!(found, model.get(&key).map(|value| &value[..])),
                Err(error) => missing(error),
            },
            1 => match trie.remove(&key, &store) {
                Ok(()) => drop(model.remove(&key)),
                Err(error) => missing(error),
            },
            2 => {
                let value = value(&mut input);
                match trie.insert(&key, value.clone(), &store) {
                    Ok(()) => drop(model.insert(key, value)),
                    Err(error) => missing(error),
                }
            }
            // A refused change must have changed nothing, so this holds after any of them.
            _ => {
                asked += 1;
                assert_eq!(trie.root(&mut |_, _| ()), reference::root(&model));
            }
        }
    }
    assert_eq!(trie.root(&mut |_, _| ()), reference::root(&model));
    for (key, value) in &model {
        if let Ok(found) = trie.get(key, &store) {
            assert_eq!(found, Some(&value[..]));
        }
        if let Ok(proof) = trie.prove(key, &store) {
            assert!(!proof.is_empty());
        }
    }
});
