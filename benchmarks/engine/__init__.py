"""Every speed claim of the engine, measured: ours beside TinyFlux 1.2.0, SQLite and DuckDB.

`make bench` runs all of it; `python -m benchmarks.engine --help` names the parts. Modules that a
measured process loads (`worker`, `questions`, `engines`) import each other relatively and nothing
heavy, because they also run in the second virtual environment, without this checkout.
"""
