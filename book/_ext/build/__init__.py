"""The build as a process: npm, Sphinx, locks, archives, browser, server.

archives    Zip archives, the same bytes from the same files; zipfile has no setting for that.
build       `make book`: npm's packages, a lock, then Jupyter Book's command, which runs Sphinx.
chromium    Starts the browser that prints and tests the pages, through Playwright.
paths       Where a book stands and what is built of it, as one parameter; no library.
serve       `make serve`, by the standard library's http.server.
unfinished  Removes half-done files of a stopped build; Sphinx and jupyter-cache keep them.
"""
