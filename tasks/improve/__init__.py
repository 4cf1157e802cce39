"""Rounds of self-improvement: what each found, and whether to go on. Pure but for `record`."""

from tasks.improve.brake import Decision, Finding, Reason, decide
from tasks.improve.gain import Gain, gain
from tasks.improve.record import Round, append_round, read_rounds
from tasks.improve.strength import Standing, measure_judge, standing

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
