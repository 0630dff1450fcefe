"""The documentation holds what it says: links lead somewhere, commands exist, nothing is left out."""

from __future__ import annotations

import inspect
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from tests.scenario_table import BEGIN
from worker.cli import cli
from worker.domain.access_code import Phase
from worker.domain.answer_table import TABLE
from worker.domain.dead_letter import LetterState
from worker.domain.outcomes import Kind
from worker.domain.reasons import Reason
from worker.domain.states import BookingState
from worker.kas.sandbox.forms import RuleForm
from worker.store import keys

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
NAMES = [page.relative_to(ROOT).as_posix() for page in PAGES]
# Places of the machine a page was written on, and hosts that only a set-up knows.
NOT_OURS = re.compile(
    r"\.\./shar[e]d|(?<![\w.])/(?:wor[k]|root|Users)/|pyp[i]\.org|pythonhoste[d]|npmj[s]|crate[s]\.io"
)


def text_of(name: str) -> str:
    """A page by its path below the root."""
    return (ROOT / name).read_text(encoding="utf-8")


def prose(text: str) -> str:
    """A page without its code blocks."""
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


def code(text: str) -> Iterator[str]:
    """What a page writes as code: each line of its blocks, and each span between backticks."""
    for block in re.findall(r"^```\w*\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL):
        yield from block.splitlines()
    for span in re.findall(r"`([^`]+)`", prose(text)):
        yield " ".join(span.split())


def anchors(text: str) -> set[str]:
    """The anchors of a page's headings, as they are made of Markdown."""
    titles = re.findall(r"^#+ (.*)$", prose(text), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def broken_links(page: Path, root: Path = ROOT) -> list[str]:
    """The relative links of a page that lead nowhere, or out of `root`."""
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        leads = file.exists() and file.is_relative_to(root)
        if leads and anchor:
            leads = anchor in anchors(file.read_text(encoding="utf-8"))
        if not leads:
            broken.append(target)
    return broken


@pytest.mark.parametrize("name", NAMES)
def test_links_lead_somewhere(name: str) -> None:
    """Every relative link ends at a file of the repository, and at a heading if it names one."""
    assert [] == broken_links(ROOT / name)


def test_a_broken_link_is_noticed(tmp_path: Path) -> None:
    """A link to a missing file, to a missing heading or out of the repository is told; a good one is not."""
    (tmp_path / "out.md").touch()
    page = tmp_path / "docs" / "page.md"
    page.parent.mkdir()
    page.write_text(
        "# A title\n[a](#a-title) [b](#none) [c](gone.md) [d](../out.md) [e](https://example.com)\n"
    )
    assert ["#none", "gone.md", "../out.md"] == broken_links(page, page.parent)


def test_every_page_is_in_the_index() -> None:
    """docs/README.md links each other page of docs."""
    linked = set(re.findall(r"\]\(([^)#]+\.md)\)", text_of("docs/README.md")))
    below = {page.relative_to(ROOT / "docs").as_posix() for page in (ROOT / "docs").rglob("*.md")}
    assert below - {"README.md"} == linked


@pytest.mark.parametrize("name", NAMES)
def test_make_targets_exist(name: str) -> None:
    """Each `make` command on a page is a target of the Makefile."""
    targets = set(re.findall(r"^([a-z]+):", text_of("Makefile"), flags=re.MULTILINE))
    told = {found for line in code(text_of(name)) for found in re.findall(r"\bmake ([a-z]+)", line)}
    assert set() == told - targets


def unknown_in(line: str) -> str | None:
    """What an `innkey` command line names that the command line does not have; None where all is known."""
    try:
        words = shlex.split(line, comments=True)
    except ValueError:
        words = line.split()
    command: click.Command = cli
    context = click.Context(cli)
    for word in words:
        if word in ("|", "&&", ";", "…"):
            break
        if word.startswith("--"):
            known = {option for param in command.get_params(context) for option in param.opts}
            if word.partition("=")[0] not in known:
                return word
        elif isinstance(command, click.Group):
            found = command.get_command(context, word)
            if found is None:
                return None if word.isupper() else word
            command, context = found, click.Context(found)
    return None


def commands_in(text: str) -> Iterator[str]:
    """What follows `innkey` where a page's code calls it."""
    for line in code(text):
        yield from re.findall(r"(?<![\w-])(?<!-u )innkey ((?:--)?[A-Za-z][^'\"]*)", line)


@pytest.mark.parametrize("name", NAMES)
def test_commands_exist(name: str) -> None:
    """Each `innkey` command on a page, and each of its options, is one of the command line."""
    assert [] == [line for line in commands_in(text_of(name)) if unknown_in(line) is not None]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("bookings show direct/BK-1 --show-pin", None),
        ("dead-letters list|show", "list|show"),
        ("bookings forget", "forget"),
        ("send-test --id BK-1 --nonsense 3", "--nonsense"),
        ("COMMAND --help", None),
    ],
)
def test_an_unknown_command_is_noticed(line: str, expected: str | None) -> None:
    """A word that is no command, or an option that a command does not have, is told."""
    assert expected == unknown_in(line)


def test_commands_are_found_in_code() -> None:
    """In blocks, in spans and behind a path; not in prose, and not where only the name stands."""
    page = "innkey up\n\n`innkey` `.venv/bin/innkey config check`\n\n```sh\nPORT=1 innkey up --sandbox\n```\n"
    assert ["up --sandbox", "config check"] == list(commands_in(page))


@pytest.mark.parametrize("name", NAMES)
def test_pages_stand_alone(name: str) -> None:
    """No page names a folder of the machine it was written on, or a host that packages come from."""
    assert [] == NOT_OURS.findall(text_of(name))


def test_each_reason_has_a_section() -> None:
    """docs/reference/reasons.md has one section for each reason, in their order, each in four parts."""
    page = text_of("docs/reference/reasons.md")
    assert [reason.value for reason in Reason] == re.findall(r"^## (\w+)$", page, flags=re.MULTILINE)
    for section in page.split("\n## ")[1:]:
        parts = re.findall(r"^\*\*([\w ]+):\*\*", section, flags=re.MULTILINE)
        assert ["Means", "Comes about", "Meanwhile", "Do"] == parts, section.splitlines()[0]


def rows(page: str) -> list[list[str]]:
    """The cells of all table rows of a page that begin with code."""
    return [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("| `")]


def test_each_class_of_answer_has_a_row() -> None:
    """docs/reference/answers.md has one row for each class, and names the letter that the table names."""
    found = {row[0].strip("`"): row[-1] for row in rows(text_of("docs/reference/answers.md"))}
    assert {kind.value for kind in Kind} == set(found)
    for kind, rule in TABLE.items():
        if kind not in (Kind.THROTTLED, Kind.NOT_SENT):
            assert f"`{rule.reason.value}`" in found[kind.value]


def test_each_class_has_a_rule() -> None:
    """The table leaves no class of answers to chance."""
    assert set(Kind) == set(TABLE)


def key_patterns() -> set[str]:
    """The names of all keys, with `<lock>` and the like where a function takes an argument."""
    found = {value for name, value in vars(keys).items() if name.isupper() and name != "PREFIX"}
    for _, make in inspect.getmembers(keys, inspect.isfunction):
        (argument,) = inspect.signature(make).parameters
        found.add(make(f"<{argument}>"))
    return found


def test_each_key_of_the_record_has_a_row() -> None:
    """docs/explanation/record.md names exactly the keys that worker/store/keys.py makes, each once."""
    found = rows(text_of("docs/explanation/record.md"))
    assert sorted(key_patterns()) == sorted(row[0].strip("`") for row in found)
    assert all(len(row) == 5 and all(row) for row in found)


@pytest.mark.parametrize(
    ("heading", "expected"),
    [
        ("## A code", [*Phase, "review"]),
        ("## A booking", list(BookingState)),
        ("## A dead letter", list(LetterState)),
    ],
)
def test_each_state_is_drawn(heading: str, expected: list[str]) -> None:
    """docs/reference/states.md draws just the states that there are, and its tables name all of them."""
    section = text_of("docs/reference/states.md").split(f"{heading}\n", 1)[1].split("\n## ", 1)[0]
    drawn = set(re.findall(r"^ +(\w+) -->|--> (\w+):", section, flags=re.MULTILINE))
    assert set(expected) <= set(re.findall(r"`(\w+)`", section))
    assert {name for pair in drawn for name in pair if name} <= set(expected)


def test_the_sandbox_answers_where_the_tutorial_calls() -> None:
    """The faults that the tutorial asks for are ones that the sandbox knows."""
    bodies = re.findall(r"-d '(\{.*?\})'", text_of("docs/tutorial/first-booking.md"))
    assert 2 == len(bodies)
    for body in bodies:
        assert RuleForm().load(json.loads(body))["fault"]


def test_the_version_is_in_the_changelog() -> None:
    """CHANGELOG.md has an entry for the version of pyproject.toml, and one for what comes."""
    version = re.findall(r'^version = "(.*)"$', text_of("pyproject.toml"), flags=re.MULTILINE)
    headings = re.findall(r"^## \[(.*?)\]", text_of("CHANGELOG.md"), flags=re.MULTILINE)
    assert ["Unreleased", *version] == headings[:2]


def test_the_generated_part_is_marked() -> None:
    """The page of promises says where its generated table begins."""
    assert BEGIN in text_of("docs/reference/promises-and-scenarios.md")
