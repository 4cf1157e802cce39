"""Publish a project's preferences as an immutable version.

run.py       from the table to a version
inputs.py    what the earlier stages have written and measured
gate.py      validation must have passed, or be overruled with a reason
warrant.py   what labels are worth, and which are published for it
cut.py       pairs as a trainer sees them, cut at its number of tokens
parent.py    rows that changed against the parent version, and what a label means
sorting.py   the published order of rows, out of core
write.py     the Parquet files of each format
formats/     one declaration for each format
facts.py     what the dataset card tells
lineage.py   where the version came from
hub.py       a copy on the Hugging Face Hub
"""

from tasks.publish.cut import SAME_WHEN_CUT
from tasks.publish.gate import pass_gate
from tasks.publish.hub import copy_to_hub
from tasks.publish.inputs import read_inputs
from tasks.publish.run import cut_pairs, publish_version, release_note
from tasks.publish.warrant import (
    count_publishable,
    measure_warrant,
    refusal,
    unwarranted,
    write_withheld,
)

__all__ = [
    "SAME_WHEN_CUT",
    "copy_to_hub",
    "count_publishable",
    "cut_pairs",
    "measure_warrant",
    "pass_gate",
    "publish_version",
    "read_inputs",
    "refusal",
    "release_note",
    "unwarranted",
    "write_withheld",
]
