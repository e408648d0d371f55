# make help shows what there is.
GOLANGCI := go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)

.PHONY: help build test race lint bench bench-large bench-felt load peers crash replicas matrix soak dynamo image-check fuzz
help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

build: ## the static binary ./parley
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o parley ./cmd/parley

test: ## all tests; PARLEY_TEST_POSTGRES and PARLEY_TEST_MYSQL add those databases
	go test ./...

race: ## the same under the race detector, in another order each time
	go test -race -shuffle=on ./...

lint: ## golangci-lint
	golangci-lint run ./... 2>/dev/null || $(GOLANGCI) run ./...

bench: ## every benchmark once
	go test -run '^$$' -bench . -benchtime 1x ./...

bench-large: ## the conversation store beside a million messages; takes minutes
	PARLEY_BENCH_LARGE=1 go test -run '^$$' -bench 'Beside|Million|Length' -benchtime 1x -timeout 30m ./conversation

bench-felt: build ## processor time, bursts and memory of ./parley on each database, beside Bolt; needs node and npm; takes minutes
	npm install --prefix test/load/peers --no-audit --no-fund --silent
	PARLEY_BENCH_NEW=$(CURDIR)/parley PARLEY_PEERS=$(CURDIR)/test/load/peers go test -run '^$$' -bench Felt -benchtime 1x -timeout 90m ./test/load

load: ## durable webhooks beside a bare handler, and the way from accepted to sent
	go test -run '^$$' -bench . -benchtime 5s ./test/load

peers: ## Parley beside Slack's own framework and a chat SDK, all on the same fake Slack; needs node and npm
	npm install --prefix test/load/peers --no-audit --no-fund --silent
	PARLEY_PEERS=$(CURDIR)/test/load/peers go test -run '^$$' -bench Peers -benchtime 1x -timeout 20m ./test/load

dynamo: ## an emulator of DynamoDB on loopback, with tables and sample data
	scripts/dynamo

crash: ## kill -9 under load 300 times on each database there is; prints what was lost and doubled
	PARLEY_CRASH_KILLS=300 go test -count=1 -run TestCrash -timeout 30m -v ./test/e2e

replicas: ## three replicas on one database, one killed, one frozen; needs PARLEY_TEST_POSTGRES or PARLEY_TEST_MYSQL
	PARLEY_REPLICA_EVENTS=600 go test -count=1 -run TestReplicasShareTheWork -v ./test/e2e

matrix: ## every fault at every moment; prints what became of the event
	go test -count=1 -run TestFaultMatrix -v ./test/e2e

soak: ## ten minutes of hostile traffic beside friendly traffic; prints acknowledgements and memory
	PARLEY_SOAK=10m go test -count=1 -run TestHostileSoak -timeout 20m -v ./test/soak

image-check: ## build the container image's stages without a registry and start it once
	scripts/image-check

fuzz: ## each fuzz target for half a minute
	scripts/fuzz 30s
