"""How commands come to the record: by the environment, or through the Innkey that runs on the data folder."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import redis

from worker.bootstrap import Innkey, bootstrap
from worker.commands.errors import MISUSED, Failure
from worker.configuration import check_configuration
from worker.configuration_error import ConfigurationError, Problem
from worker.kas.sandbox.settings import DEFAULT_KEY
from worker.processes.data_folder import running_url, sandbox_address
from worker.service.generation import OlderFileError
from worker.settings import read_settings
from worker.store.commit import ConflictError
from worker.store.generations import Role
from worker.store.vault import UnreadableError

__all__ = ["completed", "open_record", "redis_line", "with_demo"]


@contextmanager
def open_record() -> Iterator[Innkey]:
    """The services on the record. Raises ConfigurationError, or Failure where Redis does not serve."""
    innkey = bootstrap(completed(os.environ), role=Role.READER)
    try:
        innkey.clock.heard(innkey.store.agenda.now())  # what is due is told by one clock
        yield innkey
    except redis.RedisError as error:
        raise Failure(redis_line(innkey, error)) from error
    except UnreadableError as error:
        where = "INNKEY_SECRET_KEY, or the file secret.key in INNKEY_DATA"
        line = f"the record cannot be decrypted: the key that wrote it is missing; give it in {where}"
        raise Failure(line, code=MISUSED) from error
    except OlderFileError as error:
        cure = "give this command theirs in INNKEY_PROPERTIES"
        line = f"the workers have a newer property file than this command; {cure}"
        raise Failure(line, code=MISUSED) from error
    except ConflictError as error:
        raise Failure("others change this record all the time; try again") from error
    finally:
        innkey.store.client.close()


def completed(environ: Mapping[str, str]) -> dict[str, str]:
    """`environ` with what an `innkey up` on the same data folder gives its processes.

    Raises ConfigurationError with all problems where neither of the two says where the record is.
    """
    found = with_demo(environ)
    if _is_given(environ, "REDIS_URL"):
        return found
    data = _data_folder(environ)
    url = running_url(data)
    if url is None:
        cure = "start it with `innkey up`, or set REDIS_URL or INNKEY_DATA to those of a running one"
        problem = Problem("REDIS_URL", f"is not set, and no Innkey runs on {data}", cure)
        raise ConfigurationError([problem, *check_configuration(found)])
    found["REDIS_URL"] = url
    _fill_in(found, "INNKEY_SECRET_KEY", data / "secret.key")
    address = sandbox_address(data)
    if address is not None:
        _to_sandbox(found, address)
    return found


def _to_sandbox(environ: dict[str, str], address: str) -> None:
    """Beside `innkey up --sandbox` no call goes to the vendor, whatever the environment says."""
    for name in ("KAS_BASE_URL", "KAS_API_KEY", "KAS_EMAIL", "KAS_PASSWORD", "KAS_KEY_URL"):
        environ.pop(name, None)
        environ.pop(f"{name}_FILE", None)
    environ |= {"KAS_BASE_URL": f"{address}/api", "KAS_API_KEY": DEFAULT_KEY}


def with_demo(environ: Mapping[str, str]) -> dict[str, str]:
    """`environ` with what `innkey up --sandbox` made for its demo, where there is no other property file."""
    found = dict(environ)
    if _is_given(environ, "INNKEY_PROPERTIES") or read_settings(environ)[0].properties.exists():
        return found
    data = _data_folder(environ)
    if (data / "properties.toml").exists():
        found["INNKEY_PROPERTIES"] = str(data / "properties.toml")
        _fill_in(found, "DIRECT_WEBHOOK_SECRET", data / "direct-webhook-secret")
        _fill_in(found, "INNKEY_API_TOKEN", data / "api-token")
    return found


def _data_folder(environ: Mapping[str, str]) -> Path:
    return read_settings(environ)[0].data.absolute()


def _is_given(environ: Mapping[str, str], name: str) -> bool:
    return bool(environ.get(name) or environ.get(f"{name}_FILE"))


def _fill_in(environ: dict[str, str], name: str, path: Path) -> None:
    if path.exists() and not _is_given(environ, name):
        environ[f"{name}_FILE"] = str(path)


def redis_line(innkey: Innkey, error: redis.RedisError) -> str:
    """Where Redis should be, what is wrong with it, and what to do; no password."""
    url = innkey.settings.redis_url
    server = f"Redis at {_place(url.reveal()) if url is not None else 'an unknown place'}"
    if isinstance(error, redis.AuthenticationError):
        return f"{server} refuses the user or the password; correct REDIS_URL"
    if isinstance(error, redis.ConnectionError | redis.TimeoutError):
        return f"{server} is not to be reached ({_cause(error)}); start it, or correct REDIS_URL"
    return f"{server} refused a command ({type(error).__name__}); look into its log"


def _place(url: str) -> str:
    """Where the server is, without user and password."""
    parts = urlsplit(url)
    return parts.path if parts.scheme == "unix" else f"{parts.hostname or 'localhost'}:{parts.port or 6379}"


def _cause(error: BaseException) -> str:
    inner: BaseException | None = error
    while inner is not None:
        if isinstance(inner, OSError) and inner.strerror:
            return inner.strerror
        inner = inner.__cause__ or inner.__context__
    return "no answer in time" if isinstance(error, redis.TimeoutError) else "the connection was cut"
