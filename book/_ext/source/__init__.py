"""Of the repository: its address, its files as pages, its functions in cells."""
