"""The project as DVC and git see it, through their own commands."""

from flows.runtime.repository.branch import commit_to_branch, push_refs, tag_commit
from flows.runtime.repository.dvc import (
    changed_stages,
    environment,
    has_remote,
    pull,
    push,
    reproduce,
)
from flows.runtime.repository.params_file import set_params

__all__ = [
    "changed_stages",
    "commit_to_branch",
    "environment",
    "has_remote",
    "pull",
    "push",
    "push_refs",
    "reproduce",
    "set_params",
    "tag_commit",
]
