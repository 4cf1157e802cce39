"""A connection is an open file, and the system's usual limit is 1,024 of these."""

from __future__ import annotations

import resource

from prefline.errors import ParamsError

_OTHERS = 256  # tables, databases, libraries


def allow_connections(most: int) -> None:
    """Raise this process's limit of open files so that so many connections fit into it.

    Raises `ParamsError` if the system does not let it.
    """
    needed = most + _OTHERS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise ParamsError(
            f"{most:,} calls at once need {needed:,} open files, and the system allows {hard:,}",
            "lower engine.max_in_flight (or an endpoint's limits.max_in_flight) in params.yaml, or "
            "raise the limit (`ulimit -Hn`, or LimitNOFILE of a systemd unit)",
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
