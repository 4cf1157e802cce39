"""The content of a completion: its text, its reasoning apart, why it ended, and log-probabilities.

Providers answer in shapes of their own even where they call themselves OpenAI-compatible. What is
known of these is read here, once, so that nothing behind the engine asks which provider it was.
"""

from __future__ import annotations

import json
import logging
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal, NamedTuple, get_args

import orjson

from prefline.errors import InputError
from prefline.tables.messages import ToolCall
from prefline.tables.turns import read_turns
from prefline.text import without_surrogates

FinishReason = Literal[
    "stop",  # the model was done
    "length",  # cut off by max_tokens or by the context window
    "content_filter",  # withheld or cut off by the provider's filter
    "refusal",  # the model declined, and the provider says so
    "tool_calls",  # a call of a tool in place of an answer
    "reasoning_only",  # the reasoning used all tokens: there is no answer
    "error",  # the provider gave up half-way: such a reply is never kept
    "unknown",  # the provider does not say
]
FINISH_REASONS: tuple[FinishReason, ...] = get_args(FinishReason)

# The words of providers, in lower case: OpenAI (chat and responses), Anthropic, Gemini, Mistral,
# Cohere, Bedrock, watsonx, vLLM, SGLang, DeepSeek, Zhipu, Hugging Face.
_WORDS: dict[FinishReason, str] = {
    "stop": "stop eos eos_token eos_token_id end_turn end_of_turn stop_sequence stop_token "
    "complete completed finish finished done finish_reason_stop",
    "length": "length max_tokens max_length model_length max_output_tokens max_new_tokens "
    "max_completion_tokens max_time time_limit token_limit error_limit truncated incomplete "
    "model_context_window_exceeded context_length_exceeded finish_reason_max_tokens",
    "content_filter": "content_filter content_filtered safety image_safety recitation blocklist "
    "prohibited_content spii language error_toxic guardrail_intervened guardrails moderation "
    "sensitive flagged blocked finish_reason_safety finish_reason_recitation",
    "refusal": "refusal refused",
    "tool_calls": "tool_calls tool_call tool_use function_call malformed_function_call "
    "unexpected_tool_call",
    "error": "error error_internal server_error network_error abort aborted cancelled canceled "
    "timeout insufficient_system_resource not_finished",
}
_KNOWN = {word: reason for reason, words in _WORDS.items() for word in words.split()}
_LONGEST_WORD = 40
_MOST_INT = 2**63 - 1

# Without a parser for a model's reasoning, servers leave its tags in the text. Where the tag that
# opens it was part of the prompt's template, as DeepSeek-R1's is, only the other one is there.
_THOUGHT = re.compile(
    r"\s*<(think|thinking|thought|reasoning)>(.*?)(?:</\1>|\Z)\s*", re.DOTALL | re.IGNORECASE
)
_KEEP_ALIVE = re.compile(r"\A(?:[ \t]*:[^\n]*(?:\n|\Z)|\s+)+")

_USE = "tool_use"
_LONGEST_DETAIL = 120
_warned = set[str]()

log = logging.getLogger(__name__)


class Completion(NamedTuple):
    """The first choice of a completion. `reasoning` is what the model thought before its answer,
    as far as the provider shows it."""

    text: str
    reasoning: str | None
    finish_reason: str
    tool_calls: tuple[ToolCall, ...] = ()


def decode_body(body: bytes) -> tuple[bytes, Any]:
    """Return a body of which `orjson.loads` reads the same, and its content.

    Comments and blank lines by which a server keeps a connection alive are cut off. What JSON
    does not allow, though some servers send it, is replaced: half a surrogate pair by U+FFFD,
    `NaN` and `Infinity` by null. Raises `orjson.JSONDecodeError` for what is no JSON at all.
    """
    try:
        return body, orjson.loads(body)
    except orjson.JSONDecodeError:
        text = _KEEP_ALIVE.sub("", body.decode("utf-8-sig", "replace"))
        try:
            content = _cleaned(json.loads(text))
            return orjson.dumps(content), content
        except (ValueError, TypeError, RecursionError):
            pass  # the error of the body as it came says more
        raise


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return without_surrogates(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, int):
        return value if -_MOST_INT <= value <= _MOST_INT else float(value)
    if isinstance(value, list):
        return [_cleaned(item) for item in value]
    if isinstance(value, dict):
        return {_cleaned(name): _cleaned(item) for name, item in value.items()}
    return value


def read_completion(content: Mapping[str, Any], reasoning_tokens: int = 0) -> Completion | None:
    """Return the first choice of a completion; None if it has neither text nor a reason for that.

    `reasoning_tokens` were counted by the provider: where there is no text, they say why. Raises
    `AttributeError`, `KeyError`, `TypeError`, `IndexError` or `ValueError` where the content has
    another shape altogether.
    """
    message: Mapping[str, Any]
    if content.get("type") == "message":  # Anthropic's
        message, word = {"content": content["content"]}, content.get("stop_reason")
    else:
        choice = content["choices"][0]
        message, word = choice.get("message") or {}, choice.get("finish_reason")
    reason = normalise_finish_reason(word)
    said = message.get("content")
    text, thoughts = (said, ()) if isinstance(said, str) else _join_parts(said)
    reasoning = _reasoning_of(message, thoughts)
    refusal = message.get("refusal")
    if refusal:
        return Completion(text or _text(refusal), reasoning, "refusal")
    if text:
        text, thought = split_reasoning(text)
        if thought is not None:
            reasoning = f"{reasoning}\n\n{thought}" if reasoning else thought
    calls = message.get("tool_calls") or message.get("function_call") or reason == "tool_calls"
    if text:
        return Completion(text, reasoning, reason, _calls_of(message) if calls else ())
    if calls:
        return Completion("", reasoning, "tool_calls", _calls_of(message))
    if (reasoning or reasoning_tokens) and reason in ("stop", "length", "unknown"):
        reason = "reasoning_only"
    elif said is None and reason in ("stop", "unknown"):
        return None
    return Completion("", reasoning, reason)


def _calls_of(message: Mapping[str, Any]) -> tuple[ToolCall, ...]:
    """Return the calls of a message; none if one of them has another shape than it should."""
    parts = message.get("content")
    turn = {
        **message,
        "role": "assistant",
        "content": [part for part in parts if isinstance(part, dict) and part.get("type") == _USE]
        if isinstance(parts, list)
        else "",
    }
    try:
        (read,) = read_turns([turn], "a reply")
    except (InputError, ValueError):
        return ()
    return tuple(read.get("tool_calls", ()))


def normalise_finish_reason(word: object) -> str:
    """Return one of `FINISH_REASONS` for a provider's word. A word that nobody knows is returned
    as it is, in lower case, and warned of once."""
    if not word:
        return "unknown"
    if not isinstance(word, str):
        warn_once("a finish_reason that is no word counts as unknown", repr(word))
        return "unknown"
    if word in ("stop", "length"):  # nearly every reply
        return word
    lower = word.strip().lower()
    known = _KNOWN.get(lower) or _KNOWN.get(lower.replace("-", "_").replace(" ", "_"))
    if known is None:
        lower = lower[:_LONGEST_WORD]
        warn_once(
            f"the finish_reason {lower!r} is not known: replies with it are taken to be whole"
        )
        return lower
    return known


def split_reasoning(text: str) -> tuple[str, str | None]:
    """Return a text without the reasoning that it begins with in tags, and that reasoning; None
    if there is none. Reasoning whose tag is not closed has used up the reply."""
    if "</think>" not in text and text.lstrip()[:1] != "<":
        return text, None
    match = _THOUGHT.match(text)
    if match is not None:
        return text[match.end() :], match.group(2).strip()
    thought, _, answer = text.partition("</think>")
    tag_has_its_line = thought.rstrip(" \t").endswith("\n") and (answer[:1] or "\n") in "\r\n"
    if tag_has_its_line and "<think>" not in thought:
        return answer.lstrip(), thought.strip()
    return text, None


def _join_parts(said: object) -> tuple[str, tuple[str, ...]]:
    """Return the text of content that is a list of parts, and the reasoning among these."""
    if said is None:
        return "", ()
    if not isinstance(said, list):
        raise TypeError(f"content is {type(said).__name__}")
    texts, thoughts = list[str](), list[str]()
    for part in said:
        if isinstance(part, str):
            texts.append(part)
        elif not isinstance(part, dict):
            raise TypeError(f"a part of the content is {type(part).__name__}")
        elif part.get("type") in ("thinking", "reasoning"):
            thought = part.get("thinking") or part.get("reasoning") or part.get("text")
            thoughts.append(thought if isinstance(thought, str) else _join_parts(thought)[0])
        elif part.get("type") not in ("redacted_thinking", "tool_use"):
            texts.append(_text(part.get("text") or part.get("refusal") or ""))
    return "".join(texts), tuple(thoughts)


def _reasoning_of(message: Mapping[str, Any], thoughts: tuple[str, ...]) -> str | None:
    """Return the reasoning that a message holds beside its content: vLLM, DeepSeek and LiteLLM
    name it `reasoning_content`, OpenRouter, Groq and newer vLLM `reasoning`; LiteLLM adds
    Anthropic's `thinking_blocks`."""
    value = message.get("reasoning_content") or message.get("reasoning")
    if value and isinstance(value, str):
        return value
    blocks = message.get("thinking_blocks")
    if blocks is None and not thoughts:
        return None
    if isinstance(blocks, list):
        thoughts += tuple(
            _text(block.get("thinking") or "") for block in blocks if isinstance(block, dict)
        )
    return "\n\n".join(thought for thought in thoughts if thought) or None


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"a text is {type(value).__name__}")
    return value


Candidates = tuple[tuple[str, float], ...]


def read_top_logprobs(content: Mapping[str, Any]) -> tuple[Candidates, ...]:
    """Return the candidates of each token of the first choice, as (token, log-probability);
    nothing where there are none, or where they have another shape."""
    logprobs = content["choices"][0].get("logprobs") if "choices" in content else None
    if not logprobs:
        return ()
    try:
        tokens = logprobs.get("content") or ()
        return tuple([_candidates(token.get("top_logprobs") or ()) for token in tokens])
    except (AttributeError, TypeError):
        return ()


def _candidates(entries: Iterable[Mapping[str, Any]]) -> Candidates:
    """Return tokens with their log-probabilities, without those where either is of another type.
    Some servers round a certainty to a little above 0."""
    found = list[tuple[str, float]]()
    for entry in entries:
        token, logprob = entry.get("token"), entry.get("logprob")
        if type(token) is str and type(logprob) is float and -math.inf < logprob <= 0.0:
            found.append((token, logprob))  # nearly every one
        elif (
            isinstance(token, str)
            and isinstance(logprob, int | float)
            and not isinstance(logprob, bool)
            and math.isfinite(logprob)
        ):
            found.append((token, min(float(logprob), 0.0)))
    return tuple(found)


def warn_once(message: str, detail: str = "") -> None:
    """Log a warning with the detail of the first time; later times are not logged."""
    if message not in _warned:
        _warned.add(message)
        log.warning("%s%s", message, f": {detail[:_LONGEST_DETAIL]}" if detail else "")
