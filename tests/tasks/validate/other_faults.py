"""Faults to plant in the ledger of rounds and in the queue for people."""

from __future__ import annotations

from tests.tasks.validate.faults import Fault, add, answer, change
from tests.tasks.validate.line import Line

_NEW = {"prompt_id": "p99"}


def queue_everywhere(line: Line) -> None:
    """A pair that nothing else knows."""
    line.rows["review"].append(line.rows["review"][1] | {"pair_id": "x99"})


FAULTS_OF_DRAWN = [
    Fault("prompt that was not drawn", add("prompts", **_NEW), "prompts", "not_drawn", ("p99",)),
    Fault(
        "prompt that an earlier round drew",
        lambda line: line.rows["drawn"].pop(3),
        "prompts", "not_drawn", ("p0",),
    ),
    Fault("drawn and not there", add("drawn", **_NEW, round=1), "drawn", "not_a_prompt", ("p99",)),
    Fault(
        "drawn twice by a round",
        add("drawn", prompt_id="p1", round=1),
        "drawn", "prompt_id, round", ("p1",),
    ),
    Fault("negative round", change("drawn", 1, round=-1), "drawn", "round", ("e1",)),
    Fault("null round", change("drawn", 1, round=None), "drawn", "round", ("e1",)),
    Fault(
        "held out after it was drawn",
        change("held_out", 0, prompt_id="e1"),
        "drawn", "now_held_out", ("e1",), severity="warning",
    ),
    Fault(
        "held out and drawn",
        change("held_out", 0, prompt_id="p1"),
        "held_out", "also_drawn", ("p1",), also=("also_labelled",),
    ),
]  # fmt: skip

FAULTS_OF_REVIEW = [
    Fault("queued twice", add("review"), "review", "pair_id", ("x2",)),
    Fault("null why", change("review", 1, why=None), "review", "why", ("x3",)),
    Fault("unknown why", change("review", 1, why="dull"), "review", "why", ("x3",)),
    Fault(
        "conversation without a word",
        change("review", 1, prompt=answer(" ", "user")),
        "review", "prompt_fault", ("x3",),
    ),
    Fault(
        "queued of an unknown prompt",
        change("review", 1, prompt_id="gone"),
        "review", "unknown_prompt_id", ("x3",),
        also=("a_answers_other_prompt", "b_answers_other_prompt"),
    ),
    Fault(
        "queued with an unknown response",
        change("review", 1, response_a_id="gone"),
        "review", "unknown_a_id", ("x3",),
    ),
    Fault(
        "queued across prompts",
        change("review", 1, response_b_id="r7a", response_b="The sum is 8."),
        "review", "b_answers_other_prompt", ("x3",),
    ),
    Fault(
        "queued of one response",
        change("review", 1, response_b_id="r3b", response_b="The sum is 5."),
        "review", "same_on_both_sides", ("x3",), also=("identical_text",),
    ),
    Fault(
        "text of another response",
        change("review", 1, response_a="The sum is 4."),
        "review", "a_is_other_text", ("x3",), also=("identical_text",),
    ),
    Fault(
        "queued without text",
        change("review", 1, response_b=" \n"),
        "review", "b_is_blank", ("x3",), also=("b_is_other_text",),
    ),
    Fault("negative value", change("review", 0, value=-0.1), "review", "value", ("x2",)),
    Fault(
        "value not a number",
        change("review", 1, value=float("nan")),
        "review", "value_not_a_number", ("x3",), also=("value",),
    ),
    Fault(
        "endless value",
        change("review", 1, value=float("inf")),
        "review", "value_not_a_number", ("x3",),
    ),
    Fault(
        "queued by a value that it has not",
        change("review", 3, value=0.0),
        "review", "worth_nothing", ("z5",),
    ),
    Fault("negative answers", change("review", 0, n_answers=-1), "review", "n_answers", ("x2",)),
    Fault(
        "begun without an answer",
        change("review", 2, n_answers=0),
        "review", "begun_otherwise", ("z4",),
    ),
    Fault(
        "answered and not begun",
        change("review", 3, n_answers=1),
        "review", "begun_otherwise", ("z5",),
    ),
    Fault("queued and decided nowhere", queue_everywhere, "review", "decided_nowhere", ("x99",)),
    Fault(
        "human label that nobody gave",
        change("preferences", 2, label_source="human"),
        "review", "label_of_others", ("x2",),
    ),
    Fault(
        "answers that did not count",
        change("review", 0, n_answers=1),
        "review", "label_of_others", ("x2",),
    ),
]  # fmt: skip

FAULTS_OF_ANCHORS = [
    Fault("an anchor twice", add("anchors"), "anchors", "pair_id, told_by", ("x2",)),
    Fault(
        "anchor on an unknown prompt",
        change("anchors", 1, prompt_id="gone"),
        "anchors", "unknown_prompt_id", ("x3",),
    ),
    Fault(
        "anchor on a pair without a label",
        change("anchors", 3, pair_id="x99"),
        "anchors", "decided_nowhere", ("x99",),
    ),
    Fault("told by nobody", change("anchors", 1, told_by="cat"), "anchors", "told_by", ("x3",)),
    Fault(
        "label of people's", change("anchors", 0, label_source="human"),
        "anchors", "label_source", ("x2",),
    ),
    Fault("p of the other", change("anchors", 0, p_chosen=0.4), "anchors", "p_chosen", ("x2",)),
    Fault("agrees", change("anchors", 1, tie=True), "anchors", "agrees_with_a_tie", ("x3",)),
    Fault(
        "check of a check", change("anchors", 4, label_source="verifier"),
        "anchors", "measures_itself", ("x2",),
    ),
    Fault("an answer twice", add("answers"), "answers", "pair_id, reviewer", ("x2",)),
    Fault(
        "answer on an unknown prompt",
        change("answers", 0, prompt_id="gone"),
        "answers", "unknown_prompt_id", ("x2",),
    ),
    Fault(
        "answer on a pair without a label",
        change("answers", 2, pair_id="x99"),
        "answers", "decided_nowhere", ("x99",),
    ),
    Fault(
        "an unknown response", change("answers", 1, preferred_id="gone"),
        "answers", "unknown_preferred_id", ("x3",),
    ),
    Fault(
        "a response to another prompt", change("answers", 0, preferred_id="r3a"),
        "answers", "preferred_answers_other_prompt", ("x2",),
    ),
    Fault("more than right", change("answers", 0, accuracy=1.1), "answers", "accuracy", ("x2",)),
]  # fmt: skip
