"""Which tests executed what; recorded numbers; the last run of the tests.

claims            Conclusions and their tests, read with ast from marks, and labels of pages.
coverage_index    Which tests executed which functions, from the record; coverage.py measured it.
draw              `make draw` copies tested functions into cells; {literalinclude} makes no cell.
drawn             Drawn cells checked and captioned with their tests, which no extension knows.
equations         Labelled equations and their tests; Sphinx numbers the equations.
measure_evidence  `make evidence`: runs pytest under coverage.py, which notes the test of each line.
normal_form       A hash of what code does, without its layout; ast parses and prints it.
record_roles      {record} and {record-origin}; MyST-NB's glue takes values of cells, not of files.
suite_run         The last run of all tests; --junitxml names no commit, and any run overwrites it.
value_assertions  Which tests assert on values; read with ast, since no linter asks this.
"""
