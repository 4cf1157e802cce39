from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefline.config.learning import ImproveParams
from prefline.errors import InputError
from prefline.stats.bootstrap import Figure
from tasks.improve import decide
from tests.tasks.improve.rounds import at_rates, passes, round_with

PARAMS = ImproveParams(max_rounds=20)
RATES = st.lists(st.floats(0.05, 0.8), min_size=1, max_size=6)
FEW = settings(max_examples=6, deadline=None)  # each bootstraps several rounds


def test_it_goes_on_while_rounds_gain() -> None:
    decision = decide(at_rates([0.2, 0.35, 0.5]), PARAMS)

    assert (decision.go_on, decision.reason, decision.best) == (True, None, 2)


def test_it_stops_where_patience_rounds_gain_nothing() -> None:
    rounds = at_rates([0.2, 0.5, 0.5, 0.5])

    assert decide(rounds[:3], PARAMS).go_on
    stopped = decide(rounds, PARAMS)
    assert (stopped.go_on, stopped.reason, stopped.best) == (False, "plateau", 1)
    assert "rounds 2 to 3 together against it" in stopped.sentences[0]


def test_what_is_too_small_to_be_seen_in_one_round_is_seen_in_several() -> None:
    rounds = at_rates([0.5, 0.54, 0.58, 0.62])

    assert decide(rounds[:2], PARAMS).best == 0
    assert decide(rounds, PARAMS).best > 0


def test_a_gain_beyond_noise_that_is_not_worth_a_round_is_none() -> None:
    before, after = passes(0.5, 2_000), passes(0.5, 2_000)
    lifted = dict.fromkeys([one for one in after if after[one] < 1][:30], 0.25)
    rounds = [
        round_with(0, before),
        round_with(1, {k: v + lifted.get(k, 0) for k, v in after.items()}),
    ]

    assert decide(rounds, PARAMS).best == 0
    assert decide(rounds, PARAMS.model_copy(update={"min_gain": 0.0})).best == 1


def test_one_bad_round_is_waited_out_and_two_are_worse() -> None:
    rounds = at_rates([0.2, 0.3, 0.6, 0.5, 0.5])

    assert decide(rounds[:4], PARAMS).go_on
    assert decide(rounds, PARAMS).reason == "worse"
    assert decide(rounds, PARAMS).best == 2


def test_a_round_that_loses_more_than_the_best_had_gained_ends_it_at_once() -> None:
    assert decide(at_rates([0.2, 0.5, 0.6, 0.3]), PARAMS).reason == "worse"


@pytest.mark.parametrize("last", [0.45, 0.6], ids=["gold falls", "gold stays"])
def test_a_reward_that_rises_without_gold_is_over_optimised(last: float) -> None:
    rounds = at_rates([0.3, 0.6, last, last])
    rising = [replace(one, proxy=_reward(one.number)) for one in rounds]

    assert decide(rising, PARAMS).reason == "over_optimisation"
    assert decide(rounds, PARAMS).reason in ("worse", "plateau")


def test_a_reward_that_rises_no_further_than_gold_can_show_is_a_plateau() -> None:
    rounds = at_rates([0.3, 0.6, 0.6, 0.6])
    heights = [0.0, 1.0, 1.005, 1.005]
    rising = [
        replace(one, proxy=dict.fromkeys(one.gold, height))
        for one, height in zip(rounds, heights, strict=True)
    ]

    assert decide(rising, PARAMS).reason == "plateau"


def test_without_gold_the_held_out_judge_decides() -> None:
    won, even = passes(0.7, seed=1), passes(0.5, seed=2)
    rounds = [
        round_with(0),
        round_with(1, wins=won),
        round_with(2, wins=even),
        round_with(3, wins=even),
    ]

    assert decide(rounds[:2], PARAMS).best == 1
    assert decide(rounds, PARAMS).reason == "plateau"
    assert "wins above even" in decide(rounds, PARAMS).sentences[0]


@pytest.mark.parametrize(
    ("last", "params", "reason"),
    [
        ({"mean_length": 151.0}, {}, "length_drift"),
        ({"mean_length": 66.0}, {}, "length_drift"),
        ({"distinct": 0.39}, {}, "diversity_loss"),
        ({"judge": Figure(0.5, 0.46, 0.54, 900)}, {}, "judge_not_stronger"),
        ({"cost_usd": 3.0}, {"max_usd": 5.0}, "money"),
        ({}, {"max_rounds": 1}, "max_rounds"),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_each_limit_ends_it_with_its_own_word(
    last: dict[str, object], params: dict[str, object], reason: str
) -> None:
    rounds = [round_with(0, passes(0.2)), round_with(1, passes(0.5, seed=1), **last)]

    decision = decide(rounds, PARAMS.model_copy(update=params))

    assert (decision.go_on, decision.reason) == (False, reason)


def test_a_round_beyond_the_limits_is_never_the_best() -> None:
    rounds = [round_with(0, passes(0.2)), round_with(1, passes(0.9, seed=1), mean_length=500.0)]

    assert decide(rounds, PARAMS).best == 0


def test_an_unclear_judge_is_a_warning_only() -> None:
    unsure = round_with(1, passes(0.5, seed=1), judge=Figure(0.56, 0.39, 0.7, 36))
    decision = decide([round_with(0, passes(0.2)), unsure], PARAMS)

    assert decision.go_on
    assert "not surely stronger" in decision.sentences[1]


def test_there_must_be_a_round() -> None:
    with pytest.raises(InputError):
        decide([], PARAMS)


@FEW
@given(RATES)
def test_deciding_twice_or_with_prompts_in_another_order_is_the_same(rates: list[float]) -> None:
    rounds = at_rates(rates)
    turned = [replace(one, gold=dict(reversed(one.gold.items()))) for one in rounds]

    assert decide(rounds, PARAMS) == decide(rounds, PARAMS) == decide(turned, PARAMS)


@FEW
@given(RATES, st.floats(0, 1))
def test_a_later_round_never_makes_the_best_an_earlier_one(
    rates: list[float], following: float
) -> None:
    rounds = at_rates([*rates, following])

    assert decide(rounds, PARAMS).best >= decide(rounds[:-1], PARAMS).best


def test_a_round_that_went_wrong_does_not_count_against_the_next() -> None:
    rounds = at_rates([0.2, 0.3, 0.6, 0.35, 0.75])

    assert decide(rounds, PARAMS).best == 4


@FEW
@given(RATES)
def test_a_round_better_on_every_prompt_than_the_best_follows_it(rates: list[float]) -> None:
    best = decide(at_rates(rates), PARAMS).best
    rounds = at_rates(rates)[: best + 1]
    clear = round_with(len(rounds), dict.fromkeys(rounds[0].gold, 1.0))

    assert decide([*rounds, clear], PARAMS).best == clear.number


def _reward(height: float) -> dict[str, float]:
    return {one: value + height for one, value in passes(0.5).items()}
