# `make run` makes a published preference dataset; `make test` passes the tests.
# Either sets up what it needs: Python 3.11+, git and make are all that must be there.

SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
UV := $(shell command -v uv 2>/dev/null || echo .venv-uv/bin/uv)
STAMP := .venv/.set-up
BIN := $(CURDIR)/.venv/bin
PEERS := $(patsubst benchmarks/engine/peers/%.txt,.bench/%/.set-up,$(wildcard benchmarks/engine/peers/*.txt))
export PATH := $(BIN):$(PATH)
# An environment that happens to be active is somebody else's.
unexport VIRTUAL_ENV
# Without compiled files every stage starts twice as slowly.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup setup-train run train test test-tuning test-ray test-workers check format prompts docs report bench-engine bench-engine-peers bench-labels bench-plateau bench-publish bench-sample bench-scale bench-validate clean

help: ## list these targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

setup: $(STAMP) ## make the environment in .venv

$(STAMP): pyproject.toml uv.lock | $(UV)
	$(UV) sync --quiet --frozen --extra pipeline --extra local
	@python -m flows.runtime.warm_up >/dev/null
	@rm -f $(STAMP)-train $(STAMP)-ray
	@touch $@

setup-train: $(STAMP)-train ## add what tunes language models: torch, transformers, TRL (5 GB)

$(STAMP)-train: $(STAMP)
	$(UV) sync --quiet --frozen --inexact --extra pipeline --extra local --extra train
	@touch $@

$(STAMP)-ray: $(STAMP)
	$(UV) sync --quiet --frozen --inexact --extra pipeline --extra local --extra ray
	@touch $@

# uv itself comes from PyPI where it is missing.
.venv-uv/bin/uv:
	$(PYTHON) -m venv .venv-uv
	.venv-uv/bin/python -m pip install --quiet --disable-pip-version-check uv

run: $(STAMP) ## run the whole pipeline: prompts to a published version
	@python -m flows.pipeline

train: $(STAMP)-train ## tune the bundled model by DPO on the pipeline's own preferences, and measure it
	@python -m flows.improve

test: $(STAMP) ## pass the tests
	python -m pytest

test-tuning: $(STAMP)-train ## pass the tests that need the extra `train`
	python -m pytest -n 2 -m tuning tests/tasks/train tests/prefline/llm/local

test-workers: $(STAMP) ## pass the test of a Prefect work pool with a killed worker (minutes)
	PREFLINE_TEST_WORKERS=1 python -m pytest -n 0 tests/flows/test_workers.py

test-ray: $(STAMP)-ray ## pass the tests that need the extra `ray`
	python -m pytest -n 2 -m ray tests/flows

check: $(STAMP) ## lint, format, types and import rules
	ruff check .
	ruff format --check .
	mypy
	lint-imports

format: $(STAMP) ## format the sources
	ruff check --fix --quiet .
	ruff format --quiet .

prompts: $(STAMP) ## write the bundled prompts from their templates
	python -m prefline.sources.bundled

docs: $(STAMP) ## write the reference pages from the code
	python -m prefline.cli.reference

report: $(STAMP) ## make report.html anew
	@prefline report

# BENCH=--quick takes minutes, shows that all works and leaves benchmarks/results alone.
bench-engine: bench-engine-peers ## measure the engine beside its peers, write benchmarks/results
	@# Nobody's first run is to pay for compiling.
	-python -m compileall -qq .venv/lib prefline tasks flows benchmarks
	python -m benchmarks.engine.peers $(BENCH)
	python -m benchmarks.engine.flow $(BENCH)
	python -m benchmarks.engine.floor $(BENCH)
	python -m benchmarks.engine.latency $(BENCH)
	python -m benchmarks.engine.memory $(BENCH)
	python -m benchmarks.engine.store $(BENCH)
	python -m benchmarks.engine.resume $(BENCH)
	python -m benchmarks.engine.publish $(BENCH)

bench-engine-peers: $(STAMP) $(PEERS) ## make the environments of the peers of the engine in .bench

bench-labels: $(STAMP) ## measure labels and the review queue on planted truth, into benchmarks/results
	python -m benchmarks.labels
	python -m benchmarks.labels.review
	python -m benchmarks.labels.recorded
	python -m benchmarks.labels.juries
	python -m benchmarks.labels.small_judge
	python -m benchmarks.labels.adaptive
	python -m benchmarks.labels.attacks

bench-plateau: $(STAMP) ## measure when rounds of self-improvement are ended, into benchmarks/results
	python -m benchmarks.plateau

bench-sample: $(STAMP) .bench/near-datasketch/.set-up .bench/near-datatrove/.set-up ## measure sampling and near duplicates, into benchmarks/results
	python -m benchmarks.sample.near
	python -m benchmarks.sample.whole

.bench/near-datasketch/.set-up .bench/near-datatrove/.set-up: .bench/near-%/.set-up: benchmarks/sample/peers/%.txt | $(UV)
	$(UV) venv --quiet --clear --python 3.11 .bench/near-$*
	$(UV) pip install --quiet --compile-bytecode --python .bench/near-$* -r $<
	@touch $@

bench-scale: $(STAMP) ## measure each stage by number of prompts, into benchmarks/results
	python -m benchmarks.scale $(BENCH)

bench-validate: $(STAMP) ## measure validation of a million preferences, into benchmarks/results
	python -m benchmarks.validate

bench-publish: $(STAMP) .bench/awscli/.set-up ## measure publishing and reading beside aws s3 cp, into benchmarks/results
	python -m benchmarks.publish.transfer $(BENCH)
	python -m benchmarks.publish.rows
	python -m benchmarks.publish.diff

.bench/awscli/.set-up: benchmarks/publish/peers/awscli.txt | $(UV)
	$(UV) venv --quiet --clear --python 3.11 .bench/awscli
	$(UV) pip install --quiet --compile-bytecode --python .bench/awscli -r $<
	@touch $@

.bench/%/.set-up: benchmarks/engine/peers/%.txt | $(UV)
	$(UV) venv --quiet --clear --python 3.11 .bench/$*
	$(UV) pip install --quiet --compile-bytecode --python .bench/$* -r $<
	@touch $@

clean: ## remove everything that runs have made, the paid replies too
	rm -rf .prefline store report.html dvc.lock data/release.json
	rm -rf data/metrics/*.json data/metrics/judge data/rejections/*.parquet
	rm -rf data/prompts data/responses data/judgments data/rubrics data/canaries data/preferences data/review data/answers data/validation
	rm -rf .dvc/cache .dvc/tmp
