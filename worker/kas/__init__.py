"""The vendor's cloud, KAS: each request is checked before it leaves, each answer classified once."""

from __future__ import annotations

from worker.domain.outcomes import Answer, Entry, Kind, Outcome
from worker.kas.client import KasClient
from worker.kas.errors import BadRequest, KasError
from worker.kas.schemas import NewPin

__all__ = ["Answer", "BadRequest", "Entry", "KasClient", "KasError", "Kind", "NewPin", "Outcome"]
