"""The kinds of value in the property file, as marshmallow fields whose messages name cause and cure."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import time, timedelta
from difflib import get_close_matches
from typing import Any, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from marshmallow import ValidationError, fields

from worker.configuration_error import BadValue
from worker.durations import parse_duration

__all__ = [
    "Checked",
    "Choice",
    "ClockTime",
    "Duration",
    "EnvName",
    "Fault",
    "Flag",
    "SecretRef",
    "SecretRefs",
    "Table",
    "Text",
    "TextOrEnv",
    "WholeNumber",
    "Zone",
    "fault",
]

_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")


class Fault(str):
    """A marshmallow message that brings its cure along."""

    __slots__ = ("cure",)
    cure: str

    def __new__(cls, cause: str, cure: str) -> Self:
        """Take the message and what to do about it."""
        fault = super().__new__(cls, cause)
        fault.cure = cure
        return fault


def fault(cause: str, cure: str) -> ValidationError:
    """Refuse a value."""
    return ValidationError([Fault(cause, cure)])


class EnvName(str):
    """The name of the environment variable that holds the value."""

    __slots__ = ()


class Table(fields.Field[dict[str, Any]]):
    """A TOML table, taken as it is: its content is checked by itself."""

    def _deserialize(self, value: object, *_args: object, **_kwargs: object) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise fault("is not a table", "write it as a [table] with keys below it")
        return value


class Text(fields.Field[str]):
    """One line of text, 1 to `longest` characters, that may go into a mail's subject."""

    def __init__(self, *, longest: int = 200, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._longest = longest

    def _deserialize(self, value: object, *_args: object, **_kwargs: object) -> str:
        if not isinstance(value, str):
            raise fault("is not a text", "write it in quotes")
        if not 1 <= len(value) <= self._longest or not value.isprintable():
            raise fault("is not one line of text", f"write 1 to {self._longest} characters on one line")
        return value


class Checked(Text):
    """A text that a check of the environment's variables accepts too, such as an address."""

    def __init__(self, check: Callable[[str], str], **kwargs: Any) -> None:
        super().__init__(longest=2000, **kwargs)
        self._check = check

    def _deserialize(self, value: object, *args: object, **kwargs: object) -> str:
        try:
            return self._check(super()._deserialize(value, *args, **kwargs))
        except BadValue as error:
            raise fault(error.cause, error.cure) from None


class Choice(fields.Field[str]):
    """One word of a few."""

    def __init__(self, *options: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._options = options

    def _deserialize(self, value: object, *_args: object, **_kwargs: object) -> str:
        if not isinstance(value, str) or value not in self._options:
            given = f"is {value[:40]!r}" if isinstance(value, str) else "is not a text"
            raise fault(given, "write " + " or ".join(f'"{option}"' for option in self._options))
        return value


class Flag(fields.Field[bool]):
    """True or false, and nothing that only looks like it."""

    def _deserialize(self, value: object, *_args: object, **_kwargs: object) -> bool:
        if not isinstance(value, bool):
            raise fault("is not true or false", "write true or false, without quotes")
        return value


class WholeNumber(fields.Field[int]):
    """A whole number from `low` to `high`."""

    def __init__(self, low: int, high: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._low, self._high = low, high

    def _deserialize(self, value: object, *_args: object, **_kwargs: object) -> int:
        cure = f"write a whole number from {self._low} to {self._high}"
        if not isinstance(value, int) or isinstance(value, bool):
            raise fault("is not a whole number", cure)
        if not self._low <= value <= self._high:
            raise fault(f"is {value}, out of range", cure)
        return value


class Duration(fields.Field[timedelta]):
    """A duration such as "1h30m": from one second up, or from none where `zero` is allowed."""

    def __init__(self, *, zero: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._least = timedelta(0) if zero else timedelta(seconds=1)

    def _deserialize(self, value: object, *_args: object, **_kwargs: object) -> timedelta:
        cure = 'write days, hours, minutes and seconds as "14d", "1h30m" or "20s"'
        if not isinstance(value, str):
            raise fault("is not a duration in quotes", cure)
        try:
            duration = parse_duration(value)
        except ValueError as error:
            raise fault(f"is {value[:40]!r}: {error}", cure) from None
        if duration < self._least:
            raise fault(f"is {value!r}, too short", "write one second or more")
        return duration


class ClockTime(fields.Field[time]):
    """An hour and a minute of the day, "15:00"; TOML's own 15:00:00 will do."""

    def _deserialize(self, value: object, *_args: object, **_kwargs: object) -> time:
        if isinstance(value, time) and not value.second and not value.microsecond:
            return value
        match = _CLOCK.fullmatch(value) if isinstance(value, str) else None
        if match is None:
            raise fault("is not a time of day", 'write it from "00:00" to "23:59"')
        return time(int(match[1]), int(match[2]))


class Zone(fields.Field[ZoneInfo]):
    """A zone by its name in the tz database."""

    def _deserialize(self, value: object, *_args: object, **_kwargs: object) -> ZoneInfo:
        cure = 'write a name of the tz database, such as "Australia/Brisbane"'
        if not isinstance(value, str):
            raise fault("is not the name of a zone", cure)
        try:
            return ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            near = get_close_matches(value[:80], available_timezones(), n=1)
            hint = f'did you mean "{near[0]}"?' if near else cure
            raise fault(f"there is no zone {value[:80]!r}", hint) from None


class SecretRef(fields.Field[EnvName]):
    """`{ env = "NAME" }`: a secret never stands in the file itself."""

    def _deserialize(self, value: object, *_args: object, **_kwargs: object) -> EnvName:
        cure = 'write { env = "NAME" } and put the value into the environment variable NAME'
        if isinstance(value, str):
            raise fault("is a secret that stands in the file itself", cure)
        name = value.get("env") if isinstance(value, dict) and set(value) == {"env"} else None
        if not isinstance(name, str) or not _ENV_NAME.fullmatch(name):
            raise fault("does not name an environment variable", cure)
        return EnvName(name)


class SecretRefs(fields.Field[tuple[EnvName, ...]]):
    """One secret, or a list of them while one replaces the other."""

    def _deserialize(self, value: object, *_args: object, **_kwargs: object) -> tuple[EnvName, ...]:
        if not isinstance(value, list):
            return (SecretRef().deserialize(value),)
        if not value:
            raise fault("is an empty list", 'write at least one { env = "NAME" }')
        names: list[EnvName] = []
        errors: dict[int, Any] = {}
        for index, item in enumerate(value):
            try:
                names.append(SecretRef().deserialize(item))
            except ValidationError as error:
                errors[index] = error.messages
        if errors:
            raise ValidationError(errors)
        return tuple(names)


class TextOrEnv(fields.Field[str]):
    """A text that is no secret, or `{ env = "NAME" }` where it is kept with the secrets all the same."""

    def _deserialize(self, value: object, *_args: object, **_kwargs: object) -> str:
        field: fields.Field[EnvName] | fields.Field[str] = SecretRef() if isinstance(value, dict) else Text()
        return field.deserialize(value)
