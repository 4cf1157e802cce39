"""Which verdict pays for a call that several verdicts rest on."""

from __future__ import annotations

from collections.abc import Sequence

from prefline.engine import Reply


def charge(replies: Sequence[Reply], charged: set[str]) -> tuple[tuple[Reply, ...], int]:
    """The replies behind a verdict, those that it is charged with first, and how many these are:
    each call is charged to the first verdict that rests on it. The keys of those are added to
    `charged`."""
    fresh = [reply for reply in replies if reply.request.key not in charged]
    known = [reply for reply in replies if reply.request.key in charged]
    charged |= {reply.request.key for reply in fresh}
    return (*fresh, *known), len(fresh)
