"""Hints and solutions fold without a script."""

from docutils.core import publish_doctree

from book._ext.page import folding

BOX = """
.. admonition:: Look `there <https://example.org>`_ first
   :class: dropdown hint

   The words inside.

.. admonition:: Stays open

   Others.
"""


def test_only_boxes_of_the_class_fold_and_their_summary_is_no_link():
    page = publish_doctree(BOX)
    folding.fold(None, page, "page")
    (box,) = page.findall(folding.Folding)
    assert box["classes"] == ["dropdown", "hint", "admonition"]
    assert isinstance(box[0], folding.Summary)
    assert box[0].astext() == "Look there first"
    assert "reference" not in box[0].pformat()
    assert box[1].astext() == "The words inside."
