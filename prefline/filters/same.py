"""Texts that differ in nothing but letter case, white space and the like."""

from __future__ import annotations

import numpy as np

from prefline.filters.marks import Codes, Places


def same(forms: Codes, standing: int = 0) -> tuple[Places, Places]:
    """Of texts by the codes of their normal forms, shape `(n,)`: the places of those that go,
    rising, and for each that of the first text of its form; the first `standing` texts stay."""
    order = np.argsort(forms, kind="stable")
    ordered = forms[order]
    begins = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))[: len(order)]
    lengths = np.diff(begins, append=len(order))
    firsts = np.empty(len(order), np.int64)
    firsts[order] = np.repeat(order[begins], lengths)
    gone = np.flatnonzero(firsts != np.arange(len(order)))
    gone = gone[gone >= standing]
    return gone, firsts[gone]
