"""Which of two responses is better: what is compared, how each judge is asked, what it said."""

from tasks.judge.attacks import attack_figures
from tasks.judge.comparisons import Comparison, Offer, Response, offer_pairs, unjudged
from tasks.judge.metrics import judge_metrics, pass_rates
from tasks.judge.plan import plan_comparisons
from tasks.judge.shard import answered_rows, pairwise_requests, verified_rows

__all__ = [
    "Comparison",
    "Offer",
    "Response",
    "answered_rows",
    "attack_figures",
    "judge_metrics",
    "offer_pairs",
    "pairwise_requests",
    "pass_rates",
    "plan_comparisons",
    "unjudged",
    "verified_rows",
]
