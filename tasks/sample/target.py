"""The number of prompts to draw next, so that enough preferences pass (`sample.until`)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from prefline.config.sample import TargetParams

ALL = ""
"""The name of the one cell of a target without categories."""

_STEPS = (
    0.5,
    0.8,
)  # share of the missing preferences that the second draw goes for, and later ones
_FILL = 0.2  # share of a target that is left to one last draw
_GROWTH = 4.0  # the most by which a draw grows, since a small one tells little of the yield
_POOL = 10.0  # prompts of the pooled yield that a cell's own yield is shrunk by


@dataclass(frozen=True, slots=True)
class Progress:
    """The yield of the draws so far: by cell (a category, or `ALL`) the prompts drawn and the
    preferences that pass; the cells with no prompt left; and the USD that the rows have cost."""

    drawn: Mapping[str, int]
    passed: Mapping[str, int]
    exhausted: frozenset[str] = frozenset()
    cost_usd: float = 0.0


@dataclass(frozen=True, slots=True)
class NextDraw:
    """The prompts to draw by cell, those drawn before counted; None to stop, `says` why."""

    prompts: Mapping[str, int] | None
    says: str


def wanted(target: TargetParams) -> dict[str, int]:
    """Return the preferences that each cell is to have."""
    if not target.categories:
        return {ALL: target.preferences}
    return {
        name: math.ceil(share * target.preferences - 1e-9)
        for name, share in target.categories.items()
    }


def next_draw(
    target: TargetParams, draws: Sequence[Progress], usd_left: float | None = None
) -> NextDraw:
    """Return what to draw after these draws, the last of which is the state of now.

    A cell that lacks preferences gets as many prompts more as its yield (`yields`) asks for, at
    most four times as many in all. The second draw goes for half of what it lacks, since yields
    rise while the label model learns, later ones for four fifths; and for all of it, with what
    chance may take, where a fifth of its target is left or no draw comes after. No cell ever gets
    fewer, so that what was paid for stays drawn. `usd_left` is what the spend limit leaves for
    prompts at the price of those before.
    """
    now, n_draws = draws[-1], len(draws)
    counts = wanted(target)
    missing = {
        cell: count - now.passed.get(cell, 0)
        for cell, count in counts.items()
        if count > now.passed.get(cell, 0)
    }
    if not missing:
        return NextDraw(None, f"{_counted(now, target)}: the target is reached")
    if stuck := _why_stuck(target, now, n_draws, missing):
        return NextDraw(None, f"{_counted(now, target)}: {stuck}")

    per_prompt = yields(draws, counts)
    more = {
        cell: _more(
            now.drawn.get(cell, 0),
            per_prompt[cell],
            _aim(count, counts[cell], n_draws, target.max_rounds),
        )
        for cell, count in missing.items()
        if cell not in now.exhausted
    }
    room = _room(target, now, usd_left)
    share = min(1.0, room / sum(more.values()))
    prompts = dict(now.drawn)
    for cell, count in more.items():
        prompts[cell] = prompts.get(cell, 0) + math.floor(count * share)
    if prompts == dict(now.drawn):
        return NextDraw(None, f"{_counted(now, target)}: {_why_no_room(target, now, usd_left)}")
    return NextDraw(
        prompts,
        f"{_counted(now, target)} from {sum(now.drawn.values()):,} prompts; drawing "
        f"{sum(prompts.values()):,}",
    )


def yields(draws: Sequence[Progress], cells: Iterable[str]) -> dict[str, float]:
    """Return the preferences that a further prompt of each cell is expected to give.

    A cell's own yield is shrunk to that of all cells by ten prompts' worth. Where it rose from
    draw to draw, as it does while the label model learns what judges are worth, the yield of the
    last draw's new prompts counts, shrunk likewise.
    """
    now, before = draws[-1], draws[-2] if len(draws) > 1 else Progress({}, {})
    pooled = sum(now.passed.values()) / max(1, sum(now.drawn.values()))
    found = {}
    for cell in cells:
        drawn, passed = now.drawn.get(cell, 0), now.passed.get(cell, 0)
        whole = (passed + _POOL * pooled) / (drawn + _POOL)
        new_passed = passed - before.passed.get(cell, 0)
        new_drawn = drawn - before.drawn.get(cell, 0)
        last = (new_passed + _POOL * whole) / (new_drawn + _POOL)
        found[cell] = max(whole, last)
    return found


def params_of(prompts: Mapping[str, int]) -> dict[str, Any]:
    """Return the keys of `params.yaml` that make the next draw have these prompts."""
    size = sum(prompts.values())
    if set(prompts) == {ALL}:
        return {"sample.size": size}
    shares = {cell: count / size for cell, count in sorted(prompts.items()) if count}
    return {"sample.size": size, "sample.mix.categories": shares}


def _aim(missing: int, wanted: int, n_draws: int, max_rounds: int) -> float:
    """Return how many preferences more the next draw goes for in a cell."""
    if n_draws + 1 >= max_rounds or missing <= max(1, _FILL * wanted):
        return missing + math.sqrt(missing)  # one standard deviation of a count
    return missing * _STEPS[min(n_draws, len(_STEPS)) - 1]


def _more(drawn: int, per_prompt: float, aim: float) -> int:
    most = max(1, math.ceil((_GROWTH - 1) * drawn))
    return min(most, math.ceil(aim / per_prompt)) if per_prompt else most


def _room(target: TargetParams, now: Progress, usd_left: float | None) -> float:
    """Return how many prompts more may be drawn."""
    room, drawn = math.inf, sum(now.drawn.values())
    if target.max_prompts is not None:
        room = max(0, target.max_prompts - drawn)
    if usd_left is not None and now.cost_usd > 0 and drawn:
        room = min(room, math.floor(max(0.0, usd_left) / (now.cost_usd / drawn)))
    return room


def _why_stuck(
    target: TargetParams, now: Progress, n_draws: int, missing: Mapping[str, int]
) -> str | None:
    if set(missing) <= now.exhausted:
        return f"{_of(missing)}no prompt is left to draw; add sources, or lower sample.until"
    if n_draws >= target.max_rounds:
        return f"{n_draws} draws were made; raise sample.until.max_rounds to go on"
    barren = sorted(cell for cell in missing if now.drawn.get(cell) and not now.passed.get(cell))
    if barren and n_draws > 1:
        drawn = sum(now.drawn[cell] for cell in barren)
        return (
            f"{_of(barren)}nothing has passed from {drawn:,} prompts: data/rejections and the "
            "review queue say why"
        )
    return None


def _why_no_room(target: TargetParams, now: Progress, usd_left: float | None) -> str:
    drawn = sum(now.drawn.values())
    if target.max_prompts is not None and drawn >= target.max_prompts:
        return f"{drawn:,} prompts are drawn, the most by sample.until.max_prompts"
    if usd_left is None or now.cost_usd == 0:
        return "the room left does not do for one prompt of each category; raise max_prompts"
    return (
        f"a prompt costs ${now.cost_usd / drawn:.4f}, and ${max(0.0, usd_left):.4f} is left of "
        "engine.spend_limit_usd; raise it, or start another run, whose spend counts from zero"
    )


def _of(cells: Mapping[str, int] | list[str]) -> str:
    names = ", ".join(cell for cell in cells if cell != ALL)
    return f"of {names} " if names else ""


def _counted(now: Progress, target: TargetParams) -> str:
    cells = wanted(target)
    if set(cells) == {ALL}:
        return f"{now.passed.get(ALL, 0):,} of {target.preferences:,} preferences pass"
    parts = (f"{name} {now.passed.get(name, 0):,} of {n:,}" for name, n in sorted(cells.items()))
    return f"preferences that pass: {', '.join(parts)}"
