# Everything one does in this repository. `make` lists the targets.
# Every recipe runs the project's own Node, never the system's.
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)
# Compiled code is kept between runs: our processes start faster and stay 20 MB smaller.
export NODE_COMPILE_CACHE := $(CURDIR)/.cache/node
SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help install demo up down logs dev unit stack test check rooms faults image-test cluster insight insight-analyzer insight-train insight-nab insight-forecast insight-suspect bench fix schemas pictures browser faketime

help:
	@awk -F ':.*## ' '/^##/ { printf "\n%s\n", substr($$0, 4) } /^[a-z-]+:.* ## / { printf "  make %-16s %s\n", $$1, $$2 }' Makefile

## Run
install: node_modules/.package-lock.json ## install the npm packages, unless they are up to date

node_modules/.package-lock.json: package-lock.json
	@command -v npm >/dev/null || { echo 'Node is missing: install Node 20 or newer with npm, for example the packages nodejs and npm.' >&2; exit 1; }
	@echo 'Installing the npm packages (about a minute) ...'
	@npm ci
	@touch $@

demo: install ## start everything, crawl npm metadata, print the news that come out
	@node deploy/local/demo.ts

up: install ## start the local stack and all services in the background; with three brokers: make up BROKERS=3
	@$(if $(BROKERS),PARMA_BROKERS=$(BROKERS) )node deploy/local/up.ts

down: install ## stop what `make up` or `make demo` started; the data stays
	@node deploy/local/down.ts

logs: ## follow the logs of the running stack; of one service: make logs OF=edge
	@ls .local/log/*.log >/dev/null 2>&1 || { echo 'There are no logs: start the local stack with make up.' >&2; exit 1; }
	@tail -n 20 -F .local/log/$(or $(OF),*).log

dev: up ## run a second edge on port 8000 that restarts at every change
	@set -a; . ./.local/stack.env; DEPLOYMENT_ENV=local EDGE_HOST=127.0.0.1 EDGE_PORT=8000 HEALTH_HOST=127.0.0.1 HEALTH_PORT=8001 \
	ALLOWED_PRIVATE_NETWORKS=127.0.0.0/8,::1/128 exec node --watch services/edge/main.ts

## Test
unit: install ## run the unit tests: no servers, no Java, no browser
	@vitest run --project unit

stack: install ## run the tests that need servers; one file: make stack FILE=ledger
	@vitest run --project stack $(FILE)

test: check browser faketime ## check, then run the unit and stack tests
	@vitest run --project unit --project stack

check: install ## check types, lint, format, unused code, structure, generated files and pages
	tsc --noEmit
	eslint .
	prettier --check --log-level warn .
	knip
	node test/structure/main.ts --check
	node schemas/generate.ts --check
	node deploy/settings.ts --check
	node deploy/helm/generate.ts --check
	node deploy/dashboards/generate.ts --check
	node deploy/pages/main.ts

rooms: install ## print the files, rooms and imports of each service
	@node test/structure/main.ts

faults: install faketime ## kill and starve everything under load, compare the results
	@vitest run --project faults

image-test: install ## build the image, start each service from it as the chart says
	@node test/image/main.ts

cluster: install ## install, upgrade and remove the charts on a real Kubernetes API server
	@node test/cluster/prepare.ts
	@vitest run --project cluster

insight: install ## measure what the detectors find of changes put into series
	@node test/insight/main.ts

insight-analyzer: install ## measure what the analyzer's defaults tell of payloads, with changes put in
	@node test/insight/analyzer.ts

insight-train: install ## learn the detectors' table of constants again
	@node test/insight/train.ts

insight-nab: install ## score the given files of the Numenta Anomaly Benchmark
	@node test/insight/nab.ts

insight-forecast: install ## measure how far forecasts are off, beside plain methods
	@node test/insight/forecast.ts

insight-suspect: install ## measure which runs of a broken source are held
	@node test/insight/suspect.ts

bench: install ## measure speed and memory, print the conditions
	@node test/bench/main.ts

browser:
	@{ command -v chromium || command -v chromium-browser || command -v google-chrome; } >/dev/null || \
	{ test "$$(id -u)" = 0 && command -v apt-get >/dev/null && apt-get update -qq && \
	DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends chromium; } >&2 || \
	{ echo 'Chromium is missing, in which a test opens /docs: install it, for example the package chromium.' >&2; exit 1; }

faketime:
	@ls /usr/lib/*/faketime/libfaketimeMT.so.1 /usr/lib/faketime/libfaketimeMT.so.1 2>/dev/null | grep -q . || \
	{ test "$$(id -u)" = 0 && command -v apt-get >/dev/null && apt-get update -qq && \
	DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends libfaketime; } >&2 || \
	{ echo 'libfaketime is missing, by which tests step the clock of one process: install it, for example the package libfaketime.' >&2; exit 1; }

## Write
fix: install ## format the files and fix what lint can fix
	@eslint --fix .
	@prettier --write --log-level warn .

schemas: install ## write what is generated: types, settings, tables of pages
	@node schemas/generate.ts
	@node deploy/settings.ts
	@node deploy/helm/generate.ts
	@node deploy/dashboards/generate.ts
	@node deploy/pages/main.ts --write

pictures: install browser ## take the README's pictures of pages and of a mail, from a demo of their own
	@node test/pictures/main.ts
