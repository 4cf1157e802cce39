"""The models by themselves, without a server."""

import math
import statistics
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefline.simulator import (
    Generator,
    Judge,
    JudgeWeights,
    candidate_of,
    p_first,
    planted_text,
    quality_of,
    same_model_pairs,
)
from prefline.simulator.generator import GeneratorModel
from prefline.simulator.judge import JudgeModel
from prefline.simulator.truth import Candidate
from prefline.simulator.wire import Answer, ChatRequest, parse_chat
from tests.prefline.simulator.client import comparison, prompt

MANY = 4_000
# Four standard errors of a share near one half, among MANY.
TOLERANCE = 4 * 0.5 / math.sqrt(MANY)


def chat(body: dict[str, Any], seed: int = 0) -> ChatRequest:
    parsed = parse_chat(body, seed)
    assert isinstance(parsed, ChatRequest)
    return parsed


def texts(spec: Generator, count: int, name: str = "m") -> list[str]:
    model = GeneratorModel(spec)
    return [model.answer(chat(prompt(f"Question {i}", name)), 0).text for i in range(count)]


def planted(text: str) -> Candidate:
    candidate = candidate_of(text)
    assert candidate is not None
    return candidate


def log_odds(answer: Answer) -> float:
    assert answer.logprobs is not None
    top = answer.logprobs[0].top
    return top["A"] - top["B"]


class TestGenerator:
    def test_qualities_are_normal_around_the_models_own(self) -> None:
        found = [planted(text).quality for text in texts(Generator(quality=0.5), 2_000)]
        assert statistics.fmean(found) == pytest.approx(0.5, abs=0.1)
        assert statistics.stdev(found) == pytest.approx(1.0, abs=0.07)

    def test_lengths_follow_quality_as_far_as_planted(self) -> None:
        spec = Generator(characters=600, spread=0.4, length_follows_quality=0.5)
        found = [planted(text) for text in texts(spec, 2_000)]
        logs = [math.log(candidate.length) for candidate in found]
        assert math.exp(statistics.median(logs)) == pytest.approx(600, rel=0.05)
        assert statistics.stdev(logs) == pytest.approx(0.4, abs=0.03)
        quality = [candidate.quality for candidate in found]
        assert statistics.correlation(quality, logs) == pytest.approx(0.5, abs=0.08)

    @given(st.text(max_size=200), st.integers(0, 5), st.one_of(st.none(), st.integers()))
    def test_the_same_request_gives_the_same_text(
        self, text: str, at: int, seed: int | None
    ) -> None:
        request = chat(prompt(text, seed=seed and seed % 2**31))
        model = GeneratorModel(Generator())
        assert model.answer(request, at) == GeneratorModel(Generator()).answer(request, at)

    def test_samples_seeds_prompts_models_and_servers_differ(self) -> None:
        model = GeneratorModel(Generator())
        requests = [
            (chat(prompt("x")), 0),
            (chat(prompt("x")), 1),
            (chat(prompt("x", seed=1)), 0),
            (chat(prompt("y")), 0),
            (chat(prompt("x", "other")), 0),
            (chat(prompt("x"), seed=1), 0),
        ]
        answers = {model.answer(request, sample).text for request, sample in requests}
        assert len(answers) == len(requests)

    @given(st.integers(1, 40))
    def test_max_tokens_cuts_the_text_and_its_tag_knows(self, most: int) -> None:
        answer = GeneratorModel(Generator(spread=0)).answer(chat(prompt("x", max_tokens=most)), 0)
        whole = GeneratorModel(Generator(spread=0)).answer(chat(prompt("x")), 0)
        assert answer.finish_reason == "length"
        assert len(answer.text.split()) == most
        assert planted(answer.text) == Candidate(planted(whole.text).quality, len(answer.text))


class TestJudge:
    @pytest.mark.parametrize(
        ("accuracy", "position", "length"),
        [(0.6, 1.0, 0.7), (0.7, 0.0, 0.0), (0.7, -1.0, -0.7), (0.8, 1.0, 0.7)],
    )
    def test_measured_accuracy_is_the_planted_one(
        self, accuracy: float, position: float, length: float
    ) -> None:
        spec = Generator(characters=60, spread=0.4)
        judge = JudgeModel(
            Judge(
                accuracy=accuracy,
                position_bias=position,
                length_bias=length,
                pairs=same_model_pairs(spec),
            )
        )
        first, second = texts(spec, MANY // 2, "one"), texts(spec, MANY // 2, "two")
        right = 0
        for a, b in zip(first, second, strict=True):
            better = planted(a).quality > planted(b).quality
            right += (judge.answer(chat(comparison(a, b)), 0).text == "A") == better
            right += (judge.answer(chat(comparison(b, a)), 0).text == "B") == better
        assert right / MANY == pytest.approx(accuracy, abs=TOLERANCE)

    @pytest.mark.parametrize("bias", [-1.0, 0.0, 1.0])
    def test_position_bias_shows_on_equal_texts(self, bias: float) -> None:
        judge = JudgeModel(Judge(sharpness=2.0, position_bias=bias))
        text = planted_text(0.3)
        share = first_share(judge, text, text)
        assert share == pytest.approx(1 / (1 + math.exp(-bias)), abs=TOLERANCE)

    def test_verdicts_follow_the_formula_with_every_bias_at_once(self) -> None:
        weights = JudgeWeights(1.2, -0.4, 0.7)
        judge = JudgeModel(Judge(sharpness=1.2, position_bias=-0.4, length_bias=0.7))
        long, short = planted_text(-0.2, 900), planted_text(0.5, 300)
        expected = p_first(planted(long), planted(short), weights)
        assert first_share(judge, long, short) == pytest.approx(expected, abs=TOLERANCE)

    @given(st.integers(0, 10_000), st.floats(-2, 2), st.floats(-1, 1))
    def test_log_probabilities_agree_with_the_verdict(
        self, seed: int, quality: float, bias: float
    ) -> None:
        body = comparison(planted_text(quality), planted_text(0), seed=seed)
        body |= {"logprobs": True, "top_logprobs": 20}
        answer = JudgeModel(Judge(sharpness=1.0, position_bias=bias)).answer(chat(body), 0)
        assert (log_odds(answer) > 0) == (answer.text == "A")
        assert answer.logprobs is not None
        token = answer.logprobs[0]
        assert token.logprob == max(token.top.values()) == next(iter(token.top.values()))
        assert sum(math.exp(value) for value in token.top.values()) == pytest.approx(1)

    def test_log_odds_are_the_formula_plus_standard_logistic_noise(self) -> None:
        judge = JudgeModel(Judge(sharpness=1.0, position_bias=0.5))
        ask = {"logprobs": True, "top_logprobs": 20}
        pair = planted_text(1.0), planted_text(0.2)
        found = [
            log_odds(judge.answer(chat(comparison(*pair, seed=seed, **ask)), 0))
            for seed in range(2_000)
        ]
        assert statistics.fmean(found) == pytest.approx(0.8 + 0.5, abs=0.17)
        assert statistics.stdev(found) == pytest.approx(math.pi / math.sqrt(3), abs=0.15)

    def test_asking_for_logprobs_or_another_temperature_does_not_change_the_verdict(self) -> None:
        judge = JudgeModel(Judge(sharpness=0.1))
        for seed in range(50):
            plain = comparison(planted_text(0), planted_text(0.1), seed=seed)
            more = plain | {"logprobs": True, "top_logprobs": 3, "temperature": 0.7}
            assert judge.answer(chat(plain), 0).text == judge.answer(chat(more), 0).text

    @pytest.mark.parametrize(
        ("offer", "word"),
        [
            ('Answer "A", "B", or "C" if they are equally good.', "C"),
            ("For a tie answer C.", "C"),
            ('Answer "A", "B" or "tie".', "tie"),
            ("Answer A or B.", None),
            ("Is it (A), (B) or (C)? Vitamin C. Tie a knot.", None),
        ],
    )
    def test_ties_come_at_their_rate_and_only_where_offered(
        self, offer: str, word: str | None
    ) -> None:
        judge = JudgeModel(Judge(tie_rate=0.3))
        pair = f"{planted_text(0)} {planted_text(1)} {offer}"
        answers = [judge.answer(chat(prompt(pair, seed=i)), 0).text for i in range(1_000)]
        ties = sum(answer not in {"A", "B"} for answer in answers)
        assert set(answers) - {"A", "B"} == ({word} if word else set())
        assert ties / 1_000 == pytest.approx(0.3 if word else 0.0, abs=0.06)

    def test_invalid_replies_come_at_their_rate_and_name_no_verdict(self) -> None:
        judge = JudgeModel(Judge(invalid_rate=0.2))
        body = comparison(planted_text(0), planted_text(1))
        answers = [judge.answer(chat(body | {"seed": i}), 0).text for i in range(1_000)]
        invalid = [answer for answer in answers if answer not in {"A", "B"}]
        assert len(invalid) / 1_000 == pytest.approx(0.2, abs=0.05)
        assert not any(word in {"A", "B", "C"} for text in invalid for word in text.split())

    def test_brackets_are_used_where_the_prompt_shows_them(self) -> None:
        judge = JudgeModel(Judge(sharpness=50))
        ask = f"{planted_text(1)} {planted_text(0)} Answer [[A]] or [[B]]."
        body = prompt(ask, logprobs=True, top_logprobs=2)
        answer = judge.answer(chat(body), 0)
        assert answer.text == "[[A]]"
        assert answer.logprobs is not None
        assert [token.text for token in answer.logprobs] == ["[[", "A", "]]"]
        assert answer.logprobs[1].top.keys() >= {"A"}

    def test_a_json_schema_is_filled_with_the_verdict_in_its_enum(self) -> None:
        properties = {
            "reason": {"type": "string"},
            "winner": {"type": "string", "enum": ["first", "second", "tie"]},
            "confidence": {"type": "number"},
        }
        schema = {"name": "verdict", "schema": {"type": "object", "properties": properties}}
        form = {"type": "json_schema", "json_schema": schema}
        body = comparison(planted_text(0), planted_text(1), response_format=form)
        reply = orjson.loads(JudgeModel(Judge(sharpness=50)).answer(chat(body), 0).text)
        assert reply["winner"] == "second"
        assert reply.keys() == properties.keys()

    def test_tags_in_the_conversation_before_are_not_the_candidates(self) -> None:
        history = f"Earlier the assistant said: {planted_text(9)}\n"
        pair = f"{planted_text(-1)}\nversus\n{planted_text(1)}\nA or B?"
        assert JudgeModel(Judge(sharpness=50)).answer(chat(prompt(history + pair)), 0).text == "B"

    def test_without_tags_position_bias_alone_decides(self) -> None:
        judge = JudgeModel(Judge(sharpness=3.0, position_bias=1.0))
        share = first_share(judge, "some text", "another text")
        assert share == pytest.approx(1 / (1 + math.exp(-1.0)), abs=TOLERANCE)


def first_share(judge: JudgeModel, first: str, second: str) -> float:
    body = comparison(first, second)
    verdicts = (judge.answer(chat(body | {"seed": seed}), 0).text for seed in range(MANY))
    return sum(verdict == "A" for verdict in verdicts) / MANY


def test_quality_survives_a_whole_round_through_the_generator() -> None:
    (text,) = texts(Generator(quality=2.0, spread=0.0), 1)
    assert quality_of(f"  {text}\n") == planted(text).quality
