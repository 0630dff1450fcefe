"""The webhook receiver: proven, understood, recorded, and only then 200; the worker does the rest."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import structlog
from flask import Blueprint, Response, jsonify, request
from werkzeug.exceptions import RequestEntityTooLarge

from webhooks import proofs, tally
from webhooks.body import read_body
from webhooks.errands import wanted
from webhooks.problems import Problem, as_response
from webhooks.services import innkey, nearly_now
from webhooks.sources import ADAPTERS
from webhooks.sources.adapter import Adapter, Delivery, NotUnderstoodError, Parsed, UnprovenError
from worker.property_access import SourceConfig
from worker.service.notice_writes import bad_event_commands
from worker.store.events import RejectedEvent, rejected_id
from worker.store.redis_client import RedisError

__all__ = ["blueprint"]

blueprint = Blueprint("webhooks", __name__)
log = structlog.get_logger(__name__)


@blueprint.route("/webhooks/<source>", methods=["GET", "POST"])
@blueprint.route("/webhooks/<source>/<token>", methods=["GET", "POST"])
def receive(source: str, token: str | None = None) -> Response:
    """Answer one delivery."""
    config = _source(source, token)
    adapter = ADAPTERS[config.adapter]
    delivery = _delivery(config, adapter)
    _prove(delivery, token, config, adapter)
    try:
        # What is fetched later is stamped by Redis' clock: the two must be comparable.
        delivery = replace(delivery, received=nearly_now())
        try:
            parsed = adapter.parse(delivery, config)
        except NotUnderstoodError as error:
            return _kept(config, adapter, delivery, error)
        return _recorded(config, parsed)
    except RedisError:
        tally.count(config.name, "unavailable")
        raise


def _source(name: str, token: str | None) -> SourceConfig:
    config = innkey().configuration.properties.sources.get(name)
    if config is None or not config.enabled or (token is not None and config.token is None):
        log.warning("webhook.refused", reason="no such source")
        raise Problem(404, "There is no such source. The property file names them as [sources.NAME].")
    return config


def _delivery(config: SourceConfig, adapter: Adapter) -> Delivery:
    methods = ("GET", "POST") if "" in adapter.content_types else ("POST",)
    if request.method not in methods:
        allowed = {"Allow": ", ".join(methods)}
        raise Problem(405, f"Send deliveries of this source by {' or '.join(methods)}.", headers=allowed)
    try:
        body = read_body()
    except RequestEntityTooLarge:
        _count_refusal(config, "too_large", "over 1 MiB")
        raise
    if request.mimetype not in adapter.content_types:
        _count_refusal(config, "wrong_content_type", "content type")
        wanted = " or ".join(sorted(adapter.content_types - {""}))
        raise Problem(415, f"Send it with Content-Type: {wanted}.", headers={"Accept": wanted})
    return Delivery(
        body=body,
        received=datetime.now(UTC),  # a signature's age is told by the host's clock, as its sender's is
        content_type=request.mimetype,
        query=request.query_string.decode("latin-1"),
        headers={name.lower(): value for name, value in request.headers.items()},
    )


def _prove(delivery: Delivery, token: str | None, config: SourceConfig, adapter: Adapter) -> None:
    try:
        if config.secrets:
            adapter.verify(delivery, config, delivery.received)
        else:
            proofs.check(delivery.headers, token, config)
    except UnprovenError as error:
        _count_refusal(config, "unproven", str(error))
        challenge = {"WWW-Authenticate": 'Basic realm="Innkey"'} if config.username is not None else {}
        raise Problem(401, f"Not proven to come from this source: {error}.", headers=challenge) from None


def _count_refusal(config: SourceConfig, outcome: str, reason: str) -> None:
    tally.count(config.name, outcome)
    tally.report_news()
    log.warning("webhook.refused", source=config.name, reason=reason)


def _recorded(config: SourceConfig, parsed: Parsed) -> Response:
    services, outcome = innkey(), "duplicate" if parsed.events else "ignored"
    errands = wanted(parsed)
    if errands:
        # Asked for once, however many deliveries say so, and whatever order they come in.
        _heard(services.store.errands.add_all(config.name, errands, services.clock.now()))
        services.hints.errands(config.name)
        # What came whole before is told as such, though it is asked for again.
        outcome = "duplicate" if parsed.events else "accepted"
    for event in parsed.events:
        key, is_new, now = services.store.events.accept_at(event, by_content=parsed.by_content)
        _heard(now)
        if is_new:
            outcome = "accepted"
            services.hints.event(key)
    tally.count(config.name, outcome)
    if outcome == "ignored":
        tally.report_news()
    else:
        tally.report_if_due()
    return jsonify(status=outcome, event=parsed.id)


def _heard(now: datetime | None) -> None:
    """Redis has just told its time: the next delivery need not ask for it."""
    if now is not None:
        innkey().clock.heard(now)


def _kept(config: SourceConfig, adapter: Adapter, delivery: Delivery, error: NotUnderstoodError) -> Response:
    """Keep what is authentic but not understood; the same body again is the same record.

    An address alone says too little for that: the next change of the booking has the same one.
    """
    services = innkey()
    said = delivery.body or f"{delivery.query} {delivery.received.isoformat()}".encode()
    rejected = RejectedEvent(
        id=rejected_id(config.name, said),
        source=config.name,
        received=services.clock.now(),
        content_type=request.headers.get("Content-Type", "")[:200],
        errors=error.errors,
        body=delivery.body,
        query=delivery.query,
    )
    # A sender that is told 200 does not come again, and nobody looks at its log: a person here is told.
    told = bad_event_commands(config.name, rejected.id, rejected.received)
    services.store.events.keep_rejected(rejected, told if adapter.answers_kept_with_200 else ())
    tally.count(config.name, "not_understood")
    tally.report_if_due()
    log.warning(
        "webhook.not_understood", source=config.name, rejected=rejected.id, fields=sorted(error.errors)
    )
    if adapter.answers_kept_with_200:
        return jsonify(status="kept")
    detail = f"The event is not understood: see errors. It is kept as {rejected.id} and can be replayed."
    return as_response(Problem(422, detail, errors=error.errors))
