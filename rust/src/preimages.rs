//! What a witness is made of: byte strings by their keccak-256. The hash is always computed here, so nothing in a
//! store needs trust.

use alloy_primitives::{B256, Bytes, keccak256, map::B256Map};
use std::cell::RefCell;

pub trait Lookup {
    fn lookup(&self, hash: &B256) -> Option<&[u8]>;
}

/// No preimages at all: for tries built from nothing.
impl Lookup for () {
    fn lookup(&self, _: &B256) -> Option<&[u8]> {
        None
    }
}

#[derive(Clone, Debug, Default)]
pub struct Store {
    values: B256Map<Bytes>,
}

impl Lookup for Store {
    fn lookup(&self, hash: &B256) -> Option<&[u8]> {
        self.values.get(hash).map(|value| &value[..])
    }
}

impl Store {
    /// Adds a value and says whether it was new.
    pub fn add(&mut self, value: Bytes) -> bool {
        self.values.insert(keccak256(&value), value).is_none()
    }

    /// Adds values that share one buffer, given by their lengths (u32, little-endian).
    pub fn add_packed(&mut self, data: Bytes, lengths: &[u8]) -> Result<usize, String> {
        if !lengths.len().is_multiple_of(4) {
            return Err("packed lengths are not a whole number of u32".into());
        }
        self.values.reserve(lengths.len() / 4);
        let (mut at, mut added) = (0usize, 0);
        for length in lengths.chunks_exact(4) {
            let length = u32::from_le_bytes(length.try_into().expect("chunks of four")) as usize;
            let end =
                at.checked_add(length).filter(|&end| end <= data.len()).ok_or("packed lengths exceed the data")?;
            added += self.add(data.slice(at..end)) as usize;
            at = end;
        }
        if at == data.len() { Ok(added) } else { Err("packed data is longer than its lengths".into()) }
    }

    pub fn get(&self, hash: &B256) -> Option<&Bytes> {
        self.values.get(hash)
    }

    pub fn values(&self) -> impl Iterator<Item = &Bytes> {
        self.values.values()
    }

    pub fn len(&self) -> usize {
        self.values.len()
    }
}

/// A store that remembers what was read of it: the witness of whatever reads.
#[derive(Debug)]
pub struct Witnessed<'a> {
    store: &'a Store,
    read: RefCell<B256Map<Bytes>>,
}

impl<'a> Witnessed<'a> {
    pub fn new(store: &'a Store) -> Self {
        Self { store, read: RefCell::default() }
    }

    pub fn get(&self, hash: &B256) -> Option<&'a Bytes> {
        let value = self.store.get(hash)?;
        self.read.borrow_mut().entry(*hash).or_insert_with(|| value.clone());
        Some(value)
    }

    /// What was read, in the order of the hashes.
    pub fn witness(&self) -> Vec<Bytes> {
        let read = self.read.borrow();
        let mut sorted: Vec<_> = read.iter().collect();
        sorted.sort_unstable_by_key(|(hash, _)| **hash);
        sorted.into_iter().map(|(_, value)| value.clone()).collect()
    }
}

impl Lookup for Witnessed<'_> {
    fn lookup(&self, hash: &B256) -> Option<&[u8]> {
        self.get(hash).map(|value| &value[..])
    }
}
