"""What each answer of the vendor's cloud must lead to, by class: the cells that `test_every_answer` runs."""

from __future__ import annotations

from typing import Any

from tests.integration.answer_kit import Cell, Plan, Spoil, bad, good, spoil
from tests.integration.engine_kit import Engine

LAST = 4  # `retry_delays` plus one
POLICY = {
    "retry_delays": '["0s", "0s", "0s"]',
    "offline_delays": '["1s", "1s"]',
    "pending_poll": '"1s"',
    "pending_for": '"3s"',
}
NOT_ADMIN, NOT_MANAGER = "You are not the admin.", "You are not the manager."
NO_LOCK, TOKEN, EXISTS = "Lock is not found.", "Invalid Token.", "Password is already existing."
TIMES = "Error with Start and End times"
TOLD = "704261"
OPS = ("add", "delete")


def refusal(op: str, words: str, times: int | None = 1, status: int = 400, **more: Any) -> Spoil:
    """The vendor's plain words under a status."""
    return spoil(op, "text", times, text=words, status=status, **more)


def sooner_or_later(op: str, name: str, kind: str, reason: str, **details: Any) -> list[Cell]:
    """Executed all the same, not executed, never executed."""
    is_doubtful_removal = op == "delete" and reason == "unconfirmed"
    fewest = 2 if is_doubtful_removal else 1  # a removal in doubt is sent once more even where it is gone
    return [
        good(op, f"{name}-executed", [spoil(op, kind, executed=True, **details)], sent=fewest),
        good(op, f"{name}-lost", [spoil(op, kind, **details)], sent=2),
        bad(
            op,
            f"{name}-to-the-last",
            [spoil(op, kind, None, **details)],
            reason,
            sent=LAST,
            # Before the last removal the PIN in our slot may be overwritten: only the letter counts there.
            holds=None if (op, reason) == ("delete", "lock_failed") else op == "delete",
        ),
    ]


def pending(op: str, ack: int) -> list[Cell]:
    """Under way, and done later; or never."""
    late = spoil(op, "ack", ack=ack, executed="late", late_seconds=1.5)
    twice = 2 if op == "delete" else 1
    return [
        good(op, f"ack{ack}-done-later", [late], sent=twice, gap=1.5),
        bad(op, f"ack{ack}-never", [spoil(op, "ack", None, ack=ack)], "pending_too_long", sent=LAST, gap=3.0),
    ]


def offline(op: str) -> list[Cell]:
    """Ack 8 for a while, for ever, and between other failures: its count is its own."""
    mixed = [spoil(op, "ack", 2, ack=8), spoil(op, "ack", 2, ack=2)]
    return [
        good(op, "ack8-once", [spoil(op, "ack", ack=8)], sent=2, gap=1.0),
        good(op, "ack8-twice", [spoil(op, "ack", 2, ack=8)], sent=3, gap=1.0),
        bad(op, "ack8-for-ever", [spoil(op, "ack", None, ack=8)], "gateway_offline", sent=3, gap=1.0),
        good(op, "ack8-has-its-own-count", mixed, sent=5),
        bad(op, "no-gateway", (), "gateway_offline", sent=3, gap=1.0, prepare=without_gateway),
    ]


def without_gateway(inn: Engine, lock: str) -> None:
    """The lock's gateway is gone: its clock cannot be set either."""
    inn.vendor.set_lock(lock, gateway_online=False)


def refused(op: str) -> list[Cell]:
    """What trying again cannot help."""
    rows = [
        ("not-the-admin", NOT_ADMIN, 400, "not_admin"),
        ("not-the-manager", NOT_MANAGER, 400, "not_admin"),
        ("no-such-lock", NO_LOCK, 400, "lock_not_found"),
        ("404", "Nothing lives here", 404, "refused"),
        ("302", "Moved to another house", 302, "refused"),
        ("400", "Something else is wrong", 400, "refused"),
    ]
    return [bad(op, n, [refusal(op, text, None, status)], why, words=text) for n, text, status, why in rows]


def throttled(op: str) -> list[Cell]:
    """429, with `Retry-After`: no attempt."""
    return [good(op, "429", [spoil(op, "throttle", seconds=2)], sent=2, attempts=1, gap=2.0)]


def unread(op: str, name: str, kind: str, **details: Any) -> list[Cell]:
    """Reads that fail for a while, to the last, and after the command."""
    to_the_last = {"letter": ("unconfirmed", "list"), "attempts": 0, "sent": 0, "lists": LAST}
    return [
        good(op, f"list-{name}-for-a-while", [spoil("list", kind, 3, **details)], lists=LAST),
        bad(op, f"list-{name}-to-the-last", [spoil("list", kind, None, **details)], "", **to_the_last),
    ]


def key_refused(op: str, status: int) -> Cell:
    """The account's key is refused once."""
    account = f"{op}{status}"
    return good(
        op,
        f"invalid-token-{status}",
        [refusal(op, TOKEN, status=status)],
        sent=2,
        attempts=1,
        gap=29.0,
        account=account,
    )


def auth(level: str) -> Any:
    """What the account may do with the lock from now on."""
    return lambda inn, lock: inn.vendor.set_lock(lock, auth=level)


def by_hand(pin: str, name: str = "Cleaner") -> Any:
    """A code typed into slot 150."""
    return lambda inn, lock: inn.vendor.hand(lock, 150, pin, name=name)


def unwanted_holder(inn: Engine, lock: str) -> None:
    """The PIN is held in another slot under the mark of a stay that is cancelled."""
    inn.book("unwanted", unit=lock, begins=24 * 40)
    inn.settle()
    inn.send("unwanted", kind="booking.cancelled")
    inn.settle()
    inn.vendor.hand(lock, 150, TOLD, name="Guest direct/unwanted")


DONE = [
    good("add", "ack1-shown-at-once", lists=1),
    good("add", "ack1-shown-by-the-next-list", [spoil("add", "no_list")], lists=2),
    good(
        "add",
        "ack1-shown-within-the-poll",
        [spoil("add", "lose", executed="late", late_seconds=0.5)],
    ),
    good("add", "ack1-not-shown-once", [spoil("add", "lose")], sent=2, gap=1.0),
    bad("add", "ack1-never-shown", [spoil("add", "lose", None)], "unconfirmed", sent=LAST, gap=1.0),
    good("delete", "ack1", lists=1),
]
FAILED = [
    cell
    for op in OPS
    for n in (2, 4, 6)
    for cell in sooner_or_later(op, f"ack{n}", "ack", "lock_failed", ack=n)
]
PENDING = [cell for op in OPS for ack in (3, 5, 7, 10) for cell in pending(op, ack)]
OFFLINE = [cell for op in OPS for cell in offline(op)]
UNCLEAR = [
    cell
    for op in OPS
    for ack in (9, 99, None)
    for cell in sooner_or_later(op, f"ack-{ack}", "ack", "unconfirmed", ack=ack)
]
DOUBTS: list[tuple[str, str, dict[str, Any]]] = [
    ("504", "status", {"status": 504}),
    ("500", "status", {"status": 500, "body": "plain"}),
    ("502-page", "status", {"status": 502, "body": "html"}),
    ("cut-half", "cut", {"how": "half"}),
    ("cut-unanswered", "cut", {"how": "nothing"}),
    ("reset", "cut", {"how": "reset"}),
    ("page", "html", {}),
    ("garbage", "garbage", {}),
]
DOUBT = [
    *(
        c
        for op in OPS
        for n, kind, more in DOUBTS
        for c in sooner_or_later(op, n, kind, "unconfirmed", **more)
    ),
    good("add", "504-late", [spoil("add", "status", executed="late", late_seconds=6)], sent=2),
    good("delete", "504-late", [spoil("delete", "status", executed="late", late_seconds=6)], sent=2),
    bad(
        "add",
        "mixed",
        [
            spoil("add", "ack", ack=2),
            spoil("add", "status"),
            spoil("add", "cut"),
            spoil("add", "ack", ack=99),
        ],
        "unconfirmed",
        sent=LAST,
    ),
    bad(
        "delete",
        "mixed",
        [spoil("delete", "garbage"), spoil("delete", "ack", ack=9), spoil("delete", "status", 2)],
        "unconfirmed",
        sent=LAST,
    ),
]
REFUSED = [
    *(cell for op in OPS for cell in refused(op)),
    bad("add", "bad-window", [refusal("add", TIMES, None)], "bad_window", words=TIMES),
    bad("add", "really-not-the-admin", (), "not_admin", words=NOT_ADMIN, prepare=auth("manager")),
    bad("delete", "really-not-the-admin", (), "not_admin", words=NOT_ADMIN, prepare=auth("manager")),
    bad(
        "add",
        "really-not-the-manager",
        (),
        "",
        letter=("not_admin", "list"),
        sent=0,
        lists=1,
        words=NOT_MANAGER,
        prepare=auth("none"),
    ),
    bad(
        "add",
        "list-404",
        [refusal("list", "Gone", None, 404)],
        "",
        letter=("refused", "list"),
        sent=0,
        lists=1,
    ),
]
PINS = [
    good("add", "pin-exists-untold", [refusal("add", EXISTS)], sent=2),
    good("add", "pin-exists-but-it-is-ours", [refusal("add", EXISTS, executed=True)]),
    bad(
        "add", "pin-exists-to-the-last", [refusal("add", EXISTS, None)], "pin_taken", sent=LAST, words=EXISTS
    ),
    bad(
        "add", "pin-exists-told", (), "pin_taken", booking={"pin": TOLD}, prepare=by_hand(TOLD), words=EXISTS
    ),
    good(
        "add",
        "pin-of-a-code-that-nobody-wants",
        (),
        booking={"pin": TOLD},
        prepare=unwanted_holder,
        sent=None,
    ),
]
THROTTLED = [
    *(cell for op in OPS for cell in throttled(op)),
    good("add", "list-429", [spoil("list", "throttle", seconds=2)], lists=2),
]
READS = [
    *(
        cell
        for op in OPS
        for name, kind, more in [
            *DOUBTS,
            ("of-another-lock", "other_lock", {}),
            ("without-list", "no_list", {}),
        ]
        for cell in unread(op, name, kind, **more)
    ),
    good(
        "add",
        "read-back-fails-for-a-while",
        [spoil("add", "status", executed=True), spoil("list", "status", 3, skip=1)],
        lists=5,
    ),
    good(
        "add",
        "read-back-of-another-lock",
        [spoil("add", "status", executed=True), spoil("list", "other_lock", skip=1)],
        lists=3,
    ),
    bad(
        "add",
        "read-back-fails-to-the-last",
        [spoil("add", "status", executed=True), spoil("list", "status", None, skip=1)],
        "",
        letter=("unconfirmed", "list"),
        holds=True,
        lists=5,
    ),
    bad(
        "delete",
        "read-back-fails-to-the-last",
        [spoil("delete", "status"), spoil("list", "status", None, skip=1)],
        "",
        letter=("unconfirmed", "list"),
        lists=5,
    ),
]
ABSENT = [
    good("delete", "absent", sent=0, lists=1, prepare=lambda inn, lock: inn.vendor.wipe(lock, 120)),
]
KEYS = [key_refused(op, status) for op in OPS for status in (400, 401, 403)]

CELLS = [
    *DONE,
    *FAILED,
    *PENDING,
    *OFFLINE,
    *UNCLEAR,
    *DOUBT,
    *REFUSED,
    *PINS,
    *THROTTLED,
    *READS,
    *ABSENT,
    *KEYS,
]
PLAN = Plan(
    sets=[cell for cell in CELLS if cell.id.startswith("add")],
    removals=[cell for cell in CELLS if cell.id.startswith("delete")],
)
