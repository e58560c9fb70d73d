"""What a record is said to rest on: the names that its script leads to."""

from unrolled import dependencies

SCRIPT = """
def decode():
    return 1

def answer(decode=decode):
    return decode()

RECORDS = {"answers": answer, "shorter answers": lambda decode=decode: decode()}
"""


def test_a_default_of_the_same_name_as_its_argument_leads_to_what_it_names():
    house = dependencies.House({"experiments.answers": SCRIPT})
    for record in "answers", "shorter answers":
        assert "experiments.answers.decode" in house.rests_on(record)


QUIET = """
import os
os.environ.setdefault("ORDER", "0")
import library
"""


def test_what_a_module_does_counts_where_only_its_import_of_another_library_is_used():
    for script in (
        "from experiments.quiet import library\nRECORDS = {'sums': library.sum}",
        "def add():\n    from experiments.quiet import library\n    return library.sum()\n\n"
        "RECORDS = {'sums': add}",
    ):
        house = dependencies.House({"experiments.quiet": QUIET, "experiments.sums": script})
        assert "experiments.quiet.(import)" in house.rests_on("sums")
