"""What a page gets: figures, formulas, links, contents, style, scripts.

bundle           One style sheet and one script: esbuild joins, PurgeCSS drops unused rules.
citation_style   Citations by authors and year, as styles of sphinxcontrib-bibtex and pybtex.
contents         The sidebar, and the line above a title, from what sphinx-external-toc has read.
figures_on_page  Alt text required; SVG figures in dark colours; MyST-NB places the figures.
folding          Boxes that fold as <details>; sphinx-togglebutton needs a script for it.
glossary_links   Terms linked to the glossary; Sphinx's {term} must be written at each place.
inline_math      No line break between a formula and its comma; KaTeX sees the formula alone.
katex            Formulas set by KaTeX; sphinxcontrib-katex has no option for errors.
landing          {unrolling}: an SVG whose parts move; Matplotlib gives them no classes.
moved            Old addresses that lead to new ones, from book/moved.txt; no library needed.
numbering        Part, chapter and place; Sphinx counts, but does not know the numbers of the parts.
permalinks       Links to exercises and theorems, which their extensions do not give.
plain_math       Simple LaTeX as plain text; pylatexenc drops accents and the brackets of an index.
plural           A number and its noun; inflect forms irregular plurals, and there are none.
policy           The Content-Security-Policy of every page, which Sphinx does not write.
theme_cleanup    KaTeX and fonts from npm; the theme's unused files and faults removed.
"""
