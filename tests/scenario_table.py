"""Which tests name which promise and scenario: read from their docstrings, written into the documentation.

`python -m tests.scenario_table` prints the table, with `--write` it is put into the page.
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

__all__ = ["PAGE", "current_table", "docstrings", "known_numbers", "named", "table", "with_table"]

TESTS = Path(__file__).parent
PAGE = TESTS.parent / "docs/reference/promises-and-scenarios.md"
BEGIN, END = "<!-- scenario table: begin -->\n", "<!-- scenario table: end -->\n"

_SCENARIO = re.compile(r"\b[A-M][0-9]{2}\b")
_PROMISES = re.compile(r"\b[Pp]romises? ([0-9]+(?:(?:, | and |, and )[0-9]+)*)")
_TITLE = re.compile(r"^(?:- \*\*([A-M][0-9]{2})\*\*|([0-9]+)\. \*\*)", re.MULTILINE)


def known_numbers(page: str) -> list[str]:
    """What the page explains, in its order: `promise 1`, …, `A01`, …."""
    return [scenario or f"promise {promise}" for scenario, promise in _TITLE.findall(page)]


def named(docstring: str) -> set[str]:
    """The promises and scenarios that a docstring names: `promise 4`, `promises 1 and 8`, `F22`."""
    listed = " ".join(_PROMISES.findall(docstring))
    return set(_SCENARIO.findall(docstring)) | {f"promise {n}" for n in re.findall("[0-9]+", listed)}


def docstrings(source: str) -> Iterator[str]:
    """The docstrings of a test module: its own, and those of its classes and tests."""
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, kinds) and (text := ast.get_docstring(node)) is not None:
            yield text


def table(numbers: Iterable[str], files: Mapping[str, set[str]]) -> str:
    """The Markdown table: a row for each number, with the files (paths below `tests`) that name it."""
    rows = ["", "| number | tests |", "|---|---|"]
    for number in numbers:
        found = sorted(path for path, names in files.items() if number in names)
        links = ", ".join(f"[{path}](../../tests/{path})" for path in found)
        rows.append(f"| {number} | {links or '–'} |")
    return "\n".join([*rows, "", ""])


def named_by_files(folder: Path = TESTS) -> dict[str, set[str]]:
    """What each test file below `folder` names; files that name nothing are left out."""
    found: dict[str, set[str]] = {}
    for path in sorted(folder.rglob("test_*.py")):
        names = {n for text in docstrings(path.read_text(encoding="utf-8")) for n in named(text)}
        if names:
            found[path.relative_to(folder).as_posix()] = names
    return found


def with_table(page: str) -> str:
    """The page with the table as the tests are now. ValueError where the page has no place for it."""
    head, begin, rest = page.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page needs the lines {BEGIN.strip()} and {END.strip()}")
    return f"{head}{begin}{table(known_numbers(head), named_by_files())}{end}{tail}"


def current_table() -> str:
    """The table as the tests are now."""
    return table(known_numbers(PAGE.read_text(encoding="utf-8")), named_by_files())


def main() -> None:
    """Print the table, or write it into the page."""
    parser = argparse.ArgumentParser(prog="python -m tests.scenario_table", description=__doc__)
    parser.add_argument("--write", action="store_true", help=f"write it into {PAGE.name}")
    if parser.parse_args().write:
        PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    else:
        sys.stdout.write(current_table())


if __name__ == "__main__":
    main()
