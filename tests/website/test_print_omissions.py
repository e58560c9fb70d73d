"""Tests of what the print of the book leaves out, of the notes in its place, and of its table."""

from bs4 import BeautifulSoup

from book._ext.formats import print_omissions
from book._ext.formats.print_omissions import Omission, Omitted

FOLD = """<details class="admonition hide above-input"><summary>Show code</summary>
<div class="cell_input"><pre>a = 1
b = 2
</pre></div></details>"""
PLAIN = f'<div class="cell">{FOLD}<div class="cell_output"><pre>3</pre></div></div>'
FIGURE = f"""<div class="cell">{FOLD}<div class="cell_output"><figure><img src="f.svg">
<figcaption><p><span class="caption-number">Figure 1.1.1 </span>A line.</p></figcaption>
</figure></div></div>"""
LISTING = f"""<div class="cell drawn"><div class="drawn-caption">
<span><span class="caption-number">Listing 1.1.1 </span>one.two</span></div>{FOLD}</div>"""
WITH_OUTPUT = f"""<div class="cell">{FOLD[:-10]}<div class="cell_output"><pre>3</pre></div>
</details></div>"""
CHECK = """<div class="cell"><div class="cell_input"><pre>check("a_problem", globals())
</pre></div></div>"""
TABLE = """<details class="checked-fold"><summary>Part one: 1 of 1 equations</summary>
<table><tbody><tr><td>test_one</td></tr></tbody></table></details>"""
LIST = """<details class="checked-fold"><summary>1 test failed</summary>
<ul><li>test_two</li></ul></details>"""
MARK = """<div class="math"><span class="eqno">(1)</span></div>
<div class="equation-mark"><details class="checked-by"><summary>Checked by 2 tests</summary>
<ul><li>test_three</li></ul></details></div>"""


def page(body):
    text = f"<article><h2>Its <i>section</i></h2>{body}</article>"
    return BeautifulSoup(text, "html.parser").article


def left_out(body, address=""):
    article = page(body)
    return print_omissions.leave_out(article, address), article


def test_folded_code_is_left_out_and_its_output_stays():
    for body in (PLAIN, WITH_OUTPUT):
        found, article = left_out(body)
        assert found == [Omission("Its section", "2 lines")]
        assert "a = 1" not in article.get_text()
        assert article.select_one(".cell_output").get_text(strip=True) == "3"
        said = article.select_one("p.left-out")
        assert said.get_text() == "Code: 2 lines, on the site."
        assert said in article.select_one(".cell_output").find_all_previous("p")


def test_code_above_the_first_section_is_named_so():
    article = BeautifulSoup(f"<article><h1>Title</h1>{PLAIN}</article>", "html.parser")
    (found,) = print_omissions.leave_out(article, "")
    assert found == Omission("Beginning", "2 lines")


def test_a_caption_has_the_note_of_its_code():
    found, article = left_out(FIGURE)
    assert found == [Omission("Its section", "Figure 1.1.1, 2 lines")]
    caption = article.select_one("figcaption p")
    assert caption.get_text() == "Figure 1.1.1 A line. Code: 2 lines, on the site."
    found, article = left_out(LISTING)
    assert found == [Omission("Its section", "Listing 1.1.1, 2 lines")]
    assert (
        article.select_one(".drawn-caption").get_text().endswith("2 lines, on the site")
    )


def test_code_that_is_not_folded_stays():
    body = PLAIN.replace("<details", "<div").replace("</details>", "</div>")
    found, article = left_out(body)
    assert found == [] and "a = 1" in article.get_text()


def test_the_note_links_the_page_if_the_site_has_an_address():
    _, article = left_out(PLAIN, "https://example.org/one.html")
    link = article.select_one(".left-out a")
    assert (link["href"], link.get_text()) == (
        "https://example.org/one.html",
        "on the site",
    )
    assert article.select_one(".left-out").get_text() == "Code: 2 lines, on the site."
    assert not left_out(PLAIN)[1].select(".left-out a")


def test_the_call_of_a_check_is_left_out():
    found, article = left_out(CHECK + CHECK.replace("check", "checked"))
    assert found == [Omission("", print_omissions.CHECK)]
    assert [cell.get_text(strip=True)[:7] for cell in article.select(".cell")] == [
        "checked"
    ]


def test_a_folded_table_is_left_out_and_a_folded_list_stays():
    found, article = left_out(TABLE + LIST)
    said = "Part one: 1 of 1 equations"
    assert found == [Omission("Its section", f"{said}, table of 1 row")]
    assert article.select_one(".left-out").get_text() == (
        f"{said}: table of 1 row, on the site."
    )
    assert "test_one" not in article.get_text() and "test_two" in article.get_text()


def test_the_mark_of_an_equation_is_beside_its_number():
    article = page(MARK)
    assert print_omissions.name_no_tests(article) == 1
    assert article.select_one(".eqno").get_text("|") == "(1)|✓ 2 tests"
    assert not article.select(".equation-mark")


def test_a_mark_that_says_more_stays_where_it_is():
    said = "Checked by 2 tests; changed since the tests were measured"
    article = page(MARK.replace("Checked by 2 tests", said))
    assert print_omissions.name_no_tests(article) == 1
    assert article.select_one(".equation-mark").get_text(strip=True) == said


TITLES = ("chapter.name", "chapter", "1.1 Cells & gates")


def test_the_table_lists_everything_by_section():
    things = [
        Omission("One", "2 lines"),
        Omission("One", "Figure 1.1.1, 1 line"),
        Omission("Two", "3 lines"),
        Omission("", print_omissions.CHECK),
        Omission("", print_omissions.CHECK),
    ]
    chapters = [Omitted(*TITLES, things, 3), Omitted("bare", "bare", "Bare", [], 4)]
    end = BeautifulSoup(print_omissions.appendix(chapters), "html.parser")
    (row,) = end.select("tbody tr")
    assert [cell.get_text("|") for cell in row.select("td")][1:] == [
        "1.1 Cells & gates|chapter.name",
        "One| 2 lines; Figure 1.1.1, 1 line. |Two| 3 lines. Call of the check (2 times).",
    ]
    assert row.select_one("[data-to]")["data-to"] == "chapter"
    assert "leaves out 5 pieces" in end.get_text()
    assert "The 7 marks" in end.get_text()


def test_a_book_from_which_nothing_is_left_out_has_no_table():
    chapters = [Omitted(*TITLES, [], 0)]
    assert print_omissions.preface(chapters) == print_omissions.appendix(chapters) == ""
