"""Pages executed when what they reach has changed.

nbclient runs the kernels and nbformat stores what they return; myst-nb reads pages through its
option nb_custom_formats and executes nothing. What a page reaches is ours: neither myst-nb nor
jupyter-cache follows imports (issue 1633 of jupyter-book).
"""
