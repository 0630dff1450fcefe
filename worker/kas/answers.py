"""What each answer of the vendor's cloud means: the tables are the reading, and each answer passes once."""

from __future__ import annotations

import html
import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum, auto
from types import MappingProxyType
from typing import Any, Final

from worker.domain.outcomes import Answer, Entry, Kind, Outcome
from worker.kas.schemas import as_int, read_entries

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

# A list is served from the cloud's own data, which the document marks with "ack": 0 or none.
LIST_SUCCESS: Final = (0, 1)

MESSAGE_LIMIT, REF_LIMIT = 200, 100
WORDS_LIMIT: Final = 8192  # characters looked at for a message; what is hidden in them makes room for more
RETRY_DEFAULT, RETRY_LEAST, RETRY_MOST = 30.0, 1.0, 3600.0  # seconds
HIDDEN: Final = "[hidden]"
_UNREADABLE: Final = object()

# The vendor may name a PIN that this call did not send, such as the one it deleted.
_SECRET_SHAPES: Final = re.compile(
    r"\beyJ[\w-]+(?:\.[\w-]+)*"  # an API key is a JSON web token
    r"|[^\s@]{1,64}@[^\s@]{1,255}"  # an e-mail address
    r"|(?<![\w.])[0-9]{4,6}(?!\w)",  # a PIN
    re.ASCII,
)


class Brings(Enum):
    """What a good answer to a call brings."""

    ACK = auto()
    ACK_AND_LIST = auto()
    LIST = auto()


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
    words = _words(data, body)
    named = TEXTS.get(_bare(words))
    kind, entries = _judge(asked, status, data, named)
    ref = record.get("ref")
    outcome = Outcome(
        kind=kind,
        ack=as_int(record.get("ack")),
        http_status=status,
        message=presentable(words, asked.secrets),
        ref=presentable(ref, asked.secrets)[:REF_LIMIT] if isinstance(ref, str) else None,
        retry_after=_seconds(retry_after, now or datetime.now(UTC)) if kind is Kind.THROTTLED else None,
    )
    return Answer(outcome, entries)


def _judge(
    asked: Asked, status: int, data: object, named: Kind | None
) -> tuple[Kind, tuple[Entry, ...] | None]:
    """The HTTP status first, then the text or the ack."""
    if status == 429:
        return Kind.THROTTLED, None
    if 400 <= status < 500:
        return named or (Kind.INVALID_TOKEN if status == 401 else Kind.REFUSED), None
    if 300 <= status < 400:
        return Kind.REFUSED, None
    if not 200 <= status < 300:
        return Kind.DOUBT, None
    if data is _UNREADABLE:
        return named or Kind.DOUBT, None
    return _judge_success(asked, data if isinstance(data, dict) else {}, named)


def _judge_success(
    asked: Asked, record: Mapping[str, Any], named: Kind | None
) -> tuple[Kind, tuple[Entry, ...] | None]:
    raw = record.get("ack")
    ack = as_int(raw)
    if raw is None and named and "l_passwords" not in record:
        return named, None
    if asked.brings is Brings.LIST and (raw is None or ack in LIST_SUCCESS):
        entries = read_entries(record, asked.lock)
        return (Kind.DOUBT if entries is None else Kind.DONE), entries
    kind = Kind.UNCLEAR if ack is None else ACKS.get(ack, Kind.UNCLEAR)
    if kind is Kind.DONE and asked.brings is Brings.ACK_AND_LIST:
        return kind, read_entries(record, asked.lock)
    return kind, None


def _parse(body: bytes) -> object:
    """The JSON value, or `_UNREADABLE`."""
    try:
        return json.loads(body.strip(b" \t\r\n\xef\xbb\xbf"))
    except (ValueError, RecursionError):
        return _UNREADABLE


def _words(data: object, body: bytes) -> str:
    """The vendor's own words: the text, the JSON text, or the `message` of a JSON object."""
    if data is _UNREADABLE:
        return _spoken(body.decode("utf-8", "replace").removeprefix("\ufeff"))
    if isinstance(data, dict):
        candidates = (data.get("message"), data.get("error"))
        data = next((text for text in candidates if isinstance(text, str)), "")
    return _spoken(data) if isinstance(data, str) else ""


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
