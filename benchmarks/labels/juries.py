"""`python -m benchmarks.labels.juries`: ways to label verdicts of real juries, side by side.

The truth of a few pairs, drawn at random, is told; accuracy and calibration are on the rest. The
verdicts are LLMBar's (Zeng et al. 2023, arXiv 2310.07641): up to 65 judges, both orders.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from sklearn.linear_model import LogisticRegression

from benchmarks.labels.recorded_table import FOLDER
from benchmarks.report import write_results
from prefline.labeling.model import label_votes
from prefline.labeling.votes import Votes, read_votes
from prefline.stats import Bools, Floats

SETS = ("natural", "adversarial", "faireval", "mt-bench")
SHARES = (0.05, 0.1, 0.2)
MODEL = "anchored model"
MAJORITY, MEAN, DAWID_SKENE = "majority", "mean of orders", "Dawid-Skene"
RIDGE, BEST = "ridge on anchors", "best judge by anchors"
WAYS = (MAJORITY, MEAN, DAWID_SKENE, RIDGE, BEST, MODEL)
RIVALS = (MAJORITY, RIDGE, BEST)
_BINS = 20
_RESAMPLES = 100  # of labels that are calibrated perfectly
_ROUNDS = 200


@dataclass(frozen=True, slots=True)
class Jury:
    """Verdicts of some judges on some pairs, with the `truth` (N,), +1 for the lower id.

    `mean` (N, J) is each judge's mean vote over the orders, 0 where it gave none.
    """

    name: str
    votes: Votes
    truth: Floats
    mean: Floats


@dataclass(slots=True)
class Outcome:
    """A jury at one share of told pairs: accuracies by way over the draws, the model's
    calibration errors above chance."""

    jury: Jury
    share: float
    accuracy: dict[str, list[float]] = field(default_factory=lambda: {way: [] for way in WAYS})
    ece: list[float] = field(default_factory=list)

    @property
    def difference(self) -> float:
        """The model's mean accuracy less that of the best of the rivals."""
        means = {way: mean(values) for way, values in self.accuracy.items()}
        return means[MODEL] - max(means[way] for way in RIVALS)


def juries(table: pa.Table) -> Iterator[Jury]:
    """Yield six models under one prompt, the five without GPT-4, and all judges, of every set."""
    for name in (*SETS, "pooled"):
        sets = SETS if name == "pooled" else (name,)
        rows = table.filter(pc.is_in(table["set"], pa.array(sets)))
        judges = _judges_of_all(rows, sets)
        prompts = {judge.split("/")[1] for judge in judges}
        prompt = "Vanilla" if "Vanilla" in prompts else "Vanilla_NoRules"
        one = [judge for judge in judges if judge.endswith(f"/{prompt}")]
        weak = [judge for judge in one if not judge.startswith("GPT-4")]
        everyone = sorted(set(rows["judge"].to_pylist()))
        for title, members in (("one prompt", one), ("without GPT-4", weak), ("all", everyone)):
            yield _jury(f"{name}, {title}", rows, members)


def _judges_of_all(rows: pa.Table, sets: Sequence[str]) -> list[str]:
    """Return the judges that judged all of the sets."""
    seen = {(row["judge"], row["set"]) for row in rows.select(["judge", "set"]).to_pylist()}
    judges = sorted({judge for judge, _ in seen})
    return [judge for judge in judges if all((judge, each) in seen for each in sets)]


def _jury(name: str, rows: pa.Table, judges: list[str]) -> Jury:
    valid = pc.and_(
        pc.is_in(rows["judge"], pa.array(judges)), pc.not_equal(rows["verdict"], "invalid")
    )
    votes = read_votes(rows.filter(valid))
    shape = (votes.n_pairs, len(votes.annotators))
    total, count = np.zeros(shape), np.zeros(shape)
    np.add.at(total, (votes.pair, votes.annotator), votes.value)
    np.add.at(count, (votes.pair, votes.annotator), 1)
    return Jury(name, votes, np.sign(votes.target - 0.5), total / np.maximum(count, 1))


def measure(jury: Jury, share: float, draws: int) -> Outcome:
    """Tell the truth of a share of the pairs, label the rest in every way, as often as `draws`."""
    outcome = Outcome(jury, share)
    skene = dawid_skene(jury.votes)
    for draw in range(draws):
        told = _told(len(jury.truth), share, draw)
        rest, truth = ~told, jury.truth[~told]
        p = label_votes(
            jury.votes.with_anchors(np.where(told, (jury.truth + 1) / 2, 0.5), told.astype(float))
        ).p[rest]
        sides = {
            MAJORITY: np.sign(jury.mean).sum(axis=1)[rest],
            MEAN: np.round(jury.mean.sum(axis=1), 9)[rest],
            DAWID_SKENE: skene[rest],
            RIDGE: ridge(jury, told)[rest],
            MODEL: np.round(p - 0.5, 9),
        }
        for way, side in sides.items():
            outcome.accuracy[way].append(accuracy(side, truth))
        outcome.accuracy[BEST].append(best_judge(jury, told))
        outcome.ece.append(calibration_error(p, truth) - chance_error(p))
    return outcome


def _told(n: int, share: float, draw: int) -> Bools:
    told = np.zeros(n, dtype=bool)
    order = np.random.default_rng(1000 * draw + 7).permutation(n)
    told[order[: max(1, round(share * n))]] = True
    return told


def accuracy(side: Floats, truth: Floats) -> float:
    """Return the share of right sides (n,); a side of 0 is half right."""
    return float(np.mean(np.where(side == 0, 0.5, np.sign(side) == truth)))


def ridge(jury: Jury, told: Bools) -> Floats:
    """Return the log-odds (N,) of a logistic regression on the told pairs' mean votes."""
    x, y = jury.mean[told], jury.truth[told]
    fit = LogisticRegression(C=0.5, fit_intercept=False, max_iter=500)
    fit.fit(np.vstack([x, -x]), np.r_[y, -y])
    log_odds: Floats = jury.mean @ fit.coef_[0]
    return log_odds


def best_judge(jury: Jury, told: Bools) -> float:
    """Return the accuracy on the rest of the judge that is best on told pairs (ties: the mean)."""
    right = (jury.mean[told] * jury.truth[told][:, None]).sum(axis=0)
    best = np.flatnonzero(right == right.max())
    return mean(accuracy(jury.mean[~told, judge], jury.truth[~told]) for judge in best)


def dawid_skene(votes: Votes) -> Floats:
    """Return Dawid and Skene's (1979) log-odds (N,): confusion matrices that know the order."""
    first = votes.value * votes.side > 0
    lower, who, at = votes.side > 0, votes.annotator, votes.pair
    count = np.maximum(np.bincount(at, minlength=votes.n_pairs), 1)
    p = np.bincount(at, votes.value > 0, votes.n_pairs) / count
    odds = np.zeros(votes.n_pairs)
    for _ in range(_ROUNDS):
        first_better = np.where(lower, p[at], 1 - p[at])
        said = [
            (np.bincount(who, weight * first) + 1) / (np.bincount(who, weight) + 2)
            for weight in (first_better, 1 - first_better)
        ]
        ratio = np.log(np.where(first, said[0][who] / said[1][who],
                                (1 - said[0][who]) / (1 - said[1][who])))  # fmt: skip
        odds = np.bincount(at, np.where(lower, ratio, -ratio), votes.n_pairs)
        p = 1 / (1 + np.exp(-odds))
    return np.round(odds, 9)


def calibration_error(p: Floats, truth: Floats) -> float:
    """Return the expected calibration error of labels `p` (n,) in 20 bins of equal width."""
    chosen = np.maximum(p, 1 - p)
    right = np.where(p == 0.5, 0.5, (p > 0.5) == (truth > 0))
    bins = np.minimum((chosen * _BINS).astype(int), _BINS - 1)
    return float(np.abs(np.bincount(bins, chosen - right)).sum() / len(p))


def chance_error(p: Floats) -> float:
    """Return the mean calibration error of perfectly calibrated labels of the same `p` (n,)."""
    draw, chosen = np.random.default_rng(0), np.maximum(p, 1 - p)
    right = (np.where(draw.random(len(p)) < chosen, 1.0, -1.0) for _ in range(_RESAMPLES))
    return mean(calibration_error(chosen, truth) for truth in right)


def section(outcomes: Sequence[Outcome], untold: Sequence[tuple[Jury, float, float]]) -> str:
    """Return the tables: by share with its summary, and with nothing told."""
    lines = [_summary(share, [each for each in outcomes if each.share == share])
             for share in SHARES]  # fmt: skip
    loss = mean(model - majority for _, model, majority in untold)
    lines += [f"- Nothing told: the model against the mean of orders {100 * loss:+.2f} points.", ""]
    lines += [f"| jury | pairs | told | {' | '.join(WAYS)} | less the best of three | "
              "ECE above chance |",
              "|---|---|---|" + "---|" * (len(WAYS) + 2)]  # fmt: skip
    for each in outcomes:
        cells = " | ".join(f"{100 * mean(each.accuracy[way]):.1f}" for way in WAYS)
        lines.append(
            f"| {each.jury.name} | {len(each.jury.truth)} | {each.share:.0%} | {cells} | "
            f"{100 * each.difference:+.1f} | {mean(each.ece):+.3f} |"
        )
    lines += ["", "| jury, nothing told | anchored model | mean of orders |", "|---|---|---|"]
    lines += [f"| {jury.name} | {100 * model:.1f} | {100 * majority:.1f} |"
              for jury, model, majority in untold]  # fmt: skip
    return "\n".join(lines)


def _summary(share: float, outcomes: Sequence[Outcome]) -> str:
    differences = {each.jury.name: each.difference for each in outcomes}
    worst = min(differences, key=lambda name: differences[name])
    below = sum(value < -0.02 for value in differences.values())
    return (
        f"- {share:.0%} told: mean accuracy less that of the best of (ridge, best judge, majority) "
        f"{100 * mean(differences.values()):+.2f} points; more than 2 points below on {below} of "
        f"{len(outcomes)} juries, at worst {100 * differences[worst]:+.1f} ({worst}); calibration "
        f"error above chance {mean(mean(each.ece) for each in outcomes):+.3f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=24)
    parser.add_argument("--table", type=Path, default=FOLDER / "juries.parquet")
    options = parser.parse_args()
    if not options.table.is_file():
        print(f"skipped: {options.table} is not here")
        return
    outcomes, untold = [], []
    for jury in juries(pq.read_table(options.table)):
        nothing = np.zeros(len(jury.truth))
        p = label_votes(jury.votes.with_anchors(nothing + 0.5, nothing)).p
        by_mean = accuracy(np.round(jury.mean.sum(axis=1), 9), jury.truth)
        untold.append((jury, accuracy(np.round(p - 0.5, 9), jury.truth), by_mean))
        outcomes += [measure(jury, share, options.draws) for share in SHARES]
    title = f"Labels of real juries, {options.draws} draws of the pairs told"
    write_results("benchmarks.labels.juries", title, section(outcomes, untold))


if __name__ == "__main__":
    main()
