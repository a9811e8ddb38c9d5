//! What changes who may do what: slots, events and the values written, told without following any value.

use super::view::{Rows, View};
use crate::trace::{access, kind};
use alloy_primitives::{Address, B256, U256, b256, keccak256, map::HashSet};
use std::sync::LazyLock;

/// A slot number that a compiler gives to a plain variable.
const PLAIN: u64 = 1 << 32;
/// Longest call data that is searched for an address.
const SEARCHED: usize = 4 << 10;

/// EIP-1967's implementation, beacon and admin, EIP-1822's, ZeppelinOS's before them, and ERC-7201's owner.
const SLOTS: [B256; 8] = [
    b256!("360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc"),
    b256!("a3f0ad74e5423aebfd80d3ef4346578335a9a72aeaee59ff6cb3582b35133d50"),
    b256!("b53127684a568b3173ae13b9f8a6016e243e63b6e8ee1178d6a717850b5d6103"),
    b256!("c5f16f0fcc639fa48a6947836d9850f504798523bf8c9a3a87d5876cf622bcf7"),
    b256!("7050c9e0f4ca769c69bd3a8ef740bc37934f8e2c036e5a723fd8ee048ed3f8c3"),
    b256!("10d6a54a4754c8869d6886b5f5d7fbfa5b4522237ea5c60d11bc4e7a1ff9390b"),
    b256!("9016d09d72d40fdae2fd8ceac6b6234c7706214fd39c1cd1e609a0528c199300"),
    b256!("f0c57e16840df040f15088dc2f81fe391c3923bec73e23a9662efc9c199c6a00"),
];

static EVENTS: LazyLock<HashSet<B256>> = LazyLock::new(|| {
    [
        "OwnershipTransferred(address,address)",
        "OwnerChanged(address,address)",
        "OwnerUpdated(address,address)",
        "LogSetOwner(address)",
        "RoleGranted(bytes32,address,address)",
        "RoleRevoked(bytes32,address,address)",
        "RoleAdminChanged(bytes32,bytes32,bytes32)",
        "AuthorityUpdated(address,address)",
        "Upgraded(address)",
        "BeaconUpgraded(address)",
        "AdminChanged(address,address)",
        "Initialized(uint8)",
        "Initialized(uint64)",
        "ChangedMasterCopy(address)",
        "ChangedGuard(address)",
        "ChangedThreshold(uint256)",
        "AddedOwner(address)",
        "RemovedOwner(address)",
        "EnabledModule(address)",
        "NewAdmin(address)",
        "NewPendingAdmin(address,address)",
        "NewImplementation(address,address)",
        "DiamondCut((address,uint8,bytes4[])[],address,bytes)",
        "ProposalCreated(uint256,address,address[],uint256[],string[],bytes[],uint256,uint256,string)",
    ]
    .into_iter()
    .map(keccak256)
    .collect()
});

/// Whether an event says that a privilege changed.
pub fn event(topic: &B256) -> bool {
    EVENTS.contains(topic)
}

/// Whether a live write of the transaction, or a call of an account by itself, may have changed a privilege.
pub fn changed(view: View<'_>, rows: &Rows, created: &[Address], live: impl Fn(u32) -> bool) -> bool {
    let mut accounts: Option<(HashSet<Address>, HashSet<Address>)> = None;
    for row in rows.accesses.clone() {
        let frame = view.access_frame(row);
        if view.access_kind(row) != access::SSTORE || !live(frame) {
            continue;
        }
        let (slot, before, after) = (view.access_slot(row), view.access_before(row), view.access_value(row));
        if before == after {
            continue;
        }
        let plain = U256::from_be_bytes(slot.0) < U256::from(PLAIN);
        // An account's name is no small number, and alone in a slot that has a long name itself.
        let name = (128..=160).contains(&after.bit_len());
        if !plain && !name && !SLOTS.contains(&slot) || created.contains(&view.target(frame)) {
            continue;
        }
        if SLOTS.contains(&slot) {
            return true;
        }
        let low = |value: U256, shift: usize| Address::from_word((value >> shift).into());
        let (named, run) = accounts.get_or_insert_with(|| involved(view, rows));
        if run.contains(&low(after, 0)) && low(before, 0) != low(after, 0) {
            return true;
        }
        if !plain {
            continue;
        }
        for shift in [0, 8, 16, 96] {
            let (old, new) = (low(before, shift), low(after, shift));
            if old != new && new[..4] != [0; 4] && (named.contains(&new) || given(view.input(frame), &new)) {
                return true;
            }
        }
    }
    rows.frames.clone().any(|row| {
        let itself = view.kind(row) == kind::CALL && view.caller(row) == view.target(row) && live(row);
        itself && view.parent(row).is_some() && !view.input(row).is_empty()
    })
}

/// Every account of the transaction's calls, and those whose code ran on another's storage.
fn involved(view: View<'_>, rows: &Rows) -> (HashSet<Address>, HashSet<Address>) {
    let (mut named, mut run) = (HashSet::default(), HashSet::default());
    for row in rows.frames.clone() {
        named.extend([view.caller(row), view.target(row), view.code(row)]);
        if view.kind(row) == kind::DELEGATECALL {
            run.insert(view.code(row));
        }
    }
    (named, run)
}

/// Whether an address is one of the words of call data.
pub fn given(input: &[u8], address: &Address) -> bool {
    let words = input.get(4..).unwrap_or_default();
    words.len() <= SEARCHED && words.chunks_exact(32).any(|word| word[..12] == [0; 12] && word[12..] == address[..])
}
