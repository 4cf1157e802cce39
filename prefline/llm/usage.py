"""Tokens and what they cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from prefline.config import Prices
from prefline.llm.request import Request

_CHARACTERS_PER_TOKEN = 3
_TOKENS_PER_MESSAGE = 8


@dataclass(frozen=True, slots=True)
class Usage:
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


NOTHING = Usage()


def usage_of(content: Mapping[str, Any]) -> Usage:
    """The usage that a chat completion states; zeros for what it does not state.
    Raises `TypeError` or `ValueError` for what are no numbers."""
    usage = content.get("usage") or {}
    read = usage.get("prompt_tokens_details") or {}
    written = usage.get("completion_tokens_details") or {}
    return Usage(
        int(usage.get("prompt_tokens") or 0),
        int(usage.get("completion_tokens") or 0),
        int(read.get("cached_tokens") or 0),
        int(written.get("reasoning_tokens") or 0),
    )


def cost_usd(prices: Prices, usage: Usage, *, batch: bool = False) -> float:
    """Price of a call in USD; prices are per million tokens."""
    cached_price = prices.input if prices.cached_input is None else prices.cached_input
    cost = (
        prices.input * (usage.input_tokens - usage.cached_tokens)
        + cached_price * usage.cached_tokens
        + prices.output * usage.output_tokens
    ) / 1e6
    return cost * prices.batch if batch else cost


def most_tokens(request: Request) -> Usage:
    """An upper estimate of a call's tokens: three characters a token (English text has about
    four), and every output token that it may write."""
    characters = sum(len(message["content"]) for message in request.messages)
    read = characters / _CHARACTERS_PER_TOKEN + _TOKENS_PER_MESSAGE * len(request.messages)
    return Usage(int(read) + 1, request.sampling.max_tokens)
