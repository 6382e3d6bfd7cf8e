# Everything below needs Rust, a C compiler and make; what else is missing, `tributary` finds or
# installs itself (Postgres, NATS) and says what it did.

export PATH := $(PATH):$(HOME)/.cargo/bin
TARGET := $(or $(CARGO_TARGET_DIR),target)/debug
TRIBUTARY := $(TARGET)/tributary
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help build demo test check fmt lint up down queries clean-room

help: ## Show what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## Build all programs
	@command -v cargo >/dev/null || { echo "Rust is missing: install it with rustup, then try again"; exit 1; }
	cargo build --locked --workspace --bins

demo: build ## Run the demonstration: months of a platform in minutes (ARGS=… is passed on)
	$(TRIBUTARY) demo $(ARGS)

test: build ## Run all tests, on a Postgres and a NATS of their own
	@set -eu; \
	trap '$(TRIBUTARY) down --dir .dev/test' EXIT; trap 'exit 130' INT; trap 'exit 143' TERM; \
	$(TRIBUTARY) servers --dir .dev/test --detach; \
	set -a; . ./.dev/test/env; set +a; \
	if cargo nextest --version >/dev/null 2>&1; then \
	  cargo nextest run --locked --workspace --no-fail-fast $(ARGS); \
	  [ -n "$(ARGS)" ] || $(TARGET)/tidy ran $(TARGET)/../nextest/default/junit.xml; \
	else cargo test --locked --workspace --no-fail-fast $(ARGS); fi

check: fmt lint ## Check format, lints and .sqlx, then run all tests
	tools/prepare-queries --check
	$(MAKE) test

fmt:
	cargo fmt --all --check

lint:
	cargo clippy --locked --workspace --all-targets -- -D warnings

up: build ## Run everything until Ctrl-C (ARGS=--detach for the background)
	$(TRIBUTARY) up $(ARGS)

down: ## Stop what `make up` left running
	$(TRIBUTARY) down $(ARGS)

queries: ## Regenerate .sqlx after a change of SQL (ARGS=--check compares only)
	tools/prepare-queries $(ARGS)

clean-room: ## Run demo and test from a fresh clone, without the machine's Postgres (ARGS=--twice)
	tools/clean-room $(ARGS)
