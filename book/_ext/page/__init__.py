"""What a page gets: figures, formulas, links, contents, style, scripts."""
