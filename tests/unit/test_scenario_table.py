"""The page of promises and scenarios names the tests as they are."""

from __future__ import annotations

import pytest

from tests.scenario_table import PAGE, docstrings, known_numbers, named, named_by_files, table, with_table


def test_the_page_is_up_to_date() -> None:
    """The table on the page is the one made from today's tests."""
    page = PAGE.read_text(encoding="utf-8")
    stale = "the table is stale: run `.venv/bin/python -m tests.scenario_table --write`"
    assert with_table(page) == page, stale


def test_tests_name_only_what_the_page_explains() -> None:
    """A number in a docstring is a promise or scenario of the page, not a slip."""
    known = set(known_numbers(PAGE.read_text(encoding="utf-8")))
    unknown = {path: sorted(names - known) for path, names in named_by_files().items() if names - known}
    assert {} == unknown


def test_the_page_explains_ten_promises_and_each_number_once() -> None:
    """Promises 1 to 10 come first, and no number is explained twice."""
    numbers = known_numbers(PAGE.read_text(encoding="utf-8"))
    assert [f"promise {n}" for n in range(1, 11)] == numbers[:10]
    assert len(set(numbers)) == len(numbers)


@pytest.mark.parametrize(
    ("docstring", "expected"),
    [
        ("Nothing is lost (promise 1, G01).", {"promise 1", "G01"}),
        ("Both hold (promises 1 and 10, F22, A01).", {"promise 1", "promise 10", "F22", "A01"}),
        ("Lock SS000001 has slot 120; N01, AA01 and A100 are no scenarios.", set()),
    ],
)
def test_numbers_are_read_from_docstrings(docstring: str, expected: set[str]) -> None:
    """Singular and plural, alone or in a list, are found; what only looks alike is not."""
    assert expected == named(docstring)


def test_only_docstrings_are_read() -> None:
    """Numbers elsewhere in the code of a test do not count."""
    source = 'def test_a() -> None:\n    """What A01 says."""\n    assert "B01" != "C01"\n'
    assert ["What A01 says."] == list(docstrings(source))


def test_a_row_for_each_number() -> None:
    """Each number has a row, in the order given, with its files or a dash."""
    made = table(["promise 1", "A01"], {"unit/test_b.py": {"A01"}, "unit/test_a.py": {"A01"}})
    assert "| promise 1 | – |\n| A01 | [unit/test_a.py]" in made
    assert made.index("unit/test_a.py") < made.index("unit/test_b.py")


def test_a_page_without_a_place_for_the_table_is_refused() -> None:
    """Rather than write the table anywhere, it says what is missing."""
    with pytest.raises(ValueError, match="needs the lines"):
        with_table("no markers here")
