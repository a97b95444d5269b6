# `make help` explains the targets.

GO      ?= go
PYTHON  ?= python3
LINT    := $(GO) tool -modfile=tools/go.mod golangci-lint
VENV    := .cache/venv
MOTO    := $(VENV)/bin/moto_server
LOCAL   := .cache/dynamodb-local
ASL     := .cache/asl/node_modules/.bin/asl-validator
RULER   := .cache/event-ruler

.DEFAULT_GOAL := help
.PHONY: help demo test check format vet lint race size fuzz conformance workers rollouts bench

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
MAX_SIZE := 38000000
# aws-lambda-go has an old way in beside the Runtime API, by net/rpc, which does
# just that: without this tag the binary has 67 MB.
TAGS := lambda.norpc
size:
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w' -tags $(TAGS) -o bin/drover ./cmd/drover
	@size=$$(wc -c < bin/drover); echo "bin/drover: $$size bytes, at most $(MAX_SIZE)"; test $$size -le $(MAX_SIZE)

fuzz: ## look for inputs that break the parsers, half a minute each
	$(GO) test -run '^$$' -fuzz '^FuzzParse$$' -fuzztime 30s ./internal/event
	$(GO) test -run '^$$' -fuzz '^FuzzParsePattern$$' -fuzztime 30s ./internal/event
	$(GO) test -run '^$$' -fuzz '^FuzzParse$$' -fuzztime 30s ./internal/fleetfile

conformance: $(MOTO) $(LOCAL)/DynamoDBLocal.jar $(ASL) $(RULER)/Oracle.class ## the scenarios over the wire, against moto, DynamoDB Local, asl-validator and event-ruler (installs them by itself)
	DROVER_MOTO=$(CURDIR)/$(MOTO) DROVER_DYNAMODB_LOCAL=$(CURDIR)/$(LOCAL) DROVER_ASL_VALIDATOR=$(CURDIR)/$(ASL) DROVER_EVENT_RULER=$(CURDIR)/$(RULER) $(GO) test -tags conformance -count=1 -parallel 5 -timeout 20m -v ./conformance/...

workers: $(MOTO) $(LOCAL)/DynamoDBLocal.jar ## 10,000 events for two worker processes, of which one is killed, with nothing beside it
	DROVER_WORKER_LOAD=full DROVER_MOTO=$(CURDIR)/$(MOTO) DROVER_DYNAMODB_LOCAL=$(CURDIR)/$(LOCAL) $(GO) test -tags conformance -count=1 -timeout 40m -v -run '^TestWorkers$$' ./conformance

rollouts: $(MOTO) ## kill drover run before each of the calls of a rollout and after each, and run it again
	DROVER_ROLLOUT_KILLS=all DROVER_MOTO=$(CURDIR)/$(MOTO) $(GO) test -tags conformance -count=1 -timeout 40m -v -run '^TestRolloutKilled$$' ./conformance

bench: ## failover, rollouts, workers and the Lambda function, each beside what people have today
	$(GO) run ./bench

# moto in a virtual environment of its own, pinned, made anew when the pin changes.
$(MOTO): conformance/requirements.txt
	rm -rf $(VENV)
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -r conformance/requirements.txt
	touch $(MOTO)

# DynamoDB Local from Maven Central, pinned likewise. A second witness where the
# machine has Java and Maven: without it its tests say that they were skipped.
# Maven's own copies go once what is needed of them has been put together.
$(LOCAL)/DynamoDBLocal.jar: conformance/dynamodb-local.xml
	@rm -rf $(LOCAL) $(LOCAL).part
	@if java -version >/dev/null 2>&1 && mvn -version >/dev/null 2>&1 && \
		mvn -q -B -f $< -Dmaven.repo.local=$(CURDIR)/$(LOCAL).part/m2 \
			dependency:copy-dependencies -DoutputDirectory=$(CURDIR)/$(LOCAL).part/lib; \
	then mv $(LOCAL).part/lib $(LOCAL) && touch $@; \
	else echo "conformance: no DynamoDB Local here: it takes java (17 or later), mvn and Maven Central; its tests will be skipped"; fi
	@rm -rf $(LOCAL).part

# asl-validator from npm, pinned by its lockfile, which names no registry: npm
# asks the one that is configured. Without npm its tests say that they were
# skipped.
$(ASL): conformance/asl/package-lock.json
	@rm -rf .cache/asl && mkdir -p .cache/asl && cp conformance/asl/package.json conformance/asl/package-lock.json .cache/asl
	@if npm --version >/dev/null 2>&1 && (cd .cache/asl && npm ci --loglevel=error --ignore-scripts --no-audit --no-fund); \
	then touch $@; \
	else rm -rf .cache/asl; echo "conformance: no asl-validator here: it takes node, npm and a registry; its tests will be skipped"; fi

# event-ruler from Maven Central, pinned likewise, and the program that asks it.
$(RULER)/Oracle.class: conformance/ruler/pom.xml conformance/ruler/Oracle.java
	@rm -rf $(RULER) $(RULER).part
	@if javac -version >/dev/null 2>&1 && mvn -version >/dev/null 2>&1 && \
		mvn -q -B -f $< -Dmaven.repo.local=$(CURDIR)/$(RULER).part/m2 \
			dependency:copy-dependencies -DoutputDirectory=$(CURDIR)/$(RULER).part/lib && \
		javac -d $(RULER).part/lib -cp '$(RULER).part/lib/*' conformance/ruler/Oracle.java; \
	then mv $(RULER).part/lib $(RULER) && touch $@; \
	else echo "conformance: no event-ruler here: it takes a JDK (11 or later), mvn and Maven Central; its tests will be skipped"; fi
	@rm -rf $(RULER).part
