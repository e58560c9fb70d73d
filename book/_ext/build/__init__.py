"""The build as a process: npm, Sphinx, locks, archives, browser, server.

Jupyter Book and Sphinx do the building. This room decides whether there is anything to build,
keeps two builds apart and begins where it is safe after a failed one. `make watch` is its own few
lines: sphinx-autobuild starts Sphinx anew for each change, which takes longer than the build.
"""
