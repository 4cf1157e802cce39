from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefline.engine.budget import Budget, highest_price_usd
from prefline.errors import SpendLimitReached
from prefline.params import Prices
from tests.prefline.engine.requests import ask

PRICES = Prices(input=1.0, output=10.0)


@given(calls=st.lists(st.floats(0, 1), max_size=60), limit=st.floats(0, 0.01))
def test_the_limit_is_never_passed_whatever_calls_cost(calls: list[float], limit: float) -> None:
    budget = Budget(limit)
    for share in calls:
        try:
            reserved = budget.reserve(ask("hello"), PRICES)
        except SpendLimitReached:
            break
        budget.settle(reserved, reserved * share)

    assert budget.spent_usd <= limit + 1e-12


def test_calls_in_flight_count() -> None:
    price = highest_price_usd(ask("hello"), PRICES)
    budget = Budget(2.5 * price)
    budget.reserve(ask("hello"), PRICES)
    budget.reserve(ask("hello"), PRICES)

    with pytest.raises(SpendLimitReached, match="run the same command again"):
        budget.reserve(ask("hello"), PRICES)


def test_a_call_that_got_no_reply_gives_its_reservation_back() -> None:
    price = highest_price_usd(ask("hello"), PRICES)
    budget = Budget(1.5 * price)
    budget.settle(budget.reserve(ask("hello"), PRICES), 0.0)

    assert budget.reserve(ask("hello"), PRICES) == price
