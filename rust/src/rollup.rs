//! op-revm's handler with one correction: before Isthmus there is no operator fee, so its vault is not touched.
//!
//! op-revm credits the vault with zero at every fork. That changes no balance but reads an account which the block
//! itself never reads, and which a witness of the block therefore need not hold.

use op_revm::{
    L1BlockInfo, OpHaltReason, OpSpecId, OpTransactionError,
    api::exec::OpContextTr,
    constants::{BASE_FEE_RECIPIENT, L1_FEE_RECIPIENT},
    handler::{IsTxError, OpHandler},
    transaction::OpTxTr,
};
use revm::{
    context_interface::{
        Block, Cfg, ContextTr, JournalTr,
        result::{ExecutionResult, FromStringError, ResultGas},
    },
    handler::{EvmTr, FrameResult, Handler, evm::FrameTr, handler::EvmTrError},
    interpreter::{InitialAndFloorGas, interpreter_action::FrameInit},
    primitives::U256,
};

pub struct Rollup<EVM, ERROR, FRAME>(OpHandler<EVM, ERROR, FRAME>);

impl<EVM, ERROR, FRAME> Default for Rollup<EVM, ERROR, FRAME> {
    fn default() -> Self {
        Self(OpHandler::new())
    }
}

impl<EVM, ERROR, FRAME> Handler for Rollup<EVM, ERROR, FRAME>
where
    EVM: EvmTr<Context: OpContextTr, Frame = FRAME>,
    ERROR: EvmTrError<EVM> + From<OpTransactionError> + FromStringError + IsTxError,
    FRAME: FrameTr<FrameResult = FrameResult, FrameInit = FrameInit>,
{
    type Evm = EVM;
    type Error = ERROR;
    type HaltReason = OpHaltReason;

    fn reward_beneficiary(&self, evm: &mut EVM, result: &mut FrameResult) -> Result<(), ERROR> {
        let spec: OpSpecId = evm.ctx().cfg().spec();
        if spec.is_enabled_in(OpSpecId::ISTHMUS) || evm.ctx().tx().is_deposit() {
            return self.0.reward_beneficiary(evm, result);
        }
        self.0.mainnet.reward_beneficiary(evm, result)?;
        let base_fee = U256::from(evm.ctx().block().basefee()) * U256::from(result.gas().used());
        let (_, tx, _, journal, l1, _) = evm.ctx().all_mut();
        let l1: &mut L1BlockInfo = l1;
        let raw = tx.enveloped_tx().ok_or(OpTransactionError::MissingEnvelopedTx)?;
        let l1_fee = l1.calculate_tx_l1_cost(raw, spec);
        journal.balance_incr(L1_FEE_RECIPIENT, l1_fee)?;
        journal.balance_incr(BASE_FEE_RECIPIENT, base_fee)?;
        Ok(())
    }

    fn validate_env(&self, evm: &mut EVM) -> Result<(), ERROR> {
        self.0.validate_env(evm)
    }

    fn validate_against_state_and_deduct_caller(
        &self,
        evm: &mut EVM,
        gas: &mut InitialAndFloorGas,
    ) -> Result<(), ERROR> {
        self.0.validate_against_state_and_deduct_caller(evm, gas)
    }

    fn last_frame_result(&mut self, evm: &mut EVM, result: &mut FrameResult) -> Result<(), ERROR> {
        self.0.last_frame_result(evm, result)
    }

    fn reimburse_caller(&self, evm: &mut EVM, result: &mut FrameResult) -> Result<(), ERROR> {
        self.0.reimburse_caller(evm, result)
    }

    fn refund(&self, evm: &mut EVM, result: &mut FrameResult, eip7702_refund: i64) {
        self.0.refund(evm, result, eip7702_refund);
    }

    fn execution_result(
        &mut self,
        evm: &mut EVM,
        result: FrameResult,
        gas: ResultGas,
    ) -> Result<ExecutionResult<OpHaltReason>, ERROR> {
        self.0.execution_result(evm, result, gas)
    }

    fn catch_error(&self, evm: &mut EVM, error: ERROR) -> Result<ExecutionResult<OpHaltReason>, ERROR> {
        self.0.catch_error(evm, error)
    }
}
