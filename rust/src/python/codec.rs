//! Hashing, RLP, ordered roots, signatures, transactions.

use super::{CoreError, address, bytes, compute, dict, int, uint, word};
use crate::{
    account::TrieAccount,
    rlp::{self, Item},
    transaction::Transaction,
    trie::{EMPTY_ROOT, Trie, nibbles, ordered_root as root_of},
};
use alloy_consensus::Transaction as _;
use alloy_primitives::{B256, Bytes, U256, keccak256 as keccak};
use pyo3::{
    prelude::*,
    pybacked::PyBackedBytes,
    types::{PyBytes, PyDict, PyList, PyTuple},
};

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(keccak256, module)?)?;
    module.add_function(wrap_pyfunction!(rlp_encode, module)?)?;
    module.add_function(wrap_pyfunction!(rlp_decode, module)?)?;
    module.add_function(wrap_pyfunction!(ordered_root, module)?)?;
    module.add_function(wrap_pyfunction!(sign_hash, module)?)?;
    module.add_function(wrap_pyfunction!(decode_transaction, module)?)?;
    module.add_function(wrap_pyfunction!(genesis, module)?)?;
    module.add_function(wrap_pyfunction!(find_key, module)?)
}

#[pyfunction]
fn keccak256<'py>(py: Python<'py>, data: &[u8]) -> Bound<'py, PyBytes> {
    bytes(py, keccak(data))
}

/// Deepest nesting that is encoded or decoded.
const MAX_DEPTH: usize = 64;

#[pyfunction]
fn rlp_encode<'py>(py: Python<'py>, item: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
    let mut out = Vec::new();
    put_item(&mut out, item, MAX_DEPTH)?;
    Ok(bytes(py, out))
}

fn put_item(out: &mut Vec<u8>, item: &Bound<'_, PyAny>, depth: usize) -> PyResult<()> {
    if let Ok(raw) = item.cast::<PyBytes>() {
        rlp::put_bytes(out, raw.as_bytes());
        return Ok(());
    }
    if !item.is_instance_of::<PyList>() && !item.is_instance_of::<PyTuple>() {
        return Err(CoreError::new_err("RLP takes bytes, lists and tuples"));
    }
    let Some(depth) = depth.checked_sub(1) else {
        return Err(CoreError::new_err("RLP nested too deep"));
    };
    let mut body = Vec::new();
    for child in item.try_iter()? {
        put_item(&mut body, &child?, depth)?;
    }
    out.extend(rlp::list(&body));
    Ok(())
}

#[pyfunction]
#[pyo3(signature = (data, max_depth=8, max_items=1_000_000))]
fn rlp_decode<'py>(py: Python<'py>, data: &[u8], max_depth: usize, max_items: usize) -> PyResult<Bound<'py, PyAny>> {
    // Counting starts high where the caller wants fewer than the core's own bound.
    let mut items = rlp::MAX_ITEMS.saturating_sub(max_items);
    let item = rlp::decode(data, max_depth.min(MAX_DEPTH), &mut items).map_err(CoreError::new_err)?;
    to_python(py, &item)
}

fn to_python<'py>(py: Python<'py>, item: &Item<'_>) -> PyResult<Bound<'py, PyAny>> {
    Ok(match item {
        Item::Bytes(raw) => bytes(py, raw).into_any(),
        Item::List(children) => {
            let list = PyList::empty(py);
            for child in children {
                list.append(to_python(py, child)?)?;
            }
            list.into_any()
        }
    })
}

#[pyfunction]
fn ordered_root<'py>(py: Python<'py>, values: Vec<PyBackedBytes>) -> PyResult<Bound<'py, PyBytes>> {
    if values.iter().any(|value| value.is_empty()) {
        return Err(CoreError::new_err("an ordered trie holds no empty values"));
    }
    let root = compute(py, || root_of(values.iter().map(|value| &value[..])))?;
    Ok(bytes(py, root))
}

#[pyfunction]
fn sign_hash<'py>(
    py: Python<'py>,
    hash: &[u8],
    private_key: &[u8],
) -> PyResult<(i32, Bound<'py, PyAny>, Bound<'py, PyAny>)> {
    let key = word(private_key, "private key")?;
    // The key's value stays out of the message.
    let key = secp256k1::SecretKey::from_byte_array(key.0).map_err(|_| CoreError::new_err("not a private key"))?;
    let message = secp256k1::Message::from_digest(word(hash, "hash")?.0);
    let (parity, compact) = secp256k1::SECP256K1.sign_ecdsa_recoverable(message, &key).serialize_compact();
    let half = |at: usize| int(py, U256::from_be_slice(&compact[at..at + 32]));
    Ok((i32::from(parity), half(0)?, half(32)?))
}

#[pyfunction]
fn decode_transaction<'py>(py: Python<'py>, raw: &[u8], family: &str) -> PyResult<Bound<'py, PyDict>> {
    let op = match family {
        "ethereum" => false,
        "op" => true,
        other => return Err(CoreError::new_err(format!("no rules for family {other:?}"))),
    };
    let refuse = |(_, reason): (&str, String)| CoreError::new_err(reason);
    let tx = Transaction::decode(&Bytes::copy_from_slice(raw), op).map_err(refuse)?;
    let sender = tx.sender(false, true).map_err(refuse)?;
    let environment = tx.environment(sender).base;
    let mut items = vec![
        ("hash", bytes(py, tx.hash).into_any()),
        ("type", tx.tx_type.into_pyobject(py)?.into_any()),
        ("sender", bytes(py, sender).into_any()),
        ("nonce", environment.nonce.into_pyobject(py)?.into_any()),
        ("to", tx.to().map(|to| bytes(py, to)).into_pyobject(py)?.into_any()),
        ("value", int(py, environment.value)?),
        ("gas_limit", environment.gas_limit.into_pyobject(py)?.into_any()),
        ("input", bytes(py, &environment.data).into_any()),
        ("max_fee_per_gas", environment.gas_price.into_pyobject(py)?.into_any()),
        ("max_priority_fee_per_gas", environment.gas_priority_fee.into_pyobject(py)?.into_any()),
        ("max_fee_per_blob_gas", environment.max_fee_per_blob_gas.into_pyobject(py)?.into_any()),
        ("chain_id", environment.chain_id.into_pyobject(py)?.into_any()),
        ("blob_hashes", PyList::new(py, environment.blob_hashes.iter().map(|hash| bytes(py, hash)))?.into_any()),
        (
            "access_list",
            PyList::new(
                py,
                environment
                    .access_list
                    .0
                    .iter()
                    .map(|item| {
                        let keys: Vec<_> = item.storage_keys.iter().map(|key| bytes(py, key)).collect();
                        (bytes(py, item.address), keys)
                    })
                    .collect::<Vec<_>>(),
            )?
            .into_any(),
        ),
    ];
    if let Some(deposit) = tx.deposit() {
        items.push(("source_hash", bytes(py, deposit.source_hash).into_any()));
        items.push(("mint", deposit.mint.into_pyobject(py)?.into_any()));
        items.push(("is_system", deposit.is_system.into_pyobject(py)?.to_owned().into_any()));
    }
    if let Some(signed) = tx.signed() {
        let count = signed.authorization_list().map_or(0, <[_]>::len);
        items.push(("authorizations", count.into_pyobject(py)?.into_any()));
    }
    dict(py, items)
}

type GenesisAccount<'py> =
    (PyBackedBytes, u64, Bound<'py, PyAny>, PyBackedBytes, Vec<(Bound<'py, PyAny>, Bound<'py, PyAny>)>);

/// A state from nothing: its root and every preimage of it.
#[pyfunction]
fn genesis<'py>(
    py: Python<'py>,
    accounts: Vec<GenesisAccount<'py>>,
) -> PyResult<(Bound<'py, PyBytes>, Vec<Bound<'py, PyBytes>>)> {
    let mut plain = Vec::with_capacity(accounts.len());
    for (place, nonce, balance, code, slots) in &accounts {
        let slots: PyResult<Vec<(U256, U256)>> =
            slots.iter().map(|(slot, value)| Ok((uint(slot, "slot")?, uint(value, "slot value")?))).collect();
        plain.push((address(place, "address")?, *nonce, uint(balance, "balance")?, code.to_vec(), slots?));
    }
    let (root, values) = compute(py, || {
        let mut values: Vec<Vec<u8>> = Vec::new();
        let mut trie = Trie::default();
        for (place, nonce, balance, code, slots) in plain {
            let mut storage = Trie::default();
            for (slot, value) in slots.into_iter().filter(|(_, value)| !value.is_zero()) {
                let mut raw = Vec::with_capacity(33);
                rlp::put_be(&mut raw, &value.to_be_bytes::<32>());
                let key = keccak(slot.to_be_bytes::<32>());
                storage.insert(key.as_slice(), raw, &()).expect("a trie without blind nodes misses nothing");
            }
            let storage_root = storage.root(&mut |_, raw| values.push(raw));
            let account = TrieAccount { nonce, balance, storage_root, code_hash: keccak(&code) };
            values.push(code);
            let key = keccak(place);
            trie.insert(key.as_slice(), account.encode(), &()).expect("a trie without blind nodes misses nothing");
        }
        let root = trie.root(&mut |_, raw| values.push(raw));
        debug_assert!(root != EMPTY_ROOT || values.is_empty());
        (root, values)
    })?;
    Ok((bytes(py, root), values.iter().filter(|value| !value.is_empty()).map(|value| bytes(py, value)).collect()))
}

/// Searches a key whose hash lies under a path: how a node that only answers proofs of keys is asked for a subtree.
#[pyfunction]
fn find_key<'py>(
    py: Python<'py>,
    prefix: &[u8],
    length: usize,
    budget: u64,
    seed: u64,
) -> PyResult<Option<Bound<'py, PyBytes>>> {
    if !matches!(length, 20 | 32) || prefix.len() > 64 || prefix.iter().any(|nibble| *nibble > 15) {
        return Err(CoreError::new_err("a key has 20 or 32 bytes and a prefix at most 64 nibbles"));
    }
    let found = compute(py, || {
        let mut key = B256::ZERO;
        key[..8].copy_from_slice(&seed.to_be_bytes());
        (0..budget).find_map(|counter| {
            key[8..16].copy_from_slice(&counter.to_be_bytes());
            let hash = keccak(&key[..length]);
            let under = nibbles(&hash[..prefix.len().div_ceil(2)]).starts_with(prefix);
            under.then(|| key[..length].to_vec())
        })
    })?;
    Ok(found.map(|key| bytes(py, key)))
}
