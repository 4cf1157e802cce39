"""Whole language models tuned on preferences, by TRL (the extra `train`).

pairs.py      preferences as TRL takes them
hardware.py   how the machine at hand is used best
curve.py      the curve of a training
dpo.py        direct preference optimisation
lora.py       low-rank adapters
rewards.py    a reward model
quiet.py      what a training says
save.py       the tuned model's files
run.py        these together; a killed training goes on
"""

from tasks.train.tuning.run import tune

__all__ = ["tune"]
