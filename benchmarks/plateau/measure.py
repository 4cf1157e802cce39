"""The rounds at which ways to stop end, against the true plateau.

The true plateau is the first round after which less than `WORTH` (2 points) is still to come on
the expected path: the noise-free pass rates of policies that learn from so many pairs that no luck
is in it. A way to stop is right if the round that it keeps (for the stopping rule: the best) is
within one round of that. The rounds run in all are reported too, and the plateau of each seed's own
path, which has the luck of its training in it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from benchmarks.plateau.rounds import Setting, run
from benchmarks.plateau.world import Floats
from prefline.config.learning import ImproveParams
from tasks.improve import Round, decide

WORTH = 0.02
STOPPING_RULE = "the stopping rule"


@dataclass(frozen=True, slots=True)
class Stop:
    """The round that is `kept`, the last one that was `run`, and why it ended."""

    kept: int
    run: int
    reason: str


Way = Callable[[tuple[Round, ...]], Stop]


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one seed: the noise-free pass rates of its own policies, how often the judge was right in
    each round, and where each way stopped."""

    truth: Floats
    judge: tuple[float, ...]
    stops: dict[str, Stop]


def measure(setting: Setting, seed: int) -> Outcome:
    """Simulate a seed's rounds once and return where every way would have stopped."""
    simulated = run(setting, seed)
    stops = {name: way(simulated.rounds) for name, way in ways(setting).items()}
    judge = tuple(one.judge.value or 0.0 for one in simulated.rounds if one.judge)
    return Outcome(simulated.truth, judge, stops)


def true_plateau(truth: Floats) -> int:
    """Return the first round after which less than `WORTH` is still to come."""
    return next(at for at in range(len(truth)) if truth[at:].max() - truth[at] < WORTH)


def ways(setting: Setting) -> dict[str, Way]:
    """Return the default stopping rule, those of other patience, and alternatives."""
    params = ImproveParams(max_rounds=setting.last, max_length_ratio=setting.max_length_ratio)
    patient = {
        f"{STOPPING_RULE}, patience {n}": partial(
            stopping_rule, params=params.model_copy(update={"patience": n})
        )
        for n in (1, 3)
    }
    fixed = {f"gain below {t:.2f}": partial(threshold, least=t) for t in (0.0, 0.01, 0.02, 0.05)}
    counts = {f"{n} rounds": partial(count, last=n) for n in (3, 5, 7)}
    return {STOPPING_RULE: partial(stopping_rule, params=params), **patient, **fixed, **counts}


def stopping_rule(rounds: tuple[Round, ...], params: ImproveParams) -> Stop:
    """Stop as the rounds do."""
    for at in range(1, len(rounds) + 1):
        decision = decide(rounds[:at], params)
        if not decision.go_on:
            break
    return Stop(decision.best, at - 1, decision.reason or "")


def threshold(rounds: tuple[Round, ...], least: float) -> Stop:
    """Stop at the first round whose measured pass rate (wins above even, without gold) is not
    `least` above the round before; keep the one before."""
    for at in range(1, len(rounds)):
        if _level(rounds, at) < least:
            return Stop(at - 1, at, "threshold")
    return Stop(len(rounds) - 1, len(rounds) - 1, "end")


def _level(rounds: tuple[Round, ...], at: int) -> float:
    new, old = rounds[at].held_out, rounds[at - 1].held_out
    if not new:
        return sum(rounds[at].wins.values()) / len(rounds[at].wins) - 0.5
    return sum(new.values()) / len(new) - sum(old.values()) / len(old)


def count(rounds: tuple[Round, ...], last: int) -> Stop:
    """Stop after `last` rounds."""
    last = min(last, len(rounds) - 1)
    return Stop(last, last, "count")
