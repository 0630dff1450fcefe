"""docs/reference/conformance.md names, for each section of the vendor's document, tests that exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
PAGE = (TESTS.parent / "docs/reference/conformance.md").read_text(encoding="utf-8")
SECTIONS = [
    "Preface / Workflow",
    "API Do's and Dont's",
    "Step 1: Setup the lock",
    "Step 2: Retrieve your API Key",
    "Step 3: Start using the API",
    "Remote Unlock",
    "Add Online Password",
    "Delete Online Password",
    "Get Online Passwords",
    "Get Lock Audit Trial",
    "Get Remote RFIDs",
    "Add Remote RFID",
    "Delete Remote RFID",
    "Set Clock",
    "ACK and Response Values",
]
SILENT = "Where the document is silent"


def rows(section: str) -> list[list[str]]:
    """The cells of the rows of a section's table, its head left out."""
    below = PAGE.split(f"\n## {section}\n", 1)[1].split("\n## ", 1)[0]
    table = [line for line in below.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table[2:]]


def named_in(cell: str) -> list[str]:
    """The tests that a cell names; `AssertionError` for any other content than tests or a dash."""
    if cell == "–":
        return []
    found = re.findall(r"`([\w/]+\.py::test_\w+)`", cell)
    assert ", ".join(f"`{name}`" for name in found) == cell
    return found


def exists(name: str) -> bool:
    """Whether there is a test of this name, as `unit/test_x.py::test_y` below the folder of tests."""
    path, _, function = name.partition("::")
    if not (TESTS / path).is_file():
        return False
    tree = ast.parse((TESTS / path).read_text(encoding="utf-8"))
    return any(isinstance(node, ast.FunctionDef) and node.name == function for node in ast.walk(tree))


def test_the_sections_are_those_of_the_document() -> None:
    """Each section of the KAS API document, in its order, and the page's own last one."""
    assert [*SECTIONS, SILENT] == re.findall(r"^## (.*)$", PAGE, flags=re.MULTILINE)


@pytest.mark.parametrize("section", SECTIONS)
def test_each_statement_has_a_test_that_exists(section: str) -> None:
    """Three cells a row; the sandbox is held to every statement; what is named exists."""
    assert rows(section)
    for row in rows(section):
        _, ours, theirs = row
        assert [] == [name for name in named_in(ours) + named_in(theirs) if not exists(name)]
        assert [] != named_in(ours), row
        assert all("/test_sandbox_" in name for name in named_in(ours))
        assert not any("/test_sandbox_" in name for name in named_in(theirs))


def test_a_test_that_does_not_exist_is_seen() -> None:
    """Neither in a file that there is, nor in one that there is not."""
    here = "unit/test_conformance.py"
    assert exists(f"{here}::test_a_test_that_does_not_exist_is_seen")
    assert not exists(f"{here}::test_of_nothing")
    assert not exists("unit/test_of_nothing.py::test_of_nothing")
    with pytest.raises(AssertionError):
        named_in("some words")
