"""How replies ended, in every provider's words: half a text is never judged, nor is reasoning."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from prefline.config import EngineParams, JudgeParams, Prices
from prefline.llm import Engine, Outcome, ReplyStore, Request
from prefline.llm.parsing import parse_reply
from prefline.tables.endings import UNFINISHED
from tasks.generate import response_table, sample_conversations
from tasks.generate.candidates import ResponseCounts
from tasks.generate.imports import parse_row
from tasks.judge.pairs import select_pairs
from tests.loopback import Answered, Asked, loopback_server, refusal
from tests.tasks.generate.scripted import PROMPTS, drive, params

ONE = PROMPTS[:1]
JUDGE = JudgeParams.model_validate({"judges": [{"name": "v", "method": "verifier"}]})
CUT_OFF = [
    "length", "MAX_TOKENS", "max_tokens", "model_length", "max_output_tokens", "SAFETY",
    "content_filter", "RECITATION", "content_filtered", "refusal", "incomplete", "tool_calls",
    "model_context_window_exceeded", "PROHIBITED_CONTENT", "Length", "guardrail_intervened",
]  # fmt: skip
WHOLE = ["stop", "STOP", "end_turn", "eos", "stop_sequence", "COMPLETE", None]


def completion(message: dict[str, Any], finish_reason: object, tokens: int = 5) -> bytes:
    usage = {"prompt_tokens": 5, "completion_tokens": tokens}
    choice = {"index": 0, "message": {"role": "assistant"} | message}
    return orjson.dumps({"choices": [choice | {"finish_reason": finish_reason}], "usage": usage})


def generated(body: bytes) -> list[dict[str, Any]]:
    """The rows of two samples of one prompt that a provider answers so; the texts differ."""

    def answer(request: Request) -> Outcome:
        content = orjson.loads(body.replace(b"NUMBER", str(request.sample_index).encode()))
        return parse_reply(request, Prices(), content, cached=False)

    ended, _ = drive(params(endpoints=[{"base_url": "http://host/v1", "model": "m"}]), answer, ONE)
    rows: list[dict[str, Any]] = response_table(ended)[0].to_pylist()
    return rows


@pytest.mark.parametrize("word", CUT_OFF)
def test_half_texts_are_never_judged_whatever_word_the_provider_uses(word: str) -> None:
    rows = generated(completion({"content": "Half a sentence NUMBER, and"}, word))
    selection = select_pairs(ONE, rows, JUDGE)

    assert len(rows) == 2
    assert selection.comparisons == []
    assert {row["finish_reason"] for row in rows} <= set(UNFINISHED)
    assert [rejection.kind for rejection in selection.rejections] == ["pair"]


@pytest.mark.parametrize("word", WHOLE)
def test_whole_texts_are_judged_whatever_word_the_provider_uses(word: str | None) -> None:
    rows = generated(completion({"content": "A whole sentence NUMBER."}, word))

    assert len(select_pairs(ONE, rows, JUDGE).comparisons) == 1


@pytest.mark.parametrize("word", CUT_OFF)
def test_half_texts_made_elsewhere_are_not_judged_either(word: str) -> None:
    rows = [
        parse_row(
            {"prompt": "prompt 0", "model": "m", "text": f"Half {n}, and", "finish_reason": word},
            "here",
        )
        | {"response_id": f"{n}", "origin": "imported"}
        for n in range(2)
    ]

    assert select_pairs(ONE, rows, JUDGE).comparisons == []


def test_a_word_that_nobody_knows_is_counted_and_warned_of() -> None:
    rows = generated(completion({"content": "Text NUMBER."}, "gone_fishing"))
    counts = ResponseCounts()
    counts.finish_reason.update(row["finish_reason"] for row in rows)

    assert counts.metrics()["finish_reason"] == {"gone_fishing": 2}
    (warning,) = counts.warnings()
    assert "2 responses ended by 'gone_fishing'" in warning


THINKING = [
    pytest.param({"content": "<think>Hm, NUMBER.</think>\n\nFour NUMBER."}, id="tags"),
    pytest.param({"content": "Four NUMBER.", "reasoning_content": "Hm, NUMBER."}, id="vLLM"),
    pytest.param({"content": "Four NUMBER.", "reasoning": "Hm, NUMBER."}, id="OpenRouter"),
    pytest.param(
        {"content": [{"type": "thinking", "thinking": "Hm, NUMBER."},
                     {"type": "text", "text": "Four NUMBER."}]},
        id="blocks",
    ),
]  # fmt: skip


@pytest.mark.parametrize("message", THINKING)
def test_reasoning_has_a_column_of_its_own_and_the_text_is_the_answer_alone(
    message: dict[str, Any],
) -> None:
    rows = generated(completion(message, "stop"))

    assert {row["text"] for row in rows} == {"Four 0.", "Four 1."}
    assert {row["reasoning"] for row in rows} == {"Hm, 0.", "Hm, 1."}


def test_a_reply_that_is_all_reasoning_is_a_rejection_with_the_remedy_and_paid_once(
    tmp_path: Path,
) -> None:
    asked = list[Asked]()
    messages = [
        {"content": None, "reasoning_content": "Well"},
        {"content": "<think>Well, let me"},
        {"content": "", "reasoning": "Well"},
    ]

    def provider(call: Asked) -> Answered:
        if not call.body:
            return refusal(404, "only chat completions here")
        asked.append(call)
        return Answered(200, completion(messages[len(asked) % 3], "length", 20))

    with loopback_server(provider) as url:
        endpoint = {"base_url": url, "model": "m", "prices": {"output": 1e6}}
        given = params(endpoints=[endpoint], samples_per_prompt=3)
        for _ in range(2):
            with (
                ReplyStore(tmp_path / "replies.db") as store,
                Engine(given.endpoints, EngineParams(), store) as engine,
            ):
                table, rejections = response_table(
                    engine.converse(sample_conversations(ONE, given))
                )

    assert (table.num_rows, len(asked), len(rejections)) == (0, 3, 3)
    assert {rejection.reason for rejection in rejections} == {"reasoning_only"}
    for rejection in rejections:
        assert "raise generate.max_tokens" in (rejection.detail or "")
        assert rejection.cost_usd == 20
        assert rejection.request_key


def test_imported_texts_are_freed_of_their_reasoning() -> None:
    row = parse_row(
        {
            "prompt": "prompt 0",
            "model": "m",
            "text": "<think>Hm.</think>\nFour.",
            "reasoning": "So",
        },
        "here",
    )

    assert (row["text"], row["reasoning"]) == ("Four.", "So\n\nHm.")
