# `make search` and `make test` set up what they need on a fresh machine: Python 3.11+ and make.
PYTHON ?= python3
RUN ?= runs/default
BIN := .venv/bin

.PHONY: search test slow timing gpu check app clean

search: .venv/installed  ## train the embedded default, search it on this machine, write the table
	$(BIN)/python -m nas.search --num-threads 1 --out $(RUN)

# A process of tests that dies ends the run, which says in which test: pytest-xdist may wait forever
# for what a restarted one was given.
TWO := -n 2 --max-worker-restart 0

test: .venv/installed  ## the tests: CPU, no network, under 5 minutes
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest $(TWO) --dist loadfile -m "not slow and not timing"

# Slow checks that measure nothing, so that two of them can run side by side.
SIDE_BY_SIDE := tests/supernet tests/nas/runtimes tests/nas/export tests/benchmarks \
	tests/test_timm_networks.py tests/test_pretrained_start.py tests/test_moved_photos.py \
	tests/test_damaged_photos.py tests/test_restart.py tests/test_two_searches.py \
	tests/test_worker_roles.py tests/nas/test_mixed_search.py tests/nas/search/test_searching.py \
	tests/nas/search/test_several.py tests/nas/search/test_guide.py tests/test_own_dataset.py \
	tests/nas/search/test_storage.py tests/nas/evaluate tests/nas/kit tests/mutualnas \
	tests/test_wheel.py tests/test_light_session.py

slow: .venv/installed  ## the checks that take longer
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest $(TWO) --dist worksteal -m "slow and not timing" $(SIDE_BY_SIDE)
	$(BIN)/python -m pytest -m "slow and not timing" $(SIDE_BY_SIDE:%=--ignore=%)

timing: .venv/installed  ## the checks that time things: only on an idle machine
	$(BIN)/python -m pytest -m timing

# Folders with tests that are marked gpu; others may import what a machine with a GPU lacks.
ON_GPU := tests/nas/runtimes tests/supernet/data tests/supernet/train
# Without .venv the machine's own Python, whose PyTorch suits its GPU: nothing is installed.
GPU_PYTHON := $(firstword $(wildcard $(BIN)/python) $(PYTHON))

gpu:  ## the tests that need an NVIDIA GPU, and a benchmark on it, in 8 minutes; skipped without one
	timeout 240 $(GPU_PYTHON) -m pytest -rs -m gpu $(ON_GPU)
	timeout 240 $(GPU_PYTHON) -m benchmarks.training.gpu_step

check: .venv/installed  ## lint, format, types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

app: .venv/installed  ## the explorer, on the run of `make search`, or on an example where there is none
	$(BIN)/mutualnas explorer $(if $(wildcard $(RUN)/search),$(RUN))

.venv/installed: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python --editable ".[dev]"
	touch $@

clean:
	rm -rf .venv runs build *.egg-info
