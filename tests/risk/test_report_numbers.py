"""How numbers of a risk report are written; expected texts are rounded by hand."""

from __future__ import annotations

import math

import pytest

from rollproof.report import risk_numbers as numbers


def estimate(
    value: float | None, error: float | None, low: float | None, high: float | None
) -> dict[str, float | None]:
    return {"value": value, "standard_error": error, "low": low, "high": high}


@pytest.mark.parametrize(
    ("value", "error", "shown"),
    [
        (250.98929, 0.37241, "251.0"),  # an error of 0.4 leaves tenths
        (250.98929, 0.14, "250.99"),  # one that begins with 1 leaves a digit more
        (10_032.565, 14.19, "10,033"),
        (117_621.4, 31.0, "117,620"),
        (117_621.4, 4_100.0, "118,000"),
        (479.57, 255.2, "500"),
        (1_234_567.0, 1e-9, "1,234,570"),  # six digits at most
        (5_841_501.0, None, "5,841,501"),
        (0.55, None, "0.55"),
        (480.0, None, "480"),
        (0.0, 3.0, "0"),
        (3.0, 40.0, "0"),  # less than its error's place
        (-0.04, None, "-0.04"),
        (4.23e-19, None, "4.23e-19"),
        (None, 1.0, "not known"),
        (math.nan, 1.0, "not known"),
        (math.inf, None, "not known"),
        (True, None, "not known"),
    ],
)
def test_a_number_has_the_digits_its_error_leaves(value: float, error: float | None, shown: str) -> None:
    assert numbers.number(value, error) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(115_234.0, "115,000"), (9.6951, "9.7"), (9.655, "9.65"), (0.012345, "0.0123"), (0.0, "0"), (None, "not known")],
)
def test_an_interval_over_models_has_three_digits(value: float, shown: str) -> None:
    assert numbers.digits(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (estimate(250.99, 0.37, 250.2, 251.78), "250.2 to 251.8"),
        (estimate(480.0, 255.0, -20.7, 979.8), "0 to 1,000"),  # a loss is never below nothing
        (estimate(105_324.0, 0.0, 105_324.0, None), "105,324 or more"),  # too few paths to bound it from above
        (estimate(105_324.0, 3_000.0, None, 110_000.0), "110,000 or less"),
        (estimate(105_324.0, None, None, None), "unbounded: too few paths"),
        (estimate(2.5, 0.0, 2.5, 2.5), "exact"),
        (estimate(0.0, 0.0, 0.0, 0.0), "0 to 0"),
        (estimate(None, None, None, None), "not known"),
        (None, "not known"),
        (7.0, "not known"),
    ],
)
def test_an_interval_says_what_bounds_there_are(value: object, shown: str) -> None:
    assert numbers.interval(value, floor=0.0) == shown


def test_a_probability_stays_one() -> None:
    almost = estimate(0.9995, 0.0009, 0.9977, 1.0013)
    assert numbers.interval(almost, 100, floor=0, ceiling=1) == "99.77 to 100.00"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (30.0, "30 s"), (100.0, "1.67 minutes"), (6_960.0, "116 minutes"), (28_800.0, "8 hours"),
        (3 * 86_400.0, "3 days"), (None, "not known"),
    ],
)  # fmt: skip
def test_lengths_have_the_unit_that_suits(seconds: float, shown: str) -> None:
    assert numbers.lasting(seconds) == shown


def test_long_names_keep_both_ends() -> None:
    address = "0x" + "ab" * 20
    assert numbers.named(address) == address  # an address stays whole
    shown = numbers.named("begin" + "x" * 100 + "end")
    assert len(shown) == 44
    assert (shown[:5], shown[-3:]) == ("begin", "end")
    assert "\x1b" not in numbers.named("\x1b[31mred")
    assert "\n" not in numbers.named("two\nlines")


def test_what_is_missing_is_no_nought() -> None:
    for shown in (numbers.percent(None), numbers.moved(None), numbers.level(None), numbers.span(None, None)):
        assert shown == "not known"
    assert numbers.span(None, 3.0) == "3 or less"
    assert numbers.span(3.0, None) == "3 or more"
    assert numbers.width((None, 3.0)) == math.inf
    assert numbers.width(estimate(1.0, 1.0, -1.0, 3.0)) == 4.0
