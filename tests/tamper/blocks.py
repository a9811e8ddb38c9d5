"""The recorded blocks that claims are made of, by the fork that each shows."""

from __future__ import annotations

HOMESTEAD, DAO, BYZANTIUM = "eth-mainnet-1150000", "eth-mainnet-1920000", "eth-mainnet-4370000"
LONDON, SHANGHAI, CANCUN = "eth-mainnet-15050000", "eth-mainnet-18884864", "eth-mainnet-21230867"
PRAGUE = "eth-hoodi-1265656"
REGOLITH, GRANITE = "op-mainnet-109279688", "op-sepolia-17664000"
HOLOCENE, UNICHAIN, JOVIAN = "op-mainnet-132795025", "unichain-10211000", "base-sepolia-37312300"
OP_SEPOLIA = "op-sepolia-26207960"
ETHEREUM = (HOMESTEAD, BYZANTIUM, LONDON, SHANGHAI, CANCUN, PRAGUE)
OP = (REGOLITH, GRANITE, HOLOCENE, OP_SEPOLIA, UNICHAIN, JOVIAN)
EVERY = ETHEREUM + OP
