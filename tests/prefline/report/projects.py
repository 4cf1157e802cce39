"""Small projects to report on, with tables that are true to the schemas."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from prefline.ids import content_id
from prefline.project import Project
from prefline.tables import SCHEMAS, table_from_rows, write_table

Row = dict[str, Any]

HOSTILE = "<script>alert('x')</script> & <b>bold</b> \x1b[31mred [bold]markup[/bold]"
CATEGORIES = ("sums", "words", "<i>odd</i>")
_ENDPOINT = {"base_url": "https://models.example/v1", "model": "big-7b"}


def empty_project(root: Path) -> Project:
    """A project in which nothing has been made yet."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "dvc.yaml").write_text("stages: {}\n")
    params = {
        "sample": {"sources": [{"name": "bundled", "path": "prompts.jsonl"}]},
        "generate": {"endpoints": [_ENDPOINT]},
        "judge": {
            "judges": [
                {"name": "verifier", "method": "verifier"},
                {"name": "big", "method": "pairwise", "endpoint": _ENDPOINT},
            ]
        },
    }
    (root / "params.yaml").write_text(yaml.safe_dump(params))
    return Project(root)


def full_project(root: Path, *, prompts: int = 12, label_source: str = "verifier") -> Project:
    """A project whose every table and metric is made: one pair of two answers per prompt, of
    which the verifier passes one and the judge `big` prefers what it sees first."""
    project = empty_project(root)
    pairs = [_pair(number, label_source) for number in range(prompts)]
    for name in ("prompts", "responses", "judgments", "preferences"):
        save(project, name, [row for pair in pairs for row in pair[name]])
    reasons = ["tie", "tie", "order_flip"]
    save(project, "rejections", [
        {"stage": "pair", "kind": "pair", "id": content_id("x", str(n)), "reason": reason}
        for n, reason in enumerate(reasons)
    ])  # fmt: skip
    _write_figures(project, prompts)
    return project


def save(project: Project, name: str, rows: Iterable[Row]) -> None:
    """Write rows as a table of the project."""
    write_table(project.table(name), table_from_rows(rows, SCHEMAS[name]), SCHEMAS[name])


def figure(low: float, value: float, high: float, n: int = 40) -> Row:
    """A share with its interval, as metrics hold it."""
    return {"value": value, "low": low, "high": high, "n": n}


def save_json(path: Path, data: Any) -> None:
    """Write a file of metrics."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data))


def set_accuracy(project: Project, accuracy: Row) -> None:
    """Let `big` have been measured at this accuracy."""
    calibration = {
        "weight": 1.5, "weight_se": 0.2, "n_anchors": 40, "position_bias": 2.0,
        "position_bias_se": 0.1, "length_bias": 0.3, "accuracy": accuracy,
        "warnings": ["too few verdicts to know its position bias"],
    }  # fmt: skip
    save_json(
        project.metrics("pair"),
        {"pairs": 15, "queued_for_review": 2, "calibration": {"big": calibration}},
    )


def _pair(number: int, label_source: str) -> dict[str, list[Row]]:
    prompt = content_id("prompt", str(number))
    good, bad = content_id("good", str(number)), content_id("bad", str(number))
    asked = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": HOSTILE}]
    texts = {good: f"{number} is right", bad: f"{HOSTILE} {'long ' * number}"}
    paid = {"input_tokens": 10, "output_tokens": 5, "cost_usd": 0.25}
    category = CATEGORIES[number % len(CATEGORIES)]
    verdicts = [
        {"judge": "verifier", "method": "verifier", "verdict": "first", "p_first": 1.0,
         "first_id": good, "second_id": bad,
         "rationale": f"first passes: number {number}; second fails: {HOSTILE}"},
        *(
            {"judge": "big", "method": "pairwise", "verdict": "first", "p_first": 0.9,
             "first_id": first, "second_id": second, "request_key": f"{first}{second}", **paid}
            for first, second in ((good, bad), (bad, good))
        ),
    ]  # fmt: skip
    return {
        "prompts": [{"prompt_id": prompt, "messages": asked, "source": "bundled",
                     "category": category, "license": "CC0-1.0"}],
        "responses": [
            {"response_id": identity, "prompt_id": prompt, "model": "big-7b", "sample_index": index,
             "text": text, "finish_reason": "stop", "origin": "sampled",
             "request_key": identity, **paid}
            for index, (identity, text) in enumerate(texts.items())
        ],
        "judgments": [
            {"judgment_id": content_id("judgment", str(n), prompt), "prompt_id": prompt, **one}
            for n, one in enumerate(verdicts)
        ],
        "preferences": [{
            "pair_id": content_id("pair", *sorted((good, bad))), "prompt_id": prompt,
            "prompt": asked, "chosen": [{"role": "assistant", "content": texts[good]}],
            "rejected": [{"role": "assistant", "content": texts[bad]}], "chosen_id": good,
            "rejected_id": bad, "chosen_model": "big-7b", "rejected_model": "big-7b",
            "p_chosen": 0.55 + 0.03 * (number % 15), "log_odds": 1.0, "n_judgments": 3,
            "agreement": 0.67, "anchored": True, "label_source": label_source,
            "split": "test" if number % 4 == 0 else "train", "category": category,
            "source": "bundled", "judges": "big,verifier" if label_source != "ai" else "big",
        }],
    }  # fmt: skip


def _write_figures(project: Project, prompts: int) -> None:
    even, none = figure(0.9, 1.0, 1.0), figure(0.0, 0.0, 0.0)
    shares = {"prefers_first": even, "tie": none, "invalid": none, "inconsistent": even,
              "accuracy_both_orders": none}  # fmt: skip
    judges = {
        name: {"method": method, "n_verdicts": prompts, "n_pairs": prompts, **shares}
        for name, method in (("big", "pairwise"), ("verifier", "verifier"))
    }
    rates = {name: figure(0.3, 0.5, 0.7) for name in CATEGORIES}
    save_json(project.metrics("judge"), {"judges": judges, "pass_rate": {"by_category": rates}})
    set_accuracy(project, figure(0.4, 0.5, 0.6))
    save_json(project.release, {"dataset": "demo", "version": 3, "store": "store"})
    expectation = {
        "table": "prompts", "name": "expect_something", "column": "prompt_id", "passed": True,
        "severity": "critical", "n_checked": 3, "n_failed": 0, "observed": None,
        "examples": [], "says": "prompt_id is given", "remedy": "make it again",
    }  # fmt: skip
    save_json(
        project.table("validation") / "results.json",
        {"passed": True, "n_failed": 0, "n_warnings": 0, "rows": {"prompts": prompts},
         "expectations": [expectation]},
    )  # fmt: skip
