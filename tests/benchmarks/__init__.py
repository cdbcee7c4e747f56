"""How fast it is, beside what people would pick instead, on the same games, rows, database and Redis.

`make bench` runs it; docs/benchmarks.md says what is measured and how. Nothing here belongs to `make test`.
"""
