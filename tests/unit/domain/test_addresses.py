"""Which e-mail addresses the vendor is given."""

from __future__ import annotations

import pytest

from tests.unit.domain.kit import Bench
from worker.domain.addresses import is_mailable
from worker.domain.steps import Push


@pytest.mark.parametrize("address", ["john@example.com", "j.o+tag@mail.example.co", "o'neil@ex-ample.com"])
def test_usual_addresses(address: str) -> None:
    """Dot-atoms at a host name."""
    assert is_mailable(address)


@pytest.mark.parametrize(
    "address",
    ["", "john", "john@localhost", "@example.com", "a@b@example.com", "jö@example.com", "a..b@example.com",
     "john@-example.com", "john@example.1", "john@example.com ", "a" * 250 + "@example.com"],
)  # fmt: skip
def test_what_the_vendor_may_refuse(address: str) -> None:
    """Anything else might be refused, and with it the PIN."""
    assert not is_mailable(address)


def test_a_bad_address_costs_the_guest_no_pin() -> None:
    """The PIN goes onto the door without the e-mail."""
    step = Bench().book(guest_email="john@localhost").look()
    assert isinstance(step, Push)
    assert not step.with_email
