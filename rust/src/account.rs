//! Accounts and storage values as the tries hold them.

use crate::rlp::{self, Item};
use alloy_primitives::{B256, U256};

/// An account as the account trie holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrieAccount {
    pub nonce: u64,
    pub balance: U256,
    pub storage_root: B256,
    pub code_hash: B256,
}

impl TrieAccount {
    pub fn decode(raw: &[u8]) -> Result<Self, &'static str> {
        let Item::List(fields) = rlp::decode(raw, 2, &mut 0)? else {
            return Err("an account that is not a list");
        };
        let [Item::Bytes(nonce), Item::Bytes(balance), Item::Bytes(storage), Item::Bytes(code)] = fields[..] else {
            return Err("an account without its four fields");
        };
        let canonical = |digits: &[u8], size| digits.len() <= size && digits.first() != Some(&0);
        if !canonical(nonce, 8) || !canonical(balance, 32) || storage.len() != 32 || code.len() != 32 {
            return Err("an account with a field out of range");
        }
        Ok(Self {
            nonce: nonce.iter().fold(0, |sum, &digit| sum << 8 | digit as u64),
            balance: U256::from_be_slice(balance),
            storage_root: B256::from_slice(storage),
            code_hash: B256::from_slice(code),
        })
    }

    pub fn encode(&self) -> Vec<u8> {
        let mut body = Vec::with_capacity(110);
        rlp::put_uint(&mut body, self.nonce);
        rlp::put_be(&mut body, &self.balance.to_be_bytes::<32>());
        rlp::put_bytes(&mut body, self.storage_root.as_slice());
        rlp::put_bytes(&mut body, self.code_hash.as_slice());
        rlp::list(&body)
    }
}

/// Reads a storage slot's value as the storage trie holds it.
pub fn decode_slot(raw: &[u8]) -> Result<U256, &'static str> {
    match rlp::decode(raw, 1, &mut 0)? {
        Item::Bytes(digits) if digits.len() <= 32 && digits.first() != Some(&0) => Ok(U256::from_be_slice(digits)),
        _ => Err("a storage value out of range"),
    }
}
