# `make help` explains the targets.

GO      ?= go
PYTHON  ?= python3
LINT    := $(GO) tool -modfile=tools/go.mod golangci-lint
VENV    := .cache/venv
MOTO    := $(VENV)/bin/moto_server

.DEFAULT_GOAL := help
.PHONY: help demo test check format vet lint race size fuzz conformance bench

help: ## explain the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## watch routes leave a dead gateway, on simulated AWS
	$(GO) run ./cmd/drover demo

test: ## all tests that need nothing but Go
	$(GO) test ./...

check: format vet lint race size ## what CI runs beside the tests: format, vet, linters, race detector, binary size

# Not checked: go mod tidy. It wants the tests of dependencies too, and a module
# that those of modernc.org/sqlite need is not to be had from every proxy.

format:
	$(LINT) fmt --diff

vet:
	$(GO) vet ./...
	$(GO) vet -tags conformance ./conformance/...

lint:
	$(LINT) run ./...

race:
	$(GO) test -race ./...

# The linker drops what nobody calls, unless something looks methods up by a
# variable name or hides a client in an interface: then the binary triples.
MAX_SIZE := 24000000
size:
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w' -o bin/drover ./cmd/drover
	@size=$$(wc -c < bin/drover); echo "bin/drover: $$size bytes, at most $(MAX_SIZE)"; test $$size -le $(MAX_SIZE)

fuzz: ## look for inputs that break the parsers, half a minute each
	$(GO) test -run '^$$' -fuzz '^FuzzParse$$' -fuzztime 30s ./internal/event
	$(GO) test -run '^$$' -fuzz '^FuzzParsePattern$$' -fuzztime 30s ./internal/event
	$(GO) test -run '^$$' -fuzz '^FuzzParse$$' -fuzztime 30s ./internal/fleetfile

conformance: $(MOTO) ## the scenarios over the wire, against moto (installs it by itself)
	DROVER_MOTO=$(CURDIR)/$(MOTO) $(GO) test -tags conformance -count=1 -v ./conformance/...

bench: ## failover beside the sequence of calls that people script, on one stub
	$(GO) run ./bench

# moto in a virtual environment of its own, pinned, made anew when the pin changes.
$(MOTO): conformance/requirements.txt
	rm -rf $(VENV)
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -r conformance/requirements.txt
	touch $(MOTO)
