"""What is looked at when all is over: the inbox, the logs, and every place where a secret might lie."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import redis

from tests.soak.canary import Watchdog, command_lines
from tests.soak.mail_sink import Mail, read_mails
from tests.soak.model import Problem
from tests.soak.plan import Schedule
from tests.soak.watch import Api
from tests.soak.world import World

Wait = Callable[[Callable[[], bool], str, float], bool]
MAILS_SECONDS = 60.0
# What no job of Innkey's may end with, whatever the vendor and the machine do.
BUGS = ("visit.failed", "visit.no_end", "visit.unreadable", "event.failed", "web.failed", "tick.failed")
_MORE = re.compile(r"- and \d+ more")


def unmailed(world: World, api: Api, wait: Wait) -> list[Problem]:
    """Promise 8: a person was mailed about each letter that is still open."""
    found: list[Problem] = []

    def all_told() -> bool:
        letters = list(api.items("/v1/dead-letters", state="open"))
        found[:] = untold(letters, read_mails(world.mails))
        return not found

    wait(all_told, "the mails", MAILS_SECONDS)
    return found


def untold(letters: Iterable[Mapping[str, Any]], mails: Sequence[Mail]) -> list[Problem]:
    """The letters that no mail names; a mail about very many of one lock says only how many more."""
    texts = "\n".join(text for _, text in mails)
    many = [text for _, text in mails if _MORE.search(text)]
    return [
        Problem(8, f"nobody was mailed about letter {one['id']} ({one['reason']})", one["booking"] or "")
        for one in letters
        if one["id"] not in texts and not any(one["lock"] and one["lock"] in text for text in many)
    ]


def raised(folder: Path) -> list[Problem]:
    """A job that raised is a bug, whatever became of it."""
    counted: Counter[tuple[str, str]] = Counter()
    for path in sorted(folder.glob("w*.log")):
        with path.open(errors="replace") as lines:
            for line in lines:
                word = next((word for word in BUGS if f'"{word}"' in line), None)
                if word is not None:
                    counted[word, line.partition('"error": "')[2].partition('"')[0]] += 1
    return [Problem(8, f"{n} times {word} ({kind}) in the logs") for (word, kind), n in counted.items()]


def redis_contents(url: str) -> Iterator[tuple[str, bytes]]:
    """Every key of Redis with all that it holds, broker messages included: its files may be compressed."""
    readers: dict[bytes, Callable[[redis.Redis, bytes], Any]] = {
        b"string": lambda client, key: client.get(key),
        b"hash": lambda client, key: client.hgetall(key),
        b"zset": lambda client, key: client.zrange(key, 0, -1),
        b"set": lambda client, key: client.smembers(key),
        b"list": lambda client, key: client.lrange(key, 0, -1),
    }
    with redis.Redis.from_url(url) as client:
        for key in client.scan_iter(count=1000):
            reader = readers.get(client.type(key))
            if reader is not None:
                yield key.decode(), key + b" " + repr(reader(client, key)).encode()


def leaks(plan: Schedule, world: World, api: Api) -> list[Problem]:
    """Promise 9: the canaries, in every place where something of Innkey's was written or said."""
    keys = world.keys
    secrets = {
        "an API key": keys.kas,
        "another API key": keys.busy,
        "the API token": keys.token,
        "the webhook secret": keys.webhook.removeprefix("whsec_"),
        "the encryption key": keys.fernet,
        "the password of Redis": urlsplit(world.redis.url).password or "",
    }
    dog = Watchdog(plan.canaries(), {name: secret for name, secret in secrets.items() if secret})
    found = dog.search("the process list", command_lines())
    for path in [*world.folder.glob("*.log"), *(world.folder / "data" / "redis").rglob("*.*")]:
        if path.is_file() and path.name != "redis.conf":
            found += dog.search_file(path)
    for name, value in redis_contents(world.redis.url):
        found += dog.search(f"Redis, {name.rpartition(':')[0] or name}", value)
    mails = "\n".join(f"{subject}\n{text}" for subject, text in read_mails(world.mails))
    found += dog.search("the mails", mails)
    found += dog.search("the dead letters", str(list(api.items("/v1/dead-letters"))))
    return found + dog.search("the metrics", str(api.get("/metrics")))
