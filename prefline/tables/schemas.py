"""The Arrow schemas, declared once. Each field carries its meaning and, if any, its unit.

A table in which no row has tools or an answer of several turns is of the schema in `SCHEMAS`. One
row that has makes the whole table `with_turns`: its messages have more fields, and there are the
columns `tools` and `turns`. So each table is of one schema, and simple rows cost what they did.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa

MESSAGE = pa.struct([pa.field("role", pa.string()), pa.field("content", pa.string())])
MESSAGES = pa.list_(MESSAGE)
# Of a table with tools; calls as JSON, since Arrow would pad arguments of each with those of all.
_TURN = pa.struct(
    [
        *MESSAGE,
        *(pa.field(name, pa.string()) for name in ("reasoning", "tool_calls")),
        *(pa.field(name, pa.string()) for name in ("tool_call_id", "name")),
    ]
)
TURNS = pa.list_(_TURN)


def _column(
    name: str, kind: pa.DataType, meaning: str, *, unit: str = "", optional: bool = False
) -> pa.Field[Any]:
    metadata = {"meaning": meaning} | ({"unit": unit} if unit else {})
    return pa.field(name, kind, nullable=optional, metadata=metadata)


def _text(name: str, meaning: str, *, optional: bool = False) -> pa.Field[Any]:
    return _column(name, pa.string(), meaning, optional=optional)


_COST = [
    _column("input_tokens", pa.int64(), "tokens read, as billed", unit="tokens", optional=True),
    _column("output_tokens", pa.int64(), "tokens written, as billed", unit="tokens", optional=True),
    _column(
        "cached_tokens",
        pa.int64(),
        "of those read, cached by the vendor",
        unit="tokens",
        optional=True,
    ),
    _column(
        "reasoning_tokens",
        pa.int64(),
        "of those written, not in the text",
        unit="tokens",
        optional=True,
    ),
    _column("cost_usd", pa.float64(), "price of the calls", unit="USD", optional=True),
    _text(
        "request_key",
        "keys of the calls behind it in the reply store, a space between; null if none",
        optional=True,
    ),
]

# The columns of a call's bill that add up.
CHARGES = tuple(column.name for column in _COST if column.name != "request_key")

PROMPTS = pa.schema(
    [
        _text("prompt_id", "hash of the messages"),
        _column("messages", MESSAGES, "the conversation to answer", optional=False),
        _text("source", "name of the source that it was sampled from"),
        _text("category", "kind of prompt, as the source names it"),
        _text("license", "licence of the prompt's text"),
        _text("template", "template that it was made from, if any", optional=True),
        _text("reference", "a right answer, if one is known", optional=True),
        _text("verifier", "specification of its programmatic check, as JSON", optional=True),
        _column(
            "parent_ids", pa.list_(pa.string()),
            "prompts that a model has made it of; null for one of a source", optional=True,
        ),
        _text("style", "how it was made of them: constrain, deepen, ..., invent", optional=True),
        _text("request_key", "key of the call that made it, in the reply store", optional=True),
    ]
)  # fmt: skip

DRAWN = pa.schema(
    [
        _text("prompt_id", "prompt that was drawn"),
        _column("round", pa.int32(), "round that drew it", unit="index"),
    ]
)

RESPONSES = pa.schema(
    [
        _text("response_id", "hash of prompt, model, sample index, origin and text"),
        _text("prompt_id", "the prompt that it answers"),
        _text("model", "model that wrote it"),
        _column("sample_index", pa.int32(), "which of the model's samples", unit="index"),
        _text("text", "what the model wrote as its answer"),
        _text(
            "reasoning", "what it thought before, as far as the provider shows it", optional=True
        ),
        _text("finish_reason", "why it ended: stop, length, refusal, reasoning_only, ..."),
        _text("origin", "sampled, revised or imported"),
        _text("parent_id", "the response that it revises", optional=True),
        _text("principle", "principle that it was revised by", optional=True),
        *_COST,
    ]
)

JUDGMENTS = pa.schema(
    [
        _text("judgment_id", "hash of judge, method, principle and the two in their order"),
        _text("prompt_id", "the prompt that both answer"),
        _text("first_id", "response that the judge saw first"),
        _text("second_id", "response that the judge saw second"),
        _text("judge", "name of the judge in params"),
        _text("method", "how it judged: verifier, pairwise, ..."),
        _text("principle", "principle that it was asked to apply", optional=True),
        _text("verdict", "first, second, tie or invalid"),
        _column(
            "p_first",
            pa.float64(),
            "the judge's probability that the first is better",
            unit="probability",
            optional=True,
        ),
        _text("rationale", "what it gave as reason; the raw reply if invalid", optional=True),
        _text(
            "reasoning", "what the judge thought in the calls that it is billed for", optional=True
        ),
        _text(
            "invalid_reason",
            "why it is invalid: cut_off, reasoning_only, no_verdict, out_of_form, ...",
            optional=True,
        ),
        *(
            _column(
                f"votes_{side}",
                pa.int32(),
                f"times that it said {side}, where it was asked several times",
                unit="votes",
                optional=True,
            )
            for side in ("first", "second", "tie", "invalid")
        ),
        *_COST,
    ]
)

CANARIES = pa.schema(
    [
        _column("run", pa.int32(), "run of the stage that asked, from 0 on", unit="index"),
        _text("gold", "first or second: the better response"),
        *JUDGMENTS,
    ]
)

PREFERENCES = pa.schema(
    [
        _text("pair_id", "hash of the two responses, whatever their order"),
        _text("prompt_id", "the prompt that both answer"),
        _column("prompt", MESSAGES, "the conversation, in TRL's format"),
        _column("chosen", MESSAGES, "the better answer, as one assistant message"),
        _column("rejected", MESSAGES, "the other answer, as one assistant message"),
        _text("chosen_id", "response that is better"),
        _text("rejected_id", "the other response"),
        _text("chosen_model", "model that wrote the better one"),
        _text("rejected_model", "model that wrote the other one"),
        _column(
            "p_chosen", pa.float64(), "calibrated probability that chosen is better",
            unit="probability",
        ),
        _column("log_odds", pa.float64(), "log(p_chosen / (1 - p_chosen))", unit="log-odds"),
        _column(
            "log_odds_se", pa.float64(),
            "standard error of log_odds, from what is not known of the model judges",
            unit="log-odds", optional=True,
        ),
        _column("n_judgments", pa.int32(), "valid judgments behind the label", unit="judgments"),
        _column(
            "agreement", pa.float64(), "share of valid judgments that name chosen", unit="share"
        ),
        _column(
            "n_reviews", pa.int32(), "people's answers that decided it; null where they did not",
            unit="answers", optional=True,
        ),
        _column(
            "reviewers", pa.list_(pa.string()),
            "who answered, as their reviews name them; null where people did not decide it",
            optional=True,
        ),
        _column(
            "review_agreement", pa.float64(), "share of people's answers that name chosen",
            unit="share", optional=True,
        ),
        _column(
            "anchored", pa.bool_(),
            "whether a verifier or people decided it, or measured a judge of it; else it rests on "
            "agreement",
        ),
        _text("label_source", "ai, verifier, human or imported"),
        _text("split", "train or test; all pairs of a prompt are in one"),
        _text("category", "category of the prompt"),
        _text("source", "source of the prompt"),
        _text("judges", "judges behind the label, comma-separated, by name"),
    ]
)  # fmt: skip

REJECTIONS = pa.schema(
    [
        _text("stage", "stage that rejected it"),
        _text("kind", "prompt, response, judgment or pair"),
        _text("id", "id of what was rejected"),
        _text("reason", "one word for the reason; the same word everywhere"),
        _text("detail", "what exactly was found", optional=True),
        _text(
            "request_key",
            "keys of the calls that were paid for it, in the reply store",
            optional=True,
        ),
        _column("cost_usd", pa.float64(), "price of these calls", unit="USD", optional=True),
    ]
)

REVIEW_QUEUE = pa.schema(
    [
        _text("pair_id", "the pair to look at"),
        _text("prompt_id", "its prompt"),
        _column("prompt", MESSAGES, "the conversation"),
        _text("response_a", "one answer, in an order drawn at random"),
        _text("response_b", "the other answer"),
        _text("response_a_id", "id of the first answer"),
        _text("response_b_id", "id of the second answer"),
        _text(
            "why",
            "random (drawn to measure labels), begun (has some answers), budgeted (adaptive "
            "judging would buy an answer), high_stakes, "
            "judges_disagree or uncertain; reviewers never see it",
        ),
        _column(
            "value", pa.float64(),
            "error that one answer is expected to take off the label, weighted by stakes",
            unit="probability",
        ),
        _column("n_answers", pa.int32(), "answers that it already has", unit="answers"),
    ]
)  # fmt: skip

ANCHORS = pa.schema(
    [
        _text("pair_id", "the pair whose truth was told"),
        _text("prompt_id", "its prompt"),
        _text("category", "category of the prompt"),
        _text("told_by", "who told it: people or verifier"),
        _column(
            "drawn", pa.bool_(),
            "whether it is of the random share of all pairs (`pair.review.random_share`)",
        ),
        _text("label_source", "what its label rests on without their word: ai, imported, verifier"),
        _column(
            "p_chosen", pa.float64(),
            "probability of that label, by a fit that saw no truth of its prompt",
            unit="probability",
        ),
        _column(
            "agrees", pa.bool_(),
            "whether that label names the response that they prefer; false where they see a tie, "
            "null where they do not decide", optional=True,
        ),
        _column("tie", pa.bool_(), "whether they prefer neither"),
        _column("kept", pa.bool_(), "whether that label would be a preference"),
    ]
)  # fmt: skip

ANSWERS = pa.schema(
    [
        _text("pair_id", "the pair that it is on"),
        _text("prompt_id", "its prompt"),
        _text("reviewer", "who answered, as the review names them"),
        _text("preferred_id", "the better response; null where neither is", optional=True),
        _text("answered_at", "time of the answer in ISO 8601, if the review tells", optional=True),
        _text("place", "file of data/reviews and row"),
        _column(
            "accuracy", pa.float64(), "how often the reviewer is right, by the others' answers",
            unit="share",
        ),
    ]
)  # fmt: skip

RUBRICS = pa.schema(
    [
        _text("prompt_id", "the prompt that it is for"),
        _text("judge", "the judge that asked by it"),
        _column(
            "criteria",
            pa.list_(pa.struct([("criterion", pa.string()), ("weight", pa.float64())])),
            "statements about an answer that are true or not, with their weights",
        ),
        _text("origin", "model, people, or general where the model wrote none that can be read"),
        _text("model", "model that wrote it", optional=True),
    ]
)

SCHEMAS: Mapping[str, pa.Schema] = {
    "prompts": PROMPTS,
    "held_out": PROMPTS,
    "drawn": DRAWN,
    "responses": RESPONSES,
    "judgments": JUDGMENTS,
    "canaries": CANARIES,
    "rubrics": RUBRICS,
    "preferences": PREFERENCES,
    "rejections": REJECTIONS,
    "review": REVIEW_QUEUE,
    "anchors": ANCHORS,
    "answers": ANSWERS,
}


_TOOLS = _text("tools", "the tools that it offers, as JSON in OpenAI's form", optional=True)
# What a table with tools has beside its own columns.
_WITH_TURNS: Mapping[str, pa.Field[Any]] = {
    "messages": _TOOLS,
    "prompt": _TOOLS,
    "text": _column(
        "turns", TURNS, "the answer where it is more than one text: each turn, call and result",
        optional=True,
    ),
}  # fmt: skip


def with_turns(schema: pa.Schema) -> pa.Schema:
    """Return the schema of a table with tools or answers of several turns, from its simple one."""
    if has_turns(schema):
        return schema
    columns = [_as_turns(column) if column.type == MESSAGES else column for column in schema]
    more = [column for name, column in _WITH_TURNS.items() if name in schema.names]
    return pa.schema([*columns, *more])


def _as_turns(column: pa.Field[Any]) -> pa.Field[Any]:
    meaning = (column.metadata or {}).get(b"meaning", b"").decode()
    meaning = meaning.replace("as one assistant message", "as turns of the assistant and of tools")
    return column.with_type(TURNS).with_metadata({"meaning": meaning})


def has_turns(schema: pa.Schema) -> bool:
    """Tell whether a schema is that of a table with tools or answers of several turns."""
    return any(column.type == TURNS for column in schema)


def as_needed(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return responses of the simple `schema` where none of these rows has turns."""
    has_none = has_turns(rows.schema) and rows["turns"].null_count == rows.num_rows
    return rows.select(schema.names) if has_none else rows


def table_from_rows(rows: Iterable[Mapping[str, Any]], schema: pa.Schema) -> pa.Table:
    """Return rows as a table of `schema`, with turns where a row needs it; a column that a row
    lacks is null.

    Raises `pyarrow.ArrowInvalid` if a value is not of its column's type.
    """
    rows = list(rows)
    if _need_turns(rows, schema):
        schema = with_turns(schema)
    return pa.Table.from_pylist(rows, schema=schema)


def _need_turns(rows: Sequence[Mapping[str, Any]], schema: pa.Schema) -> bool:
    """Tell whether a row has tools, an answer of several turns, or a message of more than a role
    and a content."""
    columns = [column.name for name, column in _WITH_TURNS.items() if name in schema.names]
    lists = [column.name for column in schema if column.type == MESSAGES]
    n_fields = len(MESSAGE)
    return any(row.get(name) is not None for name in columns for row in rows) or any(
        len(turn) > n_fields for name in lists for row in rows for turn in row.get(name) or ()
    )


def texts(table: pa.Table, column: str) -> list[str]:
    """Return a text column that has no nulls, as strings."""
    return [str(value) for value in table[column].to_pylist()]
