"""Pages executed when what they reach has changed.

fingerprint  What a page reaches, as a hash; neither myst-nb nor jupyter-cache follows imports.
outputs      Runs kernels with nbclient; myst-nb reads the outputs by its option nb_custom_formats.
"""
