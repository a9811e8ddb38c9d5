//! The state a block runs on: the parent's tries below, the block's own changes above.
//!
//! What is missing does not stop execution: it is noted in [`Needs`], a default is read instead, and the run goes on
//! to find out what else it would ask for. The result of such a run is discarded; only its needs are returned.

use crate::{
    account::{TrieAccount, decode_slot},
    needs::Needs,
    outcome::Change,
    preimages::{Lookup, Witnessed},
    rlp,
    shadow::Shadow,
    trace::Recorder,
    trie::{EMPTY_ROOT, Trie, TrieError},
};
use alloy_primitives::{
    Address, B256, Bytes, KECCAK256_EMPTY, U256, keccak256,
    map::{AddressMap, B256Map, HashMap},
};
use revm::{
    Database,
    bytecode::Bytecode,
    state::{AccountInfo, EvmState},
};
use std::convert::Infallible;

#[derive(Debug, Default)]
pub struct Entry {
    pub before: Option<TrieAccount>,
    pub info: Option<AccountInfo>,
    /// Values now, of every slot read or written; `before` values of those read from the parent's trie.
    pub storage: HashMap<U256, U256>,
    pub storage_before: HashMap<U256, U256>,
    /// The storage of the parent's state no longer counts.
    pub wiped: bool,
    trie: Trie,
    dirty: bool,
    dirty_slots: Vec<U256>,
}

pub struct Ledger<'a> {
    store: &'a Witnessed<'a>,
    accounts: Trie,
    pub entries: AddressMap<Entry>,
    code: B256Map<Bytecode>,
    clears_empty: bool,
    number: u64,
    ancestors: Vec<B256>,
    unauthenticated: &'a HashMap<u64, B256>,
    pub used_block_hashes: Vec<u64>,
    pub needs: Needs,
    /// A preimage that is not what its place in the trie requires.
    pub malformed: Option<String>,
    pub recorder: Option<Recorder>,
    /// Where the second pass runs.
    pub shadow: Option<Box<Shadow>>,
}

impl std::fmt::Debug for Ledger<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Ledger({} accounts)", self.entries.len())
    }
}

impl<'a> Ledger<'a> {
    /// `clears_empty`: EIP-161 is in force.
    pub fn new(
        store: &'a Witnessed<'a>,
        root: B256,
        clears_empty: bool,
        number: u64,
        parent_hash: B256,
        unauthenticated: &'a HashMap<u64, B256>,
    ) -> Self {
        Self {
            store,
            accounts: Trie::new(root),
            entries: AddressMap::default(),
            code: B256Map::default(),
            clears_empty,
            number,
            ancestors: vec![parent_hash],
            unauthenticated,
            used_block_hashes: Vec::new(),
            needs: Needs::default(),
            malformed: None,
            recorder: None,
            shadow: None,
        }
    }

    /// Back to the parent's state, with all that was read kept at hand: what a benchmark runs on, so that it times
    /// execution and not the first walk through the tries.
    pub fn rewound(mut self) -> Self {
        for entry in self.entries.values_mut() {
            let trie = Trie::new(entry.before.map_or(EMPTY_ROOT, |account| account.storage_root));
            let storage = entry.storage_before.clone();
            let info = entry.before.map(|account| AccountInfo {
                nonce: account.nonce,
                balance: account.balance,
                code_hash: account.code_hash,
                ..absent()
            });
            let (before, storage_before) = (entry.before, storage.clone());
            *entry = Entry { before, info, trie, storage, storage_before, ..Entry::default() };
        }
        self.recorder = None;
        self
    }

    /// Notes what could not be read.
    fn lacks(&mut self, error: TrieError, address: Address, slot: Option<U256>) {
        match error {
            TrieError::Missing { hash, .. } => {
                let place = match slot {
                    Some(slot) => format!("slot {:#x} of {address}", B256::from(slot)),
                    None => format!("account {address}"),
                };
                if self.needs.note(|| format!("trie node {hash} on the way to {}", place.to_lowercase())) {
                    match slot {
                        Some(slot) => self.needs.slots.push((address, slot.into())),
                        None => self.needs.accounts.push(address),
                    }
                }
            }
            TrieError::Malformed { why, .. } => self.malform(why, address),
        }
    }

    fn malform(&mut self, why: &str, address: Address) {
        self.malformed.get_or_insert_with(|| format!("{why}, on the way to {address:#x}"));
    }

    pub fn entry(&mut self, address: Address) -> &mut Entry {
        if !self.entries.contains_key(&address) {
            let before = match self.accounts.get(keccak256(address).as_slice(), self.store) {
                Ok(raw) => match raw.map(TrieAccount::decode).transpose() {
                    Ok(account) => account,
                    Err(why) => {
                        self.malform(why, address);
                        None
                    }
                },
                Err(error) => {
                    self.lacks(error, address, None);
                    None
                }
            };
            let info = before.map(|account| AccountInfo {
                nonce: account.nonce,
                balance: account.balance,
                code_hash: account.code_hash,
                ..absent()
            });
            let trie = Trie::new(before.map_or(EMPTY_ROOT, |account| account.storage_root));
            self.entries.insert(address, Entry { before, info, trie, ..Entry::default() });
        }
        self.entries.get_mut(&address).expect("inserted above")
    }

    /// Whether an account still holds storage of the parent's state (EIP-7610).
    pub fn has_storage(&mut self, address: Address) -> bool {
        let entry = self.entry(address);
        !entry.wiped && entry.before.is_some_and(|account| account.storage_root != EMPTY_ROOT)
    }

    /// Takes over what one transaction or system call did.
    pub fn commit(&mut self, state: EvmState) {
        for (address, account) in state {
            if !account.is_touched() {
                continue;
            }
            let clears_empty = self.clears_empty;
            let entry = self.entry(address);
            entry.dirty = true;
            if account.is_selfdestructed() || (clears_empty && account.info.is_empty()) {
                entry.info = None;
                entry.wipe();
                continue;
            }
            if account.is_created() {
                entry.wipe();
            }
            for (slot, value) in &account.storage {
                if value.is_changed() {
                    entry.storage.insert(*slot, value.present_value);
                    entry.dirty_slots.push(*slot);
                }
            }
            let mut info = account.info;
            let code = info.code.take();
            let hash = info.code_hash;
            entry.info = Some(info);
            if let Some(code) = code
                && hash != KECCAK256_EMPTY
            {
                self.code.entry(hash).or_insert(code);
            }
        }
    }

    /// Changes an account outside any transaction: withdrawals, rewards, irregular state changes.
    pub fn adjust(&mut self, address: Address, change: impl FnOnce(&mut AccountInfo)) {
        let clears_empty = self.clears_empty;
        let entry = self.entry(address);
        let mut info = entry.info.clone().unwrap_or_else(absent);
        change(&mut info);
        let code = info.code.take();
        let hash = info.code_hash;
        entry.dirty = true;
        if clears_empty && info.is_empty() {
            entry.info = None;
            entry.wipe();
        } else {
            entry.info = Some(info);
        }
        if let Some(code) = code {
            self.code.insert(hash, code);
        }
    }

    /// The state root now. `sink` receives every node that was encoded anew. None where a node was missing.
    pub fn root(&mut self, sink: &mut impl FnMut(B256, Vec<u8>)) -> Option<B256> {
        let mut gone = Vec::new();
        let mut lacking = Vec::new();
        let mut dirty: Vec<_> = self.entries.iter_mut().filter(|(_, entry)| entry.dirty).collect();
        dirty.sort_unstable_by_key(|(address, _)| **address);
        for (&address, entry) in dirty {
            let key = keccak256(address);
            let storage_root = match entry.flush(self.store, sink) {
                Ok(root) => root,
                Err(errors) => {
                    lacking.extend(errors.into_iter().map(|error| (Some(address), error)));
                    continue;
                }
            };
            match &entry.info {
                None => gone.push(key),
                Some(info) => {
                    let account = TrieAccount {
                        nonce: info.nonce,
                        balance: info.balance,
                        storage_root,
                        code_hash: info.code_hash,
                    };
                    if let Err(error) = self.accounts.insert(key.as_slice(), account.encode(), self.store) {
                        lacking.push((None, error));
                    }
                }
            }
            entry.dirty = false;
        }
        // Deleting last asks for the fewest siblings: only for those of branches that end up with one child.
        for key in gone {
            if let Err(error) = self.accounts.remove(key.as_slice(), self.store) {
                lacking.push((None, error));
            }
        }
        if lacking.is_empty() {
            return Some(self.accounts.root(sink));
        }
        for (address, error) in lacking {
            match error {
                TrieError::Missing { path, hash } => {
                    let of =
                        address.map_or("the account trie".into(), |address| format!("the storage of {address:#x}"));
                    let digits: String = path.iter().map(|nibble| format!("{nibble:x}")).collect();
                    if self.needs.note(|| format!("trie node {hash} at path {digits} of {of}, for the new root")) {
                        self.needs.nodes.push((address, path, hash));
                    }
                }
                TrieError::Malformed { why, .. } => self.malform(why, address.unwrap_or_default()),
            }
        }
        None
    }

    /// An account with the storage root that the last call of [`Self::root`] gave it.
    pub fn after(&mut self, address: Address) -> Option<TrieAccount> {
        let entry = self.entries.get_mut(&address)?;
        let info = entry.info.as_ref()?;
        Some(TrieAccount {
            nonce: info.nonce,
            balance: info.balance,
            storage_root: entry.trie.root(&mut |_, _| ()),
            code_hash: info.code_hash,
        })
    }

    /// Accounts and slots that differ from the parent's state, in order.
    pub fn changes(&mut self) -> Vec<Change> {
        let mut addresses: Vec<Address> = self.entries.keys().copied().collect();
        addresses.sort_unstable();
        let mut changes = Vec::new();
        for address in addresses {
            let after = self.after(address);
            let entry = &self.entries[&address];
            let slots = entry.changed_slots();
            if after != entry.before || !slots.is_empty() {
                changes.push(Change { address, before: entry.before, after, slots });
            }
        }
        changes
    }

    /// Accounts and slots that were read from the parent's state, in order.
    pub fn touched(&self) -> Vec<(Address, Vec<B256>)> {
        let slots = |entry: &Entry| {
            let mut slots: Vec<B256> = entry.storage_before.keys().map(|slot| B256::from(*slot)).collect();
            slots.sort_unstable();
            slots
        };
        let mut touched: Vec<_> = self.entries.iter().map(|(address, entry)| (*address, slots(entry))).collect();
        touched.sort_unstable();
        touched
    }

    /// Code that was put into the state by this block or read from the store.
    pub fn known_code(&self, hash: &B256) -> Option<Bytes> {
        self.code.get(hash).map(|code| code.original_bytes())
    }
}

/// An account that does not exist yet, its code left to be looked up.
fn absent() -> AccountInfo {
    AccountInfo { code: None, ..AccountInfo::default() }
}

impl Entry {
    /// Slots whose value is not the parent's, with both values; what an end of the account took counts as zero.
    fn changed_slots(&self) -> Vec<(B256, U256, U256)> {
        let before = |slot| self.storage_before.get(slot).copied().unwrap_or_default();
        let now = self.storage.iter().map(|(slot, value)| (slot, before(slot), *value));
        let gone = self.storage_before.iter().filter(|(slot, _)| !self.storage.contains_key(*slot));
        let all = now.chain(gone.map(|(slot, before)| (slot, *before, U256::ZERO)));
        let changed = all.filter(|(_, before, after)| before != after);
        let mut slots: Vec<_> = changed.map(|(slot, before, after)| (B256::from(*slot), before, after)).collect();
        slots.sort_unstable();
        slots
    }

    /// Sets slots outside any transaction; an account that is not there has none.
    pub fn write(&mut self, slots: &[(U256, U256)]) {
        if self.info.is_none() {
            return;
        }
        for &(slot, value) in slots {
            self.storage.insert(slot, value);
            self.dirty_slots.push(slot);
        }
    }

    fn wipe(&mut self) {
        self.wiped = true;
        self.trie = Trie::default();
        self.storage.clear();
        self.dirty_slots.clear();
    }

    fn flush(&mut self, store: &Witnessed<'_>, sink: &mut impl FnMut(B256, Vec<u8>)) -> Result<B256, Vec<TrieError>> {
        let mut errors = Vec::new();
        let slots = std::mem::take(&mut self.dirty_slots);
        let (zeroed, written): (Vec<U256>, Vec<U256>) = slots.iter().partition(|slot| self.storage[*slot].is_zero());
        for slot in written {
            let mut raw = Vec::with_capacity(33);
            rlp::put_be(&mut raw, &self.storage[&slot].to_be_bytes::<32>());
            let key = keccak256(slot.to_be_bytes::<32>());
            errors.extend(self.trie.insert(key.as_slice(), raw, store).err());
        }
        for slot in zeroed {
            let key = keccak256(slot.to_be_bytes::<32>());
            errors.extend(self.trie.remove(key.as_slice(), store).err());
        }
        if errors.is_empty() { Ok(self.trie.root(sink)) } else { Err(errors) }
    }
}

impl Database for Ledger<'_> {
    type Error = Infallible;

    fn basic(&mut self, address: Address) -> Result<Option<AccountInfo>, Infallible> {
        Ok(self.entry(address).info.clone())
    }

    fn code_by_hash(&mut self, hash: B256) -> Result<Bytecode, Infallible> {
        if hash == KECCAK256_EMPTY {
            return Ok(Bytecode::default());
        }
        if let Some(code) = self.code.get(&hash) {
            return Ok(code.clone());
        }
        let Some(raw) = self.store.get(&hash) else {
            if self.needs.note(|| format!("code {hash}")) {
                let holder = self.entries.iter().find(|(_, e)| e.info.as_ref().is_some_and(|i| i.code_hash == hash));
                let holder = holder.map_or(Address::ZERO, |(address, _)| *address);
                self.needs.codes.push((holder, hash));
            }
            return Ok(Bytecode::default());
        };
        let code = Bytecode::new_raw_checked(raw.clone()).unwrap_or_else(|_| Bytecode::new_legacy(raw.clone()));
        self.code.insert(hash, code.clone());
        Ok(code)
    }

    fn storage(&mut self, address: Address, slot: U256) -> Result<U256, Infallible> {
        let store = self.store;
        let entry = self.entry(address);
        if let Some(value) = entry.storage.get(&slot) {
            return Ok(*value);
        }
        if entry.wiped {
            return Ok(U256::ZERO);
        }
        let read = entry.trie.get(keccak256(slot.to_be_bytes::<32>()).as_slice(), store);
        let value = match read.map(|raw| raw.map(decode_slot).transpose()) {
            Ok(Ok(value)) => value.unwrap_or_default(),
            Ok(Err(why)) => {
                self.malform(why, address);
                return Ok(U256::ZERO);
            }
            Err(error) => {
                // Remembered as zero, so that one round names a slot once.
                entry.storage.insert(slot, U256::ZERO);
                self.lacks(error, address, Some(slot));
                return Ok(U256::ZERO);
            }
        };
        entry.storage.insert(slot, value);
        entry.storage_before.insert(slot, value);
        Ok(value)
    }

    /// Walks parent hashes up from this block; where the headers end, falls back on what nobody vouches for.
    fn block_hash(&mut self, number: u64) -> Result<B256, Infallible> {
        // BLOCKHASH asks only for the last 256 (the interpreter checks); anything else reads as zero.
        let after = number.checked_add(1).and_then(|next| self.number.checked_sub(next));
        let Some(back) = after.filter(|&back| back < 256) else {
            return Ok(B256::ZERO);
        };
        while self.ancestors.len() <= back as usize {
            let child = *self.ancestors.last().expect("starts with the parent hash");
            let Some(parent) = self.store.lookup(&child).and_then(parent_hash) else {
                if let Some(hash) = self.unauthenticated.get(&number) {
                    if !self.used_block_hashes.contains(&number) {
                        self.used_block_hashes.push(number);
                    }
                    return Ok(*hash);
                }
                let missing = self.number - self.ancestors.len() as u64;
                if self.needs.note(|| format!("header {child} of block {missing}, for BLOCKHASH")) {
                    self.needs.headers.push((missing, child));
                }
                return Ok(B256::ZERO);
            };
            self.ancestors.push(parent);
        }
        Ok(self.ancestors[back as usize])
    }
}

/// The first field of a header.
fn parent_hash(header: &[u8]) -> Option<B256> {
    let (true, body, []) = rlp::split(header).ok()? else {
        return None;
    };
    let (false, hash, _) = rlp::split(body).ok()? else {
        return None;
    };
    (hash.len() == 32).then(|| B256::from_slice(hash))
}
