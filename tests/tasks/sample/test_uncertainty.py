from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefline.config import UncertaintyParams
from prefline.releases import publish
from prefline.storage import open_store
from prefline.tables.prompts import Prompt, prompt_from_row
from tasks.sample import sample_prompts
from tasks.sample.pool import prompt_columns
from tasks.sample.uncertainty import (
    Uncertainties,
    draw_weights,
    mean_uncertainties,
    read_uncertainties,
)
from tests.prefline.releases.drafts import draft, preference
from tests.tasks.sample.pools import params

RULE = UncertaintyParams(release="store/demo@1")


def prompt(number: int, template: str | None = None, category: str = "c") -> Prompt:
    row = {"prompt": f"question {number}", "template": template, "category": category}
    return prompt_from_row(row, "a", "here")


def pairs(*rows: dict[str, Any]) -> pa.Table:
    plain = {"category": "c", "p_chosen": 0.9, "agreement": 1.0}
    return pa.Table.from_pylist([plain | row for row in rows])


def found(*rows: dict[str, Any], by: str = "uncertainty") -> Uncertainties:
    return mean_uncertainties(pairs(*rows), RULE.model_copy(update={"by": by}))


@given(st.lists(st.floats(0.5, 0.999), min_size=1, max_size=5))
def test_a_prompt_is_in_doubt_as_its_pairs_are_uncertain(chances: list[float]) -> None:
    rows = [{"prompt_id": "0" * 15 + "1", "p_chosen": p} for p in chances]

    assert found(*rows).mean == pytest.approx([np.mean([4 * p * (1 - p) for p in chances])])


def test_disagreement_is_the_share_of_judgments_that_name_the_other() -> None:
    rows = [{"prompt_id": f"{n:016x}", "agreement": share} for n, share in ((1, 1.0), (2, 0.75))]

    assert found(*rows, by="disagreement").mean.tolist() == [0.0, 0.5]


def test_what_has_no_pairs_takes_the_mean_of_its_template_then_category_then_all() -> None:
    known = [prompt(1, "sums"), prompt(2, "sums"), prompt(3, None, "d"), prompt(4, None, "d")]
    shares = (0.5, 0.9, 0.6, 0.6)
    known_means = found(
        *({"prompt_id": one.prompt_id, "category": one.category, "agreement": share}
          for one, share in zip(known, shares, strict=True)), by="disagreement",
    )  # fmt: skip
    fresh = [prompt(5, "sums"), prompt(6, "other", "d"), prompt(7, None, "e")]
    weight = draw_weights(prompt_columns([*known, *fresh]), known_means, emphasis=2.0)

    assert weight[:4] == pytest.approx([3.0, 1.4, 2.6, 2.6])
    assert weight[4:] == pytest.approx([1 + 2 * 0.6, 1 + 2 * 0.8, 1 + 2 * 0.7])


def test_a_version_without_pairs_weighs_all_alike() -> None:
    none = pairs({"prompt_id": "0" * 16}).slice(0, 0)

    assert draw_weights(
        prompt_columns([prompt(1)]), mean_uncertainties(none, RULE), 4.0
    ).tolist() == [1.0]


def test_more_is_drawn_of_what_a_published_version_was_unsure_of(tmp_path: Path) -> None:
    every = [prompt(n) for n in range(400)]
    rows = [
        preference(n, prompt_id=one.prompt_id, p_chosen=0.51 if n % 2 else 0.999)
        for n, one in enumerate(every)
    ]
    publish(open_store(str(tmp_path / "store")), draft(tmp_path / "draft", rows))
    (tmp_path / "a.csv").write_text("prompt\n" + "\n".join(f"question {n}" for n in range(400)))
    mix = {"uncertainty": {"release": "store/demo@1", "emphasis": 9.0}}
    given = params(100, mix=mix, sources=({"name": "a", "path": "a.csv"},))
    kept, _ = sample_prompts(given, tmp_path)
    unsure = sum(int(one.text.split()[1]) % 2 for one in kept)

    assert read_uncertainties(RULE, tmp_path).mean.max() == pytest.approx(4 * 0.51 * 0.49)
    # The first draw is unsure with odds of 10 to 1; without replacement about 84 of 100 are.
    assert 75 <= unsure <= 95
