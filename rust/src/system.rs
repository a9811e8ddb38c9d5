//! What a block does outside its transactions: system calls before and after them, requests, irregular changes.

use crate::ledger::Ledger;
use alloy_primitives::{Address, B256, Bytes, Log, U256, address, b256, keccak256};
use revm::state::AccountInfo;
use sha2::{Digest, Sha256};

/// EIP-4788.
pub const BEACON_ROOTS: Address = address!("000F3df6D732807Ef1319fB7B8bB8522d0Beac02");
/// EIP-2935.
pub const HISTORY_STORAGE: Address = address!("0000F90827F1C53a10cb7A02335B175320002935");
/// EIP-7002.
pub const WITHDRAWAL_REQUESTS: Address = address!("00000961Ef480Eb55e80D19ad83579A64c007002");
/// EIP-7251.
pub const CONSOLIDATION_REQUESTS: Address = address!("0000BBdDc7CE488642fb579F8B00f3a590007251");
/// OP Stack predeploy whose storage root is the withdrawals root from Isthmus on.
pub const MESSAGE_PASSER: Address = address!("4200000000000000000000000000000000000016");

/// Deployed on every OP Stack chain at its first Canyon block (OP Stack specs, Canyon, "create2 deployer").
const CREATE2_DEPLOYER: Address = address!("13b0D85CcB8bf860b6b79AF3029fCA081AE9beF2");
const CREATE2_DEPLOYER_HEX: &str = include_str!("data/create2_deployer.hex");

/// Where the ether of [`DAO_ACCOUNTS`] went (EIP-779).
const DAO_REFUND: Address = address!("bf4ed7b27f1d666546e30d74d50d173d20bca754");
const DAO_ACCOUNTS: &str = include_str!("data/dao_accounts.txt");

/// topic0 of the deposit contract's DepositEvent (EIP-6110).
const DEPOSIT_EVENT: B256 = b256!("649bbc62d0e31342afea4e5cd82d4049e7e1ee912fc0889aa790803be39038c5");

/// Moves the DAO's ether to its refund contract.
pub fn dao_fork(ledger: &mut Ledger<'_>) {
    for line in DAO_ACCOUNTS.lines() {
        let account: Address = line.parse().expect("the list holds addresses");
        let mut moved = U256::ZERO;
        ledger.adjust(account, |info| moved = std::mem::take(&mut info.balance));
        ledger.adjust(DAO_REFUND, |info| info.balance += moved);
    }
}

/// Puts the create2 deployer's code in place, whatever was there.
pub fn deploy_create2_deployer(ledger: &mut Ledger<'_>) {
    let code = Bytes::from(alloy_primitives::hex::decode(CREATE2_DEPLOYER_HEX.trim()).expect("the file holds hex"));
    ledger.adjust(CREATE2_DEPLOYER, |info| {
        *info = AccountInfo {
            code_hash: keccak256(&code),
            code: Some(revm::bytecode::Bytecode::new_legacy(code)),
            ..info.clone()
        };
    });
}

/// The deposits in a block's logs as one request body (EIP-6110). An event of another shape invalidates the block.
pub fn deposit_requests<'a>(contract: Address, logs: impl Iterator<Item = &'a Log>) -> Result<Vec<u8>, String> {
    let mut body = Vec::new();
    for log in logs.filter(|log| log.address == contract && log.topics().first() == Some(&DEPOSIT_EVENT)) {
        body.extend(deposit_request(&log.data.data).ok_or("a deposit event that is not laid out as EIP-6110 says")?);
    }
    Ok(body)
}

/// Public key, withdrawal credentials, amount, signature and index out of the event's ABI encoding.
fn deposit_request(data: &[u8]) -> Option<Vec<u8>> {
    const SIZES: [usize; 5] = [48, 32, 8, 96, 8];
    if data.len() != 576 {
        return None;
    }
    let word = |at: usize| usize::try_from(U256::from_be_slice(&data[at..at + 32])).ok();
    let mut request = Vec::with_capacity(192);
    let mut offset = 160;
    for (field, size) in SIZES.into_iter().enumerate() {
        if word(field * 32)? != offset || word(offset)? != size {
            return None;
        }
        request.extend(&data[offset + 32..offset + 32 + size]);
        offset += 32 + size.next_multiple_of(32);
    }
    Some(request)
}

/// EIP-7685: hash over the hashes of all non-empty requests, each with its type byte.
pub fn requests_hash(requests: &[(u8, Vec<u8>)]) -> B256 {
    let mut all = Sha256::new();
    for (kind, body) in requests.iter().filter(|(_, body)| !body.is_empty()) {
        let mut one = Sha256::new();
        one.update([*kind]);
        one.update(body);
        all.update(one.finalize());
    }
    B256::from_slice(&all.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The code hash that the OP Stack specification gives for Canyon's deployer.
    #[test]
    fn create2_deployer_is_the_specified_one() {
        let code = alloy_primitives::hex::decode(CREATE2_DEPLOYER_HEX.trim()).unwrap();
        assert_eq!(keccak256(code), b256!("b0550b5b431e30d38000efb7107aaa0ade03d48a7198a140edda9d27134468b2"));
    }

    #[test]
    fn dao_list_is_complete() {
        let accounts: Result<Vec<Address>, _> = DAO_ACCOUNTS.lines().map(str::parse).collect();
        assert_eq!(accounts.unwrap().len(), 116);
    }
}
