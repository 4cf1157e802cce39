"""Train a model on a published version.

trainers.py        the declaration of a trainer
head.py            a reward head on frozen embeddings
language_model.py  reward models and DPO by TRL (the extra `train`)
trl.py             arguments and data for TRL
folder.py          the model's folder: files, curve, card and note
"""
