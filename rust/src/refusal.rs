//! Why a transaction may not be in a block: a stable kind, and a sentence.

use op_revm::OpTransactionError;
use revm::context::result::{EVMError, InvalidTransaction};
use std::convert::Infallible;

pub type Refusal = (&'static str, String);

/// revm's reason for not running a transaction.
pub fn refuse<T: std::fmt::Display + Classified>(error: EVMError<Infallible, T>) -> Refusal {
    let kind = match &error {
        EVMError::Transaction(why) => why.kind(),
        _ => "invalid",
    };
    (kind, error.to_string())
}

pub trait Classified {
    fn kind(&self) -> &'static str;
}

impl Classified for InvalidTransaction {
    fn kind(&self) -> &'static str {
        use InvalidTransaction as I;
        match self {
            I::NonceTooLow { .. } => "nonce-too-low",
            I::NonceTooHigh { .. } => "nonce-too-high",
            I::NonceOverflowInTransaction => "nonce-overflow",
            I::LackOfFundForMaxFee { .. } | I::OverflowPaymentInTransaction => "insufficient-funds",
            I::CallGasCostMoreThanGasLimit { .. } | I::GasFloorMoreThanGasLimit { .. } => "intrinsic-gas-too-low",
            I::GasPriceLessThanBasefee => "fee-below-base-fee",
            I::PriorityFeeGreaterThanMaxFee => "tip-above-fee-cap",
            I::CallerGasLimitMoreThanBlock => "block-gas-exceeded",
            I::TxGasLimitGreaterThanCap { .. } => "gas-limit-above-cap",
            I::RejectCallerWithCode => "sender-has-code",
            I::InvalidChainId | I::MissingChainId => "chain-id",
            I::CreateInitCodeSizeLimit => "init-code-too-large",
            I::BlobGasPriceGreaterThanMax { .. } => "blob-fee-too-low",
            I::EmptyBlobs | I::BlobCreateTransaction | I::TooManyBlobs { .. } | I::BlobVersionNotSupported => "blobs",
            I::EmptyAuthorizationList | I::AuthorizationListInvalidFields => "authorizations",
            _ => "transaction-type",
        }
    }
}

impl Classified for OpTransactionError {
    fn kind(&self) -> &'static str {
        match self {
            Self::Base(base) => base.kind(),
            _ => "deposit",
        }
    }
}
