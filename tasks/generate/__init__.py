"""The stage `generate`: the candidates, which are samples of each model for every prompt, their
revisions, and responses that were made elsewhere.

samples.py     a sample as one conversation with its model: a draft, then revisions
revision.py    a round of critique and revision, and its prompt templates
best_of.py     the answers that a reward head picks
imports.py     tables of responses that were made elsewhere
candidates.py  an answer, rows of answers, and the stage's metrics
"""

from tasks.generate.best_of import read_best_of_reward
from tasks.generate.candidates import ResponseCounts, imported_table, response_table
from tasks.generate.imports import Imported, read_imports
from tasks.generate.samples import (
    generation_requests,
    read_revision_principles,
    sample_conversations,
)

__all__ = [
    "Imported",
    "ResponseCounts",
    "generation_requests",
    "imported_table",
    "read_best_of_reward",
    "read_imports",
    "read_revision_principles",
    "response_table",
    "sample_conversations",
]
