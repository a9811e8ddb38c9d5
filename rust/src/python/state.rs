//! Preimages and reads of a state pinned to a root.

use super::{CoreError, Missing, block::Needs, bytes, compute, int, word};
use crate::{
    account::{TrieAccount, decode_slot},
    needs,
    preimages::Store,
    trie::{EMPTY_ROOT, Trie, TrieError},
};
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use pyo3::{prelude::*, pybacked::PyBackedBytes, types::PyBytes};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Preimages>()?;
    module.add_class::<State>()
}

#[pyclass(frozen, module = "rollproof._core")]
#[derive(Default)]
pub struct Preimages {
    store: RwLock<Store>,
}

impl Preimages {
    pub fn read(&self) -> RwLockReadGuard<'_, Store> {
        self.store.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in what a run made.
    pub fn keep(&self, values: Vec<Vec<u8>>) {
        self.change(|store| {
            for value in values {
                store.add(value.into());
            }
        });
    }

    fn change<T>(&self, change: impl FnOnce(&mut Store) -> T) -> T {
        change(&mut self.store.write().unwrap_or_else(PoisonError::into_inner))
    }
}

#[pymethods]
impl Preimages {
    #[new]
    fn new() -> Self {
        Self::default()
    }

    fn add(&self, py: Python<'_>, values: Vec<PyBackedBytes>) -> PyResult<usize> {
        compute(py, || {
            self.change(|store| values.iter().filter(|value| store.add(Bytes::copy_from_slice(value))).count())
        })
    }

    fn add_packed(&self, py: Python<'_>, data: PyBackedBytes, lengths: PyBackedBytes) -> PyResult<usize> {
        compute(py, || self.change(|store| store.add_packed(Bytes::copy_from_slice(&data), &lengths)))?
            .map_err(CoreError::new_err)
    }

    fn get<'py>(&self, py: Python<'py>, hash: &[u8]) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let hash = word(hash, "hash")?;
        Ok(self.read().get(&hash).map(|value| bytes(py, value)))
    }

    fn values<'py>(&self, py: Python<'py>) -> Vec<Bound<'py, PyBytes>> {
        self.read().values().map(|value| bytes(py, value)).collect()
    }

    fn __contains__(&self, hash: &[u8]) -> PyResult<bool> {
        let hash = word(hash, "hash")?;
        Ok(self.read().get(&hash).is_some())
    }

    fn __len__(&self) -> usize {
        self.read().len()
    }

    fn __repr__(&self) -> String {
        format!("Preimages({})", self.read().len())
    }
}

#[pyclass(frozen, module = "rollproof._core")]
pub struct State {
    preimages: Py<Preimages>,
    root: B256,
}

type Fields<'py> = (u64, Bound<'py, PyAny>, Bound<'py, PyBytes>, Bound<'py, PyBytes>);

/// An account as (nonce, balance, storage root, code hash).
pub fn fields<'py>(py: Python<'py>, account: TrieAccount) -> PyResult<Fields<'py>> {
    Ok((account.nonce, int(py, account.balance)?, bytes(py, account.storage_root), bytes(py, account.code_hash)))
}

impl State {
    /// What a failed read says to Python.
    fn lacks(py: Python<'_>, error: TrieError, address: Address, slot: Option<B256>) -> PyErr {
        match error {
            TrieError::Malformed { why, .. } => CoreError::new_err(format!("{why}, on the way to {address:#x}")),
            TrieError::Missing { hash, .. } => {
                let mut needs = needs::Needs { first: Some(format!("trie node {hash}")), ..Default::default() };
                match slot {
                    Some(slot) => needs.slots.push((address, slot)),
                    None => needs.accounts.push(address),
                }
                match Py::new(py, Needs(needs)) {
                    Ok(needs) => Missing::new_err((needs,)),
                    Err(error) => error,
                }
            }
        }
    }

    fn find(&self, py: Python<'_>, place: Address) -> PyResult<Option<TrieAccount>> {
        let store = self.preimages.get().read();
        let mut trie = Trie::new(self.root);
        let raw =
            trie.get(keccak256(place).as_slice(), &*store).map_err(|error| Self::lacks(py, error, place, None))?;
        raw.map(TrieAccount::decode).transpose().map_err(CoreError::new_err)
    }
}

#[pymethods]
impl State {
    #[new]
    fn new(preimages: Py<Preimages>, root: &[u8]) -> PyResult<Self> {
        Ok(Self { preimages, root: word(root, "state root")? })
    }

    fn account<'py>(&self, py: Python<'py>, address: &[u8]) -> PyResult<Option<Fields<'py>>> {
        let place = super::address(address, "address")?;
        self.find(py, place)?.map(|account| fields(py, account)).transpose()
    }

    fn storage<'py>(&self, py: Python<'py>, address: &[u8], slot: &[u8]) -> PyResult<Bound<'py, PyAny>> {
        let (place, slot) = (super::address(address, "address")?, word(slot, "slot")?);
        let root = self.find(py, place)?.map_or(EMPTY_ROOT, |account| account.storage_root);
        let store = self.preimages.get().read();
        let mut trie = Trie::new(root);
        let raw =
            trie.get(keccak256(slot).as_slice(), &*store).map_err(|error| Self::lacks(py, error, place, Some(slot)))?;
        int(py, raw.map(decode_slot).transpose().map_err(CoreError::new_err)?.unwrap_or(U256::ZERO))
    }

    #[pyo3(signature = (address, slot=None))]
    fn prove<'py>(&self, py: Python<'py>, address: &[u8], slot: Option<&[u8]>) -> PyResult<Vec<Bound<'py, PyBytes>>> {
        let place = super::address(address, "address")?;
        let slot = slot.map(|slot| word(slot, "slot")).transpose()?;
        let (root, key) = match slot {
            None => (self.root, keccak256(place)),
            Some(slot) => (self.find(py, place)?.map_or(EMPTY_ROOT, |account| account.storage_root), keccak256(slot)),
        };
        let store = self.preimages.get().read();
        let proof =
            Trie::new(root).prove(key.as_slice(), &*store).map_err(|error| Self::lacks(py, error, place, slot))?;
        Ok(proof.iter().map(|node| bytes(py, node)).collect())
    }

    fn __repr__(&self) -> String {
        format!("State({})", self.root)
    }
}
