from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from prefline.config import Endpoint, EngineParams, Prices
from prefline.errors import InputError, ParamsError, PreflineError
from prefline.llm import Engine, ReplyStore
from prefline.llm.parsing import Accepted, Retry, classify
from prefline.llm.refusals import plain_request
from prefline.llm.request import REWARD_REQUESTS, ClassifyRequest, PoolingRequest
from prefline.llm.wire import Wire
from prefline.simulator import SimulatedServer, planted_text, quality_of
from prefline.simulator.rewards import REWARDER
from tasks.judge.comparisons import Comparison
from tasks.judge.context import JudgeContext
from tasks.judge.jobs import JudgeJob
from tasks.judge.methods.served_reward import ServedReward, ServedRewardJudge, reward_of
from tasks.judge.results import Judgment
from tests.simulated import threaded_server
from tests.tasks.judge.material import prompt, response

TEMPLATE = "{% for m in messages %}<{{ m.role }}>{{ m.content }}\n{% endfor %}"
TURNS: Any = ({"role": "user", "content": "q"}, {"role": "assistant", "content": "a"})


@pytest.fixture(scope="module")
def server() -> Iterator[SimulatedServer]:
    with threaded_server() as running:
        yield running


def pairs() -> list[Comparison]:
    qualities = np.random.default_rng(3).normal(size=8)
    found = []
    for number in range(2):
        of = prompt(f"question {number}")
        texts = [planted_text(one, 80, of.text, seed)
                 for seed, one in enumerate(qualities[4 * number : 4 * number + 4])]  # fmt: skip
        sides = [response(text, f"{number}.{place}") for place, text in enumerate(texts)]
        found += [Comparison(of, *two) for two in combinations(sides, 2)]
    return found


def judge_at(url: str, api: str, **keys: Any) -> ServedRewardJudge:
    endpoint = Endpoint(base_url=url, model=REWARDER, prices=Prices(input=2.0))
    section = {"name": "rm", "method": "served_reward", "api": api, "endpoint": endpoint}
    return ServedRewardJudge.model_validate(section | keys)


@pytest.mark.parametrize("api", REWARD_REQUESTS)
def test_each_api_gives_the_better_answer_the_higher_reward_and_is_paid_for_once(
    api: str, server: SimulatedServer, tmp_path: Path
) -> None:
    judge = judge_at(server.base_url, api)
    context, plan = JudgeContext(material=TEMPLATE if api == "sglang" else None), pairs()
    results = []
    for _ in range(2):
        with (
            ReplyStore(tmp_path / "replies.db") as store,
            Engine([judge.endpoint], EngineParams(), store) as engine,
        ):
            job = JudgeJob(judge, context, plan)
            results.append([one for result in engine.converse(job.tasks()) for one in result])
            assert (engine.stats.done, job.calls) == (8, 8)
            cached = engine.stats.cached
            cost = engine.stats.cost_usd

    assert (cached, cost) == (8, 0)
    assert len(results[0]) == len(plan)
    for one, again in zip(*results, strict=True):
        assert isinstance(one, Judgment)
        assert isinstance(again, Judgment)
        assert one.verdict == again.verdict
        first, second = (quality_of(side.text) or 0.0
                         for side in (one.comparison.first, one.comparison.second))  # fmt: skip
        assert one.verdict.side == ("first" if first > second else "second")
        assert one.verdict.p_first == pytest.approx(1 / (1 + np.exp(second - first)))
    words = {reply.request.key: reply for one in results[0] if isinstance(one, Judgment)
             for reply in one.replies}  # fmt: skip
    assert len(words) == 8
    assert all(reply.usage.input_tokens > 0 for reply in words.values())
    assert all(
        reply.cost_usd == pytest.approx(2e-6 * reply.usage.input_tokens) for reply in words.values()
    )


@pytest.mark.parametrize("api", ["pooling", "classify"])
def test_a_template_is_sent_as_text_where_one_is_named(
    api: str, server: SimulatedServer, tmp_path: Path
) -> None:
    judge = judge_at(server.base_url, api)
    with (
        ReplyStore(tmp_path / "replies.db") as store,
        Engine([judge.endpoint], EngineParams(), store) as engine,
    ):
        job = JudgeJob(judge, JudgeContext(material=TEMPLATE), pairs())
        judged = [one for result in engine.converse(job.tasks()) for one in result]

    assert all(isinstance(one, Judgment) for one in judged)
    sent = {reply.request.body["input"] for one in judged if isinstance(one, Judgment)
            for reply in one.replies}  # fmt: skip
    assert len(sent) == 8
    assert all(text.startswith("<user>question ") and "<assistant>" in text for text in sent)


def test_the_path_is_beside_v1_and_the_apis_have_keys_of_their_own() -> None:
    wire = Wire(Endpoint(base_url="http://host:8000/v1", model="m"))
    requests = [kind("m", TURNS) for kind in REWARD_REQUESTS.values()]

    assert [wire.url("http://host:8000/v1", one) for one in requests] == [
        "http://host:8000/pooling", "http://host:8000/classify", "http://host:8000/classify",
        "http://host:8000/v1/rewards",
    ]  # fmt: skip
    assert len({one.key for one in requests}) == len(requests)
    assert PoolingRequest("m", TURNS).key == PoolingRequest("m", TURNS, tag="x").key
    assert plain_request(requests[0]).path == "/pooling"
    assert ["use_activation" in one.body for one in requests] == [True, True, False, False]
    assert plain_request(PoolingRequest("m", TURNS, "text")).body == {
        "model": "m", "input": "OK", "use_activation": False,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("api", "content", "values"),
    [
        # As vLLM answers a token-wise model, and a model of one label.
        ("pooling", {"data": [{"index": 0, "object": "pooling", "data": [[0.1], [2.5]]}]}, (2.5,)),
        ("pooling", {"data": [{"data": [0.5]}]}, (0.5,)),
        ("classify", {"data": [{"label": "Default", "probs": [0.57, 0.43], "num_classes": 2}]},
         (0.57, 0.43)),
        ("sglang", {"embedding": [-1.25], "meta_info": {"prompt_tokens": 3}}, (-1.25,)),
        ("rewards", {"data": [{"reward": 3}]}, (3.0,)),
        ("rewards", {"data": [{"score": 3}]}, (3.0,)),
    ],
)  # fmt: skip
def test_answers_are_read_as_servers_give_them(api: str, content: Any, values: Any) -> None:
    kind = REWARD_REQUESTS[api]
    answer = classify(Endpoint(model="m"), 200, {}, orjson.dumps(content), kind)

    assert isinstance(answer, Accepted)
    assert kind.values(answer.content) == values


@pytest.mark.parametrize(
    "content",
    [{}, {"data": []}, {"data": [{"probs": []}]}, {"data": [{"probs": [None]}]},
     {"data": [{"probs": "0.5"}]}, {"choices": [{"message": {"content": "1"}}]}],
)  # fmt: skip
def test_what_is_no_reward_is_asked_for_again(content: Any) -> None:
    body = orjson.dumps(content)

    assert isinstance(classify(Endpoint(model="m"), 200, {}, body, ClassifyRequest), Retry)


@pytest.mark.parametrize(
    ("keys", "values", "reward"),
    [
        ({}, (1.5,), 1.5),
        ({"output": 1}, (0.2, -3.0), -3.0),
        ({"values": "probabilities"}, (0.5,), 0.0),
        ({"values": "probabilities", "output": 0}, (0.0, 1.0), -13.8155),
    ],
)
def test_the_reward_is_the_number_that_params_name(
    keys: dict[str, Any], values: tuple[float, ...], reward: float
) -> None:
    assert reward_of(judge_at("http://h/v1", "classify", **keys), values) == pytest.approx(
        reward, abs=1e-4
    )


@pytest.mark.parametrize(
    ("keys", "values", "said"),
    [
        ({}, (0.2, 0.8), "gives 2 numbers, and `output` is None"),
        ({"output": 2}, (0.2, 0.8), "gives 2 numbers, and `output` is 2"),
        ({"values": "probabilities"}, (1.5,), "1.5, which is no probability"),
    ],
)
def test_numbers_that_params_do_not_explain_stop_the_run(
    keys: dict[str, Any], values: tuple[float, ...], said: str
) -> None:
    with pytest.raises(ParamsError, match=said):
        reward_of(judge_at("http://h/v1", "classify", **keys), values)


@pytest.mark.parametrize(
    ("keys", "template", "kind"),
    [
        ({"api": "sglang"}, None, ParamsError),
        ({"chat_template": "data/judges/none.jinja"}, None, InputError),
        ({"chat_template": "data/judges/bad.jinja"}, "{% for m in %}", InputError),
        ({"chat_template": "data/judges/bad.jinja"}, "{{ raise_exception('no') }}", InputError),
    ],
)
def test_a_template_that_is_missing_or_wrong_is_an_error_before_the_first_call(
    keys: dict[str, Any], template: str | None, kind: type[PreflineError], tmp_path: Path
) -> None:
    if template is not None:
        (tmp_path / "data" / "judges").mkdir(parents=True)
        (tmp_path / "data" / "judges" / "bad.jinja").write_text(template)
    judge = judge_at("http://h/v1", **{"api": "pooling", **keys})

    with pytest.raises(kind):
        ServedReward().read(judge, tmp_path, [])
