"""Rounds of self-improvement: what each found, and whether to go on. Pure but for `record`."""

from tasks.improve.measure import Strength, judge_strength, measure_judge
from tasks.improve.paired_difference import PairedDifference, paired_difference
from tasks.improve.record import Round, append_round, read_rounds
from tasks.improve.stopping_rule import Decision, Finding, Reason, decide

__all__ = [
    "Decision",
    "Finding",
    "PairedDifference",
    "Reason",
    "Round",
    "Strength",
    "append_round",
    "decide",
    "judge_strength",
    "measure_judge",
    "paired_difference",
    "read_rounds",
]
