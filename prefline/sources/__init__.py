"""Reading rows from where they are, one at a time and never whole.

    local.py      a file of the project, by its ending
    jsonl.py      one object a line
    delimited.py  CSV
    parquet.py    Parquet, checked before it is unpacked
    chat_log.py   logged requests of a policy, as conversations to answer
    columns.py    a source's own columns as the fields of a prompt
    bucket.py     a file on S3
    hub.py        a dataset of the Hugging Face Hub
    sql.py        a query over files, by DuckDB
    opening.py    from a source of params to its rows, and what is to be noted of it

What is imported from here reads files of the project; prompts come through `opening`.
"""

from prefline.sources.local import given_file, read_rows
from prefline.sources.row import Row

__all__ = ["Row", "given_file", "read_rows"]
