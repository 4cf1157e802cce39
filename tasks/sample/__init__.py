"""The stage `sample`: which prompts go in.

read.py         prompts of each source; rows of traffic that are none; files that DVC does not watch
filtering.py    the filters of params, run on prompts
partitions.py   rows on disk by id, so that few are in memory
shards.py       filters and fingerprints on shards, in one process or several
duplicates.py   an index of prompts, and the duplicates in it
pool.py         prompts as columns, draw keys, clusters: what is drawn from
uncertainty.py  how unsure an earlier version was of prompts
draw.py         shares, one draw, rounds of draws and their ledger
evolve.py       new prompts that a model makes of drawn ones
run.py          all of it, and its figures
"""

from tasks.sample.draw import ledger_tables
from tasks.sample.evolve import evolve_requests
from tasks.sample.filtering import Filtered, FilterRunner, filter_prompts, filter_requests
from tasks.sample.read import SourceReading, read_prompts, unwatched_paths
from tasks.sample.run import (
    SampledPrompts,
    SamplingResult,
    metrics,
    sample_prompts,
    sampling,
    summary,
)

__all__ = [
    "FilterRunner",
    "Filtered",
    "SampledPrompts",
    "SamplingResult",
    "SourceReading",
    "evolve_requests",
    "filter_prompts",
    "filter_requests",
    "ledger_tables",
    "metrics",
    "read_prompts",
    "sample_prompts",
    "sampling",
    "summary",
    "unwatched_paths",
]
