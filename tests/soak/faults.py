"""Carries the schedule's deeds out, in the main thread: at the vendor, and on our own side."""

from __future__ import annotations

import contextlib
import heapq
import random
import resource
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import redis

from tests.soak.layout import FIRST_SLOT, LAST_SLOT
from tests.soak.plan import WEBS, WORKERS, Deed, What
from tests.soak.world import World
from worker.kas.sandbox.remote import ControlError

TWIN = "worker9"
ROOM = 10_000_000_000
HAND_NAMES = ("cleaner", "", "owner 2", "Mary Poppins")

Undo = Callable[[], None]


@dataclass
class Faults:
    """What is in force just now. `say` gets each deed as it is done, for the record of the campaign."""

    world: World
    say: Callable[[str], None]
    operators: Callable[[What, int], None]
    done: Counter[str] = field(default_factory=Counter)
    thaws: list[float] = field(default_factory=list)
    lag: dict[str, float] = field(default_factory=dict)
    hand_typed: dict[tuple[str, int], str] = field(default_factory=dict, repr=False)
    lost: list[tuple[str, int]] = field(default_factory=list)
    _undo: list[tuple[float, int, str, Undo]] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=count)

    def do(self, deed: Deed) -> None:
        """Begin one deed; its end comes by `tick`."""
        undo = self._begin(deed)
        if undo is None:
            return
        self.done[deed.what.name] += 1
        what = " ".join(str(v) for k, v in deed.details.items() if k in ("who", "lock", "ack", "hours", "op"))
        self.say(f"{deed.what.value} {what}{f' for {deed.lasts:.1f} s' if deed.lasts else ''}")
        heapq.heappush(
            self._undo, (time.monotonic() + deed.lasts, next(self._numbers), deed.what.value, undo)
        )

    def tick(self) -> None:
        """End what has lasted long enough."""
        while self._undo and self._undo[0][0] <= time.monotonic():
            heapq.heappop(self._undo)[3]()

    def end_all(self) -> None:
        """End whatever is still in force."""
        while self._undo:
            heapq.heappop(self._undo)[3]()
        vendor = self.world.vendor
        vendor.clear_faults()
        vendor.set_rates({})

    def _begin(self, deed: Deed) -> Undo | None:
        """Do it, and say how it is undone; None where it could not be done just now."""
        details = dict(deed.details)
        match deed.what:
            case What.KILL | What.TERM | What.FREEZE:
                return self._signal(deed.what, str(details["who"]))
            case What.REDIS_KILL | What.REDIS_SLOW | What.DISK_FULL | What.BROKER:
                return self._redis(deed.what, details)
            case What.SMTP:
                return self._mail_away()
            case What.CLOCK:
                return self._switched([str(details["who"])], hours=float(details["hours"]))
            case What.DICE:
                return self._switched([*WEBS, *WORKERS], rate=float(details["rate"]))
            case What.TWIN:
                return self._twin()
            case What.ROTATE | What.RESEND | What.RETRY:
                self.operators(deed.what, int(details["dice"]))
                return _nothing
        return self._vendor(deed.what, details)

    # --- our own side ---------------------------------------------------------------------------------------

    def _signal(self, what: What, who: str) -> Undo | None:
        world = self.world
        if who in world.frozen or world.processes[who].poll() is not None:
            return None
        if what is What.KILL:
            world.kill(who)
            return _nothing
        if what is What.TERM:
            world.signal(who, signal.SIGTERM, group=False)
            return _nothing
        world.frozen.add(who)
        world.signal(who, signal.SIGSTOP)
        return lambda: self._thaw(who)

    def _thaw(self, who: str) -> None:
        if who in self.world.frozen:
            self.world.frozen.discard(who)
            self.thaws.append(time.time())
            self.world.signal(who, signal.SIGCONT)

    def _redis(self, what: What, details: dict[str, Any]) -> Undo | None:
        world = self.world
        if world.redis.poll() is not None or "redis" in world.down:
            return None
        if what is What.BROKER:
            return _nothing if self._forget_messages() else None
        world.down.add("redis")
        if what is What.REDIS_KILL:
            world.redis.kill()
        elif what is What.REDIS_SLOW:
            world.signal_pid(world.redis.pid, signal.SIGSTOP)
            return lambda: self._redis_back(world.redis.pid)
        else:
            self._fill_disk(int(details["kilobytes"]) * 1024)
        return lambda: self._redis_back(None)

    def _redis_back(self, stopped: int | None) -> None:
        world = self.world
        if stopped is not None:
            world.signal_pid(stopped, signal.SIGCONT)
        elif world.redis.poll() is not None:
            self.done["REDIS_RESTARTED"] += 1
        if sys.platform.startswith("linux") and world.redis.poll() is None:
            with contextlib.suppress(OSError):
                resource.prlimit(world.redis.pid, resource.RLIMIT_FSIZE, (ROOM, ROOM))
        world.redis.launch()
        world.down.discard("redis")

    def _fill_disk(self, left: int) -> None:
        """Let the append-only file grow by `left` bytes and no more; the server's writes fail then."""
        files = (self.world.folder / "data" / "redis").rglob("*.aof")
        size = max((path.stat().st_size for path in files), default=0)
        resource.prlimit(self.world.redis.pid, resource.RLIMIT_FSIZE, (size + left, ROOM))

    def _forget_messages(self) -> bool:
        """Delete every message of the broker."""
        try:
            with redis.Redis.from_url(self.world.redis.url, socket_timeout=2) as client:
                names = list(client.scan_iter("dramatiq:*", count=1000))
                if names:
                    client.unlink(*names)
        except redis.RedisError:
            return False
        return True

    def _mail_away(self) -> Undo | None:
        if "mail" in self.world.down:
            return None
        self.world.down.add("mail")
        self.world.kill("mail")
        return lambda: self.world.start("mail")

    def _switched(self, names: list[str], **wanted: float) -> Undo:
        for name in names:
            self.world.switch(name, **wanted)

        def back() -> None:
            for name in names:
                self.world.switch(name)

        return back

    def _twin(self) -> Undo | None:
        """A second Innkey with the same configuration, started by mistake."""
        if TWIN in self.world.processes and self.world.processes[TWIN].poll() is None:
            return None
        self.world.start(TWIN)

        def away() -> None:
            self.world.down.add(TWIN)
            self.world.signal(TWIN, signal.SIGTERM, group=False)

        return away

    # --- the vendor -----------------------------------------------------------------------------------------

    def _vendor(self, what: What, details: dict[str, Any]) -> Undo | None:
        vendor, lock = self.world.vendor, str(details.get("lock", ""))
        match what:
            case What.RATES:
                vendor.set_rates(details["rates"], seed=details["seed"], late_seconds=details["late"])
                return _nothing
            case What.ACKS:
                number = vendor.add_fault("ack", ack=details["ack"], op=details["op"], lock=lock, times=None)
                return lambda: self._lift(number)
            case What.LAG:
                self.lag[lock] = max(self.lag.get(lock, 0.0), float(details["seconds"]))
                vendor.set_lock(lock, list_lag=details["seconds"])
                return lambda: self._set_lock(lock, list_lag=0.0)
            case What.OFFLINE:
                vendor.set_lock(lock, gateway_online=False)
                return lambda: self._set_lock(lock, gateway_online=True)
            case What.KEY:
                vendor.set_keys(revoke=[self.world.keys.kas])
                return self._key_back
            case What.HAND:
                return self._type_by_hand(lock, random.Random(details["dice"]))
        return self._lose_one(lock, random.Random(details["dice"]))

    def _lift(self, number: int) -> None:
        self.world.vendor.clear_faults(number)

    def _set_lock(self, lock: str, **properties: Any) -> None:
        self.world.vendor.set_lock(lock, **properties)

    def _key_back(self) -> None:
        self.world.vendor.set_keys(add=[self.world.keys.kas])

    def _type_by_hand(self, lock: str, dice: random.Random) -> Undo | None:
        """A code in a slot that is free just now, mostly where Innkey goes next; later it goes again."""
        taken = self.world.vendor.codes(lock)
        # The slots that Innkey would take next: a code that it does not see there is overwritten at once.
        next_ones = [slot for slot in range(FIRST_SLOT, LAST_SLOT + 1) if slot not in taken][:3]
        free = [slot for slot in (115, *next_ones, 198, 199, 200) if slot not in taken]
        if not free:
            return None
        slot, pin = dice.choice(free), f"{dice.randrange(10**4, 10**6)}"
        if any(code["pin"] == pin for code in taken.values()):
            return None
        self.world.vendor.hand(lock, slot, pin, dice.choice(HAND_NAMES))
        self.hand_typed[lock, slot] = pin
        return (lambda: self._take_off(lock, slot)) if dice.random() < 0.6 else _nothing

    def _take_off(self, lock: str, slot: int) -> None:
        """Take a hand-typed code off again, if it is still there; if it is not, the verdict says so."""
        code = self.world.vendor.codes(lock).get(slot)
        if code is not None and code["by_hand"] and code["pin"] == self.hand_typed.get((lock, slot)):
            with contextlib.suppress(ControlError):
                self.world.vendor.wipe(lock, slot)
            del self.hand_typed[lock, slot]

    def _lose_one(self, lock: str, dice: random.Random) -> Undo | None:
        """One of Innkey's codes vanishes from the lock."""
        ours = [slot for slot, code in self.world.vendor.codes(lock).items() if not code["by_hand"]]
        if not ours:
            return None
        slot = dice.choice(ours)
        with contextlib.suppress(ControlError):
            self.world.vendor.wipe(lock, slot)
        self.lost.append((lock, slot))
        return _nothing


def _nothing() -> None:
    """There is nothing to undo."""
