"""Whether the process is up, and whether it can do its work."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify

from webhooks.services import innkey, now

__all__ = ["blueprint"]

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def healthz() -> Response:
    """200 while the process answers at all."""
    return jsonify(status="ok")


@blueprint.get("/readyz")
def readyz() -> Response:
    """200 when Redis answers, else 503; the rest is told without changing that."""
    moment, health = now(), innkey().store.health
    durability = health.durability()
    return jsonify(
        status="ready",
        persists_every_write=durability.persists_every_write,
        never_evicts=durability.never_evicts,
        detail=durability.detail,
        oldest_due_seconds=health.oldest_due(moment, list(innkey().house().accounts)).total_seconds(),
        workers=health.workers(moment),
    )
