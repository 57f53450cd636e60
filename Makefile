# The whole manual of this repository: `make` lists what there is.
# Every recipe runs the project's own Node, never the system's.
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)
# Compiled code is kept between runs: our processes start faster and stay 20 MB smaller.
export NODE_COMPILE_CACHE := $(CURDIR)/.cache/node
SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help install up down demo dev test check browser bench faults schemas

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' Makefile | expand -t 18

install: node_modules/.package-lock.json ## install the packages of package-lock.json, where they are not yet

node_modules/.package-lock.json: package-lock.json
	@command -v npm >/dev/null || { echo 'Node is missing: install Node 20 or newer with npm, for example the packages nodejs and npm.' >&2; exit 1; }
	npm ci --no-audit --no-fund
	@touch $@

up: install ## start the local stack and all services, return when all are healthy
	@node deploy/local/up.ts

down: install ## stop what `make up` started; its data stays
	@node deploy/local/down.ts

demo: install ## from nothing to values, news and messages, on real package metadata
	@node deploy/local/demo.ts

dev: up ## run a second edge on port 8000 that restarts on every change, against the running stack
	@set -a; . ./.local/stack.env; DEPLOYMENT_ENV=local EDGE_HOST=127.0.0.1 EDGE_PORT=8000 HEALTH_HOST=127.0.0.1 HEALTH_PORT=8001 \
	ALLOWED_PRIVATE_NETWORKS=127.0.0.0/8,::1/128 exec node --watch services/edge/main.ts

test: check browser ## check, then unit, contract, integration and end-to-end tests on a stack of their own
	vitest run --project unit --project stack

check: install ## types, lint, format, generated files
	tsc --noEmit
	eslint .
	prettier --check .
	node schemas/generate.ts --check
	node deploy/settings.ts --check

browser:
	@{ command -v chromium || command -v chromium-browser || command -v google-chrome; } >/dev/null || \
	{ test "$$(id -u)" = 0 && command -v apt-get >/dev/null && apt-get update -qq && \
	DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends chromium; } >&2 || \
	{ echo 'Chromium is missing, in which a test looks at /docs: install it, for example the package chromium.' >&2; exit 1; }

bench: install ## measure speed and size of everything, printed with the conditions
	node test/bench/main.ts

faults: install ## kill and starve everything under load, compare what came out
	vitest run --project faults

schemas: install ## write what is generated: types of schemas/*.avsc, deploy/SETTINGS.md
	node schemas/generate.ts
	node deploy/settings.ts
