"""PINs: the whole space but the weak ones, unique, and text."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.domain.pins import CANDIDATES, NoPinLeftError, choose, is_pin, is_weak, phone_digits


def free(_: str) -> bool:
    """Nothing is taken."""
    return False


@pytest.mark.parametrize("length", [4, 5, 6])
def test_a_pin_is_digits_of_the_wanted_length(length: int) -> None:
    """H01, H06: text of 4 to 6 digits, leading zeros included."""
    pins = [choose(length, free) for _ in range(3000)]
    assert {length} == {len(pin) for pin in pins}
    assert all(is_pin(pin) for pin in pins)
    assert any(pin.startswith("0") for pin in pins)


@pytest.mark.parametrize("wrong", ["123", "1234567", "", "12a4", "١٢٣٤", "²²²²", " 1234", "1234\n", "-123"])
def test_what_is_no_pin(wrong: str) -> None:
    """H06: other lengths, letters, and digits that are not ASCII are no PIN."""
    assert not is_pin(wrong)


@pytest.mark.parametrize(
    "weak",
    ["0000", "1111", "99999", "555555", "1234", "0123", "6789", "7890", "8901", "9012", "90123", "890123",
     "4321", "3210", "0987", "1098", "2109", "10987", "1212", "4747", "123123", "121212", "2580"],
)  # fmt: skip
def test_weak_pins_are_refused(weak: str) -> None:
    """H04: repeated digits, runs up and down also over 9 to 0, tiled ones, common ones."""
    assert is_weak(weak)


@pytest.mark.parametrize("good", ["1357"[::-1], "4829", "9081", "482913", "01928", "1223", "1221"])
def test_other_pins_are_not_weak(good: str) -> None:
    """Refusing too much would make the space small."""
    assert not is_weak(good)


def test_hardly_any_pin_is_weak() -> None:
    """H04: fewer than two in a hundred of the four-digit PINs are refused."""
    assert sum(is_weak(f"{n:04d}") for n in range(10_000)) < 200


def test_the_whole_space_is_reachable() -> None:
    """Every four-digit PIN that is not weak comes out, and none of the others."""
    wanted = {f"{n:04d}" for n in range(10_000) if not is_weak(f"{n:04d}")}
    assert wanted == {choose(4, free) for _ in range(220_000)}


def test_the_only_free_pin_is_found() -> None:
    """With everything but one taken, many draws find that one and nothing else."""
    found: Counter[str] = Counter()
    for _ in range(2000):
        try:
            found[choose(4, lambda pin: pin != "0729")] += 1
        except NoPinLeftError:
            continue
    # A hundred candidates in ten thousand: one draw in a hundred succeeds.
    assert {"0729"} == set(found)
    assert 2 <= found["0729"] <= 60


def test_digits_are_even() -> None:
    """No digit is preferred at any place."""
    pins = [choose(6, free) for _ in range(20_000)]
    for place in range(6):
        counts = Counter(pin[place] for pin in pins)
        assert min(counts.values()) > 1700
        assert max(counts.values()) < 2300


def test_it_gives_up_after_a_hundred_candidates() -> None:
    """H05: an error that names the cure, not a loop."""
    asked: list[str] = []

    def taken(pin: str) -> bool:
        asked.append(pin)
        return True

    with pytest.raises(NoPinLeftError, match="raise pin_length"):
        choose(4, taken)
    assert CANDIDATES >= len(asked) > 80


def test_a_taken_pin_is_avoided() -> None:
    """H07: what another code has is not given out."""
    assert "482913" != choose(6, lambda pin: pin == "482913", phone="+61 400 482 913")


@pytest.mark.parametrize(
    ("phone", "expected"),
    [
        ("+61 400 482 913", "482913"),
        ("(07) 4829-13", "482913"),
        ("1234", None),
        ("", None),
        (None, None),
        ("٤٨٢٩١٣٧", None),
    ],
)
def test_the_phones_last_digits(phone: str | None, expected: str | None) -> None:
    """H02: any notation; too short or missing falls back."""
    assert expected == phone_digits(phone, 6)


@pytest.mark.parametrize("phone", ["+61 400 111 111", "12", None])
def test_an_unusable_phone_falls_back_to_chance(phone: str | None) -> None:
    """H02, H04: a weak or missing number is not used."""
    assert len({choose(6, free, phone) for _ in range(5)}) > 1


def test_a_usable_phone_is_preferred() -> None:
    """H02: the guest knows it already."""
    assert "482913" == choose(6, free, "+61 400 482 913")


@given(st.text(max_size=40), st.integers(4, 6))
def test_any_phone_text_is_safe(phone: str, length: int) -> None:
    """H02: whatever the booking system calls a phone, digits come out or nothing."""
    digits = phone_digits(phone, length)
    assert digits is None or (len(digits) == length and is_pin(digits))
