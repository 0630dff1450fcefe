"""What all control calls do with their input."""

from __future__ import annotations

import json
from typing import Any

from marshmallow import ValidationError

from worker.kas.sandbox.slots import Lock
from worker.kas.sandbox.state import State
from worker.kas.sandbox.wire import Request


def json_of(request: Request) -> dict[str, Any]:
    """The JSON object of a body; `ValidationError` for anything else."""
    try:
        data = json.loads(request.body)
    except ValueError:
        raise ValidationError("Send a JSON object.") from None
    if not isinstance(data, dict):
        raise ValidationError("Send a JSON object.")
    return data


def lock_named(state: State, name: str) -> Lock:
    """The lock of that name; `ValidationError` when there is none."""
    lock = state.locks.get(name)
    if lock is None:
        raise ValidationError("No such lock; make it with POST /control/locks.", "lock")
    return lock


def messages(error: ValidationError) -> Any:
    """The problems by field; those of the whole input under "_schema"."""
    return error.messages if isinstance(error.messages, dict) else {error.field_name: error.messages}
