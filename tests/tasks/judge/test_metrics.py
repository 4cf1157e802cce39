from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from prefline.audit.own import OwnVerdicts, audit_rows, own_verdicts
from prefline.audit.report import audit, audit_table
from prefline.config import JudgeParams
from prefline.errors import InputError
from prefline.tables import JUDGMENTS, RESPONSES, read_table, table_from_rows
from prefline.tables.answered import ListedAnswers
from prefline.tables.prompts import Prompt, read_prompts
from tasks.judge.metrics import headline, judge_metrics, pass_rates, write_plots
from tests.prefline.labeling.judgments import judgment
from tests.prefline.report.projects import full_project
from tests.tasks.judge.material import PAIRWISE, VERIFIER, prompt

PARAMS = JudgeParams(judges=(VERIFIER, PAIRWISE))


def judged(*rows: dict[str, Any], most: int = 99) -> tuple[pa.Table, OwnVerdicts]:
    """The audit's table of judgments on responses a to h of two models, and the same as arrays."""
    judgments = table_from_rows([{"prompt_id": "p"} | row for row in rows], JUDGMENTS)
    responses = [
        {"response_id": name, "prompt_id": "p", "model": "m" if number % 2 else "n",
         "sample_index": 0, "text": name * (number + 1), "finish_reason": "stop",
         "origin": "sampled"}
        for number, name in enumerate("abcdefgh")
    ]  # fmt: skip
    table = audit_rows(judgments, prompts(), table_from_rows(responses, RESPONSES))
    answered = ListedAnswers(prompts(), responses)
    return table, own_verdicts(judgments.to_batches(2), answered, judgments.num_rows, most)


def prompts() -> list[Prompt]:
    return [Prompt("p", prompt().messages, "s", "sums", "l", None, None, None)]


def figures_of(*rows: dict[str, Any]) -> dict[str, Any]:
    return judge_metrics(judged(*rows)[1], PARAMS)


ROWS = [
    judgment("a", "b", "first", judge="verifier"),
    judgment("c", "d", "second", judge="verifier"),
    judgment("a", "b", "first"),
    judgment("b", "a", "first"),
    judgment("c", "d", "second"),
    judgment("d", "c", "first"),
    judgment("e", "f", "tie"),
    judgment("f", "e", "invalid"),
]


def test_the_folder_of_a_project_is_audited_as_the_stage_audits_it(tmp_path: Path) -> None:
    project = full_project(tmp_path / "project")
    folder = project.table("judgments")
    rows = audit_rows(
        read_table(folder), read_prompts(project.table("prompts")),
        read_table(project.table("responses")),
    )  # fmt: skip

    assert audit(folder) == audit_table(rows, "judgments")
    with pytest.raises(InputError, match="holds no table of the pipeline"):
        audit(tmp_path)


def test_the_figures_of_a_judge_are_its_own_shares() -> None:
    figures = figures_of(*ROWS)["judges"]["small"]

    assert (figures["n_pairs"], figures["n_verdicts"]) == (3, 6)
    assert figures["method"] == "pairwise"
    assert figures["prefers_first"]["value"] == pytest.approx(3 / 4)
    assert figures["tie"]["value"] == pytest.approx(1 / 6)
    assert figures["invalid"]["value"] == pytest.approx(1 / 6)
    assert figures["inconsistent"]["value"] == pytest.approx(2 / 3)
    assert figures["accuracy_both_orders"]["value"] == pytest.approx(1 / 2)


def test_gold_is_the_verifier_s_verdict_in_each_row_s_own_order() -> None:
    table, _ = judged(*ROWS)

    assert table["gold"].to_pylist() == [
        None, None, "first", "second", "second", "first", None, None,
    ]  # fmt: skip
    assert table["first_length"].to_pylist()[2:4] == [1, 2]
    assert table["first_model"].to_pylist()[2:4] == ["n", "m"]
    assert set(table["category"].to_pylist()) == {"sums"}


def test_they_are_what_the_audit_of_the_same_table_says(tmp_path: Path) -> None:
    table, own = judged(*ROWS)
    pq.write_table(table, tmp_path / "t.parquet")
    found = judge_metrics(own, PARAMS)
    by_file = audit(tmp_path / "t.parquet", judge_models={"small": "m"})

    for name, figures in by_file["judges"].items():
        assert found["judges"][name] == figures | {
            "method": found["judges"][name]["method"], "kind": "model",
        }  # fmt: skip
    for part in ("models", "agreement", "krippendorff_alpha"):
        assert found[part] == by_file[part]


def test_of_too_many_verdicts_those_on_prompts_drawn_by_hash_are_measured() -> None:
    asked = [prompt(f"What is {number} + 1?", None) for number in range(40)]
    responses = [
        {"response_id": f"{one.prompt_id}{side}", "prompt_id": one.prompt_id, "model": "m",
         "text": side}
        for one in asked for side in "ab"
    ]  # fmt: skip
    rows = [
        judgment("a", "b", "invalid")
        | {"prompt_id": one.prompt_id, "invalid_reason": "cut_off"}
        | {"first_id": f"{one.prompt_id}a", "second_id": f"{one.prompt_id}b"}
        for one in asked
    ]
    batches = table_from_rows(rows, JUDGMENTS).to_batches()
    own = own_verdicts(batches, ListedAnswers(asked, responses), len(rows), most=20)

    assert 10 <= len(own.verdicts) <= 30
    assert own.invalid == {("small", "cut_off"): 40}
    assert headline(judge_metrics(own, PARAMS))["measured_share"] == 0.5


def test_a_verifier_is_not_measured_against_itself() -> None:
    figures = figures_of(ROWS[0])["judges"]["verifier"]

    assert figures["accuracy_both_orders"]["value"] is None


def test_ties_of_the_verifier_are_no_gold() -> None:
    rows = [judgment("a", "b", "tie", judge="verifier"), judgment("a", "b", "first")]

    assert figures_of(*rows)["judges"]["small"]["accuracy_both_orders"]["n"] == 0


def test_no_judgments_give_no_figures() -> None:
    assert figures_of()["judges"] == {}
    assert headline(figures_of())["judges"] == {}


def test_a_principle_is_measured_by_how_far_the_other_verdicts_go_with_it() -> None:
    rows = []
    for one, other in combinations("abcdef", 2):
        rows += [
            judgment(one, other, "first") | {"principle": "with"},
            judgment(one, other, "second") | {"principle": "against"},
            judgment(one, other, "first", judge="third"),
            judgment(one, other, "first", judge="fourth"),
        ]
    found = figures_of(*rows)["by_principle"]

    assert found["with"]["n_verdicts"] == found["against"]["n_verdicts"] == 15
    assert found["with"]["same_winner"]["value"] == 1.0
    assert found["against"]["same_winner"]["value"] == 0.0


def test_what_is_compared_from_run_to_run_leaves_the_long_lists_out() -> None:
    whole = figures_of(*ROWS)
    short = headline(whole)["judges"]["small"]

    assert "by_category" in whole["judges"]["small"]
    assert not {"by_category", "by_length", "calibration"} & set(short)
    orjson.dumps(whole)


def test_the_plots_figures_are_written_as_csv(tmp_path: Path) -> None:
    rate = {"value": 0.5, "low": 0.4, "high": 0.6, "n": 9}
    metrics = headline(figures_of(*ROWS)) | {"pass_rate": {"by_category": {"sums": rate}}}
    write_plots(tmp_path, metrics)

    assert (tmp_path / "pass_rates.csv").read_text().splitlines()[1] == '"sums",0.5,0.4,0.6'
    assert "small: prefers first" in (tmp_path / "figures.csv").read_text()
    assert "length controlled" in (tmp_path / "models.csv").read_text()


def test_pass_rates_are_told_by_category_and_model() -> None:
    asked = prompt()
    rows = [
        {"prompt_id": asked.prompt_id, "model": model, "text": text}
        for model, text in (("m", "4"), ("m", "5"), ("n", "It is 4"), ("n", "4"))
    ]
    rates = pass_rates(ListedAnswers([asked, prompt("Why?", None)], rows))

    assert rates["all"]["value"] == pytest.approx(3 / 4)
    assert rates["by_model"]["m"]["value"] == pytest.approx(1 / 2)
    assert rates["by_category"]["c"]["n"] == 4
