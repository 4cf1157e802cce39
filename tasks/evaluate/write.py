"""Write an evaluation: figures for people and DVC, sentences, and outcomes for the rounds."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from prefline.tables import REJECTIONS, table_from_rows
from prefline.tables.metrics import write_metrics
from tasks.evaluate.evaluation import Evaluation

METRICS, FIGURES, SUMMARY = "metrics.json", "figures.csv", "summary.txt"
OUTCOMES, LEFT_OUT = "outcomes.json", "left_out.parquet"
_FIGURE = {"value", "low", "high", "n"}


def write_evaluation(draft: Path, evaluation: Evaluation) -> None:
    """Write every figure as JSON, those with intervals as CSV too, sentences about them,
    outcomes by prompt, and what is in no figure."""
    figures, left_out = evaluation.figures, evaluation.left_out
    write_metrics(draft / METRICS, figures)
    write_metrics(draft / OUTCOMES, evaluation.outcomes)
    with (draft / FIGURES).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("figure", "value", "low", "high", "n"))
        for name, figure in intervals_in(figures):
            writer.writerow((name, figure["value"], figure["low"], figure["high"], figure["n"]))
    (draft / SUMMARY).write_text(
        "".join(f"{sentence}\n" for sentence in sentences(figures)), encoding="utf-8"
    )
    rows = sorted(
        (asdict(rejection) for rejection in left_out), key=lambda row: (row["kind"], row["id"])
    )
    pq.write_table(table_from_rows(rows, REJECTIONS), draft / LEFT_OUT, compression="zstd")


def intervals_in(figures: Any, name: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield every figure with an interval under its place: `passes.seen.pass_rate`.

    Those of categories, templates and lengths are left to the JSON.
    """
    if not isinstance(figures, Mapping):
        return
    if set(figures) == _FIGURE:
        if figures["value"] is not None:
            yield name, figures
        return
    for key, value in figures.items():
        if not key.startswith("by_"):
            yield from intervals_in(value, f"{name}.{key}".lstrip("."))


Figures = Mapping[str, Any]


def sentences(figures: Figures) -> Iterator[str]:
    """Describe the figures, the most telling first."""
    if "passes" in figures:
        yield from _policy_sentences(figures)
    for name, table in figures.get("pairs", {}).items():
        rules = table["overall"]
        length = better_length(rules)
        yield (
            f"{name}: right on {_share(rules['accuracy'])} of {table['n_pairs']:,} pairs of "
            f"{table['n_prompts']:,} prompts; the {length} answer on "
            f"{_share(rules[f'{length}_wins'])}: {_difference(rules[f'over_{length}'])}"
        )
    for sentence in figures.get("not_measured", ()):
        yield f"not measured: {sentence}"
    picks = figures.get("best_of")
    if picks and picks["n_prompts"]:
        yield (
            f"picking by reward passes {_share(picks['picked'])}, any answer "
            f"{_share(picks['random'])}: {_difference(picks['over_random'])}"
        )


def better_length(rules: Figures) -> str:
    """Return the rule of length, longer or shorter, that is right more often: the one to beat."""
    longer, shorter = rules["longer_wins"]["value"], rules["shorter_wins"]["value"]
    return "shorter" if (shorter or 0) > (longer or 0) else "longer"


def _policy_sentences(figures: Figures) -> Iterator[str]:
    names = {"seen": "of templates seen in training", "unseen": "of templates never seen"}
    for part, description in names.items():
        now, before = figures["passes"][part], figures["base_passes"][part]
        if now["pass_rate"]["n"]:
            yield (
                f"{figures['model']} passes {_share(now['pass_rate'])} of held-out prompts "
                f"{description}, its base {_share(before['pass_rate'])}: "
                f"{_difference(now['over']['base'])}"
            )
    length = figures["drift"]["base"]["characters"]["ratio"]
    yield f"its answers are {length['value']:.2f} times as long as those of its base"
    for other, wins in figures.get("wins", {}).get("against", {}).items():
        yield (
            f"the judge prefers it to the {other} in {_share(wins['raw'])}, in "
            f"{_share(wins['length_controlled'])} with length taken out"
        )
    if "kl" in figures:
        yield f"KL from its base: {figures['kl']['per_token_k3']['value']:.3f} nats a token"


def _share(figure: Figures) -> str:
    if figure["value"] is None:
        return "nothing"
    if figure["low"] is None:
        return f"{figure['value']:.1%}"
    return f"{figure['value']:.1%} [{figure['low']:.1%}, {figure['high']:.1%}]"


def _difference(figure: Figures) -> str:
    if figure["value"] is None or figure["low"] is None:
        return "a difference that cannot be told"
    shown = f"{figure['value']:+.1%} [{figure['low']:+.1%}, {figure['high']:+.1%}]"
    if figure["low"] > 0:
        return f"better, {shown}"
    return f"worse, {shown}" if figure["high"] < 0 else f"within noise, {shown}"
