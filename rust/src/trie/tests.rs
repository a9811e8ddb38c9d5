use super::*;
use crate::preimages::Store;
use alloy_primitives::hex;

/// A reproducible stream of keys and values.
fn pairs(seed: u64, count: u64) -> Vec<(B256, Vec<u8>)> {
    let pair = |index: u64| {
        let key = keccak256([seed.to_be_bytes(), index.to_be_bytes()].concat());
        let value = keccak256(key);
        (key, value[..1 + (index % 32) as usize].to_vec())
    };
    (0..count).map(pair).collect()
}

fn built(pairs: &[(B256, Vec<u8>)]) -> Trie {
    let mut trie = Trie::default();
    for (key, value) in pairs {
        trie.insert(key.as_slice(), value.clone(), &()).unwrap();
    }
    trie
}

fn stored(trie: &mut Trie) -> (B256, Store) {
    let mut store = Store::default();
    let root = trie.root(&mut |_, raw| {
        store.add(raw.into());
    });
    (root, store)
}

/// The vector "dogs" of ethereum/tests' TrieTests (hex_encoded_securetrie_test), whose root is published there.
#[test]
fn published_root() {
    let mut trie = Trie::default();
    for (key, value) in [("doe", "reindeer"), ("dog", "puppy"), ("dogglesworth", "cat")] {
        trie.insert(keccak256(key).as_slice(), value.into(), &()).unwrap();
    }
    let root = hex!("d4cd937e4a4368d7931a9cf51686b7e10abb3dce38a39000fd7902a092b64585");
    assert_eq!(trie.root(&mut |_, _| ()), B256::from(root));
}

#[test]
fn what_is_written_is_read_back_from_preimages() {
    for count in [0, 1, 2, 17, 300] {
        let pairs = pairs(count, count);
        let (root, store) = stored(&mut built(&pairs));
        let mut again = Trie::new(root);
        for (key, value) in &pairs {
            assert_eq!(again.get(key.as_slice(), &store).unwrap(), Some(&value[..]));
        }
        assert_eq!(again.get(keccak256(b"absent").as_slice(), &store).unwrap(), None);
    }
}

/// Any order of writes and removals gives the root of what is left.
#[test]
fn removal_leaves_the_trie_of_the_rest() {
    for count in [1u64, 2, 3, 16, 40, 200] {
        let all = pairs(count, count);
        let (root, store) = stored(&mut built(&all));
        for kept in [0, 1, count / 2, count - 1] {
            let (rest, gone) = all.split_at(kept as usize);
            let mut trie = Trie::new(root);
            for (key, _) in gone {
                trie.remove(key.as_slice(), &store).unwrap();
            }
            assert_eq!(trie.root(&mut |_, _| ()), built(rest).root(&mut |_, _| ()), "{kept} of {count}");
        }
    }
}

/// A missing sibling is named, and the trie stays as it was.
#[test]
fn a_missing_sibling_is_named() {
    let all: Vec<_> = pairs(7, 2).into_iter().map(|(key, _)| (key, keccak256(key).to_vec())).collect();
    let (root, store) = stored(&mut built(&all));
    let sibling = store.values().find(|raw| keccak256(raw) != root && !holds(raw, &all[0].1)).cloned();
    let Some(sibling) = sibling else { panic!("two keys make two leaves") };
    let mut short = Store::default();
    for raw in store.values().filter(|raw| **raw != sibling) {
        short.add(raw.clone());
    }
    let mut trie = Trie::new(root);
    let error = trie.remove(all[0].0.as_slice(), &short).unwrap_err();
    assert!(matches!(error, TrieError::Missing { hash, .. } if hash == keccak256(&sibling)));
    assert_eq!(trie.root(&mut |_, _| ()), root);
    trie.remove(all[0].0.as_slice(), &store).unwrap();
    assert_eq!(trie.root(&mut |_, _| ()), built(&all[1..]).root(&mut |_, _| ()));
}

fn holds(raw: &[u8], value: &[u8]) -> bool {
    raw.windows(value.len()).any(|window| window == value)
}

#[test]
fn proofs_lead_from_the_root() {
    let all = pairs(3, 100);
    let (root, store) = stored(&mut built(&all));
    for key in [all[5].0, keccak256(b"absent")] {
        let proof = Trie::new(root).prove(key.as_slice(), &store).unwrap();
        let mut only = Store::default();
        for raw in &proof {
            only.add(raw.clone().into());
        }
        assert_eq!(keccak256(&proof[0]), root);
        let expected = Trie::new(root).get(key.as_slice(), &store).unwrap().map(<[u8]>::to_vec);
        assert_eq!(Trie::new(root).get(key.as_slice(), &only).unwrap().map(<[u8]>::to_vec), expected);
    }
}
