# make help shows what there is.
GOLANGCI := go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)

.PHONY: help dialects build test race lint bench bench-large bench-felt recall cache load peers properties judges crash crash-sockets loops replicas streams stops worst matrix pace soak dynamo image-check fuzz
help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

build: ## the static binary ./parley
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o parley ./cmd/parley

test: ## all tests; PARLEY_TEST_POSTGRES and PARLEY_TEST_MYSQL add those databases
	go test ./...

race: ## the same with the race detector, in random order
	scripts/race ./...

lint: ## golangci-lint
	golangci-lint run ./... 2>/dev/null || $(GOLANGCI) run ./...

bench: ## every benchmark once
	go test -run '^$$' -bench . -benchtime 1x ./...

bench-large: ## the conversation store with a million messages; takes minutes
	PARLEY_BENCH_LARGE=1 go test -run '^$$' -bench 'Beside|Million|Length' -benchtime 1x -timeout 30m ./conversation

bench-felt: build ## processor time, bursts and memory of ./parley on each database, compared with Bolt; needs node and npm; takes minutes
	npm install --prefix test/load/peers --no-audit --no-fund --silent
	PARLEY_BENCH_NEW=$(CURDIR)/parley PARLEY_PEERS=$(CURDIR)/test/load/peers go test -run '^$$' -bench Felt -benchtime 1x -timeout 90m ./test/load

recall: ## how often a search finds what answers a question, and how much of prompts a cache has; PARLEY_LOCOMO names locomo10.json
	go test -count=1 -run 'LoCoMo|Chinese' -v ./conversation/recall ./ai

cache: ## how much of prompts providers find in their caches; PARLEY_LOCOMO names locomo10.json
	go test -count=1 -run LoCoMo -v ./ai

load: ## durable webhooks compared with a bare handler, and the time from accepted to sent
	go test -run '^$$' -bench . -benchtime 5s ./test/load

properties: ## a million texts through every renderer: none may lose a letter
	go test -count=1 -timeout 3h -run 'NothingIsLost|RenderedHoldsEverything|BlocksHoldAllOfTheText|StyledReply' -v \
		./platforms/render ./platforms/feishu ./platforms/slack ./internal/cli -rapid.checks=1000000

judges: ## the fakes checked by the platforms' own clients, and the model client checked by aimock; needs node and npm
	npm install --prefix test/judges --no-audit --no-fund --silent
	PARLEY_JUDGES=$(CURDIR)/test/judges go test -count=1 -v ./test/judges

peers: ## Parley compared with Slack's own framework and a chat SDK, all on the same fake Slack; needs node and npm
	npm install --prefix test/load/peers --no-audit --no-fund --silent
	PARLEY_PEERS=$(CURDIR)/test/load/peers go test -run '^$$' -bench Peers -benchtime 1x -timeout 20m ./test/load

dialects: ## how the answers of each provider are handled; fails if docs/models.md differs
	go test -count=1 -run TestDialects -v ./ai/openai

dynamo: ## an emulator of DynamoDB on loopback, with tables and sample data
	scripts/dynamo

crash: ## kill -9 under load 300 times on each database; prints what was lost or duplicated
	PARLEY_CRASH_KILLS=300 go test -count=1 -run TestCrash -timeout 30m -v ./test/e2e

crash-sockets: ## 10,000 messages over each listener, 20 kills and 50 disconnects; prints what was lost, duplicated or out of order; takes a quarter of an hour
	PARLEY_SOCKET_MESSAGES=10000 go test -count=1 -run TestCrashOverSockets -timeout 40m -v ./test/e2e

loops: ## 300 tool loops on each database, cut by kill -9; prints what was done twice, lost or duplicated
	PARLEY_TOOL_LOOPS=300 go test -count=1 -run TestToolLoopsAreCut -timeout 20m -v ./test/e2e

replicas: ## three replicas on one database, one killed, one frozen; needs PARLEY_TEST_POSTGRES or PARLEY_TEST_MYSQL
	PARLEY_REPLICA_EVENTS=600 go test -count=1 -run TestReplicasShareTheWork -v ./test/e2e

streams: ## kills and freezes at every step of 50 growing replies on Slack and 50 on Feishu, on each database
	PARLEY_CUT_CHATS=50 go test -count=1 -p 1 -parallel 2 -run TestGrowingRepliesAreCut -timeout 30m -v ./test/e2e

stops: ## 200 stops from another replica, and 1,000 that meet the end of a reply
	PARLEY_STOPS=200 PARLEY_STOP_RACES=1000 go test -count=1 -p 1 -parallel 2 -run 'TestStopFromAnother|TestStopRaces' -timeout 20m -v ./gateway

worst: ## every command thirty times on the worst possible data, on each database
	PARLEY_WORST_ROUNDS=30 go test -count=1 -run TestNoAnswerGrowsWithoutBound -timeout 30m -v ./gateway

matrix: ## every fault at every moment; prints what became of the event
	go test -count=1 -run TestFaultMatrix -v ./test/e2e

pace: ## many chats on Slack and Feishu at the documented limits, and how soon people see something
	PARLEY_PACE=1 go test -count=1 -p 1 -parallel 1 -run 'TestBusyChannelAtFullLimits|TestSixtyRepliesAtOnce|ManyMentionsInOneFeishuGroup|TestSignsAndFirstTexts' -v ./test/e2e

soak: ## ten minutes of hostile traffic beside friendly traffic; prints acknowledgements and memory
	PARLEY_SOAK=10m go test -count=1 -run TestHostileSoak -timeout 40m -v ./test/soak

image-check: ## build the container image's stages without a registry and start it once
	scripts/image-check

fuzz: ## each fuzz target for half a minute
	scripts/fuzz 30s
