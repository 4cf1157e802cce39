"""Whether what was trained is better, and than what.

trial.py       a policy's answers to held-out prompts
rewards.py     a reward model on pairs with a label, and as a picker among answers
policies.py    a trained policy beside its base and the policy before
divergence.py  how far it has moved from its base
labelled.py    a pair with a label
human.py       tables that people labelled, in three layouts/
accuracy.py    how often the better answer has the higher reward; sureness.py: how sure it may be
chosen_by.py   best-of-n
passes.py      pass rates
wins.py        win rates by a judge
drift.py       length and diversity (diversity.py)
kl.py          divergence from log-probabilities
clusters.py    means with intervals by prompt
write.py       the files; wording.py: what they say in sentences
"""

from tasks.evaluate.divergence import divergence
from tasks.evaluate.human import read_human
from tasks.evaluate.labelled import pair_of_preference
from tasks.evaluate.policies import (
    figures_of_policy,
    figures_of_wins,
    first_answers,
    outcomes_by_prompt,
    reward_by_prompt,
    wins_by_prompt,
)
from tasks.evaluate.rewards import Score, checked_pairs, figures_of_picks, figures_on_pairs
from tasks.evaluate.trial import (
    Evaluation,
    drawn_prompts,
    own_words,
    policies_on_trial,
    trial_requests,
    try_policy,
)
from tasks.evaluate.wording import sentences
from tasks.evaluate.write import write_evaluation

__all__ = [
    "Evaluation",
    "Score",
    "checked_pairs",
    "divergence",
    "drawn_prompts",
    "figures_of_picks",
    "figures_of_policy",
    "figures_of_wins",
    "figures_on_pairs",
    "first_answers",
    "outcomes_by_prompt",
    "own_words",
    "pair_of_preference",
    "policies_on_trial",
    "read_human",
    "reward_by_prompt",
    "sentences",
    "trial_requests",
    "try_policy",
    "wins_by_prompt",
    "write_evaluation",
]
