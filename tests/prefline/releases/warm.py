"""Imported once by the process that publishers are forked from: what the first publisher would
load on its way, such as pandas by pyarrow, is loaded then, before there are any threads to fork."""

from __future__ import annotations

import pandas  # noqa: F401, ICN001

from tests.prefline.releases import publishers  # noqa: F401
