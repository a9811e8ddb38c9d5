# Needs Python 3.11+, Rust (cargo) and, for the tests against a real anvil, npm. Everything else is set up in .venv and build/.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
CORE := src/rollproof/_core.abi3.so
ANVIL_VERSION := 1.7.1
ANVIL := build/node/node_modules/.bin/anvil
CAST := build/node/node_modules/.bin/cast
CONTRACTS := src/rollproof/lab/contracts
DETECT := tests/detect
FAMILY ?= $(notdir $(wildcard $(DETECT)/contracts/*))
OP := build/op/node_modules/@eth-optimism/contracts-bedrock
CURIE := build/curie/@perp/curie-contract/artifacts/contracts/ClearingHouse.sol/ClearingHouse.json
CURIE_PACKAGES := @perp/curie-contract@2.8.4 @perp/perp-oracle-contract@0.6.7 @uniswap/v3-core@1.0.0
SAFE := build/safe/node_modules/@safe-global/safe-contracts
SARIF := build/sarif/node_modules/@microsoft/jest-sarif
SOLC := build/solc/node_modules/solc
PYTEST_ARGS ?= -n auto
FUZZ_SECONDS ?= 600
FUZZ_RUST ?= rlp trie witness transaction header block
unexport VIRTUAL_ENV PYTHONPATH

.PHONY: help setup demo drill test test-rust detectors conformance lint format bench fuzz node-tools contracts check-contracts detect-contracts check-detect-contracts dev clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 14

# The first of these that is Python 3.11 or newer makes the environment; nothing outside the checkout is changed.
$(UV):
	@command -v cargo >/dev/null || { echo "make: cargo is not here: install Rust 1.94 or newer (https://rustup.rs)" >&2; exit 2; }
	@for python in $(PYTHON) python3 python python3.14 python3.13 python3.12 python3.11; do \
	  if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    "$$python" -m venv $(VENV) || { echo "make: $$python cannot make an environment: install its venv module (Debian: apt-get install python3-venv)" >&2; exit 2; }; \
	    exec $(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv>=0.13,<1'; \
	  fi; \
	done; echo "make: no Python 3.11 or newer is here" >&2; exit 2

setup: $(UV) ## environment and release build of the extension
	@test -e $(CORE) || echo "make: building the extension, which takes a few minutes the first time" >&2
	@$(UV) sync --quiet --locked --all-extras $$(test -e $(CORE) || echo --reinstall-package rollproof)

demo: setup ## the lab runs, its sequencer lies once, and verify finds the slot
	@rm -rf build/demo && $(BIN)/python -m rollproof.lab.demo build/demo

drill: setup ## every fault of the lab against every check; rewrites docs/drill.md
	$(BIN)/rollproof drill --quiet --markdown docs/drill.md

test: setup node-tools ## all tests
	$(BIN)/python -m pytest $(PYTEST_ARGS)

lint: setup ## formatting, lints, types, and the stub against the built extension
	cargo fmt --manifest-path rust/Cargo.toml --check
	cargo clippy --quiet --locked --manifest-path rust/Cargo.toml --all-targets -- -D warnings
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/python -m mypy.stubtest rollproof._core

test-rust: ## the core's own tests, without Python
	cargo test --quiet --release --locked --no-default-features --manifest-path rust/Cargo.toml

detectors: setup ## rewrites docs/detectors.md from what the detectors say of themselves
	$(BIN)/rollproof explain --all --markdown > docs/detectors.md

conformance: setup ## the whole Execution Spec Tests suite; rewrites docs/conformance.md
	PYTHONPATH=tests $(BIN)/python -m conformance

format: setup ## rewrite the sources in the project's format
	cargo fmt --manifest-path rust/Cargo.toml
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

bench: setup node-tools ## figures of docs/performance.md, on this machine
	$(BIN)/python -m bench

fuzz: setup ## every parser of outside bytes, FUZZ_SECONDS each (600); the Rust ones need nightly and cargo-fuzz
	cd tests && ../$(BIN)/python -m fuzz --seconds $(FUZZ_SECONDS)
	cd rust && for target in $(FUZZ_RUST); do \
	  cargo +nightly fuzz run --fuzz-dir fuzz $$target fuzz/corpus/$$target $$(ls -d fuzz/cases/$$target 2>/dev/null) \
	    -- -max_total_time=$(FUZZ_SECONDS) -timeout=30 -print_final_stats=1 || exit 1; \
	done

# Tests against real foreign tools skip, visibly, where npm or its registry is not there.
node-tools: $(ANVIL) $(CAST) $(OP) $(CURIE) $(SAFE) $(SARIF) ## anvil, cast, the SARIF schema and contracts the lab's are held against, by npm
NPM_INSTALL = npm install --silent --no-fund --no-audit --prefix

$(ANVIL) $(CAST) &:
	@mkdir -p build/node
	@$(NPM_INSTALL) build/node @foundry-rs/anvil@$(ANVIL_VERSION) @foundry-rs/cast@$(ANVIL_VERSION) \
	  || echo "make: no anvil or cast ($(ANVIL_VERSION), npm): the tests that need them will skip" >&2

$(OP):
	@mkdir -p build/op
	@$(NPM_INSTALL) build/op @eth-optimism/contracts-bedrock@0.17.3 viem@2.38.0 \
	  || echo "make: no contracts-bedrock or viem (npm): the tests that need them will skip" >&2

# The packages without what they depend on: curie-contract names a tarball on GitHub there, and we only run its code.
$(CURIE):
	@mkdir -p build/curie
	@(cd build/curie && for package in $(CURIE_PACKAGES); do \
	  mkdir -p $${package%@*} && npm pack --silent --ignore-scripts $$package > packed \
	    && tar xzf $$(cat packed) -C $${package%@*} --strip-components=1 && rm $$(cat packed) packed || exit 1; \
	done) || echo "make: no curie-contract, perp-oracle-contract or v3-core (npm): the tests that need them will skip" >&2

$(SAFE):
	@mkdir -p build/safe
	@$(NPM_INSTALL) build/safe @safe-global/safe-contracts@1.4.1 \
	  || echo "make: no safe-contracts (npm): the tests that need them will skip" >&2

$(SARIF):
	@mkdir -p build/sarif
	@$(NPM_INSTALL) build/sarif @microsoft/jest-sarif@1.0.0-beta.0 \
	  || echo "make: no SARIF schema (npm): the test that needs it will skip" >&2

contracts: $(SOLC) ## compile the lab's contracts into their artifacts
	@node $(CONTRACTS)/build.mjs

check-contracts: $(SOLC) ## fail where an artifact is not what its source compiles to
	@node $(CONTRACTS)/build.mjs --check

detect-contracts: $(SOLC) ## compile the detectors' test contracts; FAMILY=name for one directory of them
	@for family in $(FAMILY); do node $(CONTRACTS)/build.mjs \
	  --sources $(DETECT)/contracts/$$family --artifacts $(DETECT)/artifacts/$$family || exit; done

check-detect-contracts: $(SOLC) ## the same check for the detectors' test contracts
	@for family in $(FAMILY); do node $(CONTRACTS)/build.mjs --check \
	  --sources $(DETECT)/contracts/$$family --artifacts $(DETECT)/artifacts/$$family || exit; done

$(SOLC): $(CONTRACTS)/package.json
	@mkdir -p build/solc && cp $< build/solc/
	@$(NPM_INSTALL) build/solc
	@touch $@

dev: $(UV) ## quick build of the extension for work on the Rust side (slow to run)
	@$(UV) sync --quiet --locked --all-extras --no-install-project
	@VIRTUAL_ENV=$(VENV) $(BIN)/maturin develop --quiet --profile dev

clean: ## remove builds, keep the environment
	rm -rf build dist rust/target .mypy_cache .pytest_cache .ruff_cache
