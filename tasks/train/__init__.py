"""A model from a published version.

version.py   the version that `data/release.json` names
head.py      a reward head on frozen embeddings
tune/        reward models and DPO by TRL
made.py      what a training comes to
card.py      the model card
folder.py    the model's folder
"""

from tasks.train.folder import drafted, finish
from tasks.train.head import train_head
from tasks.train.made import Made
from tasks.train.tune import tune
from tasks.train.version import Version, read_version

__all__ = ["Made", "Version", "drafted", "finish", "read_version", "train_head", "tune"]
