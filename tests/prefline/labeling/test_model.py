from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefline.labeling.agreement import agree
from prefline.labeling.anchors import fit_anchors, make_features
from prefline.labeling.consensus import Kind, fit_factor
from prefline.labeling.model import (
    MIN_ANCHORS,
    LabelCounts,
    LabelModel,
    held_back_log_odds,
    label_votes,
)
from prefline.labeling.prior import PriorAccuracy
from prefline.labeling.scores import score_votes
from prefline.labeling.votes import Order, read_votes
from prefline.stats import Floats
from tests.prefline.labeling.juries import (
    OTHER,
    SCHEMA,
    Row,
    accuracy,
    jury,
    label,
    untold,
    verdict,
)

VERDICTS = st.lists(
    st.tuples(
        st.integers(0, 11),  # pair
        st.sampled_from("jkl"),
        st.sampled_from((-1.0, 0.0, 1.0)),
        st.sampled_from((1, -1)),
        st.sampled_from((None, 0.2, 0.5, 0.9)),
    ),
    min_size=1,
    max_size=60,
)
TRUTHS = st.lists(st.sampled_from((-1.0, 0.0, 1.0)), min_size=12, max_size=12)


def rows_of(
    drawn: list[tuple[int, str, float, int, float | None]], truths: list[float]
) -> list[Row]:
    rows = []
    for number, judge, vote, order, p in drawn:
        row = verdict(number, judge, vote, truths[number], order)
        if p is not None:
            row["verdict"] = "first" if p > 0.5 else "second" if p < 0.5 else "tie"
        rows.append(
            row | {"p_first": p, "first_length": 100.0 + 50 * number, "second_length": 200.0}
        )
    return rows


@settings(max_examples=6, deadline=None)
@given(VERDICTS, TRUTHS, st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(drawn, truths, random) -> None:
    rows = rows_of(drawn, truths)
    for row in rows:
        row["first_length"], row["second_length"] = 300.0, 300.0
    shuffled = list(rows)
    random.shuffle(shuffled)
    columns = ("pair_id", "preferred_id", "p_preferred", "log_odds_se", "anchored")
    once, again = (
        sorted(zip(*(label(given_rows)[0][name] for name in columns), strict=True))
        for given_rows in (rows, shuffled)
    )
    assert once == again


@settings(max_examples=6, deadline=None)
@given(VERDICTS, TRUTHS)
def test_renaming_first_to_second_changes_nothing(drawn, truths) -> None:
    rows = rows_of(drawn, truths)
    swapped = [
        row | {
            "first_id": row["second_id"], "second_id": row["first_id"],
            "verdict": OTHER[row["verdict"]], "gold": OTHER[row["gold"]],
            "p_first": None if row["p_first"] is None else 1 - row["p_first"],
            "first_length": row["second_length"], "second_length": row["first_length"],
        }
        for row in rows
    ]  # fmt: skip
    once, again = label(rows)[0], label(swapped)[0]
    assert np.allclose(once["p_preferred"], again["p_preferred"], atol=1e-6)
    decided = np.array(once["p_preferred"]) > 0.501
    same = np.array(once["preferred_id"]) == np.array(again["preferred_id"])
    assert same[decided].all()


@settings(max_examples=10, deadline=None)
@given(VERDICTS, TRUTHS)
def test_no_label_goes_against_all_judges_unless_anchors_tell_them_wrong(drawn, truths) -> None:
    rows = rows_of(drawn, truths)
    _, labels = label(rows)
    opposite = labels.unanimous * labels.log_odds < 0
    assert (opposite == labels.against).all()
    if not any(truths):
        assert not opposite.any()


@settings(max_examples=6, deadline=None)
@given(VERDICTS, TRUTHS)
def test_a_label_is_anchored_where_a_judge_was_measured_on_enough_anchors(drawn, truths) -> None:
    labelled, labels = label(rows_of(drawn, truths))
    enough = {
        figures.annotator.judge for figures in labels.annotators if figures.n_anchors >= MIN_ANCHORS
    }
    judges = {pair: set() for pair in labelled["pair_id"]}
    soft = {(f"p{number:04}", judge, p is None) for number, judge, *_, p in drawn}
    measured = {(f.annotator.judge, f.annotator.hard) for f in labels.annotators
                if f.n_anchors >= MIN_ANCHORS}  # fmt: skip
    for pair, judge, hard in soft:
        if (judge, hard) in measured:
            judges[pair].add(judge)
    assert labelled["anchored"] == [bool(judges[pair]) for pair in labelled["pair_id"]]
    assert bool(enough) == any(labelled["anchored"])


def test_one_good_judge_against_a_crowd_wins_once_twenty_pairs_are_told() -> None:
    draw = np.random.default_rng(3)
    rows, truth = jury({"good": 0.9}, told=20)
    crowd, _ = jury({"crowd": 0.3}, told=20)  # the same wrong answers from four judges
    for name in ("w1", "w2", "w3", "w4"):
        same = {number for number in range(200) if draw.random() < 0.9}
        rows += [row | {"judge": name} for row in crowd if int(row["pair_id"][1:]) in same]
    labelled, labels = label(rows)

    assert accuracy(label(untold(rows))[0], truth) < 0.5
    assert accuracy(labelled, truth, 20) > 0.85
    assert all(labelled["anchored"])
    weight = {each.annotator.judge: each.weight for each in labels.annotators}
    assert weight["good"] > 0 > np.mean([weight[f"w{k}"] for k in range(1, 5)])


def test_an_annotators_noise_is_at_least_what_its_two_orders_show() -> None:
    """Twins make the same errors and take the first response of the same pairs."""
    draw = np.random.default_rng(5)
    crowd, own = draw.choice([-1.0, 1.0], (2, 300), p=[0.2, 0.8])
    flips, other = draw.random((2, 300)) < 0.3
    rows: list[Row] = []
    for judge, vote, flip in (
        ("other", own, other), ("twin 1", crowd, flips), ("twin 2", crowd, flips)
    ):  # fmt: skip
        for order in (1, -1):
            given = np.where(flip, order, vote)
            rows += [verdict(number, judge, given[number], order=order) for number in range(300)]
    scores = score_votes(read_votes(pa.Table.from_pylist(rows, SCHEMA)))

    factor = fit_factor(scores, Kind.FACTOR)

    assert (factor.noise >= scores.order_variance / 2 - 1e-9).all()
    assert factor.noise[1:] == pytest.approx(scores.order_variance[1:] / 2)


def test_anchors_on_which_the_crowd_is_wrong_say_that_agreement_tells_nothing() -> None:
    rows, _ = jury({"a": 0.9, "b": 0.9, "c": 0.9}, n=100)
    votes = read_votes(pa.Table.from_pylist(untold(rows), SCHEMA))
    agreement = agree(votes, 0.0)
    features = make_features(agreement, votes, np.ones(100) > 0).take(np.arange(8))
    crowd = (agreement.log_odds[:8] > 0).astype(float)

    def chance_of_ridge(target: Floats) -> float:
        hypotheses = fit_anchors(features, target, np.ones(8))
        return sum(each.weight for each in hypotheses if each.setting.rho == 0)

    assert chance_of_ridge(crowd) < 0.1
    assert chance_of_ridge(1 - crowd) > 0.5


def test_without_anchors_nothing_is_anchored_and_the_majority_is_kept() -> None:
    rows, truth = jury({"a": 0.75, "b": 0.75, "c": 0.75})
    labelled, labels = label(rows)
    votes = np.zeros(200)
    for row in rows:
        toward = (row["verdict"] == "first") == row["first_id"].startswith("a")
        votes[int(row["pair_id"][1:])] += 1 if toward else -1

    assert not any(labelled["anchored"])
    assert accuracy(labelled, truth) == np.mean((votes > 0) == (truth > 0))
    assert labels.n_anchors == 0


@pytest.mark.parametrize("soft", [True, False])
@pytest.mark.parametrize("always_first", [True, False])
@pytest.mark.parametrize("order", [Order.UNKNOWN, Order.RANDOM, Order.GIVEN])
def test_no_label_goes_against_the_only_judge(soft: bool, always_first: bool, order: Order) -> None:
    draw = np.random.default_rng(0)
    rows = []
    for number in range(400):
        p = float(1 / (1 + np.exp(-draw.normal(1.5, 2))))  # likes the first place
        shown = 1 if always_first or draw.random() < 0.5 else -1
        row = verdict(number, "j", (1 if p > 0.5 else -1) * shown, order=shown)
        longer = 1000.0 if p > 0.5 else 300.0  # all that it prefers is longer
        rows.append(row | {"p_first": p if soft else None, "first_length": longer,
                           "second_length": 500.0})  # fmt: skip
    labelled, _ = label(rows, order=order)

    preferred = [row["first_id" if row["verdict"] == "first" else "second_id"] for row in rows]
    assert labelled["preferred_id"] == preferred


def test_people_are_never_corrected_for_length() -> None:
    rows, _ = jury({"ann": 0.8, "bob": 0.8}, told=40)
    for row in rows:
        lengths = (900.0, 300.0) if row["verdict"] == "first" else (300.0, 900.0)
        row["first_length"], row["second_length"] = lengths
    unknown = [row | {"first_length": None, "second_length": None} for row in rows]

    assert label(rows, ("ann", "bob"))[0] == label(unknown, ("ann", "bob"))[0]


def test_a_judge_proved_worse_than_chance_is_read_the_other_way_round() -> None:
    rows, truth = jury({"liar": 0.1}, told=60)
    labelled, labels = label(rows)
    assert accuracy(labelled, truth, 60) > 0.85
    assert labels.counts().n_against > 100


def test_a_known_accuracy_stands_in_for_anchors_and_is_not_called_measured() -> None:
    rows, truth = jury({"good": 0.9, "w1": 0.55, "w2": 0.55}, n=400)
    known = {"good": PriorAccuracy(0.9, 50), "w1": PriorAccuracy(0.55, 50),
             "w2": PriorAccuracy(0.55, 50)}  # fmt: skip
    labelled, labels = label(rows, prior_accuracy=known)

    assert accuracy(labelled, truth) > max(0.85, accuracy(label(rows)[0], truth) - 1e-9)
    assert not any(labelled["anchored"])
    assert labels.n_anchors == 0


def test_probabilities_are_calibrated_with_anchors() -> None:
    rows, truth = jury({"a": 0.85, "b": 0.7, "c": 0.65}, n=2000, told=200)
    labelled, _ = label(rows)
    assert abs(np.mean(labelled["p_preferred"][200:]) - accuracy(labelled, truth, 200)) < 0.05


def test_ties_and_invalid_verdicts_are_no_votes() -> None:
    rows, _ = jury({"a": 0.9}, n=20)
    for number, row in enumerate(rows):
        row["verdict"] = "invalid" if number < 20 else "tie"
    labelled, labels = label(rows)
    assert labelled["p_preferred"] == [0.5] * 20
    assert not labels.held.any()


def test_pairs_without_any_valid_verdict_stay_at_even_odds() -> None:
    labelled, labels = label([verdict(1, "j", 1.0) | {"verdict": "invalid"}])
    assert labelled["p_preferred"] == [0.5]
    assert labels.annotators == ()


def test_held_back_labels_saw_no_anchor_of_their_fold() -> None:
    rows, truth = jury({"liar": 0.0}, n=40, told=40)
    votes = read_votes(pa.Table.from_pylist(rows, SCHEMA))
    one_fold = held_back_log_odds(votes, np.zeros(40, dtype=np.int64))
    five_folds = held_back_log_odds(votes, np.arange(40) % 5)

    toward = np.sign(truth)
    assert (np.sign(label_votes(votes).log_odds) == toward).all()
    assert (np.sign(one_fold) == -toward).all()  # nothing is known of the liar
    assert (np.sign(five_folds) == toward).all()


def test_held_back_labels_are_of_anchors_alone() -> None:
    rows, _ = jury({"a": 0.9, "b": 0.7}, n=30, told=20)
    votes = read_votes(pa.Table.from_pylist(rows, SCHEMA))
    log_odds = held_back_log_odds(votes, np.arange(30) % 4)
    assert (np.isnan(log_odds) == (votes.weight == 0)).all()


def test_pairs_labelled_in_parts_have_the_labels_that_they_have_together() -> None:
    rows, _ = jury({"a": 0.9, "b": 0.7, "c": 0.6}, n=40, told=20)
    p_of = {"first": 0.8, "second": 0.3}
    rows = [
        row
        | {"first_length": 100.0 + at % 7, "second_length": 90.0}
        | {"p_first": p_of[row["verdict"]] if at % 3 else None}
        for at, row in enumerate(rows)
    ]
    fold = np.arange(40) % 4
    votes = read_votes(pa.Table.from_pylist(rows, SCHEMA))
    model = LabelModel.fit(votes, fold)
    whole, held_back = model.label(votes, fold)
    parts, apart = [], []
    for part in (range(25), range(25, 40)):
        names = {f"p{number:04}" for number in part}
        some = [row for row in rows if row["pair_id"] in names]
        labels, own = model.label(read_votes(pa.Table.from_pylist(some, SCHEMA)), fold[list(part)])
        parts.append(labels)
        apart.append(own)
    joined = LabelCounts.joined([labels.counts() for labels in parts])

    for name in ("log_odds", "log_odds_se", "anchored", "held"):
        of_parts = np.concatenate([getattr(labels, name) for labels in parts])
        assert of_parts == pytest.approx(getattr(whole, name), abs=1e-12)
    assert np.concatenate(apart) == pytest.approx(held_back, abs=1e-12, nan_ok=True)
    assert joined == whole.counts()


def test_few_anchors_that_mislead_move_judges_little_whose_agreement_looks_like_one_truth() -> None:
    """Seven pairs on most of which five fair judges happen to be wrong."""
    rows, truth = jury({f"judge {j}": 0.75 for j in range(5)}, n=200, seed=1)
    majority = {
        pair: sum(1 if (row["verdict"] == "first") == row["first_id"].startswith("a") else -1
                  for row in rows if row["pair_id"] == pair)
        for pair in sorted({row["pair_id"] for row in rows})
    }  # fmt: skip
    wrong = [at for at, votes in enumerate(majority.values()) if votes * truth[at] < 0][:4]
    right = [at for at, votes in enumerate(majority.values()) if votes * truth[at] > 0][:3]
    told = {f"p{at:04}": truth[at] for at in (*wrong, *right)}
    labelled, labels = label(
        [row | {"gold": _gold(row, told[row["pair_id"]])} if row["pair_id"] in told else row
         for row in rows]
    )  # fmt: skip
    by_agreement, _ = label(rows)

    assert labels.trust > 0.8
    assert accuracy(labelled, truth) > accuracy(by_agreement, truth) - 0.02


def _gold(row: Row, truth: float) -> str:
    return "first" if (truth > 0) == row["first_id"].startswith("a") else "second"
