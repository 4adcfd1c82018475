# Two commands do everything on a fresh machine with Rust, a C compiler, make, npm and git: `make demo` and `make test`.
# All of it uses the dev profile and one target directory; only `bench`, and `install`, build for release.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

CARGO ?= cargo
ROOT ?= .
PREFIX ?= $(HOME)/.local
TARGET = $(or $(CARGO_TARGET_DIR),target)
# what scripts/setup.sh found: empty, or `bundled-duckdb` where no prebuilt library is to be had
FEATURES = --features "$$(cat third_party/features)"

.PHONY: help setup setup-tests build demo test test-launchd torture run lint bench install

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/\t/' | expand -t 14

setup: ## fetch libduckdb (once; quick after that)
	@scripts/setup.sh

setup-tests: ## install what the tests need: redis-server, strace
	@scripts/setup-tests.sh

build: setup ## wo, wo-sql and the example programs
	$(CARGO) build --bins --examples $(FEATURES)

demo: build ## a scratch root, a real-shaped order, its measured report
	@TARGET="$(TARGET)" scripts/demo.sh

# the doc tests come first, so that what the run ends with is the summary of the integration tests
test: setup setup-tests ## all tests
	$(CARGO) build --bins --examples $(FEATURES)
	$(CARGO) test --doc --quiet $(FEATURES)
	$(CARGO) test --no-fail-fast --lib --bins --test it --test torture $(FEATURES)

test-launchd: setup ## on macOS: the tests of launchd against the real one instead of the stand-in
	WO_TEST_LAUNCHCTL=real $(CARGO) test --test it $(FEATURES) launchd

torture: setup setup-tests ## the long form of the fault injection suite
	$(CARGO) build --bins --examples $(FEATURES)
	WO_TORTURE=full $(CARGO) test --test torture $(FEATURES) -- --nocapture

run: build ## wo up on ROOT (default: this directory)
	"$(TARGET)/debug/wo" --root "$(ROOT)" up

lint: setup ## formatting, clippy, leftovers, duplicate dependencies
	$(CARGO) fmt --check
	$(CARGO) clippy --all-targets --quiet $(FEATURES) -- -D warnings
	@scripts/lint.sh

bench: setup ## each number beside its floor, measured in the same run (PARTS="export lint …")
	$(CARGO) bench --bench bench --features "probe $$(cat third_party/features)" -- $(PARTS)

install: setup ## wo, wo-sql and libduckdb into PREFIX/bin (default: ~/.local)
	$(CARGO) build --release --bins $(FEATURES)
	mkdir -p "$(PREFIX)/bin"
	install -m 755 "$(TARGET)/release/wo" "$(TARGET)/release/wo-sql" "$(PREFIX)/bin/"
	if [ ! -s third_party/features ] || ! grep -q bundled third_party/features; then install -m 755 "$(TARGET)"/release/libduckdb.* "$(PREFIX)/bin/"; fi
	@echo "installed: $(PREFIX)/bin/wo"
