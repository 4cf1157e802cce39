"""Measure whether what was trained is better, and than what.

evaluation.py    what is read, what is asked, and the figures of a model
trial.py         policies' answers to held-out prompts
reward_model.py  a reward model on labelled pairs, and as a picker among answers (best-of-n)
accuracy.py      accuracy and calibration of rewards on labelled pairs
human.py         labelled pairs, from tables in three layouts
policy.py        a trained policy beside its base and the policy before: pass rates, wins
wins.py          win rates by a judge
drift.py         length and diversity
divergence.py    KL divergence from the base
clusters.py      means with intervals by prompt
write.py         the files, and the figures in sentences
"""

from tasks.evaluate.trial import draw_prompts, trial_requests

__all__ = ["draw_prompts", "trial_requests"]
