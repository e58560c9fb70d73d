"""Each page as Markdown: what becomes of cells, formulas, boxes and links, and the pages' own."""

import re
from pathlib import PurePosixPath

import pytest
from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin

from book._ext.build import build
from book._ext.formats.markdown_pages import page_markdown
from tests.support.marks import on_site
from tests.support.paths import ROOT
from tests.support.seeded_book import GOOD, HEADER, seed

PAGE = "book/part/page"
BASE = "https://someone.github.io/their-fork/"
PAGES = {PAGE, "book/part/other", "book/notation"}


def katex(tex):
    return (
        '<span class="katex"><span class="katex-mathml"><math><semantics><mi>x</mi><annotation '
        f'encoding="application/x-tex">{tex}</annotation></semantics></math></span>'
        '<span class="katex-html" aria-hidden="true"><span class="base"><span>x</span></span>'
        "</span></span>"
    )


def made(html, **settings):
    return page_markdown(html, PAGE, **{"base": BASE, "pages": PAGES} | settings)


def test_a_formula_is_its_tex():
    html = (
        f'<p>So <span class="math">{katex("a_1 * b_1")}</span>, and a_b <em>c</em>.</p>'
    )
    assert made(html) == "So $a_1 * b_1$, and a\\_b *c*.\n"
    number = '<span class="eqno">(4.1.2)<a class="headerlink" href="#e">#</a></span>'
    display = f'<span class="katex-display">{katex("a &amp; b")}</span>'
    block = f'<p>It is</p><div class="math" id="e">{number}{display}</div><p>or</p>'
    assert made(block) == "It is\n\n$$a & b \\tag{4.1.2}$$\n\nor\n"


def test_a_bar_in_a_formula_does_not_end_a_cell_of_a_table():
    cell = f'<span class="math">{katex("p(y | x)")}</span>'
    norm = f'<span class="math">{katex("&#92;| x &#92;|")}</span>'
    table = (
        "<table><thead><tr><th>a</th><th>b</th></tr></thead>"
        f"<tbody><tr><td>{cell}</td><td>{norm}</td></tr></tbody></table>"
    )
    row = made(table).splitlines()[-1]
    assert row == "| $p(y \\vert x)$ | $\\Vert x \\Vert $ |"
    tokens = MarkdownIt().enable("table").parse(made(table))
    assert sum(token.type == "td_open" for token in tokens) == 2


def test_a_cell_is_fenced_python_and_what_it_printed_is_text():
    html = (
        '<div class="cell"><div class="cell_input"><div class="highlight-ipython3"><div '
        'class="highlight"><pre><span></span><span class="n">x_1</span> <span>=</span> 2 * 3\n'
        '<span class="n">print</span>(x_1)\n</pre></div></div></div><div class="cell_output">'
        '<div class="highlight-none"><div class="highlight"><pre>6 * 1\n</pre></div></div>'
        "</div></div>"
    )
    assert made(html) == (
        "```python\nx_1 = 2 * 3\nprint(x_1)\n```\n\n```text\n6 * 1\n```\n"
    )


def test_a_figure_is_its_description_its_file_and_its_caption():
    html = (
        '<figure><img alt="A rising line." class="light-twin" src="../../_images/a.svg"/>'
        '<img alt="A rising line." class="dark-twin" src="../../_images/a.dark.svg"/>'
        "<figcaption><p><span>Figure 1 </span><span>A line.</span></p></figcaption></figure>"
    )
    shown = f"![A rising line.]({BASE}_images/a.svg)\n\nFigure 1 A line.\n"
    assert made(html) == shown
    assert made(html, base="") == shown.replace(BASE, "../../")


def test_links_lead_to_markdown_or_to_the_site():
    links = {
        "other.html#part": "[t](other.md)",
        "../notation.html": "[t](../notation.md)",
        "../../source/code/a.html#f": f"[t]({BASE}source/code/a.html#f)",
        "https://example.org/one.html": "[t](https://example.org/one.html)",
        "#here": "t",
        "page.html#here": "t",
    }
    for target, expected in links.items():
        assert made(f'<p><a href="{target}" title="T">t</a></p>') == f"{expected}\n"


def test_a_box_is_a_quotation_that_begins_with_its_title():
    html = (
        '<details class="admonition hint"><summary class="admonition-title">Hint 1'
        '<a class="headerlink" href="#h">#</a></summary><p>Look.</p></details>'
        '<dl class="glossary"><dt>ablation</dt><dd><p>Without it.</p></dd></dl>'
    )
    assert made(html) == "> **Hint 1**\n>\n> Look.\n\n**ablation**\n\nWithout it.\n"


def test_text_is_not_read_as_html_or_as_a_column():
    assert made("<p>The &lt;start&gt; of a &amp; b</p>") == "The \\<start> of a & b\n"
    table = "<table><tr><th>a</th></tr><tr><td>b | c <code>|</code></td></tr></table>"
    assert made(table).splitlines()[-1] == "| b \\| c `\\|` |"


def test_what_works_only_in_the_page_is_left_out():
    html = (
        '<div class="live-bar"><p>Run</p></div><details class="checked-by"><summary>'
        "Checked by 1 test</summary><p>t</p></details><script>1</script><p>Text.</p>"
    )
    assert made(html) == "Text.\n"


@pytest.mark.slow
def test_a_built_page_names_its_markdown_and_a_removed_page_leaves_none(tmp_path):
    build.npm_packages(ROOT)
    other = f"{HEADER}# Other\n\nSee [it](good.md) and {{ref}}`it <ch-it>`.\n"
    pages = {"good": GOOD.replace("# Good", "(ch-it)=\n# Good"), "other": other}
    book = seed(tmp_path, pages)
    site = book / "_build/html"
    environment = {"GITHUB_REPOSITORY": "Someone/their-fork"}
    (site / "book").mkdir(parents=True)
    (site / "book/gone.md").write_text("# Gone\n", "utf-8")
    assert build.run_sphinx(book, environment) == []
    assert not (site / "book/gone.md").exists()
    head = (site / "book/other.html").read_text("utf-8").partition("</head>")[0]
    link = '<link rel="alternate" type="text/markdown" href="other.md"/>'
    assert head.count(link) == 1
    assert (
        (site / "book/other.md")
        .read_text("utf-8")
        .endswith("# Other\n\nSee [it](good.md) and [it](good.md).\n")
    )
    text = (site / "book/good.md").read_text("utf-8")
    assert "$$a = b \\tag{" in text and "It was 1.23, 2,345 times." in text
    assert re.search(rf"!\[A rising line\.\]\({BASE}_images/\w+\.svg\)", text, re.I)


@on_site
def test_every_page_has_markdown_that_a_plain_reader_understands(site):
    reader = MarkdownIt("commonmark").enable("table").use(dollarmath_plugin)
    pages = [path.with_suffix(".html") for path in (site / "book").rglob("*.md")]
    linked = re.findall(
        r"^- \[.*?\]\((\S+?)\): ", (site / "llms.txt").read_text(), re.M
    )
    names = [path.relative_to(site).with_suffix(".md").as_posix() for path in pages]
    assert sorted(names) == sorted(name[name.index("book/") :] for name in linked)
    wrong = []
    for path in pages:
        assert path.is_file()
        text = path.with_suffix(".md").read_text("utf-8")
        tokens = reader.parse(text)
        inline = [t for token in tokens for t in (token, *(token.children or ()))]
        for token in inline:
            if token.type.startswith("html") or (
                token.type == "text"
                and re.search(r":::|\{[a-z:]+\}|FORMULA\d", token.content)
            ):
                wrong.append((path.name, token.content[:60]))
            href = token.attrGet("href") if token.type == "link_open" else None
            if href and href.endswith(".md") and "//" not in href:
                target = path.parent / PurePosixPath(href)
                if not target.is_file():
                    wrong.append((path.name, href))
    assert wrong == [], wrong[:9]
