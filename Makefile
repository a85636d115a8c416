# Two commands: `make run` and `make test`. What they install goes into .venv, and stays there.
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help run test lint format bench bench-ingest bench-mapping bench-wear bench-household bench-polls \
    bench-start crash fuzz kill soak soak-retention test-nspawn test-vm install uninstall clean

BIN := .venv/bin

help:
	@echo 'make run     run the collector with an embedded broker and simulated devices'
	@echo '             (make run ARGS="--duration 10" ends by itself)'
	@echo 'make test    check style, types and imports, and run every test'
	@echo '             (make test ARGS="tests/daemon -k retention" runs some of the tests)'
	@echo '             (make test ARGS="-n 0 --pdb" runs them in one process, with a debugger)'
	@echo 'make lint    check style, types and imports only'
	@echo 'make format  lay the code out as `make lint` wants it'
	@echo 'make bench   measure the engine beside TinyFlux 1.2.0, SQLite and DuckDB (an hour)'
	@echo '             (make bench ARGS="--sizes 100k --engines ours,sqlite --only hour")'
	@echo 'make bench-ingest   measure the collector beside a bare subscriber on one Mosquitto'
	@echo 'make bench-mapping  measure how many messages a second one core maps'
	@echo 'make bench-wear     measure what reaches the disk at ten messages a second (an hour, root)'
	@echo 'make bench-household   what deadband, throttle and the like leave of a day (a minute)'
	@echo 'make bench-polls    measure how many polls a second are sustained beside sensors that hang'
	@echo 'make bench-start    measure a start until READY, and the memory that it then has'
	@echo 'make crash   kill a writer 500 times, then let six processes write and read for a minute'
	@echo '             (make crash KILLS=5000 SECONDS=600)'
	@echo 'make kill    kill the collector 50 times under load, then cut, stop and fill what it needs'
	@echo '             (make kill KILLS=500 SECONDS=600 ARGS="--only kill,disk")'
	@echo 'make soak    watch the memory of the collector at 100 messages a second for an hour'
	@echo 'make soak-retention   a household of a year (10 points a second) under the default rules'
	@echo 'make fuzz    feed bytes that nobody wrote on purpose to every reader (make fuzz SCALE=100)'
	@echo 'sudo make test-nspawn   install, run, reload, kill, upgrade the service in a container'
	@echo 'sudo make test-vm       the same in a virtual machine, whose power is cut too'
	@echo '                        (make test-vm ARGS="--suite trixie" on Debian 13)'
	@echo 'sudo make install    install the collector as a system service, or upgrade it'
	@echo 'sudo make uninstall  remove it; data and configuration stay'
	@echo 'make clean   delete .venv and every cache; collected data stays'

run:
	@sh tools/environment.sh venv run
	@$(BIN)/tinyflux-collector demo $(ARGS)

test: lint
	@sh tools/environment.sh programs
	@echo '== tests: pytest'
	@$(BIN)/python -m pytest -n 2 $(ARGS)

lint:
	@sh tools/environment.sh venv test
	@echo '== style: ruff'
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@echo '== types: mypy --strict'
	@$(BIN)/mypy
	@echo '== import contracts: import-linter'
	@$(BIN)/lint-imports

format:
	@sh tools/environment.sh venv test
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench:
	@sh tools/environment.sh venv test
	@$(BIN)/python -m benchmarks.engine $(ARGS)

bench-ingest:
	@sh tools/environment.sh venv test
	@sh tools/environment.sh programs
	@$(BIN)/python -m benchmarks.ingest --seconds $(or $(SECONDS),30) $(ARGS)

bench-mapping:
	@sh tools/environment.sh venv test
	@$(BIN)/python -m benchmarks.mapping

bench-household:
	@sh tools/environment.sh venv test
	@$(BIN)/python -m benchmarks.household $(ARGS)

bench-polls:
	@sh tools/environment.sh venv test
	@$(BIN)/python -m benchmarks.polls $(ARGS)

bench-wear:
	@sh tools/environment.sh venv test
	@sh tools/environment.sh programs
	@$(BIN)/python -m benchmarks.wear --seconds $(or $(SECONDS),3600) $(ARGS)

bench-start:
	@sh tools/environment.sh venv test
	@$(BIN)/python -m benchmarks.start $(ARGS)

crash:
	@sh tools/environment.sh venv test
	@$(BIN)/python -m tests.tinyflux.durability.crash --kills $(or $(KILLS),500)
	@$(BIN)/python -m tests.tinyflux.durability.many --seconds $(or $(SECONDS),60)

kill:
	@sh tools/environment.sh venv test
	@sh tools/environment.sh programs
	@$(BIN)/python -m tests.daemon.delivery --kills $(or $(KILLS),50) \
	    --seconds $(or $(SECONDS),60) $(ARGS)

soak:
	@sh tools/environment.sh venv test
	@sh tools/environment.sh programs
	@$(BIN)/python -m tests.daemon.delivery.soak --seconds $(or $(SECONDS),3600) $(ARGS)

soak-retention:
	@sh tools/environment.sh venv test
	@$(BIN)/python -m benchmarks.retention_year $(ARGS)

fuzz:
	@sh tools/environment.sh venv test
	@TINYFLUX_TEST_SCALE=$(or $(SCALE),20) $(BIN)/python -m pytest -n 2 --timeout 0 -q \
	    --hypothesis-show-statistics tests/tinyflux/durability/test_fuzz.py $(ARGS)

test-nspawn:
	@sh tools/environment.sh venv test
	@sh tools/environment.sh programs container
	@$(BIN)/python -m tests.packaging.service nspawn $(ARGS)

test-vm:
	@sh tools/environment.sh venv test
	@sh tools/environment.sh programs machine
	@$(BIN)/python -m tests.packaging.service vm $(ARGS)

install:
	@systemd/install

uninstall:
	@systemd/uninstall

clean:
	rm -rf .venv build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis \
	    .import_linter_cache
	find tinyflux daemon tests -name __pycache__ -prune -exec rm -rf {} +
