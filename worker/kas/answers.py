"""What each answer of the vendor's cloud means: the tables are the reading, and each answer passes once."""

from __future__ import annotations

import html
import json
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum, auto
from types import MappingProxyType
from typing import Any, Final

from worker.domain.outcomes import Answer, Kind, Outcome
from worker.kas.responses import Reply, read_entries, read_events, read_reply, read_tags

__all__ = ["ACKS", "TEXTS", "Asked", "Brings", "classify", "presentable"]

# The KAS API document, section "ACK and Response Values". Any other ack of a command is UNCLEAR.
ACKS: Final[Mapping[int, Kind]] = MappingProxyType(
    {
        1: Kind.DONE,
        2: Kind.FAILED,
        3: Kind.PENDING,
        4: Kind.FAILED,
        5: Kind.PENDING,
        6: Kind.FAILED,
        7: Kind.PENDING,
        8: Kind.OFFLINE,
        10: Kind.PENDING,
    }
)

# The plain texts under status 400 of each command, compared without case, quotes, outer spaces and final dot.
TEXTS: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        "invalid token": Kind.INVALID_TOKEN,
        "you are not the admin": Kind.NOT_ADMIN,
        "you are not the manager": Kind.NOT_ADMIN,
        "lock is not found": Kind.LOCK_NOT_FOUND,
        "password is already existing": Kind.PIN_EXISTS,
        "error with start and end times": Kind.BAD_WINDOW,
    }
)

# What is read rather than done is marked with "ack": 0 in the document, or with none.
READ_SUCCESS: Final = (0, 1)

MESSAGE_LIMIT, REF_LIMIT = 200, 100
WORDS_LIMIT: Final = 8192  # characters looked at for a message; what is hidden in them makes room for more
RETRY_DEFAULT, RETRY_LEAST, RETRY_MOST = 30.0, 1.0, 3600.0  # seconds
HIDDEN: Final = "[hidden]"
_UNREADABLE: Final = object()

# The vendor may name a PIN that this call did not send, such as the one it deleted.
_SECRET_SHAPES: Final = re.compile(
    r"\beyJ[\w-]+(?:\.[\w-]+)*"  # an API key is a JSON web token
    r"|[^\s@]{1,64}@[^\s@]{1,255}"  # an e-mail address
    r"|(?<=remoteUnlock/)\S+"  # the address that ends with the key
    r"|(?<![\w.])[0-9]{4,6}(?!\w)",  # a PIN
    re.ASCII,
)


class Brings(Enum):
    """What a good answer to a call brings."""

    ACK = auto()
    ACK_AND_LIST = auto()
    ACK_AND_TAGS = auto()
    LIST = auto()
    TAGS = auto()
    EVENTS = auto()


_READS: Final = (Brings.LIST, Brings.TAGS, Brings.EVENTS)
_HELD_IN: Final = ("l_passwords", "l_rfids", "events")

# What stands in an `Answer` beside its outcome; None where it cannot be read.
Contents = dict[str, Any]


def _entries(record: Mapping[str, Any], lock: str) -> Contents | None:
    entries = read_entries(record, lock)
    return None if entries is None else {"entries": entries}


def _tags(record: Mapping[str, Any], lock: str) -> Contents | None:
    tags = read_tags(record, lock)
    return None if tags is None else {"tags": tags}


def _trail(record: Mapping[str, Any], lock: str) -> Contents | None:
    trail = read_events(record, lock)
    return None if trail is None else {"events": trail.events, "skipped": trail.skipped}


_CONTENTS: Final[Mapping[Brings, Callable[[Mapping[str, Any], str], Contents | None]]] = MappingProxyType(
    {
        Brings.ACK_AND_LIST: _entries,
        Brings.ACK_AND_TAGS: _tags,
        Brings.LIST: _entries,
        Brings.TAGS: _tags,
        Brings.EVENTS: _trail,
    }
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked: the lock, what a good answer brings, and the secrets that no message may repeat."""

    lock: str
    brings: Brings
    secrets: tuple[str, ...] = field(default=(), repr=False)


def classify(
    asked: Asked, status: int, body: bytes, *, retry_after: str | None = None, now: datetime | None = None
) -> Answer:
    """One HTTP answer as an `Answer`; total: no status, body or header raises.

    `retry_after` is that header as it came, `now` the aware moment it is measured from. The content type is
    not asked: the document calls JSON bodies plain text.
    """
    data = _parse(body)
    record: Mapping[str, Any] = data if isinstance(data, dict) else {}
    reply = read_reply(record)
    words = _words(data, reply, body)
    kind, contents = _judge(asked, status, data, reply, TEXTS.get(_bare(words)))
    outcome = Outcome(
        kind=kind,
        ack=reply.ack,
        http_status=status,
        message=presentable(words, asked.secrets),
        ref=None if reply.ref is None else presentable(reply.ref, asked.secrets)[:REF_LIMIT],
        retry_after=_seconds(retry_after, now or datetime.now(UTC)) if kind is Kind.THROTTLED else None,
    )
    return Answer(outcome, **contents)


def _judge(
    asked: Asked, status: int, data: object, reply: Reply, named: Kind | None
) -> tuple[Kind, Contents]:
    """The HTTP status first, then the text or the ack."""
    if status == 429:
        return Kind.THROTTLED, {}
    if 400 <= status < 500:
        return named or (Kind.INVALID_TOKEN if status == 401 else Kind.REFUSED), {}
    if 300 <= status < 400:
        return Kind.REFUSED, {}
    if not 200 <= status < 300:
        return Kind.DOUBT, {}
    if data is _UNREADABLE:
        return named or Kind.DOUBT, {}
    return _judge_success(asked, data if isinstance(data, dict) else {}, reply, named)


def _judge_success(
    asked: Asked, record: Mapping[str, Any], reply: Reply, named: Kind | None
) -> tuple[Kind, Contents]:
    if not reply.has_ack and named and not any(name in record for name in _HELD_IN):
        return named, {}
    read = _CONTENTS.get(asked.brings)
    if asked.brings in _READS and read and (not reply.has_ack or reply.ack in READ_SUCCESS):
        contents = read(record, asked.lock)
        return (Kind.DOUBT, {}) if contents is None else (Kind.DONE, contents)
    kind = Kind.UNCLEAR if reply.ack is None else ACKS.get(reply.ack, Kind.UNCLEAR)
    if kind is Kind.DONE and read:
        return kind, read(record, asked.lock) or {}
    return kind, {}


def _parse(body: bytes) -> object:
    """The JSON value, or `_UNREADABLE`."""
    try:
        return json.loads(body.strip(b" \t\r\n\xef\xbb\xbf"))
    except (ValueError, RecursionError):
        return _UNREADABLE


def _words(data: object, reply: Reply, body: bytes) -> str:
    """The vendor's own words: the text, the JSON text, or the `message` of a JSON object."""
    if data is _UNREADABLE:
        return _spoken(body.decode("utf-8", "replace").removeprefix("\ufeff"))
    return _spoken(data if isinstance(data, str) else reply.words)


def _spoken(text: str) -> str:
    """Leave out what is data rather than words: such a text may hold other people's PINs."""
    size, text = len(text), text[:WORDS_LIMIT]
    if re.match(r"\s*<(!doctype|html|head|body)\b", text, re.IGNORECASE):
        title = re.search(r"<title[^>]{0,200}>([^<]{0,1000})", text, re.IGNORECASE)
        named = html.unescape(title[1]).strip() if title else ""
        return f"HTML page: {named}" if named else "HTML page"
    if re.search(r"\{|<[a-z/!?]", text, re.IGNORECASE):
        return f"unreadable text of {size} characters"
    return text


def _bare(words: str) -> str:
    return " ".join(words.strip(" \t\r\n\"'.“”‘’").casefold().split())


def presentable(text: str, secrets: tuple[str, ...] = ()) -> str:
    """One line of at most 200 characters, without control characters, `secrets` and what looks like one."""
    line = _one_line(text[:WORDS_LIMIT])
    for secret in sorted(filter(None, map(_one_line, secrets)), key=len, reverse=True):
        line = re.sub(re.escape(secret), HIDDEN, line, flags=re.IGNORECASE)
    return _SECRET_SHAPES.sub(HIDDEN, line)[:MESSAGE_LIMIT]


def _one_line(text: str) -> str:
    spaced = " ".join(text.split())
    return "".join(character for character in spaced if not unicodedata.category(character).startswith("C"))


def _seconds(retry_after: str | None, now: datetime) -> float:
    """The header as seconds from `now`, 1..3600; 30 when it is missing or cannot be read."""
    text = (retry_after or "").strip()
    if re.fullmatch(r"[0-9]{1,18}", text):
        seconds = float(text)
    else:
        try:
            moment = parsedate_to_datetime(text)
            seconds = (moment.replace(tzinfo=moment.tzinfo or UTC) - now).total_seconds()
        except (ValueError, TypeError, OverflowError, IndexError):
            seconds = RETRY_DEFAULT
    return min(max(seconds, RETRY_LEAST), RETRY_MOST)
