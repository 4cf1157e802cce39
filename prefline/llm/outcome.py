"""Outcomes of requests: replies and failures, their tokens and cost, and counts of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, TypeVar

from prefline.config import Prices
from prefline.errors import CallsLost
from prefline.llm.completion import warn_once
from prefline.llm.request import Request
from prefline.tables.messages import ToolCall

_CHARACTERS_PER_TOKEN = 3
_TOKENS_PER_MESSAGE = 8
# Reasons that lie with the provider or the account, not with what was asked.
_OUTSIDE = {
    "endpoint_down", "unreachable", "http_402", "http_403", "http_429", "http_498", "http_503",
    "http_529",
}  # fmt: skip
_MOST_REASONS = 5
_LONGEST_EXAMPLE = 200
_PLAIN_USAGE = {"prompt_tokens", "completion_tokens", "total_tokens"}
_MOST_TOKENS = 10**9  # that a call can mean in earnest

T = TypeVar("T")


class Usage(NamedTuple):
    """The tokens of one call, as billed.

    `cached_tokens` are those of `input_tokens` that the vendor had cached, `reasoning_tokens`
    those of `output_tokens` that are not in the text.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0

    @property
    def total(self) -> int:
        """Tokens read and written."""
        return self.input_tokens + self.output_tokens


NO_USAGE = Usage()


def parse_usage(content: Mapping[str, Any]) -> Usage:
    """Return the usage that a response body states, with zeros for what it leaves out.

    Usage that cannot be read, or that no call can have, is warned of once and counts as none.
    """
    # SGLang's own API tells them in `meta_info`.
    usage = content.get("usage") or content.get("meta_info")
    if not usage:
        return NO_USAGE
    try:
        if "input_tokens" in usage and "prompt_tokens" not in usage:
            return _anthropic_usage(usage)
        input_details = usage.get("prompt_tokens_details") or {}
        output_details = usage.get("completion_tokens_details") or {}
        if _is_plain(usage):
            return Usage(usage["prompt_tokens"], usage["completion_tokens"])
        read, written = _count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens"))
        reasoning = _count(output_details.get("reasoning_tokens"))
        # Gemini counts its thoughts in the total alone, and bills them as output.
        hidden = max(0, _count(usage.get("total_tokens")) - read - written)
        cached = _count(input_details.get("cached_tokens"))
        return Usage(read, written + hidden, cached, max(reasoning, hidden))
    except (AttributeError, OverflowError, TypeError, ValueError) as error:
        model = str(content.get("model"))[:80]
        warn_once(f"usage that {model} states cannot be read, and counts as 0", str(error))
        return NO_USAGE


def _is_plain(usage: Mapping[str, Any]) -> bool:
    """Return whether usage is as most replies have it: two numbers of tokens and their sum."""
    if len(usage) != len(_PLAIN_USAGE) or usage.keys() != _PLAIN_USAGE:
        return False
    read, written = usage["prompt_tokens"], usage["completion_tokens"]
    total = usage["total_tokens"]
    return (
        type(read) is type(written) is type(total) is int
        and read >= 0 <= written
        and read + written == total <= _MOST_TOKENS
    )


def _anthropic_usage(usage: Mapping[str, Any]) -> Usage:
    """Return the usage of a Messages API, whose `input_tokens` are those that no cache was asked
    for. What was written to the cache is billed a quarter dearer, which is not counted here."""
    cached = _count(usage.get("cache_read_input_tokens"))
    written = _count(usage.get("cache_creation_input_tokens"))
    details = usage.get("output_tokens_details") or {}
    return Usage(
        _count(usage["input_tokens"]) + written + cached,
        _count(usage.get("output_tokens")),
        cached,
        _count(details.get("thinking_tokens") or details.get("reasoning_tokens")),
    )


def _count(value: Any) -> int:
    """Return a number of tokens. Raises where it is none."""
    count = value if type(value) is int else int(value or 0)
    if not 0 <= count <= _MOST_TOKENS:
        raise ValueError(f"no call has {count} tokens")
    return count


def max_usage(request: Request) -> Usage:
    """Estimate a call's tokens from above: a token for every three characters (English text has
    about four to a token), and all of `max_tokens`."""
    characters = sum(len(message["content"]) for message in request.messages)
    characters += len(request.tools or "")
    tokens = characters / _CHARACTERS_PER_TOKEN + _TOKENS_PER_MESSAGE * len(request.messages)
    return Usage(int(tokens) + 1, request.sampling.max_tokens)


def cost_usd(prices: Prices, usage: Usage, *, batch: bool = False) -> float:
    """Return the price of a call in USD; `prices` are per million tokens."""
    cached_price = prices.input if prices.cached_input is None else prices.cached_input
    cost = (
        prices.input * (usage.input_tokens - usage.cached_tokens)
        + cached_price * usage.cached_tokens
        + prices.output * usage.output_tokens
    ) / 1e6
    return cost * prices.batch if batch else cost


class Reply(NamedTuple):
    """A model's reply.

    `text` is the answer alone, `reasoning` what the model thought before it, as far as the provider
    shows it. `finish_reason` is one of `completion.FINISH_REASONS`, or a word that nobody knows.
    `top_logprobs` holds, for each token of the reply, its candidates as (token, log-probability).
    `cost_usd` is the price of the call, whenever it was paid; `cached` says that an earlier run
    paid it. `vector` answers an `EmbeddingRequest` or a `RewardRequest`, which have no text.
    `tool_calls` are the calls of tools, none where one of them has no known form.
    """

    request: Request
    text: str
    finish_reason: str
    top_logprobs: tuple[tuple[tuple[str, float], ...], ...]
    usage: Usage
    cost_usd: float
    cached: bool
    vector: tuple[float, ...] = ()
    reasoning: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()

    @property
    def reasoning_tokens(self) -> int:
        """The tokens of the reasoning, shown or not, as billed."""
        return self.usage.reasoning_tokens


@dataclass(frozen=True, slots=True)
class Failure:
    """A call that got no reply: `reason` is one word, `detail` says what exactly happened."""

    request: Request
    reason: str
    detail: str


Outcome = Reply | Failure

Steps = Generator[Request, Outcome, T]
"""Yields requests, is sent the outcome of each, and returns a result."""


def with_request(outcome: Outcome, request: Request) -> Outcome:
    """Return the outcome for a request with the same key, which may carry another tag."""
    if isinstance(outcome, Failure):
        return replace(outcome, request=request)
    return outcome._replace(request=request, cached=True)


def call_columns(replies: Sequence[Reply], charged: int | None = None) -> dict[str, Any]:
    """Return the columns of a row that describe the calls behind it: tokens, cost and keys.

    Keys are those of all replies; tokens and cost are sums over the first `charged` (all if
    None), so that a call behind several rows is charged once. Empty without a call.
    """
    if not replies:
        return {}
    paid = replies[:charged]
    tokens = map(sum, zip(NO_USAGE, *[reply.usage for reply in paid], strict=True))
    return {
        **Usage(*tokens)._asdict(),
        "cost_usd": sum([reply.cost_usd for reply in paid]),
        "request_key": " ".join([reply.request.key for reply in replies]),
    }


@dataclass(slots=True)
class CallStats:
    """Counts of outcomes; `tokens` and `cost_usd` (USD) are of replies bought by this run.

    `failures` are counted by model and reason, `details` has one example of each, `answered` are
    the models of which there is a reply.
    """

    done: int = 0
    cached: int = 0
    failed: int = 0
    tokens: int = 0
    cost_usd: float = 0.0
    failures: Counter[tuple[str, str]] = field(default_factory=Counter)
    details: dict[tuple[str, str], str] = field(default_factory=dict)
    answered: set[str] = field(default_factory=set)

    def add(self, outcome: Outcome) -> None:
        """Count an outcome."""
        self.done += 1
        if not isinstance(outcome, Reply):
            self.failed += 1
            kind = outcome.request.model, outcome.reason
            self.failures[kind] += 1
            self.details.setdefault(kind, outcome.detail)
            return
        self.answered.add(outcome.request.model)
        if outcome.cached:
            self.cached += 1
        else:
            self.tokens += outcome.usage.total
            self.cost_usd += outcome.cost_usd

    def failure_lines(self) -> list[str]:
        """Return the commonest reasons of failures, with their counts and an example of each."""
        return [
            f"{count:,} of {model}: {reason} ({self.details[model, reason][:_LONGEST_EXAMPLE]})"
            for (model, reason), count in self.failures.most_common(_MOST_REASONS)
        ]

    def lost(self) -> Counter[tuple[str, str]]:
        """Return the failures, by model and reason, that are no record's own: those for a reason
        that lies with the provider, and all of a model where no call was answered."""
        failed_calls = Counter[str]()
        for (model, _), count in self.failures.items():
            failed_calls[model] += count
        return Counter(
            {
                (model, reason): count
                for (model, reason), count in self.failures.items()
                if reason in _OUTSIDE or (model not in self.answered and failed_calls[model] > 1)
            }
        )


def lost_calls_error(stats: CallStats) -> CallsLost | None:
    """Return the error for calls that failed for a reason outside their records; None if there
    are none."""
    lost = stats.lost()
    if not lost:
        return None
    told = "; ".join(
        f"{count:,} of {model}: {reason} ({stats.details[model, reason][:_LONGEST_EXAMPLE]})"
        for (model, reason), count in lost.most_common(_MOST_REASONS)
    )
    reasons = {reason for _, reason in lost}
    if reasons <= _OUTSIDE:
        remedy = (
            "the provider did not take them, whatever was in them: wait, raise its limit or set "
            "`limits` and engine.deadline_s to what it allows"
        )
    else:
        remedy = "none was answered: `prefline doctor --call` says what the endpoint takes"
    return CallsLost(
        f"{lost.total():,} of {stats.done:,} calls failed for a reason outside their rows: {told}",
        f"{remedy}; then run the same command again: it makes these calls anew, and every reply "
        "is kept",
    )
