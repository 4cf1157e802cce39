"""Faults to plant in a good line, one for each promise that a suite makes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.tasks.validate.line import Line, message


@dataclass(frozen=True)
class Fault:
    """What is done to a good line, and where it must be found. `also` are columns under
    which it is found too, because one fault breaks several promises."""

    name: str
    plant: Callable[[Line], object]
    table: str
    column: str | None
    ids: tuple[str, ...] = ()
    severity: str = "critical"
    also: tuple[str, ...] = ()


def change(table: str, row: int, **values: object) -> Callable[[Line], object]:
    return lambda line: line.change(table, row, **values)


def add(table: str, **values: object) -> Callable[[Line], object]:
    return lambda line: line.rows[table].append(line.rows[table][0] | values)


def change_all(table: str, **values: object) -> Callable[[Line], object]:
    return lambda line: [row.update(values) for row in line.rows[table]]


def answer(text: str, role: str = "assistant") -> list[dict[str, str]]:
    return [message(role, text)]


FAULTS = [
    Fault("duplicate prompt", add("prompts"), "prompts", "prompt_id", ("p0",)),
    Fault(
        "no messages", change("prompts", 1, messages=[]), "prompts", "messages_fault", ("p1",)
    ),
    Fault(
        "null messages", change("prompts", 1, messages=None), "prompts", "messages_fault", ("p1",)
    ),
    Fault(
        "unknown role",
        change("prompts", 2, messages=answer("Hi", "robot")),
        "prompts", "messages_fault", ("p2",),
    ),
    Fault(
        "made of an unknown prompt",
        change("prompts", 11, parent_ids=["p1", "gone"]),
        "prompts", "unknown_parent_id", ("p11",),
    ),
    Fault(
        "made by no call",
        change("prompts", 10, request_key=None),
        "prompts", "half_told", ("p10",),
    ),
    Fault(
        "style of a prompt of a source",
        change("prompts", 1, style="deepen"),
        "prompts", "half_told", ("p1",),
    ),
    Fault("no category", change("prompts", 3, category=""), "prompts", "category", ("p3",)),
    Fault("null source", change("prompts", 3, source=None), "prompts", "source", ("p3",)),
    Fault(
        "null id",
        change("rejections", 3, id=None),
        "rejections", "id", ("row 4",),
    ),
    Fault(
        "response to an unknown prompt",
        add("responses", response_id="r9z", prompt_id="gone"),
        "responses", "unknown_prompt_id", ("r9z",),
    ),
    Fault(
        "revision of an unknown response",
        change("responses", 0, origin="revised", parent_id="gone"),
        "responses", "unknown_parent_id", ("r0a",),
    ),
    Fault(
        "revision of nothing",
        change("responses", 0, origin="revised"),
        "responses", "revision_of_nothing", ("r0a",),
    ),
    Fault("origin", change("responses", 1, origin="copied"), "responses", "origin", ("r0b",)),
    Fault(
        "negative tokens",
        change("responses", 2, output_tokens=-1),
        "responses", "output_tokens", ("r1a",),
    ),
    Fault(
        "negative cached tokens",
        change("judgments", 2, cached_tokens=-1),
        "judgments", "cached_tokens", ("j1ab",),
    ),
    Fault(
        "negative cost", change("responses", 2, cost_usd=-0.1), "responses", "cost_usd", ("r1a",)
    ),
    Fault(
        "empty response",
        change("responses", 2, text=""),
        "responses", "text_length", ("r1a",), "warning",
    ),
    Fault(
        "truncated responses",
        lambda line: [
            line.rows["responses"].append(
                line.rows["responses"][0] | {"response_id": f"t{n}", "finish_reason": "length"}
            )
            for n in range(30)
        ],
        "responses", "truncated_too_often", ("t0", "t1", "t2", "t3", "t4"), "warning",
    ),
    Fault("duplicate judgment", add("judgments"), "judgments", "judgment_id", ("j0ab",)),
    Fault(
        "unknown verdict",
        change("judgments", 4, verdict="maybe"),
        "judgments", "verdict", ("j2ab",),
    ),
    Fault(
        "judgment of an unknown response",
        change("judgments", 4, second_id="gone"),
        "judgments", "unknown_second_id", ("j2ab",),
    ),
    Fault(
        "judgment across prompts",
        change("judgments", 4, second_id="r7a"),
        "judgments", "second_answers_other_prompt", ("j2ab",),
    ),
    Fault(
        "judgment of one response",
        change("judgments", 4, second_id="r2a"),
        "judgments", "same_on_both_sides", ("j2ab",),
    ),
    Fault("p_first", change("judgments", 5, p_first=1.5), "judgments", "p_first", ("j2ba",)),
    Fault(
        "p_first not a number",
        change("judgments", 5, p_first=float("nan")),
        "judgments", "p_first_not_a_number", ("j2ba",),
    ),
    Fault(
        "invalid without its reply",
        change("judgments", 5, verdict="invalid"),
        "judgments", "reply_not_kept", ("j2ba",),
    ),
    Fault(
        "too many invalid verdicts",
        change_all("judgments", verdict="invalid", rationale="I like both."),
        "judgments", "invalid_too_often", ("j0ab", "j0ba", "j1ab", "j1ba", "j2ab"),
    ),
    Fault("stage", change("rejections", 1, stage="guess"), "rejections", "stage", ("y1",)),
    Fault("kind", change("rejections", 1, kind="word"), "rejections", "kind", ("y1",)),
    Fault("no reason", change("rejections", 1, reason=""), "rejections", "reason", ("y1",)),
    Fault("rejected twice", add("rejections"), "rejections", "stage, kind, id", ("y0",)),
]  # fmt: skip
