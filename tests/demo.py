"""`make demo`: one booking travels through the real processes, and everything the summary says was checked.

Redis, the KAS sandbox, a mail server, the web process and the worker all run here, as the Procfile has them;
only the delays are short. A check that fails ends the demo with exit code 1.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from tests.acceptance.stack_kit import DOOR, GATE, Stack, stack, until

BOOKING, TROUBLED = "BK-1001", "BK-1002"
GUEST = {"name": "John Lee", "email": "john@example.com", "phone": "+61 400 000 000"}
SHORTEST_STAY = timedelta(seconds=20)


@dataclass
class Demo:
    """The steps, each with the checks it made."""

    inn: Stack
    began: float = field(default_factory=time.monotonic)
    checks: list[tuple[bool, str]] = field(default_factory=list)

    def say(self, text: str) -> None:
        """Tell what happens, with the seconds since the start."""
        sys.stdout.write(f"{time.monotonic() - self.began:6.1f} s  {text}\n")
        sys.stdout.flush()

    def check(self, what: str, *, holds: bool) -> None:
        """Remember a check, and tell it."""
        self.checks.append((holds, what))
        self.say(f"   {'ok  ' if holds else 'FAIL'}  {what}")

    def wait(self, what: str, condition: Callable[[], Any], seconds: float = 60) -> None:
        """Check that something comes about in time."""
        try:
            until(condition, what, seconds)
        except AssertionError:
            self.check(f"{what} (within {seconds:.0f} s)", holds=False)
        else:
            self.check(what, holds=True)

    def run(self) -> bool:
        """All steps; whether every check held."""
        self.say("Starting web and worker beside Redis, the KAS sandbox and a mail server …")
        self.inn.start_all()
        self.say(f"Innkey answers at {self.inn.url}")
        self.booked()
        self.troubled()
        self.checked_out()
        self.audited()
        return all(holds for holds, _ in self.checks)

    def booked(self) -> None:
        """A booking comes in, and its PIN goes onto two doors."""
        now = datetime.now(UTC)
        # Windows end on whole minutes: the stay ends with the next one that leaves time to look at it.
        ends = (now + SHORTEST_STAY + timedelta(minutes=1)).replace(second=0, microsecond=0)
        self.say(f"The booking system sends booking {BOOKING}: check-out at {ends:%H:%M:%S} UTC")
        self.inn.event(
            BOOKING,
            unit="beach-house",
            status="confirmed",
            check_in=(now - timedelta(hours=1)).isoformat(),
            check_out=ends.isoformat(),
            guest=GUEST,
            send_email=True,
            email_message="Watch out for the dog.",
        )
        self.wait("the booking is ready", lambda: self.inn.state(BOOKING) == "ready")
        booking = self.inn.booking(BOOKING)
        slots = {code["lock"]: code["slot"] for code in booking["codes"]}
        self.check(f"a free slot was taken on each door: {slots}", holds=set(slots.values()) == {120})
        doors = [self.inn.vendor.codes(lock).get(120) for lock in (GATE, DOOR)]
        same = None not in doors and {door["pin"] for door in doors if door} == {booking["pin"]}
        self.check("the front gate and the house hold the same PIN (the sandbox's own state)", holds=same)
        self.wait(
            "the vendor was asked for one e-mail to the guest", lambda: len(self.inn.vendor.emails()) == 1
        )
        due = {code["due"] for code in self.inn.booking(BOOKING)["codes"]}
        self.check(f"the removal is scheduled: {', '.join(sorted(map(str, due)))}", holds=len(due) == 1)

    def troubled(self) -> None:
        """One lock fails: a dead letter, a mail, a retry."""
        self.inn.vendor.add_fault("ack", ack=2, op="add", lock=DOOR, times=4)
        self.say(f"The lock {DOOR} will fail four times (ack 2) for booking {TROUBLED}")
        self.inn.book(TROUBLED, unit="studio", guest={"name": "Mia Wong"})
        self.wait("the booking is put before a person", lambda: self.inn.state(TROUBLED) == "review")
        letters = self.inn.get("/v1/dead-letters?state=open")["items"]
        self.check(
            "one dead letter is open, with every attempt",
            holds=[(one["reason"], len(one["attempts"])) for one in letters] == [("lock_failed", 4)],
        )
        self.wait("its alert is in the operations inbox", lambda: self.inn.inbox.mails, seconds=20)
        for subject in self.inn.inbox.subjects():
            self.say(f"         mail: {subject}")
        self.say("A person looks at the lock, and retries the letter")
        for letter in letters:
            answer = self.inn.act(f"/v1/dead-letters/{letter['id']}/retry")
            self.check("the retry was accepted", holds=answer.status_code == httpx.codes.ACCEPTED)
        self.wait("the code is on the lock", lambda: self.inn.state(TROUBLED) == "ready")
        states = {self.inn.get(f"/v1/dead-letters/{one['id']}")["state"] for one in letters}
        self.check("the letter is resolved", holds=states == {"resolved"})
        self.wait("a mail says that it cleared", lambda: len(self.inn.inbox.mails) > 1, seconds=20)

    def checked_out(self) -> None:
        """The stay ends by the clock."""
        self.say("Waiting for check-out …")
        self.wait("the stay has ended", lambda: self.inn.state(BOOKING) == "ended", seconds=100)
        left = [code for lock in (GATE, DOOR) for code in self.inn.vendor.codes(lock).values()]
        names = [code["name"] for code in left]
        self.check("both doors have forgotten the guest", holds=not [n for n in names if BOOKING in n])
        self.check("the other guest's code is untouched", holds=[TROUBLED in n for n in names] == [True])

    def audited(self) -> None:
        """What the sandbox counted."""
        stats = self.inn.vendor.stats()
        self.check("no two commands at a time on one lock", holds=not stats["overlaps"])
        self.check("no call was dropped by the vendor's queue", holds=stats["dropped"] == 0)
        added = self.inn.calls("add", GATE)
        self.check(
            "the gate needed one add and one delete",
            holds=(len(added), len(self.inn.calls("delete", GATE))) == (1, 1),
        )
        pins = [self.inn.booking(booking)["pin"] for booking in (BOOKING, TROUBLED)]
        mails = "\n".join(mail.as_string() for mail in self.inn.inbox.mails)
        told = self.inn.logs() + mails
        self.check(
            "no PIN and no guest in any log or mail",
            holds=not any(s in told for s in [*pins, *GUEST.values()]),
        )


def main() -> int:
    """Run the demo; 0 if every check held."""
    with tempfile.TemporaryDirectory(prefix="innkey-demo-") as folder, stack(Path(folder)) as inn:
        demo = Demo(inn)
        good = demo.run()
        held = sum(holds for holds, _ in demo.checks)
        demo.say(f"{held} of {len(demo.checks)} checks held, with {len(inn.calls())} calls to the vendor")
        if not good:
            sys.stdout.write(inn.logs()[-4000:])
        return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
