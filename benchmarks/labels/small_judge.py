"""`python -m benchmarks.labels.small_judge`: how often the bundled small model is right as a judge,
by each method, on pairs of a right and a wrong answer to bundled prompts."""

from __future__ import annotations

import argparse
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from benchmarks.labels.measure import label_rows
from benchmarks.report import write_results
from prefline.audit.report import audit_table
from prefline.config import Endpoint, EngineParams, Judge, JudgeParams
from prefline.config.judge import METHODS
from prefline.config.principles import read_principles
from prefline.ids import content_hash, content_id, lot
from prefline.llm import open_engine
from prefline.project import Project
from prefline.sources import read_rows
from prefline.tables.prompts import Prompt, prompt_from_row
from tasks.judge.comparisons import Comparison, Response
from tasks.judge.context import JudgeContext
from tasks.judge.jobs import JudgeJob, plan_comparisons
from tasks.judge.methods.verifier import verify
from tasks.judge.results import judgment_rows

ROOT = Path(__file__).parents[2]
FIGURES = (
    "accuracy_position_bias_off",
    "accuracy_both_orders",
    "accuracy_per_order",
    "inconsistent",
    "prefers_first",
    "invalid",
)
_HALF = 0.5
NOTHING = {"value": None}  # of a method without one valid verdict
METHODS_SHOWN: tuple[dict[str, Any], ...] = (
    {"method": "pairwise"},
    {"method": "reasoned", "max_tokens": 48},
    {"method": "constitution"},
    {"method": "reference"},
    {"method": "rubric", "max_tokens": 96},
    {"method": "listwise", "max_tokens": 48},
)


def labelled_pairs(count: int) -> list[Comparison]:
    """Pairs of a prompt's right answer and that of another prompt of its template, which the
    prompt's verifier finds wrong; drawn by hash, and so is the order."""
    rows = read_rows(ROOT / "data/bundled/prompts.jsonl")
    prompts = [prompt_from_row(row, "bundled", place) for place, row in rows]
    return sorted(_pairs(prompts), key=lambda one: content_hash(one.pair_id))[:count]


def _pairs(prompts: list[Prompt]) -> Iterator[Comparison]:
    answers: dict[str | None, list[str]] = defaultdict(list)
    for prompt in prompts:
        if prompt.reference and prompt.verifier:
            answers[prompt.template].append(prompt.reference)
    for prompt in prompts:
        if prompt.reference and prompt.verifier:
            others = sorted(answers[prompt.template], key=lambda text: content_hash([text, prompt]))
            sides = [_response(prompt, text) for text in (prompt.reference, *others[:5])]
            for wrong in sides[1:]:
                pair = Comparison(prompt, sides[0], wrong)
                if verify(pair).side == "first":
                    # A method that sees no order is not to meet the right answer first each time.
                    yield pair.swapped() if lot("order", pair.pair_id) < _HALF else pair
                    break


def _response(prompt: Prompt, text: str) -> Response:
    return Response(content_id(prompt.prompt_id, text), text, "stop", "reference")


def ask(judges: tuple[Judge, ...], pairs: list[Comparison]) -> list[dict[str, Any]]:
    """What the judges say of the pairs, as rows of `judgments`."""
    tables = []
    principles = read_principles(ROOT / "data/principles/constitution.jsonl")
    with tempfile.TemporaryDirectory() as folder:
        project = Project(Path(folder))
        with open_engine(project, [Endpoint()], EngineParams(), local_slots=1) as engine:
            for judge in judges:
                context = JudgeContext(material=principles)
                job = JudgeJob(judge, context, list(plan_comparisons(pairs, judge, context)))
                table, failed = judgment_rows(judge, job.collect(engine.converse))
                print(f"{judge.name}: {table.num_rows} verdicts, {len(failed)} failed", flush=True)
                tables.append(table)
    return pa.concat_tables(tables).to_pylist()


def measure(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The figures of each method; gold is which answer the verifier passes."""
    gold = {(row["first_id"], row["second_id"]): row["verdict"] for row in rows if _is_gold(row)}
    said = [_audited(row, gold) for row in rows if not _is_gold(row)]
    audit = audit_table(pa.Table.from_pylist(said), "small judge")["judges"]
    for each in label_rows(rows, {})[0].annotators:
        audit[each.annotator.judge]["accuracy_position_bias_off"] = each.accuracy.as_dict()
    return audit


def _is_gold(row: dict[str, Any]) -> bool:
    return row["method"] == "verifier"


def _audited(row: dict[str, Any], gold: dict[tuple[str, str], str]) -> dict[str, Any]:
    ids = row["first_id"], row["second_id"]
    kept = ("judge", "prompt_id", "first_id", "second_id", "verdict", "p_first")
    right = gold.get(ids) or {"first": "second", "second": "first"}[gold[ids[::-1]]]
    return {key: row[key] for key in kept} | {"pair_id": " ".join(sorted(ids)), "gold": right}


def table_of(judges: dict[str, dict[str, Any]]) -> str:
    """A row for each method, each figure with its 95 % interval by prompt."""
    lines = [
        f"| method | pairs | {' | '.join(name.replace('_', ' ') for name in FIGURES)} |",
        f"|---|---|{'---|' * len(FIGURES)}",
    ]
    for name, one in judges.items():
        cells = [_shown(one.get(figure, NOTHING)) for figure in FIGURES]
        lines.append(f"| {name} | {one['n_pairs']} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _shown(figure: dict[str, Any]) -> str:
    if figure["value"] is None:
        return "-"
    return f"{figure['value']:.2f} [{figure['low']:.2f}, {figure['high']:.2f}]"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=60)
    parser.add_argument("--methods", nargs="*", help="only these")
    given = parser.parse_args()
    shown = [one for one in METHODS_SHOWN if one["method"] in (given.methods or METHODS.names())]
    asked = [{"name": one["method"], "endpoint": Endpoint()} | one for one in shown]
    judges = [{"name": "verifier", "method": "verifier"}, *asked]
    params = JudgeParams.model_validate({"judges": judges})
    found = measure(ask(params.judges, labelled_pairs(given.pairs)))
    write_results("benchmarks.labels.small_judge", "Labels with the bundled judge", table_of(found))


if __name__ == "__main__":
    main()
