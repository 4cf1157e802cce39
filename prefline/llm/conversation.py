"""Conversations: calls that depend on one another, their stored replies, and dry runs of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Generic, TypeVar

import orjson

from prefline.config import Endpoint, Prices
from prefline.llm.outcome import NO_USAGE, CallStats, Outcome, Reply, Steps
from prefline.llm.parsing import parse_reply
from prefline.llm.replies import ReplyStore
from prefline.llm.request import Request
from prefline.llm.wire import variants_of

CHARACTERS_PER_TOKEN = 4  # of English text
SHARE_OF_MAX_TOKENS = 0.5  # that a reply takes, where none has been seen yet
_FREE = Prices()

T = TypeVar("T")


class Conversation(Generic[T]):
    """`Steps` under way: `request` is the one whose outcome they wait for.

    Once `request` is None they have ended, and `result` is what they returned.
    """

    __slots__ = ("_steps", "request", "result")

    request: Request | None
    result: T

    def __init__(self, steps: Steps[T]) -> None:
        self._steps = steps
        self._advance(None)

    def send(self, outcome: Outcome) -> None:
        """Go on with the outcome of `request`."""
        self._advance(outcome)

    def _advance(self, outcome: Outcome | None) -> None:
        try:
            self.request = self._steps.send(outcome)  # type: ignore[arg-type]  # None: the start
        except StopIteration as end:
            self.request, self.result = None, end.value


Item = Request | Conversation[object]


def pending_request(item: Item) -> Request | None:
    """Return the request whose outcome an item waits for."""
    return item if isinstance(item, Request) else item.request


class CacheLookup:
    """Answer requests from the reply store.

    `bought` are the keys of replies that this run itself has paid for and stored before they
    were asked for, as batches do.
    """

    def __init__(self, store: ReplyStore, endpoints: Iterable[Endpoint] = ()) -> None:
        self._store = store
        endpoints = list(endpoints)
        self._prices: Mapping[str, Prices] = {
            endpoint.model: endpoint.prices for endpoint in endpoints
        }
        self.variants = variants_of(endpoints)
        self.bought: set[str] = set()

    def keyed(self, request: Request) -> Request:
        """Return the request with the key that its endpoint's replies have."""
        return request.as_variant(self.variants.get(request.model)) if self.variants else request

    def look_ahead(self, items: Iterable[Item], size: int) -> Iterator[Item]:
        """Yield items, and look up together what `size` of them ask for first."""
        stream = iter(items)
        while ahead := list(islice(stream, size)):
            requests = filter(None, map(pending_request, ahead))
            self._store.look_ahead([self.keyed(request).key for request in requests])
            yield from ahead

    def outcome(self, request: Request) -> Outcome | None:
        """Return the stored reply to a request; None if there is none, or none of use."""
        if self.variants:
            request = self.keyed(request)
        stored = self._store.record(request.key)
        if stored is None:
            return None
        prices = self._prices.get(request.model, _FREE)
        cached = request.key not in self.bought
        try:
            content = orjson.loads(stored.reply)
            return parse_reply(request, prices, content, cached=cached, batch=stored.batch)
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            self._store.set_aside(request.key, repr(error))
            return None

    def advance(self, conversation: Conversation[object], stats: CallStats) -> bool:
        """Let a conversation go on as far as there are stored replies; count these in `stats`.

        Returns whether it went on at all and now waits for another reply.
        """
        went_on = False
        while conversation.request and (outcome := self.outcome(conversation.request)) is not None:
            stats.add(outcome)
            conversation.send(outcome)
            went_on = True
        return went_on and conversation.request is not None


def dry_run(
    conversations: Iterable[Steps[T]],
    store: ReplyStore | None,
    share: float = SHARE_OF_MAX_TOKENS,
    *,
    endpoints: Iterable[Endpoint] = (),
) -> tuple[list[Request], bool]:
    """Return the requests that conversations would make, in order, and whether the list is exact.

    A reply that is not in the store, if there is one, is replaced by a dummy of `share` of the
    tokens that it may have; requests that follow such a dummy are not exactly the real ones.
    `endpoints` tell what their requests are sent with, which is part of the keys.
    """
    requests: list[Request] = []
    lookup, exact = CacheLookup(store, endpoints) if store is not None else None, True
    for steps in conversations:
        conversation, known = Conversation(steps), True
        while conversation.request is not None:
            request = conversation.request
            requests.append(request if lookup is None else lookup.keyed(request))
            exact = exact and known
            stored = lookup.outcome(conversation.request) if lookup else None
            known = known and stored is not None
            conversation.send(stored or _dummy_reply(conversation.request, share))
    return requests, exact


def _dummy_reply(request: Request, share: float) -> Reply:
    length = int(request.sampling.max_tokens * share * CHARACTERS_PER_TOKEN)
    return Reply(request, "x" * length, "stop", (), NO_USAGE, 0.0, cached=False)
