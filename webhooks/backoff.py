"""How long to wait after failures in a row: doubling from a first delay up to a longest one."""

from __future__ import annotations

from datetime import timedelta

__all__ = ["delay_after"]


def delay_after(fails: int, first: timedelta, longest: timedelta) -> timedelta:
    """The delay before the next try, after so many failures in a row; the first one's for none."""
    return min(first * (1 << min(max(fails - 1, 0), 10)), longest)
