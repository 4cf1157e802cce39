"""The format `reward_bench_2`: prompts with right and wrong answers, as RewardBench 2 has them.

Malik et al. 2025, arXiv 2506.01937; columns of https://huggingface.co/datasets/allenai/reward-bench-2,
read by `load_bon_dataset_v2` of the package `rewardbench`. A response that no pair rejects is
right; one that is rejected beside every right one is wrong. So a prompt gives

best of four  one right answer and three wrong ones; of more wrong ones, three by their ids
Ties          several right answers and the wrong ones: as `tied:<n>`, and as `ref:<n>` with one
              right answer alone, which the benchmark wants beside it
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tasks.publish.formats.base import PLACE, RESPONSE_COLUMNS, PublishFormat, column, text_column
from tasks.publish.formats.ranked import ByPrompt, Group, lists_of, number_prompts
from tasks.publish.formats.unpaired import Flags, Numbers, responses_of
from tasks.publish.sorting import Order

_WRONG = 3  # of best of four
_TEXTS = pa.list_(pa.string())
_SCHEMA = pa.schema(
    [
        text_column("id", "the prompt's id; of ties ref:<n> or tied:<n>"),
        text_column("prompt", "the prompt's text"),
        column("chosen", _TEXTS, "the right answers"),
        column("rejected", _TEXTS, "the wrong answers"),
        column("num_correct", pa.int64(), "right answers", unit="responses"),
        column("num_incorrect", pa.int64(), "wrong answers", unit="responses"),
        column("total_completions", pa.int64(), "answers", unit="responses"),
        column("models", _TEXTS, "who wrote them: the right answers, then the wrong ones"),
        text_column("subset", "Ties, or the category of the prompt"),
        text_column("prompt_id", "the prompt that all of them answer"),
        column("pair_ids", pa.list_(pa.string()), "the pairs behind the labels"),
        *PLACE,
    ]
)
_LEFT_OUT = {
    "too_few_wrong": "prompts with too few answers that are worse than every right one",
    "none_right": "prompts of whose answers each is rejected in some pair",
    "several_turns": "prompts or answers that are more than one message",
}


class RewardBench:
    """A `Projection` to prompts with right and wrong answers."""

    def __init__(self, order: Order, scratch: Path) -> None:
        found = responses_of(order)
        prompt_of_pair, count = number_prompts(order)
        prompt = prompt_of_pair[found.first // 2]
        right = found.rejected == 0
        n_right = np.bincount(prompt, right, count).astype(np.int64)
        chosen, rejected = found.sides.T
        beaten_by = np.bincount(rejected, right[chosen], len(right))
        wrong = (n_right[prompt] > 0) & (beaten_by == n_right[prompt])
        n_wrong = np.bincount(prompt, wrong, count).astype(np.int64)
        enough = np.where(n_right == 1, n_wrong >= _WRONG, n_wrong >= 1)
        self.left_out = {
            "none_right": int(np.count_nonzero(n_right == 0)),
            "too_few_wrong": int(np.count_nonzero((n_right > 0) & ~enough)),
            "several_turns": 0,
        }
        place = _places(prompt, right, wrong)
        surplus = (n_right[prompt] == 1) & (place > _WRONG)
        place[surplus | ~enough[prompt] | (n_right[prompt] == 0)] = -1
        self._right = right
        self._responses = ByPrompt(order, scratch, found, place)

    def of(self, preferences: pa.Table, start: int) -> None:
        """Keep the responses whose first pair is among these."""
        self._responses.add(preferences, start)

    def rest(self) -> Iterator[pa.Table]:
        """Yield all prompts, in the order of their first pairs; of ties the reference first."""
        for group in self._responses.groups():
            yield self._of_group(group)

    def _of_group(self, group: Group) -> pa.Table:
        rows, sizes = group.rows, np.diff(group.starts)
        right = self._right[np.asarray(rows["response"].combine_chunks())]
        n_right = np.add.reduceat(right.astype(np.int64), group.starts[:-1])
        single = _single(rows["prompt"]) & _single(rows["completion"])
        usable = np.minimum.reduceat(single, group.starts[:-1])
        self.left_out["several_turns"] += int(np.count_nonzero(~usable))
        tied = n_right > 1
        # Ties give two rows; what follows says for each row its prompt and how many are right.
        prompt = np.repeat(np.arange(len(sizes)), np.where(usable, 1 + tied, 0))
        is_tied = tied[prompt] & np.append(prompt[1:] != prompt[:-1], True)[: len(prompt)]
        shown = np.where(is_tied, n_right[prompt], 1)
        starts, n_wrong = group.starts[prompt], (sizes - n_right)[prompt]
        chosen = _ranges(starts, shown)
        rejected = _ranges(starts + n_right[prompt], n_wrong)
        texts = _first_text(rows["completion"])
        models: Any = rows["model"].combine_chunks()
        both = _interleaved(chosen, shown, rejected, n_wrong)
        prompts = group.prompts.take(prompt)
        subset = np.where(tied[prompt], "Ties", np.asarray(prompts["category"], dtype=object))
        ids = [
            (f"tied:{number}" if last else f"ref:{number}") if ties else identity
            for number, last, ties, identity in zip(
                group.numbers[prompt].tolist(), is_tied.tolist(), tied[prompt].tolist(),
                prompts["prompt_id"].to_pylist(), strict=True,
            )
        ]  # fmt: skip
        columns = {
            "id": pa.array(ids, pa.string()),
            "prompt": _first_text(prompts["prompt"]),
            "chosen": lists_of(_offsets(shown), texts.take(pa.array(chosen))),
            "rejected": lists_of(_offsets(n_wrong), texts.take(pa.array(rejected))),
            "num_correct": pa.array(shown),
            "num_incorrect": pa.array(n_wrong),
            "total_completions": pa.array(shown + n_wrong),
            "models": lists_of(_offsets(shown + n_wrong), models.take(pa.array(both))),
            "subset": pa.array(subset.tolist(), pa.string()),
        }
        columns |= {
            name: prompts[name] for name in ("prompt_id", "pair_ids", "split", "category", "source")
        }
        return pa.table({name: columns[name] for name in _SCHEMA.names})


def _places(prompt: Numbers, right: Flags, wrong: Flags) -> Numbers:
    """Return the place of each response within its prompt, right ones first, then wrong ones, by
    their ids; -1 for what is neither."""
    kind = np.where(right, 0, np.where(wrong, 1, 2))
    order = np.lexsort((np.arange(len(kind)), kind, prompt))
    places = np.empty(len(kind), np.int64)
    places[order] = np.arange(len(kind)) - np.searchsorted(prompt[order], prompt[order])
    places[~(right | wrong)] = -1
    return places


def _first_text(messages: Any) -> Any:
    """Return the text of the first message of each list."""
    first: Any = pc.list_element(messages, 0)
    return first.combine_chunks().field("content")


def _single(messages: Any) -> Flags:
    lengths: Flags = pc.list_value_length(messages).to_numpy() == 1
    return lengths


def _offsets(lengths: Numbers) -> Numbers:
    return np.concatenate([[0], np.cumsum(lengths)])


def _ranges(starts: Numbers, lengths: Numbers) -> Numbers:
    """Return the numbers from each start on, as many as its length, one range after another."""
    before = np.repeat(starts - _offsets(lengths)[:-1], lengths)
    return before + np.arange(int(lengths.sum()))


def _interleaved(first: Numbers, n_first: Numbers, second: Numbers, n_second: Numbers) -> Numbers:
    """Return the ranges of two lists row by row: those of `first`, then those of `second`."""
    offsets = _offsets(n_first + n_second)[:-1]
    both = np.empty(len(first) + len(second), np.int64)
    both[_ranges(offsets, n_first)] = first
    both[_ranges(offsets + n_first, n_second)] = second
    return both


REWARD_BENCH_2 = PublishFormat(
    name="reward_bench_2",
    description="prompts with right and wrong answers: RewardBench 2, best of four and ties",
    schema=_SCHEMA,
    project=lambda order, scratch: RewardBench(order, scratch / "reward_bench_2"),
    order_columns=RESPONSE_COLUMNS,
    takes_thinking=False,
    left_out=_LEFT_OUT,
)
