"""The tables of the page "How this book is checked".

arguments  Public functions called with wrong arguments, and what came of it.
book       What the tables are made from, and links to tests, files, pages and equations.
claims     Conclusions drawn from records and cells, with the tests that hold them.
damaged    Files damaged at random, and what came of loading them.
directive  {checked}: the tables by name; Sphinx makes the page again when they change.
exercises  Solutions, wrong answers and planted errors.
listings   Equations and listings, with the outcome of their tests.
measured   The largest errors of gradients and of comparisons with frameworks.
mutants    What `make mutants` found; mutmut makes and runs the mutants.
numbers    One line from each of the other tables.
records    Every recorded result, and whether the code behind it has changed.
site       The checks of every page, and the scores of Lighthouse.
tables     Tables as nodes of docutils; HTML from Jinja would keep links that the EPUB must drop.
the_run    The last run of the whole suite.
"""
