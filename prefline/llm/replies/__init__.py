"""The reply store: every reply that was paid for, found again by its request's key.

One SQLite database, `.prefline/replies.db`, which any SQLite tool can read.

    store        what the engine uses: `get`, `record`, `put`
    claims       what one process has in flight, no other sends
    commit       replies that arrive together share one transaction
    database     the schema, connections, locks between processes, errors
    packing      the compression of one record, and its checksum
    segments     what was bought since some moment, to be sent elsewhere
    maintenance  what `prefline replies` does: summary, prune, check, repair
"""

from prefline.llm.replies.packing import Record
from prefline.llm.replies.store import Facts, ReplyStore

__all__ = ["Facts", "Record", "ReplyStore"]
