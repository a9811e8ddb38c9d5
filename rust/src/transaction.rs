//! Transactions from their consensus encoding (EIP-2718), with their senders recovered.

use crate::{
    refusal::Refusal,
    rlp::{self, Item},
};
use alloy_consensus::{EthereumTxEnvelope, Transaction as _, TxEip4844};
use alloy_eips::eip2718::{Decodable2718, Encodable2718};
use alloy_primitives::{Address, B256, Bytes, Signature, TxKind, U256, keccak256, uint};
use op_revm::{OpTransaction, transaction::deposit::DepositTransactionParts};
use revm::{
    context::TxEnv,
    context_interface::{
        either::Either,
        transaction::{RecoveredAuthority, RecoveredAuthorization},
    },
};
use secp256k1::{
    Message,
    ecdsa::{RecoverableSignature, RecoveryId},
};

/// Type byte of an OP Stack deposit.
pub const DEPOSIT: u8 = 0x7e;

/// Half the order of secp256k1: the largest `s` from Homestead on (EIP-2).
const HALF_ORDER: U256 = uint!(0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0_U256);

#[derive(Clone, Debug)]
pub struct Transaction {
    pub hash: B256,
    pub raw: Bytes,
    pub tx_type: u8,
    body: Body,
}

#[derive(Clone, Debug)]
enum Body {
    Signed(Box<EthereumTxEnvelope<TxEip4844>>),
    Deposit(Box<Deposit>),
}

#[derive(Clone, Debug)]
pub struct Deposit {
    pub source_hash: B256,
    pub from: Address,
    pub to: TxKind,
    pub mint: u128,
    pub value: U256,
    pub gas_limit: u64,
    pub is_system: bool,
    pub input: Bytes,
}

impl Transaction {
    pub fn decode(raw: &Bytes, op: bool) -> Result<Self, Refusal> {
        let first = *raw.first().ok_or(("undecodable", "an empty transaction".to_string()))?;
        let body = match first {
            DEPOSIT if op => {
                Body::Deposit(Box::new(Deposit::decode(&raw[1..]).map_err(|why| ("undecodable", why.into()))?))
            }
            3 if op => {
                return Err(("transaction-type", "a blob transaction on an OP Stack chain".into()));
            }
            1..=4 | 0xc0..=0xff => {
                let envelope = EthereumTxEnvelope::decode_2718_exact(raw)
                    .map_err(|error| ("undecodable", format!("a transaction that does not decode: {error}")))?;
                // The decoder reads some encodings that no node accepts; a transaction has exactly one.
                if envelope.encoded_2718() != raw[..] {
                    return Err(("undecodable", "a transaction that is not in its one encoding".into()));
                }
                Body::Signed(Box::new(envelope))
            }
            other => {
                return Err(("transaction-type", format!("transaction type {other:#04x} is not known")));
            }
        };
        let tx_type = if first >= 0xc0 { 0 } else { first };
        Ok(Self { hash: keccak256(raw), raw: raw.clone(), tx_type, body })
    }

    pub fn is_deposit(&self) -> bool {
        self.tx_type == DEPOSIT
    }

    pub fn is_system(&self) -> bool {
        matches!(&self.body, Body::Deposit(deposit) if deposit.is_system)
    }

    pub fn gas_limit(&self) -> u64 {
        match &self.body {
            Body::Signed(tx) => tx.gas_limit(),
            Body::Deposit(deposit) => deposit.gas_limit,
        }
    }

    pub fn to(&self) -> Option<Address> {
        match &self.body {
            Body::Signed(tx) => tx.to(),
            Body::Deposit(deposit) => deposit.to.to().copied(),
        }
    }

    pub fn deposit(&self) -> Option<&Deposit> {
        match &self.body {
            Body::Signed(_) => None,
            Body::Deposit(deposit) => Some(deposit),
        }
    }

    pub fn signed(&self) -> Option<&EthereumTxEnvelope<TxEip4844>> {
        match &self.body {
            Body::Signed(tx) => Some(tx),
            Body::Deposit(_) => None,
        }
    }

    pub fn blob_count(&self) -> u64 {
        self.signed().and_then(|tx| tx.blob_versioned_hashes()).map_or(0, |hashes| hashes.len() as u64)
    }

    /// The account that signed it. `low_s`: EIP-2 is in force; `replay_protected`: EIP-155 is.
    pub fn sender(&self, low_s: bool, replay_protected: bool) -> Result<Address, Refusal> {
        let tx = match &self.body {
            Body::Deposit(deposit) => return Ok(deposit.from),
            Body::Signed(tx) => tx,
        };
        if self.tx_type == 0 && tx.chain_id().is_some() && !replay_protected {
            return Err(("signature", "a replay-protected transaction before EIP-155".into()));
        }
        if low_s && tx.signature().s() > HALF_ORDER {
            return Err(("signature", "a signature whose s is in the upper half".into()));
        }
        recover(tx.signature(), tx.signature_hash()).ok_or(("signature", "a signature that recovers no sender".into()))
    }

    /// What the virtual machine runs.
    pub fn environment(&self, sender: Address) -> OpTransaction<TxEnv> {
        let tx = match &self.body {
            Body::Signed(tx) => tx,
            Body::Deposit(deposit) => {
                let base = TxEnv {
                    tx_type: DEPOSIT,
                    caller: deposit.from,
                    gas_limit: deposit.gas_limit,
                    gas_price: 0,
                    kind: deposit.to,
                    value: deposit.value,
                    data: deposit.input.clone(),
                    nonce: 0,
                    chain_id: None,
                    access_list: Default::default(),
                    gas_priority_fee: None,
                    blob_hashes: Vec::new(),
                    max_fee_per_blob_gas: 0,
                    authorization_list: Vec::new(),
                };
                let mint = (deposit.mint != 0).then_some(deposit.mint);
                let deposit = DepositTransactionParts::new(deposit.source_hash, mint, deposit.is_system);
                return OpTransaction { base, enveloped_tx: Some(self.raw.clone()), deposit };
            }
        };
        let base = TxEnv {
            tx_type: self.tx_type,
            caller: sender,
            gas_limit: tx.gas_limit(),
            gas_price: tx.max_fee_per_gas(),
            kind: tx.kind(),
            value: tx.value(),
            data: tx.input().clone(),
            nonce: tx.nonce(),
            chain_id: tx.chain_id(),
            access_list: tx.access_list().cloned().unwrap_or_default(),
            gas_priority_fee: tx.max_priority_fee_per_gas(),
            blob_hashes: tx.blob_versioned_hashes().map(<[_]>::to_vec).unwrap_or_default(),
            max_fee_per_blob_gas: tx.max_fee_per_blob_gas().unwrap_or_default(),
            authorization_list: tx
                .authorization_list()
                .unwrap_or_default()
                .iter()
                .map(|signed| {
                    let authority = authority(signed).map_or(RecoveredAuthority::Invalid, RecoveredAuthority::Valid);
                    Either::Right(RecoveredAuthorization::new_unchecked(signed.inner().clone(), authority))
                })
                .collect(),
        };
        OpTransaction { base, enveloped_tx: Some(self.raw.clone()), deposit: DepositTransactionParts::default() }
    }
}

/// Who signed an EIP-7702 authorization; none for one that counts as invalid and is skipped.
fn authority(signed: &alloy_eips::eip7702::SignedAuthorization) -> Option<Address> {
    if signed.s() > HALF_ORDER || signed.y_parity() > 1 {
        return None;
    }
    let signature = Signature::new(signed.r(), signed.s(), signed.y_parity() == 1);
    recover(&signature, signed.inner().signature_hash())
}

fn recover(signature: &Signature, hash: B256) -> Option<Address> {
    let mut compact = [0; 64];
    compact[..32].copy_from_slice(&signature.r().to_be_bytes::<32>());
    compact[32..].copy_from_slice(&signature.s().to_be_bytes::<32>());
    let parity = if signature.v() { RecoveryId::One } else { RecoveryId::Zero };
    let signature = RecoverableSignature::from_compact(&compact, parity).ok()?;
    let key = secp256k1::SECP256K1.recover_ecdsa(Message::from_digest(hash.0), &signature).ok()?;
    Some(Address::from_slice(&keccak256(&key.serialize_uncompressed()[1..])[12..]))
}

impl Deposit {
    /// Fields of a deposit after its type byte (OP Stack specs, deposits, "The Deposited Transaction Type").
    fn decode(raw: &[u8]) -> Result<Self, &'static str> {
        let Item::List(fields) = rlp::decode(raw, 2, &mut 0)? else {
            return Err("a deposit that is not a list");
        };
        let [
            Item::Bytes(source),
            Item::Bytes(from),
            Item::Bytes(to),
            Item::Bytes(mint),
            Item::Bytes(value),
            Item::Bytes(gas),
            Item::Bytes(system),
            Item::Bytes(input),
        ] = fields[..]
        else {
            return Err("a deposit without its eight fields");
        };
        let integer = |digits: &[u8], size| {
            if digits.len() <= size && digits.first() != Some(&0) {
                Ok(U256::from_be_slice(digits))
            } else {
                Err("a deposit with a number out of range")
            }
        };
        if source.len() != 32 || from.len() != 20 || !matches!(to.len(), 0 | 20) || !matches!(system, [] | [1]) {
            return Err("a deposit with a field of the wrong length");
        }
        Ok(Self {
            source_hash: B256::from_slice(source),
            from: Address::from_slice(from),
            to: if to.is_empty() { TxKind::Create } else { TxKind::Call(Address::from_slice(to)) },
            mint: integer(mint, 16)?.to(),
            value: integer(value, 32)?,
            gas_limit: integer(gas, 8)?.to(),
            is_system: system == [1],
            input: Bytes::copy_from_slice(input),
        })
    }
}
