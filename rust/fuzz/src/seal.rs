//! A witness whose hashes are right whatever the mutation did.
//!
//! Nodes refer to each other by keccak-256, so a mutated node would only be a missing one. Here a reference is written
//! as a marker and the number of an earlier value; sealing replaces it by that value's hash.

use crate::input::Input;
use alloy_primitives::{B256, Bytes, keccak256};
use rollproof_core::fuzzing::Store;

pub const MARKER: [u8; 28] = [0xee; 28];

#[derive(Default)]
pub struct Sealed {
    pub hashes: Vec<B256>,
    pub store: Store,
}

impl Sealed {
    /// Values, each with its length, as many as the next two bytes say.
    pub fn read(input: &mut Input<'_>) -> Self {
        let mut sealed = Self::default();
        for _ in 0..input.u16() {
            if input.is_empty() {
                break;
            }
            let mut value = input.bytes().to_vec();
            sealed.resolve(&mut value);
            sealed.hashes.push(keccak256(&value));
            sealed.store.add(Bytes::from(value));
        }
        sealed
    }

    /// Replaces markers in place; one that names no earlier value stays as it is.
    pub fn resolve(&self, value: &mut [u8]) {
        let mut at = 0;
        while at + 32 <= value.len() {
            if value[at..at + 28] == MARKER {
                let index = u32::from_le_bytes(value[at + 28..at + 32].try_into().expect("four bytes"));
                if let Some(hash) = self.hashes.get(index as usize) {
                    value[at..at + 32].copy_from_slice(hash.as_slice());
                }
                at += 32;
            } else {
                at += 1;
            }
        }
    }

    pub fn word(&self, mut word: B256) -> B256 {
        self.resolve(word.as_mut_slice());
        word
    }
}
