from __future__ import annotations

import pyarrow as pa
import pytest

from prefline.tables import JUDGMENTS, table_from_rows
from tasks.judge.metrics import judge_metrics, pass_rates
from tests.prefline.labels.judgments import judgment
from tests.tasks.judge.material import prompt


def table(*rows: dict[str, object]) -> pa.Table:
    return table_from_rows(rows, JUDGMENTS)


def test_the_figures_of_a_judge_are_its_own_shares() -> None:
    rows = [
        judgment("a", "b", "first", judge="verifier"),
        judgment("c", "d", "second", judge="verifier"),
        judgment("a", "b", "first"),
        judgment("b", "a", "first"),
        judgment("c", "d", "second"),
        judgment("d", "c", "first"),
        judgment("e", "f", "tie"),
        judgment("f", "e", "invalid"),
    ]
    figures = judge_metrics(table(*rows))["small"]

    assert figures["n_pairs"] == 3
    assert figures["n_verdicts"] == 6
    assert figures["prefers_first"]["value"] == pytest.approx(3 / 4)
    assert figures["tie"]["value"] == pytest.approx(1 / 6)
    assert figures["invalid"]["value"] == pytest.approx(1 / 6)
    assert figures["inconsistent"]["value"] == pytest.approx(2 / 3)
    assert figures["accuracy_both_orders"]["value"] == pytest.approx(1 / 2)


def test_a_verifier_is_not_measured_against_itself() -> None:
    figures = judge_metrics(table(judgment("a", "b", "first", judge="verifier")))["verifier"]

    assert figures["accuracy_both_orders"]["value"] is None


def test_ties_of_the_verifier_are_no_gold() -> None:
    rows = [judgment("a", "b", "tie", judge="verifier"), judgment("a", "b", "first")]

    assert judge_metrics(table(*rows))["small"]["accuracy_both_orders"]["n"] == 0


def test_no_judgments_give_no_figures() -> None:
    assert judge_metrics(JUDGMENTS.empty_table()) == {}


def test_pass_rates_are_told_by_category_and_model() -> None:
    asked = prompt()
    rows = [
        {"prompt_id": asked.prompt_id, "model": model, "text": text}
        for model, text in (("m", "4"), ("m", "5"), ("n", "It is 4"), ("n", "4"))
    ]
    rates = pass_rates([asked, prompt("Why?", None)], rows)

    assert rates["all"]["value"] == pytest.approx(3 / 4)
    assert rates["by_model"]["n"]["value"] == 1
    assert rates["by_category"]["c"]["n"] == 4
