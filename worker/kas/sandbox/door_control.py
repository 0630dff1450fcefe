"""The control calls that act as a person at the door, or on the lock itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from marshmallow import ValidationError

from worker.kas.sandbox import door, door_forms
from worker.kas.sandbox.control_input import json_of, lock_named
from worker.kas.sandbox.core import Core
from worker.kas.sandbox.lock_views import iso, lock_view, opening_view
from worker.kas.sandbox.slots import Lock
from worker.kas.sandbox.tags import LAST_TAG, Tag
from worker.kas.sandbox.wire import Request


class DoorControl:
    """Types PINs, presents tags, adds tags by hand, and sets clock and battery. Use it inside `locked()`."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self.routes: Mapping[tuple[str, str], Callable[[Request], Any]] = {
            ("GET", "openings"): self._openings,
            ("POST", "type"): self._type,
            ("POST", "present"): self._present,
            ("POST", "hand_tag"): self._hand_tag,
            ("POST", "wipe_tag"): self._wipe_tag,
            ("POST", "clock_error"): self._clock_error,
            ("POST", "battery"): self._battery,
        }

    def _openings(self, request: Request) -> Any:
        wanted = door_forms.OpeningsForm().load(dict(request.query))
        lock = lock_named(self._core.state, wanted["lock"])
        return {"openings": [opening_view(one) for one in lock.openings[-wanted["limit"] :]]}

    def _type(self, request: Request) -> Any:
        wanted = door_forms.TypedForm().load(json_of(request))
        lock = lock_named(self._core.state, wanted["lock"])
        return self._tried(lock, door.type_pin(lock, wanted["pin"], self._core.now()))

    def _present(self, request: Request) -> Any:
        wanted = door_forms.PresentedForm().load(json_of(request))
        lock = lock_named(self._core.state, wanted["lock"])
        return self._tried(lock, door.present_tag(lock, wanted["uid"], self._core.now()))

    def _tried(self, lock: Lock, attempt: door.Attempt) -> Any:
        if attempt.opened:
            self._core.state.revision += 1
        return {
            "opened": attempt.opened,
            "reason": attempt.reason,
            "slot": attempt.slot,
            "battery": lock.battery,
            "lock_time": iso(self._core.now() + lock.clock_error),
        }

    def _hand_tag(self, request: Request) -> Any:
        wanted = door_forms.HandTagForm().load(json_of(request))
        lock, slot, number = self._lock(wanted), wanted.pop("rfid_id"), wanted.pop("uid")
        if slot > LAST_TAG and not lock.reader:
            raise ValidationError(f"Only a reader has ids above {LAST_TAG}.", "rfid_id")
        by_kas = len(number) > len("ABCD1234")
        known_by: dict[str, Any] = {"kas_uid": number, "is_kas_uid": True} if by_kas else {"uid": number}
        lock.tags[slot] = Tag(slot, **known_by, **wanted, by_hand=True)
        return self._changed(lock)

    def _wipe_tag(self, request: Request) -> Any:
        wanted = door_forms.TagIdForm().load(json_of(request))
        lock = self._lock(wanted)
        if wanted["rfid_id"] not in lock.tags:
            raise ValidationError("That id is empty.", "rfid_id")
        del lock.tags[wanted["rfid_id"]]
        return self._changed(lock)

    def _clock_error(self, request: Request) -> Any:
        wanted = door_forms.ClockErrorForm().load(json_of(request))
        lock = self._lock(wanted)
        lock.clock_error = wanted["seconds"]
        return self._changed(lock)

    def _battery(self, request: Request) -> Any:
        wanted = door_forms.BatteryForm().load(json_of(request))
        lock = self._lock(wanted)
        lock.battery = wanted["percent"]
        return self._changed(lock)

    def _lock(self, wanted: dict[str, Any]) -> Lock:
        return lock_named(self._core.state, wanted.pop("lock"))

    def _changed(self, lock: Lock) -> Any:
        self._core.state.revision += 1
        return lock_view(lock)
