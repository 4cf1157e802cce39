"""The reply store: every reply that was paid for, found again by its request's key.

A folder of journals (`*.replies`). Each process appends to a journal of its own, which it holds
a lock on while it may still grow, and reads the others'.

    store       what the engine uses: `get`, `record`, `put`
    commit      replies that come together share one flush to the disk
    catalogue   where each record lies, kept up to date with what other processes write
    index       the table of places, in 16 bytes a slot
    journal     appending to a journal, and reading what is new in one
    framing     a record's bytes on the disk: pure functions
    packing     their compression
    folder      which journals there are, which have ended, their descriptors
    legacy      journals of earlier versions (`*.journal`), read only
    walk, summary, prune   what `prefline replies` does
"""

from prefline.llm.replies.record import Record
from prefline.llm.replies.store import ReplyStore

__all__ = ["Record", "ReplyStore"]
