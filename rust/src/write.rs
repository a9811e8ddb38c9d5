//! A state changed outside any transaction: for chains the project makes itself, and breaks on purpose.

use crate::{
    ledger::Ledger,
    needs::Needs,
    preimages::{Store, Witnessed},
};
use alloy_primitives::{Address, B256, Bytes, U256, keccak256, map::HashMap};
use revm::bytecode::Bytecode;

/// What is written of an account; None keeps what is there.
pub struct Written {
    pub address: Address,
    pub nonce: Option<u64>,
    pub balance: Option<U256>,
    pub code: Option<Bytes>,
    pub slots: Vec<(U256, U256)>,
}

pub enum Refused {
    Needs(Box<Needs>),
    Malformed(String),
}

/// The new root, and the nodes and codes that are new under it. An account that is left empty goes (EIP-161).
pub fn write(store: &Store, root: B256, accounts: &[Written]) -> Result<(B256, Vec<Vec<u8>>), Refused> {
    let store = &Witnessed::new(store);
    let unauthenticated = HashMap::default();
    let mut ledger = Ledger::new(store, root, true, 0, B256::ZERO, &unauthenticated);
    let mut fresh = Vec::new();
    for written in accounts {
        ledger.adjust(written.address, |info| {
            info.nonce = written.nonce.unwrap_or(info.nonce);
            info.balance = written.balance.unwrap_or(info.balance);
            if let Some(code) = &written.code {
                info.code_hash = keccak256(code);
                info.code = (!code.is_empty()).then(|| {
                    Bytecode::new_raw_checked(code.clone()).unwrap_or_else(|_| Bytecode::new_legacy(code.clone()))
                });
            }
        });
        ledger.entry(written.address).write(&written.slots);
        fresh.extend(written.code.iter().filter(|code| !code.is_empty()).map(|code| code.to_vec()));
    }
    let root = ledger.root(&mut |_, raw| fresh.push(raw));
    if let Some(why) = ledger.malformed.take() {
        return Err(Refused::Malformed(why));
    }
    match root {
        Some(root) if ledger.needs.is_empty() => Ok((root, fresh)),
        _ => Err(Refused::Needs(Box::new(std::mem::take(&mut ledger.needs)))),
    }
}
