"""Arrow's columns and the functions on them, as the type checker should see them."""

from __future__ import annotations

from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute

Column: TypeAlias = "pa.ChunkedArray[Any]"
"""A column of a table, in chunks."""

Chunk: TypeAlias = "pa.Array[Any]"
"""One chunk of a column."""

# Untyped on purpose: the stubs give many of its functions a scalar's type whatever goes in.
pc: Any = pyarrow.compute
