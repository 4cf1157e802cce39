"""The formats of a published version: `preference` as the line makes it, and what other trainers
take. Columns that a trainer reads are named and shaped as TRL documents its dataset formats; the
others lead back to the rows and calls that a row was made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from prefline.tables.schemas import MESSAGES, PREFERENCES


def _column(name: str, kind: pa.DataType, meaning: str, unit: str = "") -> pa.Field[Any]:
    metadata = {"meaning": meaning} | ({"unit": unit} if unit else {})
    return pa.field(name, kind, nullable=False, metadata=metadata)


def _text(name: str, meaning: str) -> pa.Field[Any]:
    return _column(name, pa.string(), meaning)


_PROMPT = _column("prompt", MESSAGES, "the conversation, in TRL's format")
_COMPLETION = _column("completion", MESSAGES, "the answer, as one assistant message")
_PLACE = [
    _text("split", "train or test; all rows of one prompt are in one"),
    _text("category", "category of the prompt"),
    _text("source", "source of the prompt"),
]
_RESPONSE = [
    _text("response_id", "the response"),
    _text("prompt_id", "the prompt that it answers"),
    _text("model", "model that wrote the response"),
    _text("pair_id", "first of the pairs that it is in, by order of the files"),
    _column("n_pairs", pa.int32(), "pairs that it is in", unit="pairs"),
]

REWARD_SOFT = pa.schema(
    [
        _text("pair_id", "hash of the two responses, whatever their order"),
        *(PREFERENCES.field(name) for name in ("prompt_id", "prompt", "chosen", "rejected")),
        *(PREFERENCES.field(name) for name in ("p_chosen", "log_odds", "chosen_id", "rejected_id")),
        *_PLACE,
    ]
)

# TRL's RewardTrainer subtracts a column named `margin` in its loss, so no other format has one.
REWARD_MARGIN = pa.schema(
    [
        _column(
            "margin", pa.float64(),
            "log-odds of the label, which TRL's RewardTrainer subtracts in its loss",
            unit="log-odds",
        )
        if column.name == "log_odds"
        else column
        for column in REWARD_SOFT
    ]
)  # fmt: skip

KTO = pa.schema(
    [
        _PROMPT,
        _COMPLETION,
        _column("label", pa.bool_(), "true for an answer that is chosen, false for one rejected"),
        *_RESPONSE,
        *_PLACE,
    ]
)

SFT = pa.schema([_PROMPT, _COMPLETION, *_RESPONSE, *_PLACE])

_RANKED_RESPONSE = pa.struct(
    [
        pa.field("response_id", pa.string()),
        pa.field("model", pa.string()),
        pa.field("completion", MESSAGES),
        pa.field("score", pa.float64()),
    ]
)

RANKED = pa.schema(
    [
        _text("prompt_id", "the prompt that all responses answer"),
        _PROMPT,
        _column(
            "responses",
            pa.list_(_RANKED_RESPONSE),
            "the responses, best first: id, model, text as a message, and score in log-odds of "
            "Bradley and Terry's model over the prompt's pairs, whose mean is 0",
        ),
        _column("pair_ids", pa.list_(pa.string()), "the pairs behind the scores"),
        *_PLACE,
    ]
)

FORMATS: Mapping[str, pa.Schema] = {
    "preference": PREFERENCES,
    "reward_soft": REWARD_SOFT,
    "reward_margin": REWARD_MARGIN,
    "kto": KTO,
    "sft": SFT,
    "ranked": RANKED,
}
