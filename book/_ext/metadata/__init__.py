"""Titles, citation, licences, links, scores, the search index.

cite            The BibTeX entry of each page, written by pybtex.
descriptions    Titles and descriptions, from front matter or the first sentences of a page.
feed            An Atom feed of releases and corrections, and llms.txt; xml.etree writes the feed.
licences        {licences}: what others wrote, and the texts, which importlib.metadata finds.
links           `make links`: Sphinx's linkcheck tries the links; its output is summed up here.
page_metadata   Open Graph and structured data; sphinxext-opengraph writes only the first.
scores          `make scores`: medians by Lighthouse 13, from npm; Lighthouse CI brings 12.
search_objects  A Sphinx domain of symbols, terms and exercises, for Sphinx's own search.
sitemap         index.html, robots.txt, sitemap.xml; sphinx-sitemap writes the last alone.
social          The picture that goes with a link, drawn by Matplotlib.
"""
