"""The verdict on the way: promises 2, 3, 4, 5, 7, 9 and 10 can be found broken, and are excused justly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.soak.canary import Watchdog
from tests.soak.closing import raised, untold
from tests.soak.judge import judge
from tests.soak.rush import overtaken
from tests.soak.stories import Canary
from tests.soak.trail import Trail, digest, displaced
from tests.soak.vendor import Holder, PhysicalChange

LOCK = "GATE01"


def call(number: int, at: float, op: str = "add", slot: int | None = 120, **changes: Any) -> dict[str, Any]:
    """A call of half a second, answered and carried out."""
    shown = {
        "number": number,
        "at_epoch": at,
        "ended_epoch": at + 0.5,
        "account": "default",
        "lock": LOCK,
        "op": op,
        "slot": None if op in ("list", "clock") else slot,
        "outcome": "ok",
        "executed": "yes",
        "outstanding": 0,
        "body": {},
    }
    return {**shown, **changes}


def ours(booking: str) -> Holder:
    """A code of a booking."""
    return Holder(f"direct/{booking}", "482913", "2612011000", "2612021000", by_hand=False)


HAND = Holder("cleaner", "1234", "0001010000", "9912312359", by_hand=True)


def change(
    at: float, before: Holder | None, after: Holder | None, source: str = "call", slot: int = 120
) -> PhysicalChange:
    """Something happened to a slot."""
    return PhysicalChange(at, LOCK, slot, source, before, after)


def broken(**trail: Any) -> list[int]:
    """The promises that a trail breaks."""
    return [problem.promise for problem in judge(Trail(**{"calls": [], "changes": [], **trail}))]


def test_a_good_trail_breaks_nothing() -> None:
    """One call after the other, each within its places."""
    calls = [call(1, 10, "list"), call(2, 11), call(3, 12, "delete")]
    changes = [change(11.2, None, ours("A")), change(12.2, ours("A"), None)]
    assert [] == broken(calls=calls, changes=changes)


def test_dropped_calls_break_promise_4() -> None:
    """The vendor drops the 31st without a word; its own count says so."""
    assert [4] == broken(stats={"dropped": 1})


def test_more_calls_than_places_break_promise_4() -> None:
    """Nine calls out with eight places; excused where one of them was sent on a thaw."""
    assert [4] == broken(calls=[call(1, 10, outstanding=8)])
    assert [4] == broken(calls=[call(1, 10, account="busy", outstanding=2)])
    assert [] == broken(calls=[call(1, 10, outstanding=8)], thaws=[9.5])
    assert [4] == broken(calls=[call(1, 10, outstanding=9)], thaws=[9.5])


def test_two_commands_at_once_break_promise_5() -> None:
    """A command that comes while another is under way; a list may."""
    assert [5] == broken(calls=[call(1, 10), call(2, 10.3)])
    assert [] == broken(calls=[call(1, 10), call(2, 10.3, "list")])
    assert [] == broken(calls=[call(1, 10), call(2, 10.3, lock="DOOR011")])
    assert [] == broken(calls=[call(1, 10), call(2, 10.3)], thaws=[9])


def test_a_command_after_silence_breaks_promise_5() -> None:
    """After a command that was never answered no other one comes until the hold is over."""
    silent = call(1, 10, outcome="fault:hang", ended_epoch=15)
    assert [5] == broken(calls=[silent, call(2, 16)])
    assert [] == broken(calls=[silent, call(2, 18.1)])


def test_a_frozen_client_does_not_prolong_an_unanswered_call() -> None:
    """Its connection stays open, and the vendor's work on the command is long over."""
    frozen = call(1, 10, outcome="fault:hang", ended_epoch=36)
    assert [] == broken(calls=[frozen, call(2, 33)])
    assert [5, 5] == broken(calls=[frozen, call(2, 15)])
    full = call(2, 33, lock="DOOR011", outstanding=8)
    assert [] == broken(calls=[frozen, full])
    assert [4] == broken(calls=[full])


@pytest.mark.parametrize("after", [ours("A"), None])
def test_a_code_typed_by_hand_that_a_list_had_shown_is_sacred(after: Holder | None) -> None:
    """Overwritten or deleted after a list that showed it: promise 2. Typed after that: nobody could know."""
    op = "delete" if after is None else "add"
    typed, gone = change(10, None, HAND, "hand"), change(13.2, HAND, after)
    assert [2] == broken(calls=[call(1, 11, "list"), call(2, 13, op)], changes=[typed, gone])
    assert [] == broken(calls=[call(1, 9, "list"), call(2, 13, op)], changes=[typed, gone])
    lagging = {"lag": {LOCK: 5.0}}
    assert [] == broken(calls=[call(1, 11, "list"), call(2, 13, op)], changes=[typed, gone], **lagging)


def test_what_was_displaced_is_left_to_the_judge() -> None:
    """A hand-typed code that a command displaced is named; one that was taken off by hand is not."""
    assert {(LOCK, 120)} == displaced([change(13, HAND, ours("A"))])
    assert set() == displaced([change(13, HAND, None, "hand"), change(14, ours("A"), None)])


def test_a_list_that_failed_shows_nothing() -> None:
    """What the last good list could not show yet is excused, whatever a broken one came later."""
    typed, gone = change(10, None, HAND, "hand"), change(13.2, HAND, ours("A"))
    calls = [call(1, 9, "list"), call(2, 11, "list", outcome="fault:other_lock"), call(3, 13)]
    assert [] == broken(calls=calls, changes=[typed, gone])


def test_one_booking_over_another_breaks_promise_3() -> None:
    """Innkey wrote the one and writes another over it; excused after a delete that was only claimed."""
    changes = [change(10.2, None, ours("A")), change(13.2, ours("A"), ours("B"))]
    calls = [call(1, 10), call(2, 12, "list"), call(3, 13)]
    assert [3] == broken(calls=calls, changes=changes)
    lost = call(4, 11, "delete", outcome="fault:lose", executed="no")
    assert [] == broken(calls=[calls[0], lost, *calls[1:]], changes=changes)


def test_one_booking_in_two_slots_breaks_promise_3() -> None:
    """A second slot while the first is held; excused where the first came late, behind Innkey's back."""
    calls = [call(1, 10), call(2, 12, slot=121)]
    second = change(12.2, None, ours("A"), slot=121)
    assert [3] == broken(calls=calls, changes=[change(10.2, None, ours("A")), second])
    assert [] == broken(calls=calls, changes=[change(10.2, None, ours("A"), "late"), second])


def test_the_same_e_mail_twice_breaks_promise_7() -> None:
    """One PIN and window, mailed twice running; excused by an operator's wish or a late command."""
    mail = {"to": "a@example.com", "pin": "482913", "starts": "1", "ends": "2", "lock": LOCK, "slot": 120}
    assert [] == broken(emails=[mail, {**mail, "ends": "3"}, mail])
    assert [7] == broken(emails=[mail, mail])
    assert [] == broken(emails=[mail, mail], resent={"a@example.com": 1})
    assert [7] == broken(emails=[mail, mail, mail], resent={"a@example.com": 1})
    assert [] == broken(emails=[mail, mail], changes=[change(10, None, ours("A"), "late")])


def test_an_arrival_that_waits_for_removals_breaks_promise_10() -> None:
    """Two locks had their places already; a third before the arrival is one too many, and so is never."""

    def lists(*locks: str) -> list[dict[str, Any]]:
        return [call(n, 12.0 + n, "list", lock=lock) for n, lock in enumerate(locks)]

    assert [] == overtaken(lists("BUSY1", "BUSY2", "BUSY5", "BUSY3"), "BUSY5", 10.0)[0]
    late, _ = overtaken(lists("BUSY1", "BUSY2", "BUSY3", "BUSY5"), "BUSY5", 10.0)
    never, _ = overtaken(lists("BUSY1"), "BUSY5", 10.0)
    assert [10, 10] == [problem.promise for problem in (*late, *never)]


GUEST = Canary("Zq0123456789ab", "zq0123456789ab@example.com", "+61477000001", "912345")


@pytest.mark.parametrize(
    "text",
    [
        "guest Zq0123456789ab Guest",
        "to zq0123456789ab@example.com",
        "61477000001",
        'pin="912345"',
        "x-auth-token: kas-secret",
    ],
)
def test_the_watchdog_finds(text: str, tmp_path: Path) -> None:
    """A guest, a PIN or a key in any text or file breaks promise 9, and the finding does not repeat it."""
    dog = Watchdog([GUEST], {"an API key": "kas-secret"})
    found = dog.search("a log", text)
    assert [9] == [problem.promise for problem in found]
    assert not dog.found_in(found[0].text.encode())
    path = tmp_path / "some.log"
    path.write_text("x" * 100 + text)
    assert [9] == [problem.promise for problem in dog.search_file(path)]


@pytest.mark.parametrize(
    "text", ["1912345", "0.912345", "a912345", "Zq0123456789ac", "912346", "61477000002"]
)
def test_the_watchdog_knows_what_is_no_secret(text: str) -> None:
    """Digits within others, and words of nobody, are no finding."""
    assert [] == Watchdog([GUEST], {"an API key": "kas-secret"}).search("a log", text)


def test_a_letter_that_nobody_was_mailed_about_is_found() -> None:
    """A mail names the letter's id; one about very many may leave ids of that lock out."""
    letter = {"id": "ab12", "reason": "unconfirmed", "booking": "BK-1", "lock": LOCK}
    assert [8] == [problem.promise for problem in untold([letter], [("s", "letter cd34, no more")])]
    assert [] == untold([letter], [("s", "- letter ab12, opened")])
    assert [] == untold([letter], [("s", f"{LOCK}\n- and 7 more\n")])
    assert [8] == [problem.promise for problem in untold([letter], [("s", "OTHER\n- and 7 more\n")])]


def test_a_job_that_raised_is_found(tmp_path: Path) -> None:
    """A log line that only a bug writes is a violation; a fenced visit is none."""
    (tmp_path / "worker1.log").write_text(
        '{"event": "visit.fenced"}\n{"error": "KeyError", "event": "visit.failed"}\n'
    )
    assert ["1 times visit.failed (KeyError) in the logs"] == [one.text for one in raised(tmp_path)]


def test_a_report_tells_pins_apart_without_telling_them() -> None:
    """Two PINs have two names, and neither is in its name."""
    assert digest("482913") != digest("482914")
    assert "482913" not in digest("482913")
