"""`innkey send-test`: an event as a booking system would send it, the adapter `innkey`'s unless `--as`."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import click
import httpx
from standardwebhooks.webhooks import Webhook

from worker.commands.errors import MISUSED, Failure
from worker.commands.output import json_option, plain, print_json
from worker.commands.record import with_demo
from worker.commands.send_sample import OTHER, new_id, sample_of, source_of
from worker.commands.web import content_of, post, url_option
from worker.configuration import Configuration, load_configuration
from worker.domain.booking import EventType, Status
from worker.sample_deliveries.delivery import SENDERS
from worker.secret import Secret

__all__ = ["send_test"]

PREFIX = "booking."
INQUIRY = "inquiry"
GUEST = ("name", "email", "phone")


class Type(click.Choice[str]):
    """The event's type, with or without `booking.`."""

    def __init__(self) -> None:
        super().__init__([*(one.value.removeprefix(PREFIX) for one in EventType), OTHER])

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The type in full."""
        return PREFIX + super().convert(str(value).removeprefix(PREFIX), param, ctx)


@click.command("send-test")
@url_option
@click.option("--as", "sender", type=click.Choice(sorted(SENDERS)), help="Send it as this booking system.")
@click.option("--source", help="A source. Default: direct; with --as the first one of that system.")
@click.option("--type", "type_", type=Type(), default="created", show_default=True, help="What has happened.")
@click.option("--id", "booking_id", help="Id of the booking. Default for a new one: TEST- and some digits.")
@click.option("--unit", help="Default for a new booking: the first unit of the property file.")
@click.option("--check-in", help="Date or date-time. Default for a new booking: tomorrow.")
@click.option("--check-out", help="Date or date-time. Default for a new booking: three days after check-in.")
@click.option(
    "--status", type=click.Choice([*(one.value for one in Status), INQUIRY]), help="Status of the booking."
)
@click.option("--version", help="Version of the booking: a whole number or an RFC 3339 time.")
@click.option("--name", help="Name of the guest. Default for a new booking: Test Guest.")
@click.option("--email", help="E-mail address of the guest.")
@click.option("--phone", help="Phone number of the guest.")
@click.option("--pin", help="The PIN that the booking brings along, 4 to 6 digits.")
@click.option("--message-id", help="Id of the event, to send the same one twice. Default: a new one.")
@json_option
def send_test(
    *,
    url: str | None,
    sender: str | None,
    source: str | None,
    type_: str,
    message_id: str | None,
    as_json: bool,
    **given: str | None,
) -> None:
    """Send a signed test event to a running Innkey and print its answer.

    Exit code 1 for any answer but 2xx. An update or a cancellation needs --id, and holds only what is given;
    with --as it holds the whole booking, as such systems send it. The type `other` concerns no stay.
    """
    configuration = load_configuration(with_demo(os.environ))
    if sender is not None:
        _send_as(sender, source, type_, given, configuration, url, as_json=as_json)
        return
    source = source or "direct"
    secret = _secret(configuration, source)
    body = json.dumps(_event(type_, given, configuration), ensure_ascii=False)
    address = f"{url or configuration.settings.base_url}/webhooks/{source}"
    event = message_id or f"msg_{secrets.token_hex(12)}"
    answer = _post(address, event, body, secret)
    _tell(answer, address, event, json.loads(body)["data"]["id"], as_json=as_json)


def _send_as(
    sender: str,
    source: str | None,
    type_: str,
    given: dict[str, str | None],
    configuration: Configuration,
    url: str | None,
    *,
    as_json: bool,
) -> None:
    config = source_of(configuration, sender, source)
    kind = type_.removeprefix(PREFIX)
    filled = {name: value for name, value in given.items() if value is not None}
    if kind in ("updated", "cancelled") and "booking_id" not in filled:
        raise click.UsageError(f"--id is needed with --type {kind}")
    if kind != OTHER:
        filled = {"booking_id": new_id(), **_defaults(filled, configuration), **filled}
    sample = sample_of(kind, filled, config, configuration.properties.house)
    answer = post((url or configuration.settings.base_url) + sample.path, sample.headers, sample.body)
    shown = f"{url or configuration.settings.base_url}/webhooks/{config.name}"
    event = content_of(answer)
    event_id = event.get("event", "") if isinstance(event, dict) else ""
    _tell(answer, shown, event_id, filled.get("booking_id", ""), as_json=as_json)


def _secret(configuration: Configuration, source: str) -> Secret:
    """The source's first secret: the one that its sender uses."""
    sources = configuration.properties.sources
    if source not in sources:
        known = ", ".join(sources) or "none"
        raise click.BadParameter(f"there is no source {source!r} (known: {known})", param_hint="--source")
    found = sources[source]
    if found.adapter != "innkey" or not found.secrets:
        cause = f"source {source!r} takes no events signed as adapter innkey has them"
        raise click.BadParameter(f"{cause}; name one with that adapter and a secret", param_hint="--source")
    return found.secrets[0]


def _event(type_: str, given: dict[str, str | None], configuration: Configuration) -> dict[str, Any]:
    filled = {name: value for name, value in given.items() if value is not None}
    if filled.get("status") == INQUIRY:
        raise click.BadParameter("the adapter innkey knows no inquiries", param_hint="--status")
    if type_ == PREFIX + OTHER:
        type_, filled = OTHER, {"booking_id": "", **filled}
    if type_ == EventType.CREATED:
        filled = {**_defaults(filled, configuration), **filled}
    if "booking_id" not in filled:
        raise click.UsageError(f"--id is needed with --type {type_.removeprefix(PREFIX)}")
    data: dict[str, Any] = {"id": filled.pop("booking_id")}
    guest = {name: filled.pop(name) for name in GUEST if name in filled}
    data |= filled | ({"guest": guest} if guest else {})
    if data.get("version", "").isdecimal():
        data["version"] = int(data["version"])
    now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    return {"type": type_, "timestamp": now, "data": data}


def _defaults(given: dict[str, str], configuration: Configuration) -> dict[str, str]:
    house = configuration.properties.house
    unit = given.get("unit") or next(iter(house.units), None)
    if unit is None:
        raise Failure("the property file has no unit; add one, or give --unit", code=MISUSED)
    zone = house.units[unit].zone if unit in house.units else house.zone
    check_in = given.get("check_in") or _later(datetime.now(zone).date().isoformat(), 1)
    made: dict[str, Callable[[], str]] = {
        "booking_id": lambda: f"TEST-{secrets.randbelow(10**6):06}",
        "unit": lambda: unit,
        "check_in": lambda: check_in,
        "check_out": lambda: _later(check_in, 3),
        "name": lambda: "Test Guest",
    }
    return {name: make() for name, make in made.items() if name not in given}


def _later(written: str, days: int) -> str:
    """The date some days after that of `written`."""
    try:
        return (date.fromisoformat(written[:10]) + timedelta(days=days)).isoformat()
    except (ValueError, OverflowError):
        cause = f"{written!r} is no date like 2026-12-01 or date-time like 2026-12-01T15:00"
        raise click.BadParameter(
            f"{cause}; to send it all the same, give --check-out", param_hint="--check-in"
        ) from None


def _post(address: str, event: str, body: str, secret: Secret) -> httpx.Response:
    now = datetime.now(UTC)
    headers = {
        "webhook-id": event,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret.reveal()).sign(event, now, body),
    }
    return post(address, headers, body)


def _tell(answer: httpx.Response, address: str, event: str, booking: str, *, as_json: bool) -> None:
    status, content = answer.status_code, content_of(answer)
    if as_json:
        print_json({"url": address, "event": event, "booking": booking, "status": status, "answer": content})
    else:
        click.echo(plain(f"{status} {answer.reason_phrase}"))
        click.echo(plain(content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)))
        click.echo(f"event {event}, booking {booking}", err=True)
    if not answer.is_success:
        cause = f"{address} answered {status}"
        raise Failure(f"the event was not accepted: {cause}; its answer says why")
