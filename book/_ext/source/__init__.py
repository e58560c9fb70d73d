"""Of the repository: its address, its files as pages, its functions in cells.

address       Links to the repository; the theme's buttons would show without an address.
drawn_cells   Drawn cells in MyST source and the functions they name, read with ast.
moved         Old addresses that lead to new ones, from book/moved.txt; no library needed.
source_pages  Code and tests as pages, coloured by Pygments; viewcode shows only what autodoc lists.
"""
