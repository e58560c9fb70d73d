"""The build as a process: npm, Sphinx, locks, archives, browser, server."""
