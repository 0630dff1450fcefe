"""`innkey sandbox`: the fake of the vendor's cloud as a process of its own."""

from __future__ import annotations

import os
from pathlib import Path

import click

from worker.commands.errors import Failure
from worker.configuration_error import BadValue, ConfigurationError
from worker.environment import Environment
from worker.kas.sandbox.server import run_sandbox
from worker.kas.sandbox.settings import DEFAULT_KEY
from worker.kas.sandbox.slots import PROFILES, Latency

__all__ = ["sandbox"]


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8100,
    show_default=True,
    help="Port to listen on; 0 takes a free one.",
)
@click.option(
    "--lock",
    "locks",
    multiple=True,
    metavar="NAME",
    help="A lock that it has; may be repeated. Without any, locks are made when they are first used.",
)
@click.option("--api-key", default=DEFAULT_KEY, show_default=True, help="The key that it accepts.")
@click.option(
    "--profile",
    type=click.Choice(tuple(PROFILES)),
    help="How long calls take: fast, usual (1 to 3 s) or slow (8 to 15 s), instead of --latency.",
)
@click.option(
    "--latency",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help="How long a call through a gateway takes.",
)
@click.option(
    "--jitter",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help="Up to this much more, by chance.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Makes chance repeatable.")
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Where it keeps its state over a restart. Default: INNKEY_DATA, or ./data.",
)
def sandbox(
    *,
    host: str,
    port: int,
    locks: tuple[str, ...],
    api_key: str,
    profile: str | None,
    latency: float | None,
    jitter: float | None,
    seed: int,
    data: Path | None,
) -> None:
    """Run a fake of the vendor's cloud until Ctrl-C, to try Innkey without locks."""
    try:
        run_sandbox(
            host=host,
            port=port,
            data_dir=data if data is not None else _data_folder(),
            api_key=api_key,
            locks=locks,
            latency=_pace(profile, latency, jitter),
            auto_create=not locks,
            seed=seed,
        )
    except OSError as error:
        if error.filename is not None:
            raise
        cause = error.strerror or str(error)
        raise Failure(
            f"the sandbox cannot listen on {host}:{port}: {cause}; give another --host or --port"
        ) from error
    except ValueError as error:
        raise Failure(f"the sandbox cannot start: {error}") from error


def _pace(profile: str | None, latency: float | None, jitter: float | None) -> Latency | None:
    """What the options say; nothing: as it was."""
    if latency is None and jitter is None:
        return PROFILES[profile] if profile else None
    if profile:
        raise click.UsageError("--profile has its own latency and jitter: give the one or the others")
    return Latency(base_seconds=latency or 0.0, jitter_seconds=jitter or 0.0)


def _data_folder() -> Path:
    try:
        return Path(Environment(os.environ).read("INNKEY_DATA") or "data")
    except BadValue as error:
        raise ConfigurationError([error.at("INNKEY_DATA")]) from None
