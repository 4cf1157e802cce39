"""The kinds of rounds that are played."""

from __future__ import annotations

from benchmarks.plateau.rounds import Setting
from benchmarks.plateau.world import Judge, World

_OFF = 1e9  # a limit of length that never stops
_LIKES_LENGTH = World(Judge(0.25, bias=0.4))

WEAK = Setting("Weak judge, ability -0.5", World(Judge(-0.5)))
MIDDLE = Setting("Middle judge, ability 0.25", World(Judge(0.25)))
STRONG = Setting("Strong judge, ability 1", World(Judge(1.0)))
JUDGES = (WEAK, MIDDLE, STRONG)
OVER = Setting("Middle judge that likes length, no limit of length", _LIKES_LENGTH,
               max_length_ratio=_OFF)  # fmt: skip
LIMITED = Setting("The same, limit of length 1.5", _LIKES_LENGTH)
STEADY = Setting("Steady gains in all rounds", World(Judge(3.0), rate=0.8, cost=0.08))
NOTHING = Setting("Nothing to learn", World(Judge(0.25), rate=0.0, cost=0.0))
POORER = (
    Setting("Middle judge, 400 held-out prompts", World(Judge(0.25)), held_out=400),
    Setting("Middle judge, 100 held-out prompts", World(Judge(0.25)), held_out=100),
    Setting("Middle judge, 1,000 pairs a round", World(Judge(0.25), pairs=1_000)),
    Setting("Middle judge, no gold: the held-out judge alone", World(Judge(0.25)), gold=False),
    Setting("Middle judge, slow learning", World(Judge(0.25), rate=1.0, cost=0.1)),
)
SETTINGS = (*JUDGES, OVER, LIMITED, STEADY, NOTHING, *POORER)
