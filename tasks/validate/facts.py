"""Facts that take more than one row or one table, as plain columns: each holds what is
wrong with a row, and is null where nothing is."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from tasks.validate.columns import Chunk, Column, Values, pc

_BETWEEN, _NOTHING = "\x1e", "\x00"  # texts, and in place of one that is missing


def places(ids: Column, known: Column) -> Column:
    """Return where each id stands among the known ones; null where it does not."""
    found: Column = pc.index_in(ids, value_set=known.combine_chunks())
    return found


def unknown(ids: Column, known: Column) -> Column:
    """Return the ids that are not among the known ones."""
    return where(pc.is_null(places(ids, known)), ids)


def unknown_in(lists: Column, known: Column) -> Column:
    """Of each row's list of ids the first that is not among the known ones."""
    whole = lists.combine_chunks()
    named = pa.table({"row": pc.list_parent_indices(whole), "id": pc.list_flatten(whole)})
    lost = named.filter(pc.is_null(pc.index_in(named["id"], value_set=known.combine_chunks())))
    firsts = lost.group_by("row", use_threads=False).aggregate([("id", "first")])
    rows = pa.chunked_array([pa.array(np.arange(len(whole)), firsts["row"].type)])
    found: Column = pc.take(firsts["id_first"], places(rows, firsts["row"]))
    return found


def shared(ids: Column, others: Column) -> Column:
    """Return the ids that are among the others."""
    return where(pc.is_in(ids, value_set=others.combine_chunks()), ids)


def where(mask: Values, values: Values) -> Values:
    """Return the values where the mask is true; where it is false or null, null."""
    nothing = pa.scalar(None, values.type)
    found: Values = pc.if_else(pc.fill_null(mask, False), values, nothing)
    return found


def equal(ones: Values, others: Values) -> Values:
    """Return the values that both columns have in one row.

    Great Expectations can compare columns too, but does so row by row in Python.
    """
    return where(pc.equal(ones, others), ones)


def on_both_sides(groups: Column, sides: Column) -> Column:
    """Return the groups that have rows on more than one side: a prompt in two splits."""
    rows = pa.table({"group": groups, "side": sides})
    counts = rows.group_by("group").aggregate([("side", "count_distinct")])
    several = counts.filter(pc.greater(counts["side_count_distinct"], 1))
    return shared(groups, several["group"])


def over_share(groups: Column, bad: Column, most: float) -> Column:
    """For each bad row of a group with more than that share of bad rows, what its group has.

    By group, because a judge that fails must not hide behind one that cannot.
    """
    rows = pa.table({"group": groups, "bad": pc.cast(bad, pa.int64())})
    shares = rows.group_by("group").aggregate([("bad", "mean"), ("bad", "sum"), ("bad", "count")])
    over = shares.filter(pc.greater(shares["bad_mean"], most))
    worded = [
        f"{row['group']}: {row['bad_sum']:,} of {row['bad_count']:,} ({row['bad_mean']:.1%})"
        for row in over.to_pylist()
    ]
    known = pa.table({"group": over["group"], "worded": pa.array(worded, pa.string())})
    return where(bad, pc.take(known["worded"], places(groups, known["group"])))


def over_all(ids: Column, bad: Column, most: float) -> Column:
    """Return the ids of the bad rows, if they are more than that share of all rows."""
    share = pc.mean(pc.cast(bad, pa.float64())).as_py() or 0.0
    return where(pc.and_(bad, pa.scalar(share > most)), ids)


def codes(*texts: Chunk) -> Chunk:
    """Return what each row has in several columns of text, as one number: two rows that differ have
    the same with chance 2^-64."""
    # Imported here: it takes time, which only a run of this stage should pay.
    from pandas.util import hash_array

    joined = pc.binary_join_element_wise(
        *texts, _BETWEEN, null_handling="replace", null_replacement=_NOTHING
    )
    numbers: Chunk = pa.array(hash_array(joined.to_numpy(zero_copy_only=False), categorize=False))
    return numbers


def repeated(codes: Column) -> Column:
    """Return whether an earlier row has the same number."""
    _, firsts = np.unique(codes.to_numpy(), return_index=True)
    again = np.ones(len(codes), np.bool_)
    again[firsts] = False
    return pa.chunked_array([again])


def too_common(values: Column, most: float) -> Column:
    """Return values that are those of more than that share of all rows, where there are several
    values."""
    counts = pc.value_counts(values)
    if len(counts) == 1:
        return pa.chunked_array([pa.nulls(len(values), values.type)])
    often = counts.filter(pc.greater(counts.field("counts"), most * len(values)))
    return where(pc.is_in(values, value_set=often.field("values")), values)
