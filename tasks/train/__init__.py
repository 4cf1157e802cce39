"""A model from a published version.

head.py      a reward head on frozen embeddings
tuning/      reward models and DPO by TRL
made.py      what a training comes to
card.py      the model card
folder.py    the model's folder
"""

from tasks.train.folder import finish
from tasks.train.head import sides, train_head
from tasks.train.made import Made
from tasks.train.tuning import tune

__all__ = ["Made", "finish", "sides", "train_head", "tune"]
