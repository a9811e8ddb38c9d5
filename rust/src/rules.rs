//! The rules of one block, by the fork's name, and what its header gives to execution.

use alloy_primitives::{Address, B256, U256, map::HashMap};
use op_revm::OpSpecId;
use revm::primitives::{eip4844::BLOB_BASE_FEE_UPDATE_FRACTION_CANCUN, hardfork::SpecId};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fork {
    Ethereum(SpecId),
    Op(OpSpecId),
}

impl Fork {
    pub fn named(family: &str, name: &str) -> Result<Self, String> {
        let unknown = || Err(format!("no rules for fork {name:?} of family {family:?}"));
        Ok(match family {
            "ethereum" => Self::Ethereum(match name {
                "frontier" => SpecId::FRONTIER,
                "homestead" => SpecId::HOMESTEAD,
                "tangerine_whistle" => SpecId::TANGERINE,
                "spurious_dragon" => SpecId::SPURIOUS_DRAGON,
                "byzantium" => SpecId::BYZANTIUM,
                // Constantinople alone (with EIP-1283) never ran on a public network: revm has it as Petersburg.
                "petersburg" => SpecId::PETERSBURG,
                "istanbul" => SpecId::ISTANBUL,
                "berlin" => SpecId::BERLIN,
                "london" => SpecId::LONDON,
                "paris" => SpecId::MERGE,
                "shanghai" => SpecId::SHANGHAI,
                "cancun" => SpecId::CANCUN,
                "prague" => SpecId::PRAGUE,
                "osaka" => SpecId::OSAKA,
                _ => return unknown(),
            }),
            "op" => Self::Op(match name {
                "bedrock" => OpSpecId::BEDROCK,
                "regolith" => OpSpecId::REGOLITH,
                "canyon" => OpSpecId::CANYON,
                "ecotone" => OpSpecId::ECOTONE,
                "fjord" => OpSpecId::FJORD,
                "granite" => OpSpecId::GRANITE,
                "holocene" => OpSpecId::HOLOCENE,
                "isthmus" => OpSpecId::ISTHMUS,
                "jovian" => OpSpecId::JOVIAN,
                _ => return unknown(),
            }),
            _ => return Err(format!("no rules for family {family:?}")),
        })
    }

    /// The Ethereum rules this fork builds on.
    pub fn ethereum(self) -> SpecId {
        match self {
            Self::Ethereum(spec) => spec,
            Self::Op(spec) => spec.into_eth_spec(),
        }
    }

    pub fn op(self) -> Option<OpSpecId> {
        match self {
            Self::Ethereum(_) => None,
            Self::Op(spec) => Some(spec),
        }
    }

    pub fn has(self, spec: SpecId) -> bool {
        self.ethereum().is_enabled_in(spec)
    }

    pub fn has_op(self, spec: OpSpecId) -> bool {
        self.op().is_some_and(|own| own.is_enabled_in(spec))
    }
}

/// EIP-4844 parameters in force (EIP-7892 lets them change between forks).
#[derive(Clone, Copy, Debug)]
pub struct BlobSchedule {
    pub target: u64,
    pub max: u64,
    pub update_fraction: u64,
}

#[derive(Clone, Debug)]
pub struct Rules {
    pub fork: Fork,
    pub chain_id: u64,
    pub blob: Option<BlobSchedule>,
    pub block_reward: u128,
    pub dao: bool,
    pub create2_deployer: bool,
    pub deposit_contract: Option<Address>,
}

impl Rules {
    /// Whether the blob base fee that a header's excess sets (EIP-4844, `fake_exponential`) can be computed in 128 bits.
    /// revm's series overflows beyond, and then runs for hours.
    pub fn can_price_blobs(&self, env: &Env) -> bool {
        let fraction = self.blob.map_or(BLOB_BASE_FEE_UPDATE_FRACTION_CANCUN, |blob| blob.update_fraction);
        let (excess, fraction) = (u128::from(env.excess_blob_gas.unwrap_or_default()), u128::from(fraction));
        let (mut sum, mut term, mut step) = (0u128, fraction, 1u128);
        while term > 0 {
            let next = term.checked_mul(excess).zip(fraction.checked_mul(step));
            let (Some(total), Some((above, below))) = (sum.checked_add(term), next) else {
                return false;
            };
            (sum, term, step) = (total, above / below, step + 1);
        }
        true
    }
}

#[derive(Clone, Debug)]
pub struct Env {
    pub number: u64,
    pub timestamp: u64,
    pub gas_limit: u64,
    pub beneficiary: Address,
    pub parent_hash: B256,
    pub difficulty: U256,
    pub prev_randao: B256,
    pub base_fee: Option<u64>,
    pub excess_blob_gas: Option<u64>,
    pub parent_beacon_block_root: Option<B256>,
    /// Ancestor hashes nobody vouches for, by number.
    pub block_hashes: HashMap<u64, B256>,
}
