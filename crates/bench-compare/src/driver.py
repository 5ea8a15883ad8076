"""Runs the SQL statements of standard input, one a line, on a DuckDB file.

For each it prints one line: the nanoseconds that running it and fetching its first row took, and the
values of that row. Statements aggregate in SQL, so the time is DuckDB's and not Python's: of a
statement that does nothing it is some 0.1 ms, which the program around this measures and prints.
"""

import sys
import time

import duckdb

connection = duckdb.connect(sys.argv[1])
# A bar would go to standard output.
connection.execute("set enable_progress_bar = false")
for statement in sys.stdin:
    begun = time.perf_counter_ns()
    try:
        row = connection.execute(statement).fetchone()
        words = [str(time.perf_counter_ns() - begun)] + [str(value) for value in row or ()]
    except Exception as error:
        words = ["error", " ".join(str(error).split())]
    print("\t".join(words), flush=True)
