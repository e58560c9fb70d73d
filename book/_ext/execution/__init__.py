"""Pages executed when what they reach has changed.

fingerprint  What a page reaches, as a hash; neither myst-nb nor jupyter-cache follows imports
             (issue 1633 of jupyter-book).
outputs      Executes pages with nbclient, keeps them with nbformat; myst-nb reads them through its
             option nb_custom_formats and executes nothing.
"""
