from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.prefline.audit.tables import audited, row

NUMBER = {"first": 1.0, "second": -1.0, "tie": 0.0, "invalid": np.nan}
SAID = st.lists(
    st.lists(st.sampled_from([*NUMBER, "invalid"]), min_size=3, max_size=3), min_size=2, max_size=20
)


@settings(max_examples=20)
@given(SAID)
def test_kappa_and_alpha_are_those_of_scikit_learn_and_krippendorff(said: list[list[str]]) -> None:
    import krippendorff
    from sklearn.metrics import cohen_kappa_score

    rows = [
        row(f"{pair}", verdict) | {"judge": f"j{judge}"}
        for pair, verdicts in enumerate(said)
        for judge, verdict in enumerate(verdicts)
    ]
    with TemporaryDirectory() as folder:
        found = audited(Path(folder), rows)

    both = [(a, b) for a, b, _ in said if "invalid" not in (a, b)]
    kappa = found["agreement"]["j0|j1"]["kappa"]["value"]
    if not both or len({one for pair in both for one in pair}) == 1:
        assert kappa is None
    else:
        assert kappa == pytest.approx(cohen_kappa_score(*zip(*both, strict=True)))

    ratings = np.array([[NUMBER[one] for one in verdicts] for verdicts in said]).T
    several = ratings[:, (~np.isnan(ratings)).sum(axis=0) > 1]
    alpha = found["krippendorff_alpha"]["value"]
    if len(np.unique(several[~np.isnan(several)])) < 2:
        assert alpha is None
    else:
        expected = krippendorff.alpha(ratings, level_of_measurement="nominal")
        assert alpha == pytest.approx(expected)


def test_judges_that_saw_other_orders_are_compared_by_pair(tmp_path: Path) -> None:
    rows = []
    for pair, verdict in enumerate(["first", "second", "first", "tie"]):
        turned = {"first": "second", "second": "first", "tie": "tie"}[verdict]
        rows += [row(f"{pair}", verdict), row(f"{pair}", turned, turned=True) | {"judge": "k"}]
    found = audited(tmp_path, rows)["agreement"]["j|k"]

    assert found["kappa"]["value"] is None
    assert found["pairs_kappa"]["value"] == 1


def test_one_judge_agrees_with_nobody(tmp_path: Path) -> None:
    found = audited(tmp_path, [row("1", "first"), row("2", "tie")])

    assert found["agreement"] == {}
    assert found["krippendorff_alpha"]["value"] is None
