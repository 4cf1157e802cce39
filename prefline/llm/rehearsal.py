"""Which calls dialogues would make, without making one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from prefline.llm.dialogue import Dialogue, Steps
from prefline.llm.outcome import Reply
from prefline.llm.recall import Recall
from prefline.llm.replies import ReplyStore
from prefline.llm.request import Request
from prefline.llm.usage import NOTHING

T = TypeVar("T")

CHARACTERS_PER_TOKEN = 4  # of English text
SHARE_OF_MAX_TOKENS = 0.5  # that a reply takes, where none has been seen yet


def rehearse(
    dialogues: Iterable[Steps[T]],
    store: ReplyStore | None,
    share: float = SHARE_OF_MAX_TOKENS,
) -> tuple[list[Request], bool]:
    """The requests that dialogues would make, in order, and whether they are exactly these.

    A reply that is not in the store, if there is one, is stood in for by words that take `share` of
    the tokens that it may have; what is asked after it is then not exactly what will be.
    """
    asked: list[Request] = []
    recall, exact = Recall(store) if store is not None else None, True
    for steps in dialogues:
        dialogue, known = Dialogue(steps), True
        while dialogue.request is not None:
            asked.append(dialogue.request)
            exact = exact and known
            stored = recall.outcome(dialogue.request) if recall else None
            known = known and stored is not None
            dialogue.hear(stored or _stand_in(dialogue.request, share))
    return asked, exact


def _stand_in(request: Request, share: float) -> Reply:
    length = int(request.sampling.max_tokens * share * CHARACTERS_PER_TOKEN)
    return Reply(request, "x" * length, "stop", (), NOTHING, 0.0, cached=False)
