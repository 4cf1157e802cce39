from __future__ import annotations

from prefline.llm.limits.breaker import Breaker


def broken(tries: int = 3) -> Breaker:
    breaker = Breaker(tries, longest_s=4.0)
    for _ in range(10):
        breaker.failed("http_500", 0.0, probe=breaker.began())
    return breaker


def test_ten_failures_in_a_row_open_it_and_a_success_among_them_does_not() -> None:
    breaker = Breaker(3, 4.0)
    for number in range(30):
        breaker.failed("http_500", 0.0, probe=False)
        if number % 9 == 8:
            breaker.succeeded()

    assert not breaker.is_open
    assert broken().is_open


def test_an_open_one_lets_one_call_through_after_a_pause() -> None:
    breaker = broken()

    assert not breaker.allows(0.4)
    assert breaker.allows(0.5)
    assert breaker.began()
    assert not breaker.allows(0.6)


def test_a_success_closes_it() -> None:
    breaker = broken()
    breaker.began()
    breaker.succeeded()
    breaker.probed()

    assert breaker.allows(0.0)


def test_pauses_double_up_to_the_longest_and_then_it_is_spent() -> None:
    breaker, now, pauses = broken(tries=5), 0.0, []
    while not breaker.spent:
        pauses.append(breaker.retry_at - now)
        now = breaker.retry_at
        breaker.failed("refused", now, probe=breaker.began())
        breaker.probed()

    assert pauses == [0.5, 1.0, 2.0, 4.0, 4.0]
    assert breaker.last_detail == "refused"


def test_calls_that_were_under_way_when_it_opened_do_not_spend_it() -> None:
    breaker = broken(tries=2)
    for _ in range(100):
        breaker.failed("timeout", 1.0, probe=False)

    assert not breaker.spent
