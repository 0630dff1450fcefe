"""The shapes of outgoing webhooks, as /openapi.json describes them."""

from __future__ import annotations

from marshmallow import Schema, fields

from webhooks.api.schemas import maybe, maybe_number, moment, text, word
from worker.domain.deliveries import DeliveryState, Verdict
from worker.domain.outgoing import TOPICS

__all__ = ["DeliveryPage", "DeliverySchema", "EndpointPage", "EndpointSchema", "TestedSchema"]

_TOPICS = [topic.value for topic in TOPICS]
_VERDICTS = [verdict.value for verdict in Verdict]


class EndpointSchema(Schema):
    """An endpoint of the property file; `origin` is its address without the path, which may hold a secret."""

    name = text()
    origin = text()
    events = fields.List(word(_TOPICS))
    with_pin = fields.Boolean()
    allow_private = fields.Boolean()
    state = word(["on", "off", "paused", "gone"])
    gone = moment(allow_none=True)
    paused_until = moment(allow_none=True)
    waiting = fields.Integer()


class EndpointPage(Schema):
    """A page of endpoints."""

    items = fields.List(fields.Nested(EndpointSchema))
    next = maybe()


class DeliveryAttemptSchema(Schema):
    """One attempt; `ms` in all."""

    at = moment()
    outcome = word(_VERDICTS)
    status = maybe_number()
    ms = fields.Integer()


class DeliverySchema(Schema):
    """One event to one endpoint; `id` is its `webhook-id`, `data` what it tells, without a PIN."""

    id = text()
    type = word(_TOPICS)
    at = moment()
    state = word([state.value for state in DeliveryState])
    source = maybe()
    booking = maybe()
    next = moment(allow_none=True)
    attempts = fields.List(fields.Nested(DeliveryAttemptSchema))
    data = fields.Dict()


class DeliveryPage(Schema):
    """A page of deliveries."""

    items = fields.List(fields.Nested(DeliverySchema))
    next = maybe()


class TestedSchema(Schema):
    """How an endpoint answered to a test; `said` is the beginning of it."""

    endpoint = text()
    id = text()
    outcome = word(_VERDICTS)
    status = maybe_number()
    ms = fields.Integer()
    said = text()
