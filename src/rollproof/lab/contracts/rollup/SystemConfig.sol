// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {ISystemConfig, ResourceConfig} from "../interfaces/ISystemConfig.sol";
import {Ownable} from "./proxy/Ownable.sol";
import {Word} from "./Word.sol";

/// @notice The rollup's parameters. Every change is a ConfigUpdate, which is what the L2 follows.
/// @dev Slots are those of the OP Stack's contract up to 105. Setters for what came later (EIP-1559 parameters,
///      operator fee, minimum base fee, data availability footprint) are those of its later versions.
contract SystemConfig is Ownable, ISystemConfig {
    enum UpdateType {
        BATCHER,
        FEE_SCALARS,
        GAS_LIMIT,
        UNSAFE_BLOCK_SIGNER,
        EIP_1559_PARAMS,
        OPERATOR_FEE_PARAMS,
        MIN_BASE_FEE,
        DA_FOOTPRINT_GAS_SCALAR
    }

    struct Addresses {
        address l1CrossDomainMessenger;
        address l1ERC721Bridge;
        address l1StandardBridge;
        address disputeGameFactory;
        address optimismPortal;
        address optimismMintableERC20Factory;
        address gasPayingToken;
    }

    event ConfigUpdate(uint256 indexed version, UpdateType indexed updateType, bytes data);

    uint256 public constant VERSION = 0;
    bytes32 public constant UNSAFE_BLOCK_SIGNER_SLOT = keccak256("systemconfig.unsafeblocksigner");
    bytes32 public constant L1_CROSS_DOMAIN_MESSENGER_SLOT =
        bytes32(uint256(keccak256("systemconfig.l1crossdomainmessenger")) - 1);
    bytes32 public constant L1_STANDARD_BRIDGE_SLOT =
        bytes32(uint256(keccak256("systemconfig.l1standardbridge")) - 1);
    bytes32 public constant OPTIMISM_PORTAL_SLOT = bytes32(uint256(keccak256("systemconfig.optimismportal")) - 1);
    bytes32 public constant DISPUTE_GAME_FACTORY_SLOT =
        bytes32(uint256(keccak256("systemconfig.disputegamefactory")) - 1);
    bytes32 public constant BATCH_INBOX_SLOT = bytes32(uint256(keccak256("systemconfig.batchinbox")) - 1);
    bytes32 public constant START_BLOCK_SLOT = bytes32(uint256(keccak256("systemconfig.startBlock")) - 1);
    string public constant version = "2.3.0";
    uint64 public constant maximumGasLimit = 500_000_000;

    uint256 public overhead;
    uint256 public scalar;
    bytes32 public batcherHash;
    uint64 public gasLimit;
    uint32 public basefeeScalar;
    uint32 public blobbasefeeScalar;
    ResourceConfig private _resourceConfig;
    uint32 public eip1559Denominator;
    uint32 public eip1559Elasticity;
    uint32 public operatorFeeScalar;
    uint64 public operatorFeeConstant;
    uint64 public minBaseFee;
    uint16 public daFootprintGasScalar;

    function initialize(
        address owner_,
        uint32 basefeeScalar_,
        uint32 blobbasefeeScalar_,
        bytes32 batcherHash_,
        uint64 gasLimit_,
        address unsafeBlockSigner_,
        ResourceConfig memory config,
        address batchInbox_,
        Addresses memory addresses
    ) external initializer {
        require(addresses.gasPayingToken == address(0), "SystemConfig: custom gas tokens are not supported");
        _setOwner(owner_);
        _setBatcherHash(batcherHash_);
        _setGasConfigEcotone(basefeeScalar_, blobbasefeeScalar_);
        _setResourceConfig(config);
        _setGasLimit(gasLimit_);
        _setUnsafeBlockSigner(unsafeBlockSigner_);
        Word.store(BATCH_INBOX_SLOT, uint160(batchInbox_));
        Word.store(L1_CROSS_DOMAIN_MESSENGER_SLOT, uint160(addresses.l1CrossDomainMessenger));
        Word.store(L1_STANDARD_BRIDGE_SLOT, uint160(addresses.l1StandardBridge));
        Word.store(DISPUTE_GAME_FACTORY_SLOT, uint160(addresses.disputeGameFactory));
        Word.store(OPTIMISM_PORTAL_SLOT, uint160(addresses.optimismPortal));
        Word.store(START_BLOCK_SLOT, block.number);
    }

    // Setters.

    function setUnsafeBlockSigner(address signer) external onlyOwner {
        _setUnsafeBlockSigner(signer);
    }

    function setBatcherHash(bytes32 hash) external onlyOwner {
        _setBatcherHash(hash);
    }

    function setGasConfigEcotone(uint32 basefeeScalar_, uint32 blobbasefeeScalar_) external onlyOwner {
        _setGasConfigEcotone(basefeeScalar_, blobbasefeeScalar_);
    }

    function setGasLimit(uint64 limit) external onlyOwner {
        _setGasLimit(limit);
    }

    function setEIP1559Params(uint32 denominator, uint32 elasticity) external onlyOwner {
        require(denominator >= 1, "SystemConfig: denominator must be >= 1");
        require(elasticity >= 1, "SystemConfig: elasticity must be >= 1");
        eip1559Denominator = denominator;
        eip1559Elasticity = elasticity;
        _announce(UpdateType.EIP_1559_PARAMS, abi.encode(uint256(denominator) << 32 | elasticity));
    }

    function setOperatorFeeScalars(uint32 scalar_, uint64 constant_) external onlyOwner {
        operatorFeeScalar = scalar_;
        operatorFeeConstant = constant_;
        _announce(UpdateType.OPERATOR_FEE_PARAMS, abi.encode(uint256(scalar_) << 64 | constant_));
    }

    function setMinBaseFee(uint64 fee) external onlyOwner {
        minBaseFee = fee;
        _announce(UpdateType.MIN_BASE_FEE, abi.encode(fee));
    }

    function setDAFootprintGasScalar(uint16 scalar_) external onlyOwner {
        daFootprintGasScalar = scalar_;
        _announce(UpdateType.DA_FOOTPRINT_GAS_SCALAR, abi.encode(scalar_));
    }

    // Getters.

    /// @notice The lowest gas limit that leaves room for the deposits that L1 may buy.
    function minimumGasLimit() public view returns (uint64) {
        return uint64(_resourceConfig.maxResourceLimit) + _resourceConfig.systemTxMaxGas;
    }

    function resourceConfig() external view returns (ResourceConfig memory) {
        return _resourceConfig;
    }

    function unsafeBlockSigner() external view returns (address) {
        return _address(UNSAFE_BLOCK_SIGNER_SLOT);
    }

    function l1CrossDomainMessenger() external view returns (address) {
        return _address(L1_CROSS_DOMAIN_MESSENGER_SLOT);
    }

    function l1StandardBridge() external view returns (address) {
        return _address(L1_STANDARD_BRIDGE_SLOT);
    }

    function disputeGameFactory() external view returns (address) {
        return _address(DISPUTE_GAME_FACTORY_SLOT);
    }

    function optimismPortal() external view returns (address) {
        return _address(OPTIMISM_PORTAL_SLOT);
    }

    function batchInbox() external view returns (address) {
        return _address(BATCH_INBOX_SLOT);
    }

    function startBlock() external view returns (uint256) {
        return Word.load(START_BLOCK_SLOT);
    }

    function isCustomGasToken() external pure returns (bool) {
        return false;
    }

    function _address(bytes32 slot) private view returns (address) {
        return address(uint160(Word.load(slot)));
    }

    function _announce(UpdateType what, bytes memory data) private {
        emit ConfigUpdate(VERSION, what, data);
    }

    function _setUnsafeBlockSigner(address signer) private {
        Word.store(UNSAFE_BLOCK_SIGNER_SLOT, uint160(signer));
        _announce(UpdateType.UNSAFE_BLOCK_SIGNER, abi.encode(signer));
    }

    function _setBatcherHash(bytes32 hash) private {
        batcherHash = hash;
        _announce(UpdateType.BATCHER, abi.encode(hash));
    }

    function _setGasConfigEcotone(uint32 base, uint32 blob) private {
        basefeeScalar = base;
        blobbasefeeScalar = blob;
        scalar = uint256(1) << 248 | uint256(blob) << 32 | base;
        _announce(UpdateType.FEE_SCALARS, abi.encode(overhead, scalar));
    }

    function _setGasLimit(uint64 limit) private {
        require(limit >= minimumGasLimit(), "SystemConfig: gas limit too low");
        require(limit <= maximumGasLimit, "SystemConfig: gas limit too high");
        gasLimit = limit;
        _announce(UpdateType.GAS_LIMIT, abi.encode(limit));
    }

    function _setResourceConfig(ResourceConfig memory config) private {
        require(config.minimumBaseFee <= config.maximumBaseFee, "SystemConfig: min base fee must be less than max base");
        require(config.baseFeeMaxChangeDenominator > 1, "SystemConfig: denominator must be larger than 1");
        require(config.elasticityMultiplier > 0, "SystemConfig: elasticity multiplier cannot be 0");
        require(
            config.maxResourceLimit % config.elasticityMultiplier == 0,
            "SystemConfig: precision loss with target resource limit"
        );
        _resourceConfig = config;
    }
}
