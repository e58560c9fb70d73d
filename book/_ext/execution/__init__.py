"""Pages executed when what they reach has changed.

execution_cache     Which outputs are out of date; myst-nb and jupyter-cache execute and keep them.
parallel_execution  Several pages executed at a time; jupyter-cache executes each.
"""
