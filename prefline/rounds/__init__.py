"""Rounds of self-improvement: what each found, and whether to go on. Pure but for `record`."""

from prefline.rounds.brake import Decision, Finding, Reason, decide
from prefline.rounds.gain import Gain, gain
from prefline.rounds.record import Round, append_round, read_rounds
from prefline.rounds.strength import Standing, measure_judge, standing

__all__ = [
    "Decision",
    "Finding",
    "Gain",
    "Reason",
    "Round",
    "Standing",
    "append_round",
    "decide",
    "gain",
    "measure_judge",
    "read_rounds",
    "standing",
]
