"""Profiles of hypothesis: as usual, and one that lets the state machine run for long."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("long", max_examples=20_000, deadline=None, print_blob=True)
