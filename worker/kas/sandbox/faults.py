"""What goes wrong on purpose: rules for chosen calls, and rates drawn from a seed for all of them."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from worker.kas.sandbox.wire import How

ANY = "*"
OPS = ("add", "delete", "list", "clock", "key", "unlock", "rfid_list", "rfid_add", "rfid_delete", "events")


class Kind(StrEnum):
    """The ways a call can go wrong."""

    ACK = "ack"  # 200 with another ack, or with none
    STATUS = "status"  # an HTTP error with a body of some form
    HANG = "hang"  # never answered
    CUT = "cut"  # the connection breaks
    HTML = "html"  # 200 with a page
    GARBAGE = "garbage"  # 200 with broken JSON
    OTHER_LOCK = "other_lock"  # the list of another lock
    NO_LIST = "no_list"  # a success without l_passwords
    TEXT = "text"  # any status with any words
    THROTTLE = "throttle"  # 429
    SLOW = "slow"  # late, but honest
    LOSE = "lose"  # ack 1 for what was never done


class Executed(StrEnum):
    """Whether the command still reaches the lock."""

    NO = "no"
    YES = "yes"
    LATE = "late"


DONE_UNLESS_TOLD = frozenset({Kind.OTHER_LOCK, Kind.NO_LIST, Kind.SLOW})
# What a rate never draws for a call: the answer has no such part to spoil.
_WITHOUT_ACK = frozenset({Kind.ACK, Kind.LOSE})
SPARED: Mapping[str, frozenset[Kind]] = {
    "list": _WITHOUT_ACK,
    "events": _WITHOUT_ACK,
    "rfid_list": frozenset({Kind.LOSE}),
    "key": _WITHOUT_ACK | {Kind.OTHER_LOCK, Kind.NO_LIST},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One way to go wrong, with its details; those that its kind does not use are ignored."""

    kind: Kind
    executed: Executed = Executed.NO
    late_seconds: float = 0.0
    hold_seconds: float | None = None  # HANG: the call keeps its place in the queue at least this long
    ack: int | None = None
    message: str | None = None
    status: int | None = None  # STATUS: 504 unless told; TEXT: 400 unless told
    form: str = "json"  # STATUS: json, plain or html
    text: str = ""
    how: How = "half"
    seconds: float = 0.0  # SLOW: the extra wait; THROTTLE: Retry-After
    shown: bool = False  # LOSE: the answer's list shows the code all the same


@dataclass(slots=True, kw_only=True)
class Rule:
    """A fault for the calls it matches: `skip` of them pass, then `times` of them fail (None: for ever)."""

    number: int
    fault: Fault
    op: str = ANY
    lock: str = ANY
    account: str = ANY
    times: int | None = 1
    skip: int = 0
    matched: int = 0
    used: int = 0

    def takes(self, op: str, account: str, lock: str) -> bool:
        """Whether this rule spoils this call; counts it."""
        wanted = ((self.op, op), (self.account, account), (self.lock, lock))
        if any(pattern not in (ANY, value) for pattern, value in wanted):
            return False
        if self.times is not None and self.used >= self.times:
            return False
        self.matched += 1
        if self.matched <= self.skip:
            return False
        self.used += 1
        return True


def _status(executed: Executed) -> Fault:
    return Fault(kind=Kind.STATUS, executed=executed)


def _by_executed(prefix: str, fault: Fault) -> dict[str, Fault]:
    names = {"executed": Executed.YES, "lost": Executed.NO, "late": Executed.LATE}
    return {f"{prefix}_{name}": replace(fault, executed=executed) for name, executed in names.items()}


# The names of the rates, and the fault each one stands for.
RATES: Mapping[str, Fault] = {
    **_by_executed("504", _status(Executed.NO)),
    **_by_executed("cut", Fault(kind=Kind.CUT)),
    **_by_executed("hang", Fault(kind=Kind.HANG)),
    "500": Fault(kind=Kind.STATUS, status=500, form="plain"),
    "502": Fault(kind=Kind.STATUS, status=502, form="html"),
    "ack2": Fault(kind=Kind.ACK, ack=2),
    "ack2_executed": Fault(kind=Kind.ACK, ack=2, executed=Executed.YES),
    "ack8": Fault(kind=Kind.ACK, ack=8),
    "pending_done": Fault(kind=Kind.ACK, ack=5, executed=Executed.LATE),
    "pending_never": Fault(kind=Kind.ACK, ack=5),
    "cut": Fault(kind=Kind.CUT),
    "hang": Fault(kind=Kind.HANG),
    "html": Fault(kind=Kind.HTML),
    "garbage": Fault(kind=Kind.GARBAGE),
    "other_lock": Fault(kind=Kind.OTHER_LOCK, executed=Executed.YES),
    "no_list": Fault(kind=Kind.NO_LIST, executed=Executed.YES),
    "lose": Fault(kind=Kind.LOSE),
    "throttle": Fault(kind=Kind.THROTTLE, seconds=1.0),
}


@dataclass(frozen=True, slots=True)
class Rates:
    """How often each named fault befalls a call, 0..1 in all; late commands arrive within the range."""

    rates: Mapping[str, float] = field(default_factory=dict)
    late_seconds: tuple[float, float] = (1.0, 5.0)
    seed: int = 0

    def draw(self, op: str, dice: random.Random) -> Fault | None:
        """The fault of this call, if any; each kind of call is spared what its answers cannot show."""
        point = dice.random()
        for name, rate in self.rates.items():
            fault = RATES[name]
            if fault.kind in SPARED.get(op, ()):
                continue
            if point < rate:
                return replace(fault, late_seconds=dice.uniform(*self.late_seconds))
            point -= rate
        return None


class FaultBook:
    """The rules in force, in the order they came, and the rates behind them."""

    def __init__(self) -> None:
        self.rules: list[Rule] = []
        self.rates = Rates()
        self._last = 0

    def add(self, fault: Fault, *, op: str, lock: str, account: str, times: int | None, skip: int) -> Rule:
        """Put a rule in force."""
        self._last += 1
        number = self._last
        rule = Rule(number=number, fault=fault, op=op, lock=lock, account=account, times=times, skip=skip)
        self.rules.append(rule)
        return rule

    def clear(self, number: int | None = None) -> int:
        """Lift one rule, or all; returns how many went."""
        kept = [] if number is None else [rule for rule in self.rules if rule.number != number]
        gone = len(self.rules) - len(kept)
        self.rules = kept
        return gone

    def pick(self, op: str, account: str, lock: str, dice: random.Random) -> Fault | None:
        """The fault for this call: of the first rule that takes it, else by the rates."""
        return self.by_rule(op, account, lock) or self.rates.draw(op, dice)

    def by_rule(self, op: str, account: str, lock: str) -> Fault | None:
        """The fault of the first rule that takes this call."""
        return next((rule.fault for rule in self.rules if rule.takes(op, account, lock)), None)


class Dice:
    """Chance by seed: the n-th call of a kind to a lock draws the same, whatever other threads do."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._counts: dict[tuple[str, str], int] = {}

    def roll(self, op: str, lock: str, rates_seed: int) -> random.Random:
        """The source of chance for one call."""
        count = self._counts.get((op, lock), 0)
        self._counts[op, lock] = count + 1
        return random.Random(f"{self._seed}/{rates_seed}/{op}/{lock}/{count}")  # noqa: S311 - chance, no secret
