//! The root of a trie straight from its definition (yellow paper appendix D), sharing no code with the trie under test.

use alloy_primitives::{B256, keccak256};
use std::collections::BTreeMap;

fn nibble(key: &[u8], at: usize) -> u8 {
    if at % 2 == 0 { key[at / 2] >> 4 } else { key[at / 2] & 15 }
}

fn length(short: u8, size: usize) -> Vec<u8> {
    match size {
        0..=55 => vec![short + size as u8],
        56..=255 => vec![short + 56, size as u8],
        _ => vec![short + 57, (size >> 8) as u8, size as u8],
    }
}

fn string(bytes: &[u8]) -> Vec<u8> {
    if bytes.len() == 1 && bytes[0] < 128 {
        return bytes.to_vec();
    }
    [length(0x80, bytes.len()), bytes.to_vec()].concat()
}

fn list(items: &[Vec<u8>]) -> Vec<u8> {
    let body = items.concat();
    [length(0xc0, body.len()), body].concat()
}

fn hex_prefix(path: &[u8], leaf: bool) -> Vec<u8> {
    let flag = 2 * leaf as u8 + (path.len() % 2) as u8;
    let mut digits = vec![flag];
    if path.len() % 2 == 0 {
        digits.push(0);
    }
    digits.extend(path);
    digits.chunks(2).map(|pair| pair[0] * 16 + pair[1]).collect()
}

/// The RLP of the node that holds all the pairs, whose keys agree up to nibble `depth`.
fn node(pairs: &[(&[u8], &[u8])], depth: usize) -> Vec<u8> {
    let end = pairs[0].0.len() * 2;
    let path = |from: usize, to: usize| (from..to).map(|at| nibble(pairs[0].0, at)).collect::<Vec<u8>>();
    if let [(_, value)] = pairs {
        return list(&[string(&hex_prefix(&path(depth, end), true)), string(value)]);
    }
    let mut parting = depth;
    while pairs.iter().all(|(key, _)| nibble(key, parting) == nibble(pairs[0].0, parting)) {
        parting += 1;
    }
    if parting > depth {
        return list(&[string(&hex_prefix(&path(depth, parting), false)), child(pairs, parting)]);
    }
    let mut items: Vec<Vec<u8>> = (0..16)
        .map(|digit| {
            let below: Vec<_> = pairs.iter().copied().filter(|(key, _)| nibble(key, depth) == digit).collect();
            if below.is_empty() { string(b"") } else { child(&below, depth + 1) }
        })
        .collect();
    items.push(string(b""));
    list(&items)
}

fn child(pairs: &[(&[u8], &[u8])], depth: usize) -> Vec<u8> {
    let raw = node(pairs, depth);
    if raw.len() < 32 { raw } else { string(keccak256(&raw).as_slice()) }
}

/// Keys must have one length and values may not be empty.
pub fn root(model: &BTreeMap<Vec<u8>, Vec<u8>>) -> B256 {
    if model.is_empty() {
        return keccak256([0x80]);
    }
    let pairs: Vec<_> = model.iter().map(|(key, value)| (&key[..], &value[..])).collect();
    keccak256(node(&pairs, 0))
}
