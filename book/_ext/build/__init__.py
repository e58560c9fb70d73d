"""The build as a process: npm, Sphinx, locks, archives, browser, server.

archives    Zip archives, the same bytes from the same files; zipfile has no setting for that.
binder_branches  The branches of Binder's environments, by git's own commands.
build       `make book`: npm's packages, a lock, then Jupyter Book's command, which runs Sphinx.
chromium    Starts the browser that prints and tests the pages, through Playwright.
command     The command of Jupyter Book, as a process of its own.
faulty      The pages that failed, to be read again; Sphinx would pass them unread.
parallel_writing  Pages written by several processes; jupyter-book does not pass Sphinx's --jobs.
paths       Where a book stands and what is built of it, as one parameter; no library.
release     `make release`: the tag against the version, and the files; gh publishes them.
serve       `make serve`, by Tornado, on which JupyterLab's own server stands.
watch       `make watch`; sphinx-autobuild starts Sphinx anew for each change, which takes longer.
"""
