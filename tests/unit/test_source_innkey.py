"""The adapter `innkey`: whose delivery is it, what does it say; nothing it holds may break the receiver."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook

from webhooks.sources import ADAPTERS, innkey
from webhooks.sources.adapter import Delivery, NotUnderstoodError, Parsed, UnprovenError
from worker import properties
from worker.domain.booking import BookingEvent, EventType, StayKey
from worker.property_access import SourceConfig
from worker.secret import Secret

SECRET = "whsec_" + base64.b64encode(b"the secret that both sides know!").decode()
OTHER = "whsec_" + base64.b64encode(b"a secret that nobody is told of!").decode()
CONFIG = SourceConfig(name="direct", adapter="innkey", secrets=(Secret(OTHER), Secret(SECRET)))
NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
BODY = b'{"type": "booking.cancelled", "timestamp": "2026-11-22T10:00:00Z", "data": {"id": "BK-1"}}'
HEADERS = {"webhook-id": "msg_1"}


def headers(
    body: bytes = BODY, *, secret: str = SECRET, at: datetime = NOW, **changed: str
) -> dict[str, str]:
    """What the library of Standard Webhooks sends with `body`; `changed` by header, `_` for `-`."""
    made = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign("msg_1", at, body.decode()),
    }
    return made | {name.replace("_", "-"): value for name, value in changed.items()}


def verify(given: dict[str, str], body: bytes, now: datetime = NOW) -> None:
    """Check the proof of a delivery. Raises UnprovenError."""
    innkey.verify(Delivery(headers=given, body=body, received=now), CONFIG, now)


def parse(body: bytes, given: dict[str, str] = HEADERS) -> Parsed:
    """Read a delivery. Raises NotUnderstoodError."""
    return innkey.parse(Delivery(headers=given, body=body, received=NOW), CONFIG)


def event(data: object = ..., **top: object) -> bytes:
    """A body; with `...` a field is left out."""
    given = {"id": "BK-1"} if data is ... else data
    body = {"type": "booking.updated", "timestamp": "2026-11-22T10:00:00Z", "data": given, **top}
    return json.dumps({name: value for name, value in body.items() if value is not ...}).encode()


def parsed(body: bytes) -> BookingEvent:
    """The event in `body`."""
    (found,) = parse(body).events
    return found


def changes(**data: object) -> dict[str, Any]:
    """What an update with `data` changes."""
    return dict(parsed(event({"id": "BK-1", **data})).changes)


def errors(body: bytes) -> dict[str, list[str]]:
    """Why `body` is not understood."""
    with pytest.raises(NotUnderstoodError) as caught:
        parse(body)
    return caught.value.errors


def wrong(**data: object) -> set[str]:
    """The fields that an update with `data` is refused for."""
    return set(errors(event({"id": "BK-1", **data})))


def test_registry_and_property_file_know_the_same_adapters() -> None:
    """A name that the property file accepts has a module, and the other way round."""
    assert set(properties.ADAPTERS) == set(ADAPTERS)


class TestVerify:
    """Only who knows a secret is heard."""

    @pytest.mark.parametrize("secret", [SECRET, OTHER])
    def test_any_of_the_secrets_will_do(self, secret: str) -> None:
        """While secrets rotate, what either signed is accepted."""
        verify(headers(secret=secret), BODY)

    def test_one_good_signature_among_odd_ones_is_enough(self) -> None:
        """A sender signs with several secrets and versions; those we do not know harm nothing."""
        good = headers()["webhook-signature"]
        odd = f"v1a,x,y garbage v1,**** v1,{base64.b64encode(bytes(32)).decode()} {good} v2,zzz"
        verify(headers(webhook_signature=odd), BODY)

    def test_body_need_not_be_utf8(self) -> None:
        """The signature is over bytes: an authentic body that is no text is not called forged."""
        body = b"\xff\xfe\x00"
        key = base64.b64decode(SECRET.removeprefix("whsec_"))
        digest = hmac.digest(key, f"msg_1.{int(NOW.timestamp())}.".encode() + body, hashlib.sha256)
        signature = f"v1,{base64.b64encode(digest).decode()}"
        verify(headers(webhook_signature=signature), body)

    def test_other_body_is_refused(self) -> None:
        """Not a byte may differ from what was signed."""
        with pytest.raises(UnprovenError):
            verify(headers(), BODY + b" ")

    def test_other_id_is_refused(self) -> None:
        """The id is signed too: nobody can send a delivery again under a new one."""
        with pytest.raises(UnprovenError):
            verify(headers(webhook_id="msg_2"), BODY)

    def test_unknown_secret_is_refused(self) -> None:
        """A signature of the right form with another secret proves nothing."""
        secret = "whsec_" + base64.b64encode(b"guessed").decode()
        with pytest.raises(UnprovenError):
            verify(headers(secret=secret), BODY)

    @pytest.mark.parametrize("off", [timedelta(minutes=5), timedelta(minutes=-5)])
    def test_five_minutes_are_tolerated(self, off: timedelta) -> None:
        """Clocks differ."""
        verify(headers(at=NOW + off), BODY)

    @pytest.mark.parametrize("off", [timedelta(seconds=301), timedelta(seconds=-301)])
    def test_more_than_five_minutes_are_not(self, off: timedelta) -> None:
        """What was overheard cannot be sent again later."""
        with pytest.raises(UnprovenError):
            verify(headers(at=NOW + off), BODY)

    @pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
    def test_each_header_is_needed(self, name: str) -> None:
        """Without one of the three there is no proof."""
        given = headers()
        del given[name]
        with pytest.raises(UnprovenError):
            verify(given, BODY)

    @given(st.text(max_size=40), st.text(max_size=40), st.text(max_size=80), st.binary(max_size=40))
    @example("a", "1e9", "v1,ä", b"")
    @example("\ud800", "nan", "v1,=", b"\xff")
    @example("a", "９", "v1," + "A" * 43 + "=", b"")
    @example("a", "1" * 12, "v1", b"")
    def test_hostile_headers_are_refused_and_nothing_else(
        self, event_id: str, at: str, signature: str, body: bytes
    ) -> None:
        """Whatever stands in the headers ends in UnprovenError."""
        given = {"webhook-id": event_id, "webhook-timestamp": at, "webhook-signature": signature}
        with pytest.raises(UnprovenError):
            verify(given, body)


class TestParse:
    """What an event says."""

    def test_full_event(self) -> None:
        """Each field of the body has its place in the event."""
        body = event(
            {
                "id": "BK-1001",
                "unit": "beach-house",
                "version": 1,
                "status": "confirmed",
                "check_in": "2026-12-01T15:00",
                "check_out": "2026-12-05T10:00",
                "guest": {"name": "John Lee", "email": "john@example.com", "phone": "+61 400 000 000"},
                "send_email": True,
                "email_message": "Watch out\nfor the dog.",
                "pin": "000013",
            },
            type="booking.created",
        )
        found = parsed(body)
        assert ("msg_1", StayKey("direct", "BK-1001")) == (found.id, found.key)
        assert EventType.CREATED is found.type
        assert (1, "1", NOW) == (found.version.number, found.version.text, found.version.stamp)
        assert {
            "unit": "beach-house",
            "status": "confirmed",
            "check_in": "2026-12-01T15:00:00",
            "check_out": "2026-12-05T10:00:00",
            "guest_name": "John Lee",
            "guest_email": "john@example.com",
            "guest_phone": "+61 400 000 000",
            "send_email": True,
            "email_message": "Watch out\nfor the dog.",
            "pin": "000013",
        } == found.changes

    def test_what_is_left_out_does_not_change(self) -> None:
        """An event with nothing but the id changes nothing."""
        assert {} == changes()

    def test_null_clears(self) -> None:
        """Null is a value: it clears the field; a guest that is null clears all of the guest."""
        assert {
            "guest_name": None,
            "guest_email": None,
            "guest_phone": None,
            "send_email": None,
            "email_message": None,
            "pin": None,
        } == changes(guest=None, send_email=None, email_message=None, pin=None)

    def test_guest_changes_only_what_it_names(self) -> None:
        """A guest object without a phone leaves the phone; an empty text clears as null does."""
        assert {"guest_name": None, "guest_email": None} == changes(guest={"name": None, "email": "  "})

    @pytest.mark.parametrize("name", ["unit", "check_in", "check_out", "status"])
    def test_what_a_stay_cannot_be_without_is_not_cleared(self, name: str) -> None:
        """Null for where, when and whether is refused."""
        assert {f"data.{name}"} == wrong(**{name: None})

    def test_unknown_fields_are_ignored(self) -> None:
        """Senders grow: a field that we do not know is no error, at any level."""
        body = event({"id": "BK-1", "guest": {"shoe": 43}, "more": [1]}, more={"x": 1})
        assert {} == parsed(body).changes

    def test_other_types_concern_no_stay(self) -> None:
        """A type that is not `booking.*` is ignored, whatever else it holds."""
        assert () == parse(b'{"type": "payment.paid"}').events

    def test_unknown_booking_types_are_not_understood(self) -> None:
        """`booking.moved` may concern a stay, so a person has to look."""
        assert {"type"} == set(errors(event(type="booking.moved")))

    def test_missing_fields_are_named(self) -> None:
        """Each field that is needed and not there is named by its path."""
        assert {"type", "timestamp", "data"} == set(errors(b"{}"))
        assert {"data.id"} == set(errors(event({})))

    def test_without_an_id_of_its_own_the_body_names_the_event(self) -> None:
        """A replay has no headers; the same body is the same event."""
        first, again = parse(BODY, {}), parse(BODY, {})
        assert first.id == again.id
        assert first.id != parse(BODY + b" ", {}).id

    @pytest.mark.parametrize(("given", "name"), [(77, "77"), ("a/b c", "a/b c"), ("ü" * 200, "ü" * 200)])
    def test_ids(self, given: object, name: str) -> None:
        """Whole numbers are taken as text; slashes and blanks within are part of the id."""
        assert name == parsed(event({"id": given})).key.id

    @pytest.mark.parametrize("given", ["", "  ", "x" * 201, "a\nb", "a\x85", 1.5, True, None, ["a"], {}])
    def test_bad_ids(self, given: object) -> None:
        """C06: what cannot name a booking or a unit is refused, and never becomes a path or a key."""
        assert {"data.id"} == set(errors(event({"id": given})))
        assert {"data.unit"} == wrong(unit=given)

    @pytest.mark.parametrize(
        ("given", "kept"),
        [
            ("2026-12-01", "2026-12-01"),
            ("2028-02-29", "2028-02-29"),
            ("2026-12-01T15:00", "2026-12-01T15:00:00"),
            ("2026-12-01 15:00:30", "2026-12-01T15:00:30"),
            ("2026-12-01T15:00:30.999999999", "2026-12-01T15:00:30"),
            ("2026-12-01T15:00Z", "2026-12-01T15:00:00+00:00"),
            ("2026-12-01t15:00:00z", "2026-12-01T15:00:00+00:00"),
            ("2026-12-01T15:00+10:00", "2026-12-01T15:00:00+10:00"),
            ("2026-12-01T15:00-0930", "2026-12-01T15:00:00-09:30"),
        ],
    )
    def test_stay_times(self, given: str, kept: str) -> None:
        """Dates, local times and times with an offset are kept as what they are, in one form."""
        assert {"check_in": kept} == changes(check_in=given)

    @pytest.mark.parametrize(
        "given",
        [
            "",
            "tomorrow",
            "2026-02-29",
            "2026-13-01",
            "2026-12-01T24:00",
            "2026-12-01T15",
            "2026-12-01T15:60",
            "2026-12-01T15:00:00.",
            "2026-12-01T15:00+25:00",
            "2026-12-01T15:00+10",
            "2026-W49-2",
            "20261201",
            "1999-12-31",
            "2100-01-01",
            "２026-12-01",
            "2026-12-01T15:00\n",
            20261201,
            True,
            [],
        ],
    )
    def test_bad_stay_times(self, given: object) -> None:
        """What is no moment of the calendar, or of a lock's, is refused."""
        assert {"data.check_out"} == wrong(check_out=given)

    @pytest.mark.parametrize(
        ("check_in", "check_out"),
        [
            ("2026-12-05", "2026-12-01"),
            ("2026-12-05", "2026-12-05"),
            ("2026-12-05T15:00", "2026-12-05T15:00"),
            ("2026-12-05T15:00", "2026-12-04"),
            ("2026-12-05T15:00+10:00", "2026-12-05T05:00Z"),
        ],
    )
    def test_a_stay_ends_after_it_begins(self, check_in: str, check_out: str) -> None:
        """Where the two can be compared, a stay that ends before it begins is refused."""
        assert {"data.check_out"} == wrong(check_in=check_in, check_out=check_out)

    @pytest.mark.parametrize(
        ("check_in", "check_out"),
        [
            ("2026-12-05", "2026-12-05T20:00"),
            ("2026-12-05T15:00", "2026-12-05T10:00Z"),
            ("2026-12-05T15:00+10:00", "2026-12-05T05:01Z"),
        ],
    )
    def test_what_only_the_unit_can_tell_is_left_to_it(self, check_in: str, check_out: str) -> None:
        """A date beside a time, or a local time beside an offset, depends on the unit."""
        assert 2 == len(changes(check_in=check_in, check_out=check_out))

    @pytest.mark.parametrize("given", ["0000", "123456", "1111"])
    def test_pins(self, given: str) -> None:
        """Leading zeros stay; a weak PIN is the sender's choice."""
        assert {"pin": given} == changes(pin=given)

    @pytest.mark.parametrize("given", ["123", "1234567", "12 45", "١٢٣٤", 1234, "", "12345\n"])
    def test_bad_pins(self, given: object) -> None:
        """A PIN is 4 to 6 ASCII digits as a text; the message does not repeat it."""
        found = errors(event({"id": "BK-1", "pin": given}))
        assert {"data.pin": ["is not a text of 4 to 6 digits"]} == found

    @pytest.mark.parametrize(
        ("given", "number", "text"),
        [
            (0, 0, "0"),
            (2**63 - 1, 2**63 - 1, str(2**63 - 1)),
            ("1970-01-01T00:00:01.5Z", 1_500_000, "1970-01-01T00:00:01.5Z"),
            (None, None, ""),
        ],
    )
    def test_versions(self, given: object, number: int | None, text: str) -> None:
        """A number is itself, a time counts in microseconds, null is none."""
        version = parsed(event({"id": "BK-1", "version": given})).version
        assert (number, text) == (version.number, version.text)

    @pytest.mark.parametrize(
        "given", [-1, 1.0, True, 2**63, "7", "2026-12-01", [], "0001-01-01T00:00:00+10:00"]
    )
    def test_bad_versions(self, given: object) -> None:
        """What does not order is refused."""
        assert {"data.version"} == wrong(version=given)

    @pytest.mark.parametrize(
        "given", ["2026-11-22", "2026-11-22T10:00", "9999-12-31T23:59:59-10:00", 5, None]
    )
    def test_bad_timestamps(self, given: object) -> None:
        """The event's own time is an RFC 3339 time."""
        assert {"timestamp"} == set(errors(event(timestamp=given)))

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("name", "x" * 201),
            ("name", "a\x00b"),
            ("name", 5),
            ("email", "john"),
            ("email", "john@example.com\nBcc: all@example.com"),
            ("email", "a@b@c"),
            ("email", "x" * 250 + "@b.de"),
            ("phone", "1" * 41),
        ],
    )
    def test_bad_guests(self, field: str, value: object) -> None:
        """What cannot be the guest's is refused, by its path."""
        assert {f"data.guest.{field}"} == wrong(guest={field: value})

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("guest", "John"),
            ("guest", []),
            ("send_email", "yes"),
            ("send_email", 1),
            ("email_message", "x" * 501),
            ("email_message", "a\x07"),
            ("status", "maybe"),
            ("status", {}),
        ],
    )
    def test_bad_fields(self, field: str, value: object) -> None:
        """Each field takes its own kind of value."""
        assert {f"data.{field}"} == wrong(**{field: value})

    def test_messages_hold_no_value(self) -> None:
        """An error may be shown and logged: neither guest nor PIN is in it."""
        guest = {"name": "Canary\x00", "email": "canary", "phone": "canary" * 9}
        found = errors(event({"id": "BK-1", "guest": guest, "pin": "Canary", "status": "canary"}))
        assert 5 == len(found)
        assert "canary" not in json.dumps(found).lower()

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"null",
            b"[]",
            b"{",
            b"\xff\xfe",
            b"\xef\xbb\xbf{}",
            b'{"a": NaN}',
            b'{"a": -Infinity}',
            b'{"a": 1, "a": 2}',
            b'{"data": {"id": "1", "id": "2"}}',
            b'{"a": "\\ud800"}',
            b'{"\\udc00": 1}',
            b'{"a": ' + b"9" * 5000 + b"}",
            b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
            b'{"a": ' + b'{"a": ' * 50_000,
            b"[" * 100_000,
        ],
    )
    def test_hostile_bodies(self, body: bytes) -> None:
        """Bodies that trip readers up are not understood, as a whole."""
        assert {"body"} == set(errors(body))

    @given(st.binary(max_size=200))
    def test_arbitrary_bytes(self, body: bytes) -> None:
        """No bytes do anything but being refused (or, by chance, understood)."""
        self._is_understood_or_refused(body)

    @given(
        st.dictionaries(
            st.sampled_from(["type", "timestamp", "data", "x"]),
            st.recursive(
                st.none()
                | st.booleans()
                | st.integers()
                | st.floats()
                | st.text(st.characters(), max_size=20)
                | st.sampled_from(["booking.created", "2026-11-22T10:00:00Z", "confirmed", "2026-12-01"]),
                lambda inner: (
                    st.lists(inner, max_size=3)
                    | st.dictionaries(
                        st.sampled_from(["id", "unit", "version", "status", "guest", "name", "pin", "email"])
                        | st.sampled_from(["check_in", "check_out", "send_email", "email_message", "phone"]),
                        inner,
                        max_size=6,
                    )
                ),
                max_leaves=12,
            ),
        ),
        st.booleans(),
    )
    def test_arbitrary_json(self, document: dict[str, Any], booking: bool) -> None:  # noqa: FBT001
        """Whatever kinds of values stand where others belong, it is refused or can be stored."""
        if booking:
            document |= {"type": "booking.updated", "timestamp": "2026-11-22T10:00:00Z"}
        self._is_understood_or_refused(json.dumps(document).encode())

    @staticmethod
    def _is_understood_or_refused(body: bytes) -> None:
        try:
            found = parse(body)
        except NotUnderstoodError as error:
            assert error.errors  # noqa: PT017 - either outcome is good
            json.dumps(error.errors, ensure_ascii=False).encode()
            return
        for one in found.events:
            json.dumps([one.key.id, dict(one.changes)], ensure_ascii=False).encode()
