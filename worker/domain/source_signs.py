"""What a source shows of itself: when it was heard of, how long it usually is silent, what it fails. Pure.

A source is a booking system that sends webhooks. It is heard of with each delivery that proves its origin.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from types import MappingProxyType

# How long the longest gaps are remembered, and how much of that there must be to know what is usual.
REMEMBERED = timedelta(weeks=8)
LEARNT_OVER = timedelta(days=14)
LEARNT_DAYS = 10
# Half as long again as ever before; a source that writes all day has an hour of its own now and then.
MARGIN = 1.5
LEAST_SILENCE = timedelta(hours=6)
# One who knocks at addresses does so for a moment; a secret that was changed fails for as long as it stands.
UNPROVEN_MINUTES = 5
UNPROVEN_FOR = timedelta(minutes=15)
# Refusals so far apart have nothing to do with one another.
LONE_AFTER = timedelta(days=1)
# Nobody looked for so long: Innkey was away itself, and so was all that was sent to it.
AWAY_AFTER = timedelta(minutes=15)
MINUTE = timedelta(minutes=1)
NEVER = timedelta(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSigns:
    """The signs of life of one source.

    `heard`: its last proven delivery; `gaps`: by day (UTC) with deliveries, the longest silence that ended on
    it. `refusals`: minutes with deliveries that were not proven, since the last proven one; the first and the
    last of them. `looked`: when this was last judged, `awake`: since when without a break. `silent` (nothing
    has come since then) and `unproven` (refused since then) were told; None while there is nothing to tell.
    """

    heard: datetime | None = None
    gaps: Mapping[date, timedelta] = field(default_factory=lambda: MappingProxyType({}))
    refusals: int = 0
    refused_from: datetime | None = None
    refused_at: datetime | None = None
    looked: datetime | None = None
    awake: datetime | None = None
    silent: datetime | None = None
    unproven: datetime | None = None


def with_deliveries(
    signs: SourceSigns, proven: Iterable[datetime], refused: Iterable[datetime]
) -> SourceSigns:
    """The signs after deliveries, of which one a minute is enough; the same once more changes nothing."""
    for at in sorted(proven):
        signs = _with_proven(signs, at)
    for at in sorted(refused):
        signs = _with_refused(signs, at)
    return signs


def _with_proven(signs: SourceSigns, at: datetime) -> SourceSigns:
    if signs.heard is not None and at <= signs.heard:
        return signs
    gap = _gap(signs, signs.heard, at) if signs.heard is not None else NEVER
    oldest = (at - REMEMBERED).date()
    gaps = {day: longest for day, longest in signs.gaps.items() if day > oldest}
    gaps[at.date()] = max(gap, gaps.get(at.date(), NEVER))
    return replace(signs, heard=at, gaps=gaps, refusals=0, refused_from=None, refused_at=None)


def _gap(signs: SourceSigns, start: datetime, end: datetime) -> timedelta:
    """How long the source was silent for certain: only while Innkey could have heard of it."""
    if signs.awake is None or signs.looked is None or end - signs.looked > AWAY_AFTER:
        return NEVER
    return max(end - max(start, signs.awake), NEVER)


def _with_refused(signs: SourceSigns, at: datetime) -> SourceSigns:
    if signs.heard is not None and at <= signs.heard:
        return signs
    if signs.refused_at is not None and at - signs.refused_at < MINUTE:
        return signs
    if signs.refused_at is not None and signs.unproven is None and at - signs.refused_at > LONE_AFTER:
        return replace(signs, refusals=1, refused_from=at, refused_at=at)
    return replace(signs, refusals=signs.refusals + 1, refused_from=signs.refused_from or at, refused_at=at)


def longest_usual_silence(signs: SourceSigns) -> timedelta | None:
    """How long the source may be silent before that is unusual; None where too little is known of it."""
    if signs.heard is None or not signs.gaps:
        return None
    recent = [day for day in signs.gaps if day > (signs.heard - REMEMBERED).date()]
    if len(recent) < LEARNT_DAYS or max(recent) - min(recent) < LEARNT_OVER:
        return None
    return max(MARGIN * max(signs.gaps[day] for day in recent), LEAST_SILENCE)


def judged(
    signs: SourceSigns, silence: timedelta | None, now: datetime, *, is_enabled: bool = True
) -> SourceSigns:
    """The signs with what is to be told of them.

    `silence`: what the property file says is too long, zero for never; None: learn it.
    """
    if not is_enabled:
        return replace(signs, silent=None, unproven=None)
    is_new = signs.looked is None or signs.awake is None or now - signs.looked > AWAY_AFTER
    signs = replace(signs, looked=now, awake=now if is_new else signs.awake)
    return replace(signs, silent=_silent(signs, silence, now), unproven=_unproven(signs))


def _silent(signs: SourceSigns, silence: timedelta | None, now: datetime) -> datetime | None:
    limit = longest_usual_silence(signs) if silence is None else silence
    if signs.silent is not None:
        is_heard = signs.heard is not None and signs.heard > signs.silent
        return None if is_heard or _is_allowed(now - signs.silent, silence) else signs.silent
    # What was sent while Innkey was away could not be heard, and its sender may not come again.
    times = [at for at in (signs.heard, signs.awake) if at is not None]
    if limit is None or not times or _is_allowed(now - max(times), limit):
        return None
    return signs.heard or signs.awake


def _is_allowed(span: timedelta, silence: timedelta | None) -> bool:
    return silence is not None and (silence == NEVER or span <= silence)


def _unproven(signs: SourceSigns) -> datetime | None:
    if signs.refused_from is None or signs.refused_at is None:
        return None
    lasted = signs.refused_at - signs.refused_from
    is_told = signs.refusals >= UNPROVEN_MINUTES and lasted >= UNPROVEN_FOR
    return signs.refused_from if is_told else None
