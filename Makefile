# The front door: on a Debian 12 with apt, git and make, `make run` and `make test` install what they need.
#
# The packages of the program (what cmake/parts.cmake asks for) and of its tests, each in one list. The
# Dockerfile takes the first one from here as well.
BUILD_PACKAGES := g++ cmake ninja-build pkg-config liburing-dev node-llhttp libssl-dev libmimalloc-dev \
  zlib1g-dev libspdlog-dev libtomlplusplus-dev libcli11-dev prometheus-cpp-dev \
  libhiredis-dev libcjose-dev libjansson-dev libcurl4-openssl-dev libpq-dev libnats-dev nlohmann-json3-dev libjs-chart.js
TEST_PACKAGES := libgtest-dev libgmock-dev libbenchmark-dev curl python3 python3-websockets chromium \
  procps iproute2 util-linux openssl redis-server nats-server postgresql-15 pgbouncer nginx caddy
# What bench-compare measures beside livehub; Node's ws is npm's. (nginx itself is a test's, too.)
PEER_PACKAGES := nginx libnginx-mod-nchan
# For `make fuzz` alone: clang with its own run-time parts.
FUZZ_PACKAGES := clang-14 libclang-rt-14-dev
# A machine that has Node from elsewhere must keep it: Debian's npm conflicts with it.
TEST_PACKAGES += $(shell command -v node >/dev/null || echo nodejs) $(shell command -v npm >/dev/null || echo npm)

SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -c
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
# On a terminal ninja shows on one line how far it is; elsewhere only what went wrong is printed.
define ninja
set -e; \
if [[ ! -e build/livehub ]]; then \
  echo "building: about 3 minutes on two cores the first time, seconds after that"; \
fi; \
if [[ -t 1 ]]; then \
  (cd build && NINJA_STATUS='[%f of %t] ' ninja $(1)); \
else \
  ninja --quiet -C build $(1) | { grep -v '^ninja: no work to do' || true; }; \
fi
endef
.NOTPARALLEL:
.PHONY: help build run demo docs pictures test test-full sim mutants asan tsan coverage bench deps \
  deps-build deps-test clean format bench-figures bench-growth bench-micro bench-compare bench-million \
  build-bench fuzz soak image \
  tidy configure configure-tests

help:  ## List the targets (this list)
	@echo "livehub: live browser connections (SSE, WebSocket). The targets:"
	@sed -n 's/^\([a-z-]*\):.*##  *\(.*\)/\1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r name text; do \
	  printf '  make %-13s %s\n' "$$name" "$$text"; done

build: configure  ## Build the program into build/livehub
	@$(call ninja,livehub)

run: build  ## Build and start the hub: profile live-data, port 8787 (PORT=N for another), nothing external
	@exec build/livehub serve --profile live-data $(ARGS)

demo: build  ## Start the hub with this machine's own load going into it, and say what to open
	@tools/demo build/livehub

docs: build  ## Write the tables of docs/OPERATING.md anew: settings, metrics, log lines
	@node tools/docs.mjs build/livehub

pictures: configure-tests  ## Take the pictures of docs/images anew: the page on a hub with some load
	@$(call ninja,livehub livehub-bench)
	@node tools/pictures.mjs build/livehub build/livehub-bench

test: configure-tests  ## Build and pass every test in under 15 minutes: unit, house rules, integration
	@python3 tests/run.py

sim: configure-tests  ## The whole engine on a simulated kernel: 100 seeds, or SEED=N (LOG=1), or SEEDS=N
	@$(call ninja,livehub_sim)
	@build/tests/livehub_sim $(if $(SEED),--seed $(SEED) $(if $(LOG),--log),--seed 1 --seeds $(or $(SEEDS),100))

mutants: configure-tests  ## Plant each bug of tests/mutants in a copy; the simulator or a named test must find it
	@python3 tests/sim/mutants.py $(ARGS)

fuzz: deps-build  ## Fuzz TARGET=... for TIME=60 seconds; without TARGET the list of them, TARGET=all each
	@$(call install,$(FUZZ_PACKAGES))
	@$(if $(TARGET),cmake --preset fuzz >/dev/null,true)
	@python3 tests/fuzz/run.py $(if $(TARGET),$(TARGET) --seconds $(or $(TIME),60),--list)

image:  ## Do the Dockerfile's steps in bare Debian folders, try the result, say its size (root)
	@$(call install,debootstrap)
	@$(SUDO) python3 tests/tools/image.py $(ARGS)

soak: configure-tests  ## Crowds for MINUTES=10, every failing call, ... with figures and a verdict; SOAK=name for one
	@$(call ninja,livehub livehub-bench livehub_fault_shim livehub_clock_shim)
	@node tests/soak/run.mjs --minutes $(or $(MINUTES),10) $(SOAK)

test-full: configure-tests  ## The same with the long forms: 10,000 joins, minutes of waiting, every cell
	@python3 tests/run.py --full

asan: deps-build deps-test  ## The tests under the address and undefined-behaviour sanitizers
	@cmake --preset asan >/dev/null
	@python3 tests/run.py --build build-asan

tsan: deps-build deps-test  ## The tests under the thread sanitizer
	@cmake --preset tsan >/dev/null
	@python3 tests/run.py --build build-tsan

coverage: deps-build deps-test  ## Which lines the tests reach: build-coverage/coverage.html
	@$(call install,gcovr)
	@cmake --preset coverage >/dev/null
	@find build-coverage -name '*.gcda' -delete
	@python3 tests/run.py --build build-coverage
	@gcovr --root . --filter src/ --filter include/ --object-directory build-coverage \
	  --html-details build-coverage/coverage.html --print-summary

bench: build-bench  ## Every scenario for a few seconds, both backends: two minutes, a table (ARGS=--help)
	@bench/suite $(ARGS)

bench-figures: build-bench  ## The promised figures with their targets: 50 minutes (ARGS=--quick: 15)
	@bench/figures $(ARGS)

bench-micro: build-bench  ## What single pieces cost: frames, masks, UTF-8, events, rings, fan-out, JSON
	@$(call ninja,livehub-bench-micro)
	@build/livehub-bench-micro $(ARGS)

bench-compare: build-bench  ## The same load on livehub, bare loops, nginx with Nchan, Node (ARGS="--pairs 3")
	@$(call install,$(PEER_PACKAGES))
	@bench/comparison $(ARGS)

bench-million: build-bench  ## A million subscribers in one process (ARGS="-n 20000 --shards 4": small)
	@bench/million $(ARGS)

bench-growth: build-bench  ## How costs grow with connections, sizes, shards, channels: 25 minutes (ARGS=--quick: 3)
	@bench/growth $(ARGS)

deps: deps-build deps-test  ## Install all packages (the other targets do it themselves)

clean:  ## Remove what was built and installed below this directory
	rm -rf build build-asan build-tsan build-coverage build-fuzz build-tidy tests/node_modules

format:  ## Bring the C++ sources to the house style
	@$(call install,clang-format)
	@git ls-files -co --exclude-standard '*.h' '*.cc' | xargs clang-format -i

# clang reads no headers that gcc precompiled, and clang 14 has C++20's coroutines without saying so.
tidy: deps-build  ## Check the house rules, then let clang-tidy read every source (minutes)
	@python3 tests/tidy/tidy.py
	@$(call install,clang-tidy)
	@cmake --preset tidy >/dev/null
	@git ls-files -co --exclude-standard 'src/*.cc' | xargs -P "$$(nproc)" -n 4 \
	  clang-tidy -p build-tidy --quiet --extra-arg=-D__cpp_impl_coroutine=201902L

# From here on: steps of the targets above.

build-bench: configure-tests
	@$(call ninja,livehub livehub-bench livehub-rooms)

# Installs those packages that are missing. With all in place it costs one dpkg-query. The servers among
# them (of the tests) are not started: the tests start their own.
define install
set -e; have=" $$(dpkg-query -W -f '$${db:Status-Status}:$${Package} ' $(1) 2>/dev/null || true)"; missing=; \
for package in $(1); do [[ $$have == *" installed:$$package "* ]] || missing+=" $$package"; done; \
if [[ -n $$missing ]]; then \
  command -v apt-get >/dev/null || { echo "no apt-get here; install by hand:$$missing" >&2; exit 1; }; \
  echo "installing:$$missing"; \
  log=$$(mktemp); policy=/usr/sbin/policy-rc.d; trap 'rm -f "$$log"' EXIT; \
  if [[ ! -e $$policy ]]; then \
    trap 'rm -f "$$log"; $(SUDO) rm -f '$$policy EXIT; \
    printf '#!/bin/sh\nexit 101\n' | $(SUDO) tee $$policy >/dev/null; $(SUDO) chmod 755 $$policy; \
  fi; \
  { $(SUDO) apt-get update -q && \
    $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $$missing; } \
    >"$$log" 2>&1 || { tail -n 30 "$$log" >&2; echo "apt-get failed; see above" >&2; exit 1; }; \
fi
endef

deps-build:
	@$(call install,$(BUILD_PACKAGES))

deps-test: deps-build
	@$(call install,$(TEST_PACKAGES))
	@cd tests && lock=$$(sha256sum package-lock.json) && \
	if [[ $$(cat node_modules/.lock 2>/dev/null) != "$$lock" ]]; then \
	  echo "installing the test clients (npm ci)" && \
	  PUPPETEER_SKIP_DOWNLOAD=1 npm ci --ignore-scripts --loglevel=error && \
	  echo "$$lock" >node_modules/.lock; \
	fi

# The program alone needs none of the test packages, so the first `make run` configures without tests.
configure: deps-build
	@[[ -e build/build.ninja ]] || cmake --preset release -DLIVEHUB_TESTS=OFF -DLIVEHUB_BENCH=OFF >/dev/null

configure-tests: deps-test
	@grep -qs '^LIVEHUB_TESTS:BOOL=ON' build/CMakeCache.txt && \
	  grep -qs '^LIVEHUB_BENCH:BOOL=ON' build/CMakeCache.txt && [[ -e build/build.ninja ]] || \
	  cmake --preset release -DLIVEHUB_TESTS=ON -DLIVEHUB_BENCH=ON >/dev/null
