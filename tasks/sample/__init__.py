"""Which prompts go in.

reading.py    prompts from their sources; what of a log of traffic is none
given_ids.py  an id that names two different prompts
keeping.py    filters, each with a named reason
holding.py    prompts that nothing is trained on
tickets.py    what the lottery knows of a prompt; lots and keys
doubt.py      how unsure an earlier version was of it
clusters.py   groups of alike prompts
shares.py     how many of which source and category
mix.py        one draw
rounds.py     draws that do not repeat each other
ledger.py     what each round has drawn
watched.py    files that DVC does not watch
styles.py     what a model is told to make a new prompt of others
evolving.py   new prompts from drawn ones
run.py        all of it
"""

from tasks.sample.evolving import evolving_requests
from tasks.sample.holding import hold_out
from tasks.sample.keeping import Kept, keep
from tasks.sample.ledger import ledger_table
from tasks.sample.reading import Reading, read_prompts
from tasks.sample.run import Sampled, figures, sample_prompts, summary
from tasks.sample.watched import unwatched

__all__ = [
    "Kept",
    "Reading",
    "Sampled",
    "evolving_requests",
    "figures",
    "hold_out",
    "keep",
    "ledger_table",
    "read_prompts",
    "sample_prompts",
    "summary",
    "unwatched",
]
