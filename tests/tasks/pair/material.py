"""A small line to review: judgments, prompts and responses, and simulated annotation."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson

from prefline.config import PairParams
from prefline.labeling import LabelCounts
from prefline.tables import JUDGMENTS, PROMPTS, RESPONSES, table_from_rows
from tasks.pair import labels, write_queue
from tasks.pair.formats.plain import Answers
from tasks.pair.judged import open_pairs
from tasks.pair.labels import (
    NO_ANSWERS,
    LabelledPair,
    LabelledPairs,
    apply_human_labels,
    ask_people,
)
from tasks.pair.queue import QueuedPair, draw_queue, queue_row
from tests.prefline.labeling.judgments import judgment

Row = dict[str, Any]
MODELS = ("secret-model-one", "secret-model-two")
JUDGES = ("secret-judge-x", "secret-judge-y")
VERDICTS = ("first", "second", "tie", "invalid")


def params(**review: Any) -> PairParams:
    """Params with this section `review`."""
    return PairParams.model_validate({"review": review})


def rows_of(verdicts: Sequence[tuple[str, str]]) -> list[Row]:
    """One pair for each two verdicts: the first judge's and the second's."""
    return [
        judgment(f"{at:03d}a", f"{at:03d}b", verdict, judge=judge, prompt=f"p{at:03d}")
        for at, both in enumerate(verdicts)
        for judge, verdict in zip(JUDGES, both, strict=True)
    ]


def label_pairs(
    rows: Sequence[Row],
    given: PairParams,
    *,
    lengths: Mapping[str, int] | None = None,
    checks: Mapping[str, str] | None = None,
    prompt_of: Mapping[str, str] | None = None,
    categories: Mapping[str, str] | None = None,
    **more: Any,
) -> LabelledPairs:
    """The labels of rows of `judgments`, with all pairs in lists; `checks` are the kinds of
    verifier, and `categories` those of the prompts, by id."""
    responses = [
        {"response_id": name, "prompt_id": (prompt_of or {}).get(name, ""),
         "text": "x" * lengths[name] if lengths else None}
        for name in {**(lengths or {}), **(prompt_of or {})}
    ]  # fmt: skip
    prompts = [
        {"prompt_id": name, "category": (categories or {}).get(name),
         "verifier": json.dumps({"kind": checks[name]}) if checks and name in checks else None}
        for name in sorted({row["prompt_id"] for row in rows})
    ]  # fmt: skip
    with open_pairs(
        table_from_rows(rows, JUDGMENTS),
        table_from_rows(responses, RESPONSES),
        table_from_rows(prompts, PROMPTS),
    ) as tables:
        labelled = labels.label_pairs(tables, given, **more)
        by_judges, final = list(labelled.by_judges), list(labelled.final)
    return replace(labelled, by_judges=by_judges, final=final)


def mixed(pairs: int) -> list[Row]:
    """Pairs with every combination of two judges' verdicts."""
    combinations = [(one, other) for one in VERDICTS for other in VERDICTS]
    return rows_of([combinations[at % len(combinations)] for at in range(pairs)])


@functools.cache
def judged(pairs: int) -> tuple[LabelledPair, ...]:
    """The labels of `mixed(pairs)` on the word of judges alone."""
    rows = mixed(pairs)
    categories = {row["prompt_id"]: "odd" if int(row["prompt_id"][1:]) % 2 else "even"
                  for row in rows}  # fmt: skip
    return tuple(label_pairs(rows, PairParams(), categories=categories).by_judges)


@functools.cache
def _of_none() -> LabelCounts:
    return label_pairs([], PairParams()).labels


def after(some: Sequence[LabelledPair], answers: Answers, given: PairParams) -> LabelledPairs:
    """The same pairs with people's answers."""
    people = ask_people(answers, [pair.evidence for pair in some], given)
    final = list(apply_human_labels(some, people, given))
    by_people = {pair.evidence.pair_id: pair for pair in final if pair.label_source == "human"}
    return LabelledPairs(
        list(some), final, _of_none(), people.reviews, people.reviewers, by_people=by_people
    )


def category(one: LabelledPair) -> str:
    """The category of a pair's prompt."""
    return str(one.evidence.category)


def queue_of(
    some: Sequence[LabelledPair], given: PairParams, answers: Answers = NO_ANSWERS
) -> list[QueuedPair]:
    """The queue as the stage draws it."""
    return draw_queue(some, after(some, answers, given).reviews.by_pair(), given)


def written(folder: Path, some: Sequence[LabelledPair], given: PairParams) -> list[Row]:
    """The queue written to a folder as the stage writes it; its rows. Responses have a model
    that must not be seen."""
    rows = [_row(one) for one in queue_of(some, given)]
    write_queue(folder, rows, given.review.reviewers_per_pair)
    return rows


def _row(one: QueuedPair) -> Row:
    evidence = one.pair.evidence
    asked = {"role": "user", "content": f'Question {evidence.prompt_id} <&"$x>?'}
    texts = {name: f"Answer {name}\nof two lines" for name in (evidence.lower, evidence.upper)}
    return queue_row(one, [asked], texts)


def save(path: Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    """Rows as JSONL or as a JSON array, by the ending."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        path.write_text(json.dumps(list(rows)))
    return path


# What a reviewer says of a pair: "a", "b", "tie", or None for a skip; by pair, for each reviewer.
Says = Mapping[str, Sequence[str | None]]


def plainly(queue: Path, says: Says) -> list[Row]:
    """Answers in our own format."""
    found = []
    for line in (queue / "queue.jsonl").read_text().splitlines():
        row = json.loads(line)
        a, b = row["response_a_id"], row["response_b_id"]
        for number, said in enumerate(says[row["pair_id"]]):
            sides = {"a": (a, b), "b": (b, a), "tie": ("tie", a), None: (None, a)}
            preferred, other = sides[said]
            found.append({
                "pair_id": row["pair_id"], "reviewer": str(number),
                "preferred_id": preferred, "other_id": other,
            })  # fmt: skip
    return found


def in_label_studio(queue: Path, says: Says) -> list[Row]:
    """The tasks as Label Studio 1.23 exports them once they are annotated."""
    tasks = orjson.loads((queue / "label_studio.json").read_bytes())
    return [
        {"id": at, **task, "drafts": [], "predictions": [], "total_annotations": 1,
         "annotations": [annotation(number, said)
                         for number, said in enumerate(says[task["data"]["pair_id"]])]}
        for at, task in enumerate(tasks, 1)
    ]  # fmt: skip


def annotation(user: int, said: str | None, **changes: Any) -> Row:
    """One annotation of an export."""
    results = {
        "a": [pairwise("left")], "b": [pairwise("right")],
        "tie": [{"id": "c", "from_name": "tie", "to_name": "prompt", "type": "choices",
                 "value": {"choices": ["tie"]}, "origin": "manual"}],
        None: [],
    }  # fmt: skip
    return {
        "id": user, "completed_by": user, "result": results[said], "was_cancelled": said is None,
        "ground_truth": False, "created_at": "2026-11-02T08:00:00.000000Z",
        "updated_at": "2026-11-02T08:00:00.000000Z", "lead_time": 3.2,
    } | changes  # fmt: skip


def pairwise(side: str) -> Row:
    """A result of Label Studio's pairwise control."""
    return {
        "id": "p", "from_name": "better", "to_name": "response_a,response_b", "type": "pairwise",
        "value": {"selected": side}, "origin": "manual",
    }  # fmt: skip


def in_argilla(queue: Path, says: Says) -> list[Row]:
    """The records as Argilla 2.8 exports them with `to_list(flatten=True)`."""
    found = []
    for line in (queue / "argilla.jsonl").read_text().splitlines():
        record = json.loads(line)
        said = says[record["id"]]
        found.append(record | {
            "status": "pending", "_server_id": None,
            "preference.responses": [one or "a" for one in said] or None,
            "preference.responses.users": [str(n) for n in range(len(said))] or None,
            "preference.responses.status":
                ["submitted" if one else "discarded" for one in said] or None,
        })  # fmt: skip
    return found


def nested(record: Row) -> Row:
    """The same record as `records.to_json` writes it, with what was submitted."""
    responses = zip(
        record["preference.responses"] or (),
        record["preference.responses.users"] or (),
        record["preference.responses.status"] or (),
        strict=True,
    )
    given = [
        {"value": v, "user_id": user} for v, user, status in responses if status != "discarded"
    ]
    fields = ("prompt", "response_a", "response_b")
    ids = ("response_a_id", "response_b_id")
    return {
        "id": record["id"], "fields": {name: record[name] for name in fields},
        "metadata": {name: record[name] for name in ids}, "suggestions": {}, "vectors": {},
        "responses": {"preference": given} if given else {},
        "status": "pending", "_server_id": None,
    }  # fmt: skip
