"""One campaign from its start to its verdict: rush, faults, settling, the comparison with the model."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx

from tests.soak import model
from tests.soak.closing import leaks, raised, unmailed
from tests.soak.faults import Faults
from tests.soak.judge import judge
from tests.soak.layout import SOURCE
from tests.soak.live import Live
from tests.soak.model import Problem, Seen, Wanted
from tests.soak.plan import Deed, Schedule, What
from tests.soak.rush import overtaken, run_rush
from tests.soak.sender import Sender
from tests.soak.stories import DAY, Event
from tests.soak.trail import Call, Trail, displaced, touched_codes, touched_slots
from tests.soak.vendor import read_changes
from tests.soak.watch import Api, Watch, look
from tests.soak.world import World

TICK_SECONDS = 0.05
# Each without anything getting better: the key's probe comes every 30 s, what is late by design within 15 s.
SETTLE_SECONDS, NUDGE_SECONDS, RETRY_SECONDS = 75.0, 45.0, 45.0
# Letters that a person settles with more than a retry.
LASTING = frozenset({"no_free_slot", "overwritten_elsewhere", "pin_taken", "bad_window"})


@dataclass
class Campaign:
    """What the parts share. `problems` are the violations found so far."""

    plan: Schedule
    world: World
    live: Live
    api: Api = field(init=False)
    early: Sender = field(init=False)
    sender: Sender = field(init=False)
    watch: Watch = field(init=False)
    faults: Faults = field(init=False)
    problems: list[Problem] = field(default_factory=list)
    resent: dict[str, int] = field(default_factory=dict)
    arrival: str = ""
    seen: Seen | None = None

    def __post_init__(self) -> None:
        """Nothing runs yet."""
        self.api = Api(self.world)
        self.watch = Watch(self.world, self.api)
        self.early = self.sender = self._new_sender()
        self.faults = Faults(self.world, self.live.event, self.operate)

    def run(self) -> None:
        """All of it; `problems` holds the violations then."""
        self.wait(self._is_up, "two webs and three workers", 60)
        self.watch.start()
        self.rush()
        self.sender = self._new_sender()
        self.inject()
        self.settle()

    def close(self) -> None:
        """End what runs in this process."""
        self.watch.stop()
        self.early.close()
        self.sender.close()

    def _new_sender(self) -> Sender:
        """A booking system whose events count from now."""
        return Sender(self.world.keys.webhook, self.world.addresses, datetime.now(UTC))

    # --- the phases -----------------------------------------------------------------------------------------

    def rush(self) -> None:
        """Promise 10, without faults."""
        units = list(self.plan.layout.busy_units)
        lock = self.plan.layout.busy_locks[-1]
        accepted = run_rush(self.early, units, self._busy_calls, self.wait)
        if accepted is None:
            self.problems.append(Problem(10, "the backlog was not worked on in a minute", "ARRIVAL", lock))
            return
        found, self.arrival = overtaken(self._busy_calls(), lock, accepted)
        self.problems += found
        self.live.event(f"the arrival behind a backlog was {self.arrival}")

    def inject(self) -> None:
        """Send the events and do the deeds, each at its moment."""
        began, todo = time.monotonic(), _merged(self.plan)
        self.live.begin(self.plan.seconds)
        while time.monotonic() - began < self.plan.seconds:
            now = time.monotonic() - began
            while todo and todo[-1].at <= now:
                one = todo.pop()
                if isinstance(one, Deed):
                    self.faults.do(one)
                else:
                    self.sender.submit(one)
            self.beat("faults")

    def settle(self) -> None:
        """End the faults, let Innkey work, and judge."""
        self.faults.end_all()
        self.live.event("the faults are over")
        clean = self.wait(lambda: not self._is_busy(), "all events accepted and all late commands done", 60)
        if not clean:
            self.problems.append(Problem(1, f"{self.sender.waiting} events were not accepted in a minute"))
        self.problems += self._until_clean("what can be settled", SETTLE_SECONDS, forgiven=True)
        self._nudge()
        left = self._until_clean("what the vendor did behind our back", NUDGE_SECONDS, forgiven=False)
        self.problems += left
        self._retry_letters()
        self.watch.stop()
        self.watch.collect()
        self._judge()

    # --- what they are made of ------------------------------------------------------------------------------

    def wait(self, condition: Callable[[], bool], what: str, seconds: float) -> bool:
        """Keep everything going until `condition` holds; whether it did in time."""
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            self.beat(f"waiting for {what}")
            if condition():
                return True
            time.sleep(0.3)
        return False

    def beat(self, phase: str) -> None:
        """What goes on in all phases: restarts, ends of faults, the live line."""
        self.faults.tick()
        self.world.tend()
        self.live.show(phase, self)
        time.sleep(TICK_SECONDS)

    def wanted(self) -> dict[str, Wanted]:
        """The model's bookings."""
        early = model.fold(list(self.early.accepted), self.early.origin)
        return early | model.fold(list(self.sender.accepted), self.sender.origin)

    def look(self) -> Seen | None:
        """The world now; None while no web answers."""
        gone = displaced(read_changes(self.world.journal))
        typed = {place: pin for place, pin in self.faults.hand_typed.items() if place not in gone}
        try:
            return look(self.world, self.api, typed)
        except (httpx.HTTPError, KeyError):
            return None

    def trail(self) -> Trail:
        """Everything that happened at the vendor so far."""
        return Trail(
            calls=self.watch.calls,
            changes=read_changes(self.world.journal),
            emails=self.world.vendor.emails(),
            stats=self.world.vendor.stats(),
            thaws=self.faults.thaws,
            lag=self.faults.lag,
            resent=self.resent,
        )

    def operate(self, what: What, dice: int) -> None:
        """What an operator does: on a booking, or on the open letters."""
        if what is What.RETRY:
            self._retry_open()
            return
        names = sorted(self.watch.shown)
        if not names:
            return
        name = random.Random(dice).choice(names)
        action = "rotate-pin" if what is What.ROTATE else "resend"
        if what is What.ROTATE:
            self.watch.may_change[name] += 1
        status = self.api.act(f"/v1/bookings/{SOURCE}/{name}/{action}", dice)
        if what is What.ROTATE and status in (404, 409):
            self.watch.may_change[name] -= 1
        if what is What.RESEND and status in (0, 202, 500, 503):
            number = int(name.rpartition("-")[2]) if name.startswith("BK-") else -1
            to = self.plan.canaries()[number].email if number >= 0 else ""
            self.resent[to] = self.resent.get(to, 0) + 1

    def _retry_open(self) -> int:
        """Retry every letter that a retry can help; how many there were."""
        try:
            letters = list(self.api.items("/v1/dead-letters", state="open"))
        except httpx.HTTPError:
            return 0
        found = [one for one in letters if one["reason"] not in LASTING and one["state"] == "open"]
        for turn, letter in enumerate(found[:40]):
            self.api.act(f"/v1/dead-letters/{letter['id']}/retry", turn)
        return len([one for one in letters if one["reason"] not in LASTING])

    def _is_up(self) -> bool:
        try:
            return int(self.api.get("/readyz").get("workers", 0)) >= 3
        except httpx.HTTPError:
            return False

    def _busy_calls(self) -> list[Call]:
        locks = set(self.plan.layout.busy_locks)
        return [call for call in self.world.vendor.calls() if call["lock"] in locks]

    def _is_busy(self) -> bool:
        return bool(self.sender.waiting) or bool(self.world.vendor.state()["pending_late"])

    def _until_clean(self, what: str, seconds: float, *, forgiven: bool) -> list[Problem]:
        """Compare until nothing is wrong, or nothing got better for `seconds`; what is wrong then.

        A large backlog may take its time as long as it shrinks: how long depends on the machine.
        """
        found: list[Problem] = []
        least = sys.maxsize

        def is_better() -> bool:
            seen = self.seen = self.look()
            if seen is None:
                return False
            found[:] = model.compare(self.plan.layout, self.wanted(), seen)
            if forgiven:
                found[:] = self._unexcused(found)
            self.live.left = len(found)
            return len(found) < least

        while least and self.wait(is_better, what, seconds):
            least = len(found)
        return [one for one in found if one.promise != model.NOT_YET]

    def _unexcused(self, problems: Sequence[Problem]) -> list[Problem]:
        """Without those that the vendor made behind Innkey's back: its next look mends them, not this one."""
        trail = self.trail()
        slots, codes = touched_slots(trail), touched_codes(trail)
        return [
            one
            for one in problems
            if (one.lock, one.slot) not in slots and (one.lock, f"{SOURCE}/{one.booking}") not in codes
        ]

    def _nudge(self) -> None:
        """Make Innkey look again where something changed behind its back: by an event, and a new booking."""
        seen = self.look()
        if seen is None:
            return
        wanted = self.wanted()
        problems = model.compare(self.plan.layout, wanted, seen)
        for name in sorted({one.booking for one in problems if one.booking.startswith("BK-")}):
            booking = wanted[name]
            if booking.is_wanted(seen.now) and booking.check_out is not None:
                out = (booking.check_out - self.sender.origin).total_seconds() + 120
                self.sender.submit(_event(name, booking.version + 1, {"check_out": out}))
        locks = {one.lock for one in problems if one.lock}
        for unit, doors in self.plan.layout.all_units.items():
            if locks & set(doors):
                facts = {"unit": unit, "status": "confirmed", "check_in": 0.0, "check_out": DAY}
                self.sender.submit(_event(f"PROBE-{unit}", 1, facts))
        self.live.event(f"{len(problems)} things to look at again, on {len(locks)} locks")

    def _retry_letters(self) -> None:
        """A person retries what a retry can mend: without faults every such letter must settle."""
        last = [0.0]

        def is_settled() -> bool:
            if time.monotonic() - last[0] > 8:
                last[0] = time.monotonic()
                self.live.left = self._retry_open()
                return self.live.left == 0
            return False

        if not self.wait(is_settled, "the letters that were retried", RETRY_SECONDS):
            for letter in self.api.items("/v1/dead-letters", state="open"):
                if letter["reason"] not in LASTING:
                    text = f"letter ({letter['reason']}, {letter['step']}) outlives its retries"
                    self.problems.append(
                        Problem(8, text, letter["booking"] or "", letter["lock"] or "", letter["slot"])
                    )

    def _judge(self) -> None:
        """Everything that is judged at the very end."""
        self.problems += self._until_clean("the last comparison", 20, forgiven=False)
        self.problems += self.watch.problems + judge(self.trail())
        self.problems += [Problem(1, f"event refused with {s}", e.booking) for e, s in self.sender.refused]
        self.problems += unmailed(self.world, self.api, self.wait)
        self.problems += raised(self.world.folder) + leaks(self.plan, self.world, self.api)
        self.problems = list(dict.fromkeys(self.problems))


def _merged(plan: Schedule) -> list[Deed | Event]:
    """Events and deeds, the first one last."""
    both: list[Deed | Event] = [*plan.events, *plan.deeds]
    return sorted(both, key=lambda one: one.at, reverse=True)


def _event(booking: str, version: int, data: dict[str, object]) -> Event:
    return Event(at=0, booking=booking, version=version, type="booking.updated", data=data, in_order=True)
