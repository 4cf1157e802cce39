"""A reward model on trial: on pairs with a label, and as a picker among answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import product
from typing import Any

from prefline.stats import Floats
from prefline.tables.messages import Conversation, answered
from prefline.tables.prompts import Prompt
from prefline.verifiers import check, parse_verifier
from tasks.evaluate.accuracy import accuracy
from tasks.evaluate.chosen_by import chosen_by
from tasks.evaluate.labelled import LabelledPair

# Rewards, shape `(conversations,)`, NaN where there is none.
Score = Callable[[Sequence[Conversation]], Floats]
Row = Mapping[str, Any]
_CHECKED = 0.99  # a check's word, as `pair.verifier_accuracy` has it by default


def figures_on_pairs(
    tables: Mapping[str, Sequence[LabelledPair]], score: Score, seed: int
) -> dict[str, Any]:
    """The accuracy of a reward model on each table of pairs that has any."""
    found = {}
    for name, pairs in tables.items():
        if pairs:
            chosen = score([answered(pair.messages, pair.chosen) for pair in pairs])
            rejected = score([answered(pair.messages, pair.rejected) for pair in pairs])
            found[name] = accuracy(pairs, chosen, rejected, seed).as_dict()
    return found


def figures_of_picks(
    prompts: Iterable[Prompt], rows: Sequence[Row], score: Score, seed: int
) -> dict[str, Any]:
    """What a reward model picks among answers to prompts with a check."""
    by_id = {prompt.prompt_id: prompt for prompt in prompts if prompt.verifier is not None}
    tried = [row for row in rows if row["prompt_id"] in by_id]
    rewards = score([answered(by_id[row["prompt_id"]].messages, row["text"]) for row in tried])
    passed = [passes(by_id[row["prompt_id"]], row["text"]) for row in tried]
    lengths = [len(row["text"]) for row in tried]
    return chosen_by([row["prompt_id"] for row in tried], rewards, passed, lengths, seed).as_dict()


def checked_pairs(prompts: Iterable[Prompt], rows: Sequence[Row]) -> list[LabelledPair]:
    """Every pair of answers to one prompt of which one passes its check and the other fails."""
    pairs = []
    for prompt in prompts:
        if prompt.verifier is None:
            continue
        texts = sorted({row["text"] for row in rows if row["prompt_id"] == prompt.prompt_id})
        right = [text for text in texts if passes(prompt, text)]
        wrong = [text for text in texts if text not in right]
        pairs += [
            LabelledPair(prompt.prompt_id, prompt.messages, one, other, prompt.category, _CHECKED)
            for one, other in product(right, wrong)
        ]
    return pairs


def passes(prompt: Prompt, text: str) -> bool:
    """Whether an answer passes its prompt's check."""
    return check(parse_verifier(prompt.verifier or ""), text).passed
