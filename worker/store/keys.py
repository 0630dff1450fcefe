"""The names of all keys in Redis; docs/explanation/record.md says what each holds.

They live on one Redis node.
"""

from __future__ import annotations

from typing import Final

PREFIX: Final = "innkey:"

DUE: Final = PREFIX + "due"  # ZSET lock -> ms: when to look at the lock next
STAYS: Final = PREFIX + "stays"  # ZSET stay -> check-in, ms
WATCH: Final = PREFIX + "watch"  # ZSET stay -> ms: when to look at the stay itself, whatever its doors do
LETTERS: Final = PREFIX + "letters"  # ZSET letter id -> opened, ms
OPEN_LETTERS: Final = PREFIX + "letters:open"
INBOX: Final = PREFIX + "inbox"  # ZSET event -> received, ms: accepted and not yet applied
GENERATION: Final = PREFIX + "generation"  # HASH: the newest state of the property file
GENERATIONS: Final = PREFIX + "generations"  # HASH fingerprint -> number
LOCKS: Final = PREFIX + "locks"  # HASH lock -> account, zone, title, of every file so far
EVENT_FAILS: Final = PREFIX + "event-fails"  # HASH event -> how often applying it failed
HINTED: Final = PREFIX + "hinted"  # exists for as long as nobody need hint at waiting events again
REJECTED: Final = PREFIX + "rejected"  # ZSET rejected id -> received, ms
ALERTS: Final = PREFIX + "alerts"  # ZSET problem -> ms: when its mail is due
WORKERS: Final = PREFIX + "workers"  # ZSET worker -> last seen, ms
METRICS: Final = PREFIX + "metrics"  # HASH counter -> count
OPERATORS: Final = PREFIX + "operators"  # STREAM: what people have done
OUTGOING: Final = PREFIX + "outgoing"  # SET of endpoints to which messages are kept
ERRANDS: Final = PREFIX + "errands"  # ZSET source -> ms: when something is to be asked of it
SOURCES: Final = PREFIX + "sources"  # SET of sources that have signs
WATCHED: Final = PREFIX + "sources-watched"  # exists for as long as no worker need judge the sources again
INDEX_KEY: Final = PREFIX + "index-key"  # the key of the PIN index, encrypted


def stay(ref: str) -> str:
    """The record of one stay (`source/id`)."""
    return f"{PREFIX}stay:{ref}"


def lock_due(lock: str) -> str:
    """ZSET stay -> ms: when the stay's code on this lock is due."""
    return f"{PREFIX}due:{lock}"


def lock_deadline(lock: str) -> str:
    """ZSET stay -> ms: how urgent the stay's code on this lock is."""
    return f"{PREFIX}deadline:{lock}"


def lock_waiting(lock: str) -> str:
    """ZSET stay -> check-in, ms: stays that wait for a slot on this lock."""
    return f"{PREFIX}waiting:{lock}"


def lock_offline(lock: str) -> str:
    """SET of stays whose code on this lock waits for the lock's gateway to come back."""
    return f"{PREFIX}offline:{lock}"


def lock_slots(lock: str) -> str:
    """HASH slot -> stay, or `!stay` for a fenced slot."""
    return f"{PREFIX}slots:{lock}"


def lock_pins(lock: str) -> str:
    """HASH tag of a PIN -> stay: the keyed index."""
    return f"{PREFIX}pins:{lock}"


def lock_facts(lock: str) -> str:
    """What was last seen of the lock, without PINs or names."""
    return f"{PREFIX}lock:{lock}"


def signs(lock: str) -> str:
    """What the lock shows of itself: its battery, when it was heard of, and what was told of that."""
    return f"{PREFIX}signs:{lock}"


def trail(lock: str) -> str:
    """ZSET event id -> ms: the lock's audit trail."""
    return f"{PREFIX}trail:{lock}"


def trail_rows(lock: str) -> str:
    """HASH event id -> what happened, without PINs or names."""
    return f"{PREFIX}trail-rows:{lock}"


def battery(lock: str) -> str:
    """HASH date -> percent, the last of that day in the lock's zone."""
    return f"{PREFIX}battery:{lock}"


def openings(ref: str) -> str:
    """ZSET `lock event` -> ms: the newest openings of doors with the stay's PIN; expires."""
    return f"{PREFIX}openings:{ref}"


def lease(lock: str) -> str:
    """Who serves the lock; expires."""
    return f"{PREFIX}lease:{lock}"


def following(door: str) -> str:
    """SET of the door's other names that wait for the visit under way to end."""
    return f"{PREFIX}next:{door}"


def quiet(lock: str) -> str:
    """Exists while no command may go to the lock, because one was never answered."""
    return f"{PREFIX}quiet:{lock}"


def window(account: str) -> str:
    """ZSET holder -> ms at which its place is free again, whatever happens."""
    return f"{PREFIX}window:{account}"


def hand(account: str) -> str:
    """ZSET token -> ms: people who wait for a place in the window; each keeps the next one that is free."""
    return f"{PREFIX}hand:{account}"


def wanted(lock: str) -> str:
    """Exists while a person waits for the lock: its visit ends, and no other one begins."""
    return f"{PREFIX}wanted:{lock}"


def line(account: str) -> str:
    """ZSET lock -> urgency, ms: locks that wait for a place in the window."""
    return f"{PREFIX}line:{account}"


def paused(account: str) -> str:
    """Exists while the account's key is refused."""
    return f"{PREFIX}paused:{account}"


def probe(account: str) -> str:
    """Exists for as long as no further probe of a paused account may go out."""
    return f"{PREFIX}probe:{account}"


def key(account: str) -> str:
    """The account's dynamic key, encrypted, with its generation."""
    return f"{PREFIX}key:{account}"


def refreshing(account: str) -> str:
    """Who fetches a new key for the account, or that nobody may just now; expires."""
    return f"{PREFIX}refreshing:{account}"


def key_fails(account: str) -> str:
    """How often in a row no key could be fetched; expires."""
    return f"{PREFIX}key-fails:{account}"


def letter(letter_id: str) -> str:
    """One dead letter."""
    return f"{PREFIX}letter:{letter_id}"


def notice(notice_id: str) -> str:
    """What a mail tells beside letters."""
    return f"{PREFIX}notice:{notice_id}"


def event(event_key: str) -> str:
    """One accepted event, encrypted, until it is applied."""
    return f"{PREFIX}event:{event_key}"


def pending(ref: str) -> str:
    """SET of accepted events of one stay that are not applied yet."""
    return f"{PREFIX}pending:{ref}"


def seen(source: str) -> str:
    """ZSET event id -> received, ms: for telling duplicates."""
    return f"{PREFIX}seen:{source}"


def said(ref: str) -> str:
    """Digest of what was last said of one stay, where the sender gives its events no ids; expires."""
    return f"{PREFIX}said:{ref}"


def rejected(rejected_id: str) -> str:
    """One authentic event that was not understood, encrypted."""
    return f"{PREFIX}rejected:{rejected_id}"


def outgoing_message(message: str) -> str:
    """One message to one endpoint, without PIN and guest; expires."""
    return f"{PREFIX}outgoing-message:{message}"


def outgoing_due(endpoint: str) -> str:
    """ZSET message -> ms: when to send it next."""
    return f"{PREFIX}outgoing-due:{endpoint}"


def outgoing_log(endpoint: str) -> str:
    """ZSET message -> ms: when it happened."""
    return f"{PREFIX}outgoing-log:{endpoint}"


def outgoing_state(endpoint: str) -> str:
    """HASH: whether the endpoint said 410, is throttled, or has failed for good."""
    return f"{PREFIX}outgoing-state:{endpoint}"


def outgoing_lease(endpoint: str) -> str:
    """Who sends to the endpoint; expires."""
    return f"{PREFIX}outgoing-lease:{endpoint}"


def outgoing_hinted(endpoint: str) -> str:
    """Exists for as long as nobody need hint at the endpoint again."""
    return f"{PREFIX}outgoing-hinted:{endpoint}"


def alert(problem: str) -> str:
    """HASH of one problem: what was mailed of it and what not yet."""
    return f"{PREFIX}alert:{problem}"


def errands_of(source: str) -> str:
    """ZSET errand -> ms: what is to be asked of the source's API, and when."""
    return f"{PREFIX}errands:{source}"


def errand_news(source: str) -> str:
    """HASH errand -> how often it was asked for since it was last done."""
    return f"{PREFIX}errand-news:{source}"


def errand_fails(source: str) -> str:
    """HASH errand -> how often it has failed in a row; also `#source`, `#refused`, `#split:`."""
    return f"{PREFIX}errand-fails:{source}"


def errand_lease(source: str) -> str:
    """Who asks the source just now."""
    return f"{PREFIX}errand-lease:{source}"


def errand_pause(source: str) -> str:
    """Exists while the source is to be asked nothing."""
    return f"{PREFIX}errand-pause:{source}"


def source_token(source: str) -> str:
    """The token that a source's API gave out, encrypted."""
    return f"{PREFIX}source-token:{source}"


def source_notes(source: str) -> str:
    """HASH: when a source was last polled, and what people were told of it."""
    return f"{PREFIX}source:{source}"


def feed(name: str) -> str:
    """What is known of one calendar's stays, encrypted."""
    return f"{PREFIX}feed:{name}"


def source_signs(source: str) -> str:
    """What a source shows of itself: when it was heard of, its longest silences, what was told of them."""
    return f"{PREFIX}source-signs:{source}"
