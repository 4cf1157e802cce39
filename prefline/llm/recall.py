"""What is known already: replies from the store, as outcomes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import orjson

from prefline.config import Endpoint, Prices
from prefline.llm.bodies import parse_reply
from prefline.llm.dialogue import Dialogue
from prefline.llm.outcome import Outcome
from prefline.llm.replies import ReplyStore
from prefline.llm.request import Request
from prefline.llm.tally import Tally

_FREE = Prices()


class Recall:
    """Answers requests from the reply store. `bought` are the keys of replies that this run
    itself has paid for and stored before they were asked for, as batches do."""

    def __init__(self, store: ReplyStore, endpoints: Iterable[Endpoint] = ()) -> None:
        self._store = store
        self._prices: Mapping[str, Prices] = {one.model: one.prices for one in endpoints}
        self.bought: set[str] = set()

    def outcome(self, request: Request) -> Outcome | None:
        """What the store has for a request; None if it has nothing."""
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

    def lead(self, dialogue: Dialogue[object], tally: Tally) -> bool:
        """Let a dialogue go on as far as there are replies for it; whether it went on at all
        and waits for another one."""
        went_on = False
        while dialogue.request and (outcome := self.outcome(dialogue.request)) is not None:
            tally.add(outcome)
            dialogue.hear(outcome)
            went_on = True
        return went_on and dialogue.request is not None
