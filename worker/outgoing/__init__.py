"""The wire to other systems: signed messages out, to addresses that are allowed."""

from __future__ import annotations

from worker.outgoing.send import Answered, Sender

__all__ = ["Answered", "Sender"]
