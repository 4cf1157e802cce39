"""Which of two responses is better: what is compared, how each judge is asked, what it said."""

from tasks.judge.asked import asked_of
from tasks.judge.attacks import attack_figures
from tasks.judge.audit import audited
from tasks.judge.comparisons import Comparison, Offer, Response, offer_pairs, unjudged
from tasks.judge.kinship import kin_warnings
from tasks.judge.kit import Kit, read_kit
from tasks.judge.methods import METHODS
from tasks.judge.metrics import headline, judge_metrics, pass_rates
from tasks.judge.plan import plan_comparisons
from tasks.judge.plots import write_plots
from tasks.judge.shard import judgment_rows
from tasks.judge.waves import Asked, Waves

__all__ = [
    "METHODS",
    "Asked",
    "Comparison",
    "Kit",
    "Offer",
    "Response",
    "Waves",
    "asked_of",
    "attack_figures",
    "audited",
    "headline",
    "judge_metrics",
    "judgment_rows",
    "kin_warnings",
    "offer_pairs",
    "pass_rates",
    "plan_comparisons",
    "read_kit",
    "unjudged",
    "write_plots",
]
