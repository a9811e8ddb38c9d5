//! A block as an input: rules, environment, transactions, withdrawals, and a witness to be sealed.

use crate::{input::Input, seal::Sealed};
use alloy_primitives::{Bytes, U256};
use rollproof_core::fuzzing::{BlobSchedule, Env, Fork, Rules, Withdrawal};

/// In the order of an input's first byte; written by tests/fuzz/seeds.py.
const FORKS: [(&str, &str); 22] = [
    ("ethereum", "frontier"),
    ("ethereum", "homestead"),
    ("ethereum", "tangerine_whistle"),
    ("ethereum", "spurious_dragon"),
    ("ethereum", "byzantium"),
    ("ethereum", "petersburg"),
    ("ethereum", "istanbul"),
    ("ethereum", "berlin"),
    ("ethereum", "london"),
    ("ethereum", "paris"),
    ("ethereum", "shanghai"),
    ("ethereum", "cancun"),
    ("ethereum", "prague"),
    ("ethereum", "osaka"),
    ("op", "bedrock"),
    ("op", "regolith"),
    ("op", "canyon"),
    ("op", "ecotone"),
    ("op", "fjord"),
    ("op", "granite"),
    ("op", "isthmus"),
    ("op", "jovian"),
];
/// Keeps one input to a fraction of a second.
const MOST_GAS: u64 = 3_000_000;

pub struct Block {
    pub rules: Rules,
    pub env: Env,
    pub root: alloy_primitives::B256,
    pub transactions: Vec<Bytes>,
    pub withdrawals: Option<Vec<Withdrawal>>,
    pub sealed: Sealed,
}

impl Block {
    pub fn read(input: &mut Input<'_>) -> Self {
        let (family, fork) = FORKS[input.u8() as usize % FORKS.len()];
        let flags = input.u8();
        let has = |bit: u8| flags & 1 << bit != 0;
        let chain_id = input.u64();
        let (target, max, fraction) = (input.u16(), input.u16(), input.u32());
        // What Rules() of the Python face refuses is not tried here.
        let blob = (has(0) && fraction > 0 && target <= max).then_some(BlobSchedule {
            target: target.into(),
            max: max.into(),
            update_fraction: fraction.into(),
        });
        let block_reward = input.u64().into();
        let contract = input.address();
        let mut rules = Rules {
            fork: Fork::named(family, fork).expect("a fork by its name"),
            chain_id,
            blob,
            block_reward,
            dao: has(1),
            create2_deployer: has(2),
            deposit_contract: has(3).then_some(contract),
        };
        rules.dao &= family == "ethereum";
        let mut env = Env {
            number: input.u64(),
            timestamp: input.u64(),
            gas_limit: input.u64().min(MOST_GAS),
            beneficiary: input.address(),
            parent_hash: input.word(),
            difficulty: U256::from_be_bytes(input.word().0),
            prev_randao: input.word(),
            base_fee: None,
            excess_blob_gas: None,
            parent_beacon_block_root: None,
            block_hashes: Default::default(),
        };
        let (base_fee, excess, beacon) = (input.u64(), input.u64(), input.word());
        env.base_fee = has(4).then_some(base_fee);
        env.excess_blob_gas = has(5).then_some(excess);
        env.parent_beacon_block_root = has(6).then_some(beacon);
        for _ in 0..input.u8() {
            let number = env.number.saturating_sub(input.u8().into());
            env.block_hashes.insert(number, input.word());
        }
        let root = input.word();
        let transactions = (0..input.u8()).map(|_| Bytes::copy_from_slice(input.bytes())).collect();
        let listed = (0..input.u8())
            .map(|_| Withdrawal {
                index: input.u64(),
                validator_index: input.u64(),
                address: input.address(),
                amount: input.u64(),
            })
            .collect();
        let sealed = Sealed::read(input);
        env.parent_hash = sealed.word(env.parent_hash);
        Self {
            root: sealed.word(root),
            rules,
            env,
            transactions,
            withdrawals: has(7).then_some(listed),
            sealed,
        }
    }
}
