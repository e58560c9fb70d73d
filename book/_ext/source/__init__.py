"""Of the repository: its address, its files as pages, its functions in cells.

address        Links to the repository; the theme's buttons would show without an address.
colab          The address that opens the executed notebook of a page in Colab.
binder         The environment that a page needs on Binder, and the address that opens it there.
changelog      Releases in CHANGELOG.md and corrections, by their headings; no library.
changes        Whether files have changed, by size and time; what was computed from them.
citation_file  What CITATION.cff says, read with PyYAML.
drawn_cells    Drawn cells in MyST source and the functions they name, read with ast.
node           Tools of npm's, run with the locked node.
repository     The repository's address: a workflow's, the remote origin's, or the configured one.
source_pages   Code and tests as pages, coloured by Pygments; viewcode shows what autodoc lists.
"""
