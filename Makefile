# Every target is one line of `make help`; what takes more than a line or three is a program in tools/.
.DEFAULT_GOAL := help

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build target/sluice.wasm
	@python3 tools/build.py

run: ## serve on 127.0.0.1:10000 with a mock provider (PORT= ADMIN_PORT= CONSOLE_PORT= UPSTREAM=host:port PROVIDERS=live)
	@python3 tools/run.py

demo: ## play and check the worked example, then show its log records
	@python3 tools/demo.py

validate: ## check an Envoy configuration without starting it (CONFIG=file.yaml)
	@python3 tools/validate.py "$(CONFIG)"

test: build ## unit and architecture tests, tools, a second host, real Envoy (ENVOY_VERSION=1.39.3), the worked example, Python SDK clients
	@python3 tools/check.py unit fuzz tools host envoy demo python

test-faults: export SLUICE_FAULTS := long
test-faults: build ## faults of providers, clients, Envoy and virtual machines, many of each (make check has a few)
	@python3 tools/check.py faults

test-clients: build ## official SDKs as clients: Python and TypeScript
	@python3 tools/check.py python node

test-console: build ## the console page in a browser (Debian package chromium)
	@python3 tools/check.py browser

test-monitoring: build ## metrics, board and alerts in a real Prometheus (Debian package prometheus)
	@python3 tools/check.py monitoring

test-export: build ## exported records in ClickHouse (chdb) and OpenTelemetry (opentelemetry-proto), both from PyPI
	@python3 tools/check.py export

test-containers: build ## the container path (needs a Docker engine)
	@python3 tools/check.py containers

lint: export RUSTDOCFLAGS := -D warnings
lint: ## formatting, clippy for host and wasm, documentation
	@python3 tools/build.py --toolchain
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	cargo clippy --locked --target wasm32-wasip1 -p sluice -p sluice-noop -- -D warnings
	cargo doc --locked --no-deps

check: lint build ## lint and every test; says what could not run, which in CI is a failure
	@python3 tools/check.py unit fuzz tools host envoy oldest demo monitoring export python node browser containers

fuzz: ## fuzz targets by coverage (TARGET="url json" SECONDS=60)
	@python3 tools/fuzz.py "$(or $(SECONDS),60)" $(or $(TARGET),url)

fuzz-all: ## fuzz every target by coverage, for SECONDS each
	@python3 tools/fuzz.py "$(or $(SECONDS),3600)"

bench: ## what the filter costs Envoy, beside plain Envoy: CPU, times, memory, start, size (ROWS=passthrough,hit for a part)
	@PYTHONPATH=tools python3 -m bench $(if $(ROWS),--rows $(ROWS))
	@$(if $(ROWS),,cargo bench --locked -p sluice-benches)

bench-compare: ## the same for two revisions in turn: this one and BASE=revision
	@PYTHONPATH=tools python3 -m bench $(if $(ROWS),--rows $(ROWS)) --base "$(BASE)"

bench-peers: ## other gateways under the same load, pinned, from PyPI, npm and Debian; what cannot be had is skipped with its reason
	@PYTHONPATH=tools python3 -m bench.peers

soak: ## CALLS=1000000 mixed calls: clients, records, metrics and provider must count alike, memory stays flat
	@PYTHONPATH=tools python3 -m bench.soak $(CALLS)

prices: ## make data/prices.json anew, show what changed, check the cost rule (fetches two packages)
	@python3 tools/prices.py

prices-check: ## only check the cost rule against the calculators of the two packages
	@python3 tools/prices.py --check

clean: ## remove everything that was built
	rm -rf target

.PHONY: help build run demo validate test test-faults test-clients test-console test-monitoring test-export test-containers lint check fuzz fuzz-all bench bench-compare bench-peers soak prices prices-check clean
