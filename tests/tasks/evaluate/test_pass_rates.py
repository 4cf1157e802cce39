from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefline.errors import InputError, TableError
from prefline.tables.prompts import Prompt
from tasks.evaluate.policy import Outcomes, outcomes, passes
from tests.tasks.evaluate.material import known, prompt

FOUR = '{"kind": "numeric", "value": 4}'


def said(to: Prompt, *texts: str) -> list[dict[str, Any]]:
    return [{"prompt_id": to.prompt_id, "text": text} for text in texts]


def shares(*values: float) -> Outcomes:
    return Outcomes({f"{n}": value for n, value in enumerate(values)}, len(values), (), ())


def test_a_prompt_has_the_share_of_its_samples_that_pass() -> None:
    sums, free, silent = prompt("2 + 2?", FOUR), prompt("Sing."), prompt("1 + 3?", FOUR)
    found = outcomes(
        [sums, free, silent], said(sums, "4", "It is 4.", "5", "4!") + said(free, "La")
    )

    assert found.by_prompt == {sums.prompt_id: 0.75}
    assert found.n_samples == 4
    assert found.unverifiable == (free.prompt_id,)
    assert found.unanswered == (silent.prompt_id,)


def test_a_response_to_a_prompt_that_is_not_held_out_is_refused() -> None:
    with pytest.raises(TableError, match="not held out"):
        outcomes([prompt("2 + 2?", FOUR)], said(prompt("other"), "4"))


def test_a_check_that_is_none_is_refused() -> None:
    wrong = prompt("2 + 2?", '{"kind": "guess"}')
    with pytest.raises(InputError, match="is no verifier"):
        outcomes([wrong], said(wrong, "4"))


def test_every_prompt_counts_the_same_however_often_it_was_sampled() -> None:
    one, two = prompt("2 + 2?", FOUR), prompt("1 + 3?", FOUR)
    found = outcomes([one, two], said(one, "4", "4", "4") + said(two, "5"))
    rates = passes([one, two], set(), found, {}).overall

    assert rates.pass_rate.value == pytest.approx(0.5)
    assert rates.pass_rate.n == 2


def grouped() -> tuple[list[Prompt], Outcomes, Outcomes]:
    """Forty prompts: of a template that is trained on, of one that is not, and of none."""
    templates = ["old", "new", "new", None]
    prompts = [
        prompt(f"{n}", FOUR, template=templates[n % 4], category="ab"[n % 2]) for n in range(40)
    ]
    ids = [one.prompt_id for one in prompts]
    policy = Outcomes({one: float(n % 4 != 3) for n, one in enumerate(ids)}, 40, (), ())
    base = Outcomes(dict.fromkeys(ids, 0.25), 40, (), ())
    return prompts, policy, base


def test_seen_and_unseen_templates_are_told_apart() -> None:
    prompts, policy, base = grouped()
    found = passes(prompts, {"old", "never held out"}, policy, {"base": base})

    assert (found.seen.pass_rate.value, found.seen.pass_rate.n) == (1, 10)
    assert (found.unseen.pass_rate.value, found.unseen.pass_rate.n) == (1, 20)
    assert found.overall.pass_rate.n == 40  # those without a template are in neither
    assert found.overall.pass_rate.value == pytest.approx(0.75)
    assert found.unseen.over["base"].value == pytest.approx(0.75)
    assert set(found.by_template) == {"new", "old"}
    assert {name: one.pass_rate.value for name, one in found.by_category.items()} == {
        "a": 1, "b": 0.5,
    }  # fmt: skip


def test_a_difference_is_of_the_prompts_that_both_have_answered() -> None:
    prompts, policy, _ = grouped()
    first = prompts[0].prompt_id
    found = passes(prompts, set(), policy, {"previous": Outcomes({first: 0.5}, 1, (), ())})

    assert found.overall.over["previous"].value == pytest.approx(0.5)
    assert found.overall.over["previous"].n == 1
    assert found.overall.pass_rate.n == 40


def test_a_gain_on_many_hard_prompts_is_seen_through_their_spread() -> None:
    # Prompts differ far more than the two policies do; paired, the gain is beyond doubt.
    prompts = [prompt(f"{n}", FOUR) for n in range(200)]
    before = {one.prompt_id: 0.75 * (n % 2) for n, one in enumerate(prompts)}
    after = {
        one.prompt_id: before[one.prompt_id] + 0.25 * (n % 8 == 0) for n, one in enumerate(prompts)
    }
    found = passes(
        prompts, set(), Outcomes(after, 200, (), ()), {"base": Outcomes(before, 200, (), ())}
    )
    gain, rate = found.overall.over["base"], found.overall.pass_rate

    assert gain.value == pytest.approx(0.25 / 8)
    assert known(gain)[0] > 0
    assert known(rate)[2] - known(rate)[0] > 0.09


def test_the_figures_and_outcomes_are_ready_for_json() -> None:
    prompts, policy, base = grouped()
    found = passes(prompts, {"old"}, policy, {"base": base}).as_dict()
    written = orjson.loads(orjson.dumps(found))

    assert written["overall"]["over"]["base"]["value"] == pytest.approx(0.5)
    assert len(written["outcomes"]["by_prompt"]) == 40


def test_where_nothing_was_answered_there_is_no_rate() -> None:
    found = passes([prompt("2 + 2?", FOUR)], set(), Outcomes({}, 0, (), ()), {"base": shares()})

    assert found.overall.pass_rate.value is found.overall.over["base"].value is None
    assert found.by_category == {}


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("xyz"), st.integers(0, 4), st.integers(0, 4)), max_size=20)
)
def test_groups_share_out_the_prompts_and_turning_two_policies_turns_the_gain(
    rows: list[tuple[str, int, int]],
) -> None:
    prompts = [prompt(f"{n}", FOUR, category=c, template=c) for n, (c, _, _) in enumerate(rows)]
    ids = [one.prompt_id for one in prompts]
    ours = Outcomes({i: a / 4 for i, (_, a, _) in zip(ids, rows, strict=True)}, 1, (), ())
    theirs = Outcomes({i: b / 4 for i, (_, _, b) in zip(ids, rows, strict=True)}, 1, (), ())
    found = passes(prompts, {"x"}, ours, {"base": theirs})
    turned = passes(prompts, {"x"}, theirs, {"base": ours})

    assert found.seen.pass_rate.n + found.unseen.pass_rate.n == len(rows)
    assert sum(one.pass_rate.n for one in found.by_category.values()) == len(rows)
    gain, loss = found.overall.over["base"], turned.overall.over["base"]
    if gain.value is None or loss.value is None:
        assert not rows
        return
    assert gain.value == pytest.approx(-loss.value)
    if gain.low is not None and gain.high is not None and loss.high is not None:
        assert gain.low <= gain.value + 1e-12
        assert gain.value <= gain.high + 1e-12
        assert gain.low == pytest.approx(-loss.high)
