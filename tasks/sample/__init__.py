"""Which prompts go in.

reading.py    prompts from their sources; what of a log of traffic is none
given_ids.py  an id that names two different prompts
watched.py    files that DVC does not watch

filtering/    what is kept out of the prompts
  faults.py     what is looked for in each prompt by itself
  keeping.py    what passes that
  sifting.py    that on shards, onto disk
  pool.py       rows on disk, by id
  marking.py    what must be known of every prompt at once, on shards
  crowd.py      prompts among which copies are looked for
  copies.py     prompts that say what another one says
  by_model.py   what only a model can tell

drawing/      which prompts are drawn
  holding.py    prompts that nothing is trained on
  tickets.py    what the lottery knows of a prompt; lots and keys
  doubt.py      how unsure an earlier version was of it
  shares.py     how many of which source and category
  mix.py        one draw
  rounds.py     draws that do not repeat each other
  ledger.py     what each round has drawn

asking/       what is asked of models about prompts
  embedded.py   embeddings of prompts
  alike.py      prompts that mean the same
  clusters.py   groups of alike prompts
  safety.py     prompts that a model calls unsafe
  styles.py     what a model is told to make a new prompt of others
  evolving.py   new prompts from drawn ones

gathering.py  from sources to what can be drawn
run.py        all of it
figures.py    what it came to
"""

from tasks.sample.asking.evolving import evolving_requests
from tasks.sample.drawing.ledger import ledger_tables
from tasks.sample.figures import figures, summary
from tasks.sample.filtering.by_model import filter_requests
from tasks.sample.filtering.keeping import Kept, Sieve, keep
from tasks.sample.reading import Reading, read_prompts
from tasks.sample.run import Sample, Sampled, sample_prompts, sampling
from tasks.sample.watched import unwatched

__all__ = [
    "Kept",
    "Reading",
    "Sample",
    "Sampled",
    "Sieve",
    "evolving_requests",
    "figures",
    "filter_requests",
    "keep",
    "ledger_tables",
    "read_prompts",
    "sample_prompts",
    "sampling",
    "summary",
    "unwatched",
]
