"""How Innkey connects to Redis: explicit time-outs and retries; the defaults differ by how one connects."""

from __future__ import annotations

import redis
from redis.backoff import ExponentialWithJitterBackoff
from redis.retry import Retry

RedisError = redis.RedisError


def connect(url: str, *, patient: bool = True, as_text: bool = True) -> redis.Redis:
    """A client for `url`. `patient` (workers) rides out a stall; else (web) it fails within a second.

    A command that is sent again may have run already: every script is idempotent or fenced.
    """
    attempts = 3 if patient else 0
    return redis.Redis.from_url(
        url,
        decode_responses=as_text,
        socket_timeout=15.0 if patient else 0.8,
        socket_connect_timeout=5.0 if patient else 0.4,
        retry=Retry(ExponentialWithJitterBackoff(base=0.05, cap=1.0), attempts),
        retry_on_error=[redis.ConnectionError, redis.TimeoutError] if patient else [],
        health_check_interval=0 if patient else 15,
    )
