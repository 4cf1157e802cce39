"""Faults to plant in the preferences of a good line."""

from __future__ import annotations

from tests.tasks.validate.faults import Fault, add, answer, change, change_all
from tests.tasks.validate.line import Line, preference


def split_prompt(line: Line) -> None:
    line.rows["preferences"].append(preference(3) | {"pair_id": "x3b", "split": "test"})


FAULTS_OF_PREFERENCES = [
    Fault(
        "too few preferences",
        lambda line: line.rows["preferences"].clear(),
        "preferences", None,
        # There is no median of nothing.
        also=("length_ratio",),
    ),
    Fault(
        "duplicate pair",
        change("preferences", 5, pair_id="x4"),
        "preferences", "pair_id", ("x4",),
    ),
    Fault(
        "null log-odds", change("preferences", 5, log_odds=None), "preferences", "log_odds", ("x5",)
    ),
    Fault(
        "wrong log-odds",
        change("preferences", 5, log_odds=1.0),
        "preferences", "log_odds_error", ("x5",),
    ),
    Fault(
        "negative standard error",
        change("preferences", 5, log_odds_se=-0.1),
        "preferences", "log_odds_se", ("x5",),
    ),
    Fault(
        "p_chosen of a half",
        change("preferences", 5, p_chosen=0.5, log_odds=0.0),
        "preferences", "p_chosen", ("x5",),
    ),
    Fault(
        "p_chosen of one",
        change("preferences", 5, p_chosen=1.0),
        "preferences", "p_chosen", ("x5",),
    ),
    Fault(
        "p_chosen not a number",
        change("preferences", 5, p_chosen=float("nan")),
        "preferences", "p_chosen", ("x5",),
    ),
    Fault(
        "agreement", change("preferences", 6, agreement=1.1), "preferences", "agreement", ("x6",)
    ),
    Fault(
        "label without a judgment",
        change("preferences", 6, n_judgments=0),
        "preferences", "label_without_judgment", ("x6",),
    ),
    Fault(
        "label source",
        change("preferences", 6, label_source="guess"),
        "preferences", "label_source", ("x6",),
    ),
    Fault(
        "split",
        change("preferences", 6, split="dev"),
        "preferences", "split", ("x6",),
    ),
    Fault(
        "prompt in both splits",
        split_prompt,
        "preferences", "prompt_in_both_splits", ("x3", "x3b"),
        also=("repeats_too_often",),
    ),
    Fault(
        "same prompt and texts again",
        lambda line: line.rows["preferences"].append(
            line.rows["preferences"][4] | {"pair_id": "x4b"}
        ),
        "preferences", "repeats_too_often", ("x4b",), severity="warning",
    ),
    Fault(
        "one category nearly everywhere",
        change("preferences", 3, category="other"),
        "preferences", "category_too_common", tuple(f"x{n}" for n in (0, 1, 2, 4, 5)),
        severity="warning",
    ),
    Fault(
        "same text",
        change("preferences", 7, rejected=answer("The sum is 8.")),
        "preferences", "identical_text", ("x7",),
    ),
    Fault(
        "same response",
        change("preferences", 7, rejected_id="r7a"),
        "preferences", "chosen_is_rejected", ("x7",),
    ),
    Fault(
        "two messages chosen",
        change("preferences", 8, chosen=answer("One.") + answer("Two.")),
        "preferences", "chosen_fault", ("x8",),
    ),
    Fault(
        "user message rejected",
        change("preferences", 8, rejected=answer("One.", "user")),
        "preferences", "rejected_fault", ("x8",),
    ),
    Fault(
        "blank answer",
        change("preferences", 8, chosen=answer(" \n")),
        "preferences", "chosen_fault", ("x8",),
    ),
    Fault(
        "empty conversation",
        change("preferences", 8, prompt=[]),
        "preferences", "prompt_fault", ("x8",),
    ),
    Fault(
        "unknown chosen response",
        change("preferences", 9, chosen_id="gone"),
        "preferences", "unknown_chosen_id", ("x9",),
    ),
    Fault(
        "preference across prompts",
        change("preferences", 9, rejected_id="r4b"),
        "preferences", "rejected_answers_other_prompt", ("x9",),
    ),
    Fault(
        "truncated answer",
        change("responses", 18, finish_reason="length"),
        "preferences", "chosen_truncated", ("x9",),
    ),
    Fault(
        "preferred and rejected",
        add("rejections", stage="pair", id="x10"),
        "preferences", "also_rejected", ("x10",),
    ),
    Fault(
        "length ratio",
        change_all("preferences", rejected=answer("8")),
        "preferences", "length_ratio", (), "warning",
    ),
]  # fmt: skip
