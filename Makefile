GO       ?= go
NPM      ?= npm
LINT     := $(GO) run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
VERSION  := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS  := -s -w -X main.version=$(VERSION)
TEST     := $(GO) test -timeout 15m -parallel 4
FUZZTIME ?= 20s
MODULES  := ui/node_modules/.package-lock.json

# What "make generate" writes.
GENERATED := api/openapi.json migrations cmd/builtin/files

.DEFAULT_GOAL := help
.PHONY: help demo dev example build sdk install chromium test test/go test/race test/faults test/attacks test/ui test/deploy chaos fuzz lint fmt generate verify bench bench/latency bench/sleep bench/stream

help: ## Show this list
	@sed -n 's/^\([a-z/]*\):.*## \(.*\)/\1|\2/p' Makefile | awk -F'|' '{ printf "  %-13s %s\n", $$1, $$2 }'

demo: build chromium ## Start Freshet and print a page to PDF with it; ONCE=1 ends after that
	@ONCE='$(ONCE)' ADDR='$(ADDR)' scripts/demo

dev: build ## Start Freshet on this machine: PostgreSQL, API and workers
	@scripts/install chromium || echo "Freshet starts all the same; page-to-pdf will fail."
	bin/freshet dev $(if $(ADDR),--addr '$(ADDR)')

example: build $(MODULES) ## Run the example app, a Next.js app of a user of Freshet
	$(NPM) run build --prefix ui --workspace sdk
	@echo 'The app will be at http://localhost:3000, as soon as Next.js says that it is ready.'
	cd ui/example && NEXT_TELEMETRY_DISABLED=1 ../../bin/freshet dev $(if $(ADDR),--addr '$(ADDR)') -- $(NPM) run dev

build: ## Build bin/freshet
	$(GO) build -trimpath -buildvcs=false -ldflags '$(LDFLAGS)' -o bin/freshet .

sdk: $(MODULES) ## Pack the TypeScript SDK as bin/freshet-sdk.tgz, and for the next build
	@mkdir -p bin
	$(NPM) pack --silent --prefix ui --workspace sdk --pack-destination '$(CURDIR)/bin'
	mv bin/freshet-sdk-*.tgz bin/freshet-sdk.tgz
	cp bin/freshet-sdk.tgz cmd/scaffold/sdk/

install: $(MODULES) ## Install what the demo and the tests need, where that may be done
	@scripts/install chromium poppler-utils

chromium:
	@scripts/install chromium

test: install test/go test/faults test/ui test/deploy ## Install what the tests need and run them all

test/go: ## Run the Go tests
	$(TEST) ./...

# Those left out run whole programs, whose parts have tests of their own, or have one goroutine.
test/race: ## Run the Go tests of the parts with the race detector
	$(TEST) -race $$($(GO) list ./... | grep -v -e /faults$$ -e /clouds$$ -e /attacks$$ -e /cmd$$ -e /builtin$$ -e /cron$$ -e /migrations -e /embedded$$)

test/faults: ## Kill, freeze and cut off Freshet; and see that a missing fence is noticed
	$(TEST) ./faults
	$(TEST) -tags unfenced -run TestZombie ./faults
	$(TEST) -tags unfenced -run TestWithoutTheFence ./jobs/postgres

chaos: ## The same at full size, in half an hour; prints what it measures
	$(GO) test -v -timeout 90m -parallel 1 ./faults -full

test/attacks: ## Run the tests that answer the attacks of attacks/doc.go, which are part of test/go
	@TEST='$(TEST)' scripts/attacks

fuzz: ## Fuzz each reader of what strangers send, for FUZZTIME
	@grep -or '^func Fuzz[A-Za-z]*' --include='*_test.go' api cmd config jobs | sort | while IFS=: read -r file name; do \
		echo "$$file: $${name#func }"; \
		$(GO) test -run '^$$' -fuzz "^$${name#func }\$$" -fuzztime $(FUZZTIME) "./$$(dirname "$$file")" </dev/null || exit 1; done

test/ui: $(MODULES) ## Run the TypeScript tests
	$(NPM) test --prefix ui

# Modules of their own, so that what the vendors' libraries bring along stays out of Freshet's.
test/deploy: ## Check what is in deploy/, as far as that can be done without a cloud
	@set -e; for module in deploy/check/*/go.mod; do (cd "$$(dirname "$$module")" && $(TEST) ./...); done

lint: $(MODULES) ## Check the code of all languages
	$(LINT) run
	GOOS=darwin $(GO) vet ./...
	$(NPM) run check --prefix ui

fmt: ## Format the Go code
	$(LINT) fmt

generate: $(MODULES) ## Write the files that are made from others
	$(GO) run ./migrations/generate
	@mkdir -p bin
	$(GO) run . openapi > bin/openapi.json
	mv bin/openapi.json api/openapi.json
	$(NPM) run build --prefix ui

verify: generate ## Fail if a generated file, the formatting or a go.mod is not as it should be
	git --no-pager diff --exit-code -- $(GENERATED)
	@new=$$(git ls-files --others --exclude-standard -- $(GENERATED)); \
		test -z "$$new" || { echo "not committed: $$new"; exit 1; }
	@bad=$$(gofmt -l .); test -z "$$bad" || { echo "not formatted: $$bad"; exit 1; }
	@for module in go.mod deploy/check/*/go.mod; do \
		(cd "$$(dirname "$$module")" && $(GO) mod tidy -diff) || { echo "not tidy: $$module"; exit 1; }; done

bench/latency: ## Measure from a submit to the end of its stream, on an idle system
	$(GO) run ./bench -latency

bench/sleep: ## Have an idle database be left alone for five minutes, by its own log
	$(GO) test -count 1 -timeout 15m -v -run TestTheDatabaseSleeps ./cmd -idle 5m

bench/stream: ## Measure 10,000 open streams beside a bare SSE server
	$(GO) run ./bench/stream $(ARGS)

bench: ## Measure throughput and latency beside raw PostgreSQL and River
	$(GO) run ./bench

$(MODULES): ui/package-lock.json
	$(NPM) ci --prefix ui
	@touch $@
