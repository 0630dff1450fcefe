"""Every booking system's deliveries through the web process and on to the record."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import count

import pytest

from tests.integration.sources_kit import ADAPTERS, LISTINGS, Senders, a_stay, senders
from worker.domain.booking import Status
from worker.sample_deliveries.delivery import SENDERS
from worker.sample_deliveries.stay import SampleStay

VERSIONED = [one for one in ADAPTERS if one != "lodgify"]
WITH_UNITS = [one for one in ADAPTERS if one in ("hostaway", "lodgify")]
ids = count(70001)


@pytest.fixture(scope="module")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Senders]:
    """One app for all of these tests; each has a booking of its own."""
    with senders(tmp_path_factory.mktemp("sources")) as made:
        yield made


@pytest.fixture
def stay() -> SampleStay:
    """A new reservation of a booking id of its own."""
    return a_stay(str(next(ids)))


def later(stay: SampleStay, seconds: int = 60, **changed: object) -> SampleStay:
    """The same reservation after a change."""
    moved = {"kind": "updated", "changed": stay.changed + timedelta(seconds=seconds), **changed}
    return replace(stay, **moved)  # type: ignore[arg-type]


@pytest.mark.parametrize("adapter", ADAPTERS)
class TestStory:
    """What happens to a reservation, in each system's own words."""

    def test_created(self, kit: Senders, stay: SampleStay, adapter: str) -> None:
        """D17: a confirmed reservation becomes a stay of the aliased unit, its dates at the unit's times."""
        assert "accepted" == kit.tell(adapter, stay)
        found, record = kit.booking(adapter, stay.id), kit.stay(adapter, stay.id)
        assert (Status.CONFIRMED, LISTINGS[0]) == (found.status, found.unit)
        assert (stay.check_in, stay.check_out) == ((found.check_in or "")[:10], (found.check_out or "")[:10])
        assert {"SS000001"} == kit.doors(adapter, stay.id)
        assert record is not None
        assert record.check_in is not None
        assert f"{stay.check_in}T05:00:00+00:00" == record.check_in.isoformat()  # 15:00 in Brisbane

    def test_changed(self, kit: Senders, stay: SampleStay, adapter: str) -> None:
        """D01: other dates of the same reservation are the same stay."""
        kit.tell(adapter, stay)
        longer = (date.fromisoformat(stay.check_out) + timedelta(days=2)).isoformat()
        assert "accepted" == kit.tell(adapter, later(stay, check_out=longer))
        assert longer == (kit.booking(adapter, stay.id).check_out or "")[:10]

    def test_taken_back(self, kit: Senders, stay: SampleStay, adapter: str) -> None:
        """A change that is taken back is no duplicate of what was sent before it."""
        kit.tell(adapter, stay)
        longer = (date.fromisoformat(stay.check_out) + timedelta(days=2)).isoformat()
        kit.tell(adapter, later(stay, check_out=longer))
        assert "accepted" == kit.tell(adapter, later(stay, 120, kind="created"))
        assert stay.check_out == (kit.booking(adapter, stay.id).check_out or "")[:10]

    def test_moved(self, kit: Senders, stay: SampleStay, adapter: str) -> None:
        """D09: another unit, the same stay: its code goes to the other door."""
        kit.tell(adapter, stay)
        kit.tell(adapter, later(stay, unit=LISTINGS[1]))
        assert LISTINGS[1] == kit.booking(adapter, stay.id).unit
        assert {"SS000002"} == kit.doors(adapter, stay.id)

    def test_cancelled_and_reinstated(self, kit: Senders, stay: SampleStay, adapter: str) -> None:
        """D21: a cancelled reservation has no code; confirmed again it has one, also in the same second."""
        kit.tell(adapter, stay)
        off = later(stay, kind="cancelled")
        kit.tell(adapter, off)
        assert Status.CANCELLED is kit.booking(adapter, stay.id).status
        assert set() == kit.doors(adapter, stay.id)
        assert "accepted" == kit.tell(adapter, replace(off, kind="updated"))
        assert Status.CONFIRMED is kit.booking(adapter, stay.id).status
        assert {"SS000001"} == kit.doors(adapter, stay.id)

    def test_a_cancellation_may_come_first(self, kit: Senders, stay: SampleStay, adapter: str) -> None:
        """A reservation that is first heard of as cancelled gets no code."""
        kit.tell(adapter, replace(stay, kind="cancelled"))
        assert Status.CANCELLED is kit.booking(adapter, stay.id).status
        assert set() == kit.doors(adapter, stay.id)

    def test_duplicated(self, kit: Senders, stay: SampleStay, adapter: str) -> None:
        """B03: the same request twice is one event; the second is told as a duplicate."""
        sample = kit.sample(adapter, SENDERS[adapter].document(stay))
        answers = [kit.post(sample).json for _ in range(2)]
        assert ["accepted", "duplicate"] == [one["status"] for one in answers if one is not None]

    def test_unknown_unit(self, kit: Senders, stay: SampleStay, adapter: str) -> None:
        """J05: a unit that the property file does not name is accepted, and is a letter."""
        assert "accepted" == kit.tell(adapter, replace(stay, unit="99999"))
        found = kit.stay(adapter, stay.id)
        assert found is not None
        assert found.letter is not None
        assert "unknown_unit" == found.letter.reason.value


@pytest.mark.parametrize(
    ("adapter", "status"),
    [
        (one, status)
        for one in ADAPTERS
        for status in SENDERS[one].STATUSES
        if status not in ("confirmed", "cancelled")
    ],
)
def test_no_code_without_a_confirmation(kit: Senders, stay: SampleStay, adapter: str, status: str) -> None:
    """E10: inquiries, options and blocks get no code, and one that is confirmed later does."""
    kit.tell(adapter, replace(stay, status=status))
    assert kit.booking(adapter, stay.id).status in (Status.TENTATIVE, Status.BLOCKED)
    assert set() == kit.doors(adapter, stay.id)
    kit.tell(adapter, later(stay))
    assert {"SS000001"} == kit.doors(adapter, stay.id)


@pytest.mark.parametrize("adapter", VERSIONED)
def test_disordered(kit: Senders, stay: SampleStay, adapter: str) -> None:
    """B12: what the sender wrote earlier does not undo what it wrote later."""
    kit.tell(adapter, later(stay, kind="cancelled"))
    kit.tell(adapter, stay)
    assert Status.CANCELLED is kit.booking(adapter, stay.id).status
    kit.tell(adapter, later(stay, 120, unit=LISTINGS[1]))
    kit.tell(adapter, later(stay, 90))
    assert {"SS000002"} == kit.doors(adapter, stay.id)


@pytest.mark.parametrize("adapter", WITH_UNITS)
class TestSeveralUnits:
    """One reservation over several units of a listing."""

    def test_one_stay_for_each(self, kit: Senders, stay: SampleStay, adapter: str) -> None:
        """The first unit is the reservation's own stay, each other one is a stay beside it."""
        kit.tell(adapter, replace(stay, unit="500", units=("1", "2")))
        assert {"SS000003"} == kit.doors(adapter, stay.id)
        assert {"SS000004"} == kit.doors(adapter, f"{stay.id}.2")

    def test_a_unit_less(self, kit: Senders, stay: SampleStay, adapter: str) -> None:
        """A unit that leaves the reservation loses its code, and gets one again when it comes back."""
        both = replace(stay, unit="500", units=("1", "2"))
        kit.tell(adapter, both)
        kit.tell(adapter, later(both, units=("1",)))
        assert {"SS000003"} == kit.doors(adapter, stay.id)
        assert set() == kit.doors(adapter, f"{stay.id}.2")
        kit.tell(adapter, later(both, 120))
        assert {"SS000004"} == kit.doors(adapter, f"{stay.id}.2")

    def test_the_first_unit_less(self, kit: Senders, stay: SampleStay, adapter: str) -> None:
        """Promise 3: who stays keeps door and PIN, though that unit counts as the first one now."""
        both, other = replace(stay, unit="500", units=("1", "2")), f"{stay.id}.2"
        kit.tell(adapter, both)
        kit.tell(adapter, later(both, units=("2",)))
        assert (set(), {"SS000004"}) == (kit.doors(adapter, stay.id), kit.doors(adapter, other))
        kit.tell(adapter, later(both, 120))
        assert ({"SS000003"}, {"SS000004"}) == (kit.doors(adapter, stay.id), kit.doors(adapter, other))
        kit.tell(adapter, later(both, 180, units=("2",)))
        kit.tell(adapter, later(both, 240, units=("2",), kind="cancelled"))
        assert set() == kit.doors(adapter, stay.id) | kit.doors(adapter, other)

    def test_cancelled(self, kit: Senders, stay: SampleStay, adapter: str) -> None:
        """A cancelled reservation takes all of its stays along, whether it names its units or not."""
        both = replace(stay, unit="500", units=("1", "2"))
        for units in (("1", "2"), ()):
            kit.tell(adapter, replace(both, changed=both.changed + timedelta(seconds=len(units))))
            kit.tell(adapter, later(both, units=units, kind="cancelled"))
            assert set() == kit.doors(adapter, stay.id) | kit.doors(adapter, f"{stay.id}.2")
            both = later(both, 120, kind="created")

    def test_cancelled_by_hand(self, kit: Senders, stay: SampleStay, adapter: str) -> None:
        """The first stay takes the others along, another one goes alone; later news has them all again."""
        both, address = replace(stay, unit="500", units=("1", "2")), f"/v1/bookings/{adapter}/{stay.id}"
        kit.tell(adapter, both)
        assert 202 == kit.web.post(f"{address}.2/cancel").status_code
        assert ({"SS000003"}, set()) == (kit.doors(adapter, stay.id), kit.doors(adapter, f"{stay.id}.2"))
        # The same body again is no news of those that tell no time of change: it is another guest's name.
        changed = datetime.now(UTC) + timedelta(hours=1)
        soon = replace(both, kind="updated", changed=changed, name="Ann Lee")
        kit.tell(adapter, soon)
        assert {"SS000004"} == kit.doors(adapter, f"{stay.id}.2")
        assert 202 == kit.web.post(f"{address}/cancel").status_code
        assert set() == kit.doors(adapter, stay.id) | kit.doors(adapter, f"{stay.id}.2")
        assert 409 == kit.web.post(f"{address}.2/cancel").status_code
        kit.tell(adapter, later(soon, name="Bo Lee"))
        assert {"SS000003"} == kit.doors(adapter, stay.id)
        assert {"SS000004"} == kit.doors(adapter, f"{stay.id}.2")

    def test_a_room_of_a_listing_without_aliases_of_its_own(
        self, kit: Senders, stay: SampleStay, adapter: str
    ) -> None:
        """A listing's alias means its rooms too."""
        kit.tell(adapter, replace(stay, units=("7",)))
        assert {"SS000001"} == kit.doors(adapter, stay.id)


@pytest.mark.parametrize("adapter", [one for one in VERSIONED if one in WITH_UNITS])
def test_a_unit_that_comes_late(kit: Senders, stay: SampleStay, adapter: str) -> None:
    """An older delivery that names a unit more brings no stay to life for it."""
    both = replace(stay, unit="500", units=("1", "2"))
    kit.tell(adapter, later(both, units=("1",)))
    kit.tell(adapter, both)
    assert set() == kit.doors(adapter, f"{stay.id}.2")


@pytest.mark.parametrize("adapter", ADAPTERS)
class TestDeliveries:
    """What is answered to deliveries that are not a plain reservation."""

    def test_noise(self, kit: Senders, adapter: str) -> None:
        """C03: what concerns no stay is acknowledged, not kept, and counted."""
        before = kit.gauge("rejected_events"), kit.gauge("inbox")
        counted = kit.counted(adapter, "ignored")
        answer = kit.post(kit.sample(adapter, SENDERS[adapter].noise()))
        assert (200, "ignored") == (answer.status_code, (answer.json or {})["status"])
        assert counted + 1 == kit.counted(adapter, "ignored")
        assert before == (kit.gauge("rejected_events"), kit.gauge("inbox"))

    def test_forged(self, kit: Senders, stay: SampleStay, adapter: str) -> None:
        """C01: without the proof, or with another one, nothing is read or kept."""
        good = kit.sample(adapter, SENDERS[adapter].document(stay))
        before = kit.gauge("rejected_events"), kit.gauge("inbox")
        bare = replace(good, path=f"/webhooks/{adapter}", headers={"content-type": "application/json"})
        spoilt = {
            name: value if name == "content-type" else f"{value}x" for name, value in good.headers.items()
        }
        other = replace(good, headers=spoilt, path=good.path + ("x" if good.path.count("/") == 3 else ""))
        assert [401, 401] == [kit.post(one).status_code for one in (bare, other)]
        assert before == (kit.gauge("rejected_events"), kit.gauge("inbox"))

    @pytest.mark.parametrize("text", ["", "{", "[]", "{}", "[1]", '"x"', '{"a": "\\ud800"}', "[" * 9000])
    def test_garbage(self, kit: Senders, adapter: str, text: str) -> None:
        """What is proven and not understood is answered 200 and kept as it came; a person is told."""
        good = kit.sample(adapter, SENDERS[adapter].noise())
        config = kit.web.innkey.configuration.properties.sources[adapter]
        sign = SENDERS[adapter].sign
        signed = sign(text.encode(), config.secrets[0], a_stay("1").changed) if sign is not None else {}
        answer = kit.post(replace(good, body=text.encode(), headers={**good.headers, **signed}))
        assert (200, {"status": "kept"}) == (answer.status_code, answer.json)
        kept = kit.web.innkey.store.events.rejected_page(limit=100, cursor=None).items
        assert (adapter, text.encode()) in {(one.source, one.body) for one in kept}

    def test_other_content_types(self, kit: Senders, stay: SampleStay, adapter: str) -> None:
        """Another content type is refused by its name."""
        good = kit.sample(adapter, SENDERS[adapter].document(stay))
        answer = kit.post(replace(good, headers={**good.headers, "content-type": "text/xml"}))
        assert 415 == answer.status_code

    def test_an_array(self, kit: Senders, stay: SampleStay, adapter: str) -> None:
        """Several reservations in one delivery are each a stay."""
        documents: list[object] = []
        for one in (stay, replace(stay, id=f"{stay.id}9")):
            made = SENDERS[adapter].document(one)
            documents += made if isinstance(made, list) else [made]
        assert 200 == kit.post(kit.sample(adapter, documents)).status_code
        kit.web.apply()
        for booking in (stay.id, f"{stay.id}9"):
            assert {"SS000001"} == kit.doors(adapter, booking)
