"""Sources of rows: files, S3, the Hugging Face Hub, queries, logs; read row by row, never whole.

rows.py      a row, an opened source, a source's columns as the fields of a prompt
files.py     files of the project: JSONL, CSV or Parquet, by their ending
parquet.py   Parquet, checked before it is unpacked
s3.py        files on S3
hub.py       datasets of the Hugging Face Hub
sql.py       queries over files, by DuckDB
judged_sets.py  public sets of judged answers, a layout each
chat_log.py  logged requests of a policy, as conversations to answer
bundled/     the bundled prompts

`prefline.config.SOURCES` names the kinds of sources; another package adds one by an entry point of
the group `prefline.sources` (CONTRIBUTING.md). What is imported from here reads files of the
project.
"""

from prefline.sources.files import check_rows, read_rows, watched_file
from prefline.sources.rows import Row

__all__ = ["Row", "check_rows", "read_rows", "watched_file"]
