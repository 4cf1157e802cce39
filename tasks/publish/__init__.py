"""A version from preferences that passed validation: its files, its card, its lineage.

gate.py      what is published at all
recipe.py    what a version is made from, as a hash
meaning.py   what a label means, and what would mislead readers of the version before
made.py      what the earlier stages made and measured
order.py     the order of the rows
sorter.py    rows in that order, in bounded memory
formats/     the rows of each format
files.py     the Parquet files of one format; row_bytes.py: how large rows are
write.py     all of these together
scratch.py   where they lie before they are in the store
changes.py   what changed against the parent
costs.py     calls, tokens and USD
sources.py   where the prompts are from
lineage.py   git, DVC, params, models, judges
facts.py     what the dataset card tells
run.py       from a project to a version
hub.py       a copy on the Hugging Face Hub
"""

from tasks.publish.gate import pass_gate
from tasks.publish.hub import copy_to_hub
from tasks.publish.inputs import read_inputs
from tasks.publish.run import publish_version, release_note

__all__ = [
    "copy_to_hub",
    "pass_gate",
    "publish_version",
    "read_inputs",
    "release_note",
]
