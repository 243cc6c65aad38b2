# Everything that is built or downloaded goes below target/. `make help` lists what there is.

MAKEFLAGS += --no-builtin-rules
.DEFAULT_GOAL := help
SHELL := /bin/sh

RELEASE := target/release
LIBRARY := $(RELEASE)/libpulsar_rs.a
VENV := target/python/venv
TOOLS := target/tools
CC ?= cc
CFLAGS := -O2 -g -Wall -Wextra -Werror
LINK := -lm -lpthread

# `make demo BROKER=pulsar` takes a real Pulsar instead of the built-in broker.
BROKER ?= builtin
LINES ?= 200000
FUZZ_SECONDS ?= 10
MINUTES ?= 10
RUNS ?= 300
CARGO_DENY_VERSION := 0.20.2

# In this order; each is a target of its own.
TEST_STAGES := build test-rust test-abi test-c test-valgrind test-go test-python test-interop test-real test-security fuzz demo

export CARGO_TERM_COLOR ?= auto

## what most people want
.PHONY: demo
demo: build target/demo/produce target/demo/consume ## send a real file through the C API, read it back, compare (BROKER=pulsar: on a real Pulsar)
	@examples/demo $(BROKER) $(LINES)

.PHONY: test
test: ## install what is needed below target/ and run everything
	@.ci/stages $(TEST_STAGES)

.PHONY: build
build: ## the library and the test broker: target/release/libpulsar_rs.a, .so and pulsar-testbroker
	cargo build --quiet --release --locked --package pulsar_rs_testbroker
	# By itself: what the test broker alone needs of their common crates stays out of the library.
	cargo build --quiet --release --locked --package pulsar_rs

.PHONY: musl
musl: ## the library for static programs with musl: target/musl/libpulsar_rs.a
	@packaging/musl target/musl/libpulsar_rs.a
	@bindings/go/take target/musl/libpulsar_rs.a musl

.PHONY: static-glibc
static-glibc: ## the library for static programs with glibc: target/static-glibc/libpulsar_rs.a
	@packaging/static-glibc target/static-glibc/libpulsar_rs.a
	@bindings/go/take target/static-glibc/libpulsar_rs.a static-glibc

.PHONY: test-static
test-static: build static-glibc python-tools ## after `make musl`: static programs in C and Go, in a root with nothing else (RUNS=300)
	@.ci/need musl-gcc
	@.ci/need go
	@.ci/need file
	@tests/static/run --runs $(RUNS)

.PHONY: bench-static
bench-static: build ## after `make musl`: sizes, and CPU with musl beside glibc (ARGS=--quick: roughly)
	@.ci/need musl-gcc
	@.ci/need python3
	@python3 -B benches/static.py $(ARGS)

.PHONY: bench
bench: build ## measure beside the other clients (ARGS=--quick: roughly; ARGS=--write: into docs/performance.md)
	@.ci/need python3
	@python3 -B benches/run.py $(ARGS)

.PHONY: soak
soak: build ## send and receive for MINUTES while connections break and topics move (BROKER=pulsar: with restarts, too)
	@.ci/need python3
	@tests/soak/run --minutes $(MINUTES) --broker $(BROKER) $(ARGS)

.PHONY: headers
headers: ## write include/ from src/ffi
	cargo run --quiet --locked --package abi

.PHONY: lint
lint: ## formatting, warnings, licences, in all languages
	@.ci/stages lint-rust lint-licenses lint-python lint-go

## the stages of `make test`
.PHONY: test-rust
test-rust: ## Rust tests, on the test broker
	cargo test --quiet --locked --workspace --exclude abi

.PHONY: test-abi
test-abi: build ## headers current and compiling, signatures, exported symbols
	PULSAR_RS_LIBRARY_FOLDER=$(RELEASE) cargo test --quiet --locked --package abi

.PHONY: test-c
test-c: build ## C tests and the conformance list, on the test broker
	@tests/with_test_broker tests/c/run
	@tests/with_test_broker tests/conformance/run ours --broker test

.PHONY: test-valgrind
test-valgrind: build ## C tests under valgrind: no leak, no invalid access
	@.ci/need valgrind
	@tests/with_test_broker tests/c/run --valgrind

.PHONY: test-go
test-go: go ## the Go wrapper and its examples, on the test broker
	@tests/with_test_broker tests/bindings go

.PHONY: test-python
test-python: python ## the Python wrapper and its examples, on the test broker
	@tests/with_test_broker tests/bindings python

.PHONY: test-interop
test-interop: build python-tools ## other clients against the test broker
	@tests/with_test_broker tests/interop/run

.PHONY: test-real
test-real: build go python reference target/demo/produce target/demo/consume ## all of these on one real Pulsar, and the official library beside ours
	@tests/pulsar/pulsar run -- tests/on_real_pulsar

.PHONY: test-security
test-security: build reference python-tools ## who gets in, over plain connections and TLS, on both brokers, and the official library beside ours
	@tests/security/with_test_broker tests/security/run ours --no-certificates
	@tests/security/with_test_broker --mutual-tls tests/security/run ours
	@tests/pulsar/pulsar run --secure -- tests/security/run ours reference
	@tests/pulsar/pulsar run --mutual-tls -- tests/security/run ours reference

.PHONY: fuzz
fuzz: ## each decoder for FUZZ_SECONDS
	@fuzz/run $(FUZZ_SECONDS)

## parts
.PHONY: go
go: build ## the Go wrapper, with the library in bindings/go/lib
	@.ci/need go
	bindings/go/take $(LIBRARY)
	cd bindings/go && go build ./...
	cd examples/go && go build -o ../../target/go/ ./...

.PHONY: python
python: build python-tools ## the Python wrapper as a wheel, installed in target/python/venv
	@rm -rf target/python/wheels
	$(VENV)/bin/pip wheel --quiet --no-deps --wheel-dir target/python/wheels ./bindings/python
	$(VENV)/bin/pip install --quiet --no-deps --force-reinstall target/python/wheels/*.whl

.PHONY: python-tools
python-tools: $(VENV)/stamp
$(VENV)/stamp: tests/requirements.txt
	@.ci/need python3
	python3 -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --requirement tests/requirements.txt
	@touch $@

.PHONY: reference
reference: ## the official libpulsar, to compare with, in target/reference
	@tests/conformance/reference

.PHONY: lint-rust
lint-rust:
	cargo fmt --check
	cargo clippy --quiet --locked --workspace --all-targets
	cargo clippy --quiet --locked --package pulsar_rs --no-default-features
	cargo clippy --quiet --locked --package pulsar_rs --features rust-resolver,mimalloc
	RUSTDOCFLAGS=--deny=warnings cargo doc --quiet --locked --workspace --no-deps

.PHONY: lint-licenses
lint-licenses: $(TOOLS)/bin/cargo-deny
	$(TOOLS)/bin/cargo-deny --log-level error check licenses bans sources

$(TOOLS)/bin/cargo-deny:
	cargo install --debug --quiet --locked --root $(TOOLS) --version $(CARGO_DENY_VERSION) cargo-deny

.PHONY: lint-python
lint-python: python-tools
	@.ci/lint-python

.PHONY: lint-go
lint-go: go
	@.ci/need gofmt
	@unformatted=$$(gofmt -l bindings examples tests benches); [ -z "$$unformatted" ] || { echo "gofmt: $$unformatted"; exit 1; }
	cd bindings/go && go vet ./...
	cd examples/go && go vet ./...
	cd tests/interop/go && go vet ./...
	cd benches/go_client && go vet ./...

target/demo/%: examples/c/%.c $(LIBRARY)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -Iinclude $< $(LIBRARY) $(LINK) -o $@

$(LIBRARY): build

.PHONY: clean
clean: ## delete all that was built or downloaded
	rm -rf target bindings/go/lib/*.a bindings/go/lib/*/ bindings/go/archive.h

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^## /{print "\n" substr($$0, 4) ":"} /^[a-z-]+:.*## /{printf "  make %-16s %s\n", $$1, $$2}' Makefile
