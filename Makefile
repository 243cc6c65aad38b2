# Everything that is built or downloaded goes below target/. `make help` lists what there is.

MAKEFLAGS += --no-builtin-rules
.DEFAULT_GOAL := help
SHELL := /bin/sh

RELEASE := target/release
# What is shipped, and what all tests, examples and bindings link: packaging/ makes it out of what cargo builds.
PRODUCT := target/lib
LIBRARY := $(PRODUCT)/libpulsar_rs.a
SHARED := $(PRODUCT)/libpulsar_rs.so
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
# The processor for `make musl`.
ARCH ?= x86_64
CARGO_DENY_VERSION := 0.20.2

# In this order; each is a target of its own.
TEST_STAGES := build test-rust test-abi test-c test-valgrind test-go test-python test-features test-link test-install test-interop test-real test-security fuzz demo

export CARGO_TERM_COLOR ?= auto
export PREFIX LIBDIR INCLUDEDIR BINDIR MANDIR DESTDIR

## what most people want
.PHONY: demo
demo: build target/demo/produce target/demo/consume ## send a real file through the C API, read it back, compare (BROKER=pulsar: on a real Pulsar)
	@examples/demo $(BROKER) $(LINES)

.PHONY: test
test: ## install what is needed below target/ and run everything
	@.ci/stages $(TEST_STAGES)

.PHONY: build
build: $(LIBRARY) $(SHARED) ## the library, target/lib/libpulsar_rs.a and .so, and target/release/pulsar-testbroker

.PHONY: cargo
cargo:
	cargo build --quiet --release --locked --package pulsar_rs_testbroker
	# By itself: what the test broker alone needs of their common crates stays out of the library.
	cargo build --quiet --release --locked --package pulsar_rs

# These have recipes so that make looks whether cargo wrote them anew.
$(RELEASE)/libpulsar_rs.a $(RELEASE)/libpulsar_rs.so: cargo
	@:

$(LIBRARY): $(RELEASE)/libpulsar_rs.a packaging/archive $(wildcard tests/abi/tables/*.tsv)
	@packaging/archive $< $@

$(SHARED): $(RELEASE)/libpulsar_rs.so packaging/shared packaging/version Cargo.toml
	@packaging/shared $< $(@D)

.PHONY: musl
ifeq ($(ARCH),x86_64)
musl: ## the library for static programs with musl: target/musl/libpulsar_rs.a (ARCH=aarch64: target/musl-aarch64)
	@ARCH=$(ARCH) packaging/musl target/musl/libpulsar_rs.a
	@bindings/go/take target/musl/libpulsar_rs.a musl
else
musl:
	@ARCH=$(ARCH) packaging/musl target/musl-$(ARCH)/libpulsar_rs.a
endif

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

.PHONY: test-static-aarch64
test-static-aarch64: build python-tools ## after `make musl ARCH=aarch64`: static programs in C for that processor, run by qemu
	@.ci/need qemu-aarch64-static
	@.ci/need file
	@tests/static/run aarch64

.PHONY: bench-static
bench-static: build ## after `make musl`: sizes, and CPU with musl beside glibc (ARGS=--quick: roughly)
	@.ci/need musl-gcc
	@.ci/need python3
	@python3 -B benches/static.py $(ARGS)

.PHONY: bench
bench: build ## measure beside the other clients (ARGS=--quick: roughly; ARGS=--write: into docs/performance.md)
	@.ci/need python3
	@python3 -B benches/run.py $(ARGS)

.PHONY: bench-go
bench-go: go ## what Go programs pay for this library, beside pulsar-client-go (ARGS=--write: into docs/performance.md)
	@.ci/need python3
	@python3 -B benches/go.py $(ARGS)

.PHONY: soak
soak: build ## send and receive for MINUTES while connections break and topics move (BROKER=pulsar: with restarts, too)
	@.ci/need python3
	@tests/soak/run --minutes $(MINUTES) --broker $(BROKER) $(ARGS)

.PHONY: headers
headers: ## write include/ from src/ffi
	cargo run --quiet --locked --package abi

.PHONY: size
size: build ## how large the library and programs with it are (ARGS=features: also without each Cargo feature; takes long)
	@packaging/size $(ARGS)

.PHONY: abi-released
abi-released: ## for a release: write down what programs may rely on from then on
	cargo run --quiet --locked --package abi -- released

.PHONY: lint
lint: ## formatting, warnings, licences, in all languages
	@.ci/stages lint-rust lint-licenses lint-python lint-go

## for packages and users; with PREFIX (/usr/local), LIBDIR, INCLUDEDIR, BINDIR, MANDIR and DESTDIR
.PHONY: install
install: build install-only ## headers, libpulsar_rs.a and .so, pkg-config and CMake files, pulsar-testbroker

.PHONY: install-only
install-only: ## the same, of what is built: for `make build && sudo make install-only`
	@packaging/install install

.PHONY: install-compat
install-compat: ## names of the official library for it, so that -lpulsar and pulsar.pc mean this one
	@packaging/install compat

.PHONY: install-debug
install-debug: ## function names and lines for debuggers, beside the shared library
	@packaging/install debug

.PHONY: install-musl
install-musl: ## after `make musl` and `make install`: that library, which pkg-config knows as pulsar_rs-musl
	@packaging/install musl

.PHONY: install-static-glibc
install-static-glibc: ## the same after `make static-glibc`, as pulsar_rs-static-glibc
	@packaging/install static-glibc

.PHONY: uninstall
uninstall: ## take away all of these
	@packaging/install uninstall

## the stages of `make test`
.PHONY: test-rust
test-rust: ## Rust tests, on the test broker
	cargo test --quiet --locked --workspace --exclude abi

.PHONY: test-abi
test-abi: build ## headers current and compiling, signatures, exported symbols
	PULSAR_RS_LIBRARY_FOLDER=$(PRODUCT) cargo test --quiet --locked --package abi

.PHONY: test-c
test-c: build ## C tests and the conformance list, on the test broker
	@tests/with_test_broker tests/c/run
	@tests/with_test_broker tests/conformance/run ours --broker test

.PHONY: test-valgrind
test-valgrind: build ## C tests under valgrind: no leak, no invalid access
	@.ci/need valgrind
	@tests/with_test_broker tests/c/run --valgrind

.PHONY: test-go
test-go: go ## the Go package, its API beside pulsar-client-go's, and its examples, on the test broker
	@PULSAR_GO_EXIT_RUNS=100 tests/with_test_broker tests/bindings go

.PHONY: test-python
test-python: python ## the Python wrapper and its examples, on the test broker
	@tests/with_test_broker tests/bindings python

.PHONY: test-features
test-features: build ## the library without its Cargo features, and with some of them
	@tests/with_test_broker tests/features/run

.PHONY: test-link
test-link: build ## one program with OpenSSL, protobuf, the codecs' own libraries and another Rust library
	@tests/with_test_broker tests/link/run

.PHONY: test-install
test-install: build python-tools ## what is installed, linked by make, CMake, Meson, Go and pulsar-sys, on the test broker
	@tests/with_test_broker tests/install/run

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
	@FUZZ_JOBS=$${FUZZ_JOBS:-2} fuzz/run $(FUZZ_SECONDS)

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
	# Its lock file is another one.
	cargo metadata --quiet --locked --format-version 1 --manifest-path fuzz/Cargo.toml >/dev/null
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
	for module in bindings/go bindings/go/alias tests/go_alias tests/go_api tests/go_parity; do (cd $$module && go vet ./...) || exit 1; done
	cd examples/go && go vet ./...
	cd tests/interop/go && go vet ./...
	for module in benches/go benches/go_client; do (cd $$module && go vet ./...) || exit 1; done

target/demo/%: examples/c/%.c $(LIBRARY)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -Iinclude $< $(LIBRARY) $(LINK) -o $@

.PHONY: clean
clean: ## delete all that was built or downloaded
	rm -rf target bindings/go/lib/*.a bindings/go/lib/*/ bindings/go/archive.h

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^## /{print "\n" substr($$0, 4) ":"} /^[a-z0-9-]+:.*## /{printf "  make %-16s %s\n", $$1, $$2}' Makefile
