"""Durations as people write them in the property file: "14d", "1h30m", "20s"."""

from __future__ import annotations

import re
from datetime import timedelta

__all__ = ["LONGEST", "format_duration", "parse_duration"]

# A hundred years: longer ones would lead to dates that neither Python nor the vendor can write.
LONGEST = timedelta(days=36_525)

_PARTS = re.compile(r"(?:(?P<d>[0-9]+)d)?(?:(?P<h>[0-9]+)h)?(?:(?P<m>[0-9]+)m)?(?:(?P<s>[0-9]+)s)?")
_SECONDS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}


def parse_duration(text: str) -> timedelta:
    """Read days, hours, minutes and seconds in that order, each at most once; "0s" is no time at all.

    Raises ValueError when `text` is not a duration or is longer than LONGEST.
    """
    # Eleven digits are enough for LONGEST in seconds, and few enough to be no burden to add up.
    match = _PARTS.fullmatch(text) if text and not re.search(r"[0-9]{12}", text) else None
    if match is None:
        raise ValueError("not a duration")
    seconds = sum(int(count) * _SECONDS[unit] for unit, count in match.groupdict(default="0").items())
    if seconds > LONGEST.total_seconds():
        raise ValueError("longer than a hundred years")
    return timedelta(seconds=seconds)


def format_duration(duration: timedelta) -> str:
    """Write whole seconds so that `parse_duration` reads them back: "1d2h", "0s"."""
    left = duration // timedelta(seconds=1)
    text = ""
    for unit, seconds in _SECONDS.items():
        count, left = divmod(left, seconds)
        text += f"{count}{unit}" if count else ""
    return text or "0s"
