"""The kinds of rounds that are played."""

from __future__ import annotations

from benchmarks.plateau.rounds import Setting
from benchmarks.plateau.world import Judge, World

_OFF = 1e9  # a limit of length that never stops

WEAK, MIDDLE, STRONG = (
    Setting("Weak judge (-0.5)", World(Judge(-0.5))),
    Setting("Middle judge (0.25)", World(Judge(0.25))),
    Setting("Strong judge (1.0)", World(Judge(1.0))),
)
LIKES_LENGTH = World(Judge(0.25, bias=0.4))
OVER = Setting("Judge that likes length, no limit of length", LIKES_LENGTH, max_length_ratio=_OFF)
SETTINGS = (
    WEAK,
    MIDDLE,
    STRONG,
    OVER,
    Setting("Judge that likes length, limit 1.5", LIKES_LENGTH),
    Setting("100 held-out prompts", World(Judge(0.25)), held_out=100),
    Setting("1,600 held-out prompts", World(Judge(0.25)), held_out=1_600),
    Setting("No gold: the held-out judge alone", World(Judge(0.25)), gold=False),
    Setting("Slow learning", World(Judge(0.25), rate=1.0, cost=0.1)),
    Setting("Steady gains for all rounds", World(Judge(3.0), rate=0.8, cost=0.08)),
    Setting("Nothing to learn", World(Judge(0.25), rate=0.0, cost=0.0)),
)
