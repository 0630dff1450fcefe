"""What a value in the environment must look like: text in, value out, BadValue when it cannot be used.

No message here repeats a value that may hold a secret.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from email.utils import parseaddr
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from cryptography.fernet import Fernet

from worker.configuration_error import BadValue
from worker.secret import Secret

__all__ = [
    "NEW_KEY_CURE",
    "SmtpServer",
    "address",
    "addresses",
    "alert_urls",
    "bare_address",
    "choice",
    "fernet_keys",
    "hook_url",
    "http_url",
    "server_url",
    "smtp_server",
    "tokens",
    "whole_number",
]

_ADDRESS = re.compile(r"[^@\s<>,;\"]+@[^@\s<>,;\"]+")
_NUMBER = re.compile(r"[+-]?[0-9]{1,18}")
_VISIBLE_URL = re.compile(r"[!-~]+")
_TOKEN = re.compile(r"[!-~]+")
_URL_START = r"[A-Za-z][A-Za-z0-9+.-]*://"
NEW_KEY_CURE = (
    "make a good one with: "
    'python -c "from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())"'
)
_SWITCH = dict.fromkeys(("1", "true", "yes", "on"), True) | dict.fromkeys(("0", "false", "no", "off"), False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpServer:
    """Where e-mail is handed in: `tls` from the first byte on (smtps), or `starttls` after the greeting."""

    host: str
    port: int
    username: str | None = None
    password: Secret | None = None
    tls: bool = False
    starttls: bool = False


def whole_number(low: int, high: int) -> Callable[[str], int]:
    """Accept the whole numbers from `low` to `high`."""

    def parse(text: str) -> int:
        cure = f"give a whole number from {low} to {high}"
        if not _NUMBER.fullmatch(text.strip()):
            raise BadValue("is not a whole number", cure)
        number = int(text)
        if not low <= number <= high:
            cause = f"is {number}, out of range"
            raise BadValue(cause, cure)
        return number

    return parse


def choice(*options: str) -> Callable[[str], str]:
    """Accept one of `options` in any case; the answer is written as in `options`."""
    by_lower = {option.lower(): option for option in options}

    def parse(text: str) -> str:
        try:
            return by_lower[text.strip().lower()]
        except KeyError:
            cure = f"give one of {', '.join(options)}"
            raise BadValue("is not a known choice", cure) from None

    return parse


def _split(text: str, schemes: Collection[str]) -> SplitResult:
    forms = " or ".join(f"{scheme}://…" for scheme in schemes)
    cure = f"give {forms}"
    try:
        parts = urlsplit(text.strip())
        _ = parts.port
    except ValueError:
        raise BadValue("is not a URL that can be read", cure) from None
    if parts.scheme not in schemes:
        raise BadValue("does not begin with a scheme that fits", cure)
    if not (parts.path if parts.scheme == "unix" else parts.hostname):
        missing = "path" if parts.scheme == "unix" else "host"
        cause = f"names no {missing}"
        raise BadValue(cause, cure)
    return parts


def server_url(*schemes: str) -> Callable[[str], Secret]:
    """Accept the URL of a Redis or a broker; it may hold a password and is kept as a secret."""

    def parse(text: str) -> Secret:
        _split(text, schemes)
        return Secret(text.strip())

    return parse


def http_url(text: str) -> str:
    """Accept an http or https address without user, query and fragment; no slash is kept at its end."""
    parts = _split(text, ("https", "http"))
    if "@" in parts.netloc:
        raise BadValue("holds a user name or a password", "leave them out of the address")
    if parts.query or parts.fragment:
        raise BadValue("holds a query or a fragment", "end the address before the ? or #")
    return text.strip().rstrip("/")


def calendar_url(text: str) -> Secret:
    """Accept the http or https address of a calendar: who has it can read it, so it is kept as a secret."""
    parts = _split(text, ("https", "http"))
    if "@" in parts.netloc:
        raise BadValue("holds a user name or a password", "leave them out of the address")
    if not text.strip().isascii() or not text.strip().isprintable():
        raise BadValue("holds characters that no address has", "copy it from the site once more")
    return Secret(text.strip().partition("#")[0])


def hook_url(text: str) -> str:
    """Accept the http or https address of a webhook, query and all, without user and fragment."""
    parts = _split(text, ("https", "http"))
    if "@" in parts.netloc:
        raise BadValue("holds a user name or a password", "leave them out of the address")
    if parts.fragment:
        raise BadValue("holds a fragment", "end the address before the #")
    if not _VISIBLE_URL.fullmatch(text.strip()):
        raise BadValue(
            "holds characters that no address has", "percent-encode blanks and letters beyond ASCII"
        )
    return text.strip()


def smtp_server(text: str) -> SmtpServer:
    """Accept `smtp://[user:pass@]host[:port][?starttls=1]` or `smtps://…`; ports as usual: 25, 587, 465."""
    parts = _split(text, ("smtp", "smtps"))
    if bool(parts.username) != bool(parts.password):
        raise BadValue("holds a user or a password alone", "give both as smtp://user:password@host, or none")
    tls, starttls = parts.scheme == "smtps", _starttls(parts.query)
    if tls and starttls:
        raise BadValue("asks for smtps and starttls together", "keep one of the two")
    return SmtpServer(
        host=parts.hostname or "",
        port=parts.port or (465 if tls else 587 if starttls else 25),
        username=unquote(parts.username) if parts.username else None,
        password=Secret(unquote(parts.password)) if parts.password else None,
        tls=tls,
        starttls=starttls,
    )


def _starttls(query: str) -> bool:
    options = parse_qs(query, keep_blank_values=True)
    values = options.pop("starttls", ["0"])
    if options or len(values) != 1 or values[0].lower() not in _SWITCH:
        raise BadValue("has an option that is not known", "the only one is ?starttls=1")
    return _SWITCH[values[0].lower()]


def address(text: str) -> str:
    """Accept `ops@example.com` or `Operations <ops@example.com>`."""
    _, bare = parseaddr(text.strip())
    if not _ADDRESS.fullmatch(bare) or any(ord(letter) < ord(" ") for letter in text.strip()):
        raise BadValue("is not an e-mail address", "write it as ops@example.com")
    return text.strip()


def bare_address(text: str) -> str:
    """Accept `ops@example.com` and nothing around it."""
    if not _ADDRESS.fullmatch(text.strip()):
        raise BadValue("is not an e-mail address", "write it as ops@example.com")
    return text.strip()


def addresses(text: str) -> tuple[str, ...]:
    """Accept addresses with commas between them."""
    try:
        return tuple(address(part) for part in text.split(","))
    except BadValue:
        cure = "write ops@example.com, several with commas between them"
        raise BadValue("is not a list of e-mail addresses", cure) from None


def fernet_keys(text: str) -> tuple[Secret, ...]:
    """Accept Fernet keys with commas between them; those at fault are named by position, never shown."""
    keys = [key.strip() for key in text.split(",")]
    faulty = [str(position) for position, key in enumerate(keys, start=1) if not _is_fernet_key(key)]
    if faulty:
        which = "key" if len(faulty) == 1 else "keys"
        cause = f"{which} {', '.join(faulty)} of {len(keys)} cannot be used: not 32 bytes in URL-safe base64"
        raise BadValue(cause, NEW_KEY_CURE)
    return tuple(Secret(key) for key in keys)


def _is_fernet_key(key: str) -> bool:
    try:
        Fernet(key)
    except ValueError:
        return False
    return True


def tokens(text: str) -> tuple[Secret, ...]:
    """Accept bearer tokens with commas between them: visible ASCII, as they travel in a header."""
    parts = [part.strip() for part in text.split(",")]
    if not all(_TOKEN.fullmatch(part) for part in parts):
        cure = "give long random words of letters and digits, several with commas between them"
        raise BadValue("holds an empty token or one that no header can carry", cure)
    return tuple(Secret(part) for part in parts)


def alert_urls(text: str) -> tuple[Secret, ...]:
    """Accept Apprise URLs with commas or blanks between them; most hold a key and are kept as secrets."""
    parts = [part.strip(", \t\r\n") for part in re.split(rf"[\s,]+(?={_URL_START})", text.strip())]
    if not all(re.match(_URL_START, part) for part in parts):
        raise BadValue("is not a list of URLs", "write them in Apprise's form, such as ntfy://topic")
    return tuple(Secret(part) for part in parts)
