"""Every way in which a run can fail, as one tree.

A failure of one record is a value with a reason, in its table or in `rejections`.
A failure of the run is one of these exceptions. Each message says what happened and,
on a line of its own, what to do about it. Errors of vendors (pyarrow, boto3, aiohttp,
Pydantic, DVC) are wrapped into one of these where they cross into this package.

    PreflineError                     root; never raised itself
    ├── ParamsError                   params.yaml: a key, a type, a value
    ├── InputError                    a source file: names file, row, field
    ├── TableError                    a table of the pipeline is missing or not of its schema
    ├── DiskFull                      no space left where the pipeline writes
    ├── ReplyStoreError               the reply store: locked, of a later version, its disk
    │   └── ReplyStoreDamaged         its file is damaged, or no database of replies
    ├── FileError                     a file of this machine cannot be read or written
    ├── PortTaken                     a server cannot listen where it was told to
    ├── EndpointError                 a model's endpoint; `endpoint` names it
    │   ├── EndpointUnreachable       refused, unresolved, timed out, again and again
    │   ├── EndpointDenied            wrong or missing key, no permission, no credit
    │   ├── ModelUnknown              the endpoint does not serve that model
    │   ├── RequestRefused            the endpoint refuses every call, or a batch as a whole
    │   └── CallsLost                 calls failed for a reason outside their records
    ├── SpendLimitReached             stopped before the spend limit was passed
    ├── Interrupted                   Ctrl-C or SIGTERM; all that was paid for is kept
    ├── ObjectStoreError              the object store
    │   ├── StoreUnwritable           no permission, read-only, no such bucket
    │   ├── StoreUnsafe               no create-if-absent: two publishers could mix
    │   ├── StoreUnreachable          nobody answers: network, address, server
    │   ├── VersionNotFound           no such dataset, version or channel
    │   ├── VersionYanked             withdrawn: no channel leads there, or its files are gone
    │   └── VersionCorrupt            bytes do not match the manifest
    ├── ValidationFailed              an expectation that must hold does not
    ├── NotWarranted                  people have not confirmed that labels are as right as asked
    ├── WorkflowError                 Prefect or DVC: server, cache, remote
    ├── ProjectNotFound               a command that needs a project is run outside one
    ├── EnvironmentFault              a variable, a limit or the memory of this machine
    └── UnexpectedError               anything else; its traceback is in a file

What goes on all the same is said by a warning:

    PreflineWarning                   root; never given itself
    ├── YankedWarning                 the version that is read was withdrawn, and why
    ├── DamagedWarning                a version's manifest is damaged, and is passed over
    └── OfflineWarning                the store is not asked: what was last known is used
"""

from __future__ import annotations

import re

_PASSWORD = re.compile(r"\b((?:https?|socks\w*|postgres\w*|redis\w*)://)[^/\s@]+@")


def _without_passwords(text: str) -> str:
    """Return a text with user and password of each address in it left out."""
    return _PASSWORD.sub(r"\1***@", text)


class PreflineError(Exception):
    """Root of all errors of a run.

    `problem` says what happened and where; `remedy` what to do. `exit_code` is what a
    command ends with.
    """

    exit_code = 1

    def __init__(self, problem: str, remedy: str) -> None:
        self.problem = _without_passwords(problem)
        self.remedy = _without_passwords(remedy)
        super().__init__(f"{self.problem}\n  remedy: {self.remedy}")


class ParamsError(PreflineError):
    """`params.yaml` has an unknown key, a wrong type or a value out of range."""

    exit_code = 2


class InputError(PreflineError):
    """A source file is missing or holds a bad row; the message names file, row and field."""

    exit_code = 2


class TableError(PreflineError):
    """A table of the pipeline is missing, unreadable or not of its declared schema."""


class DiskFull(PreflineError):
    """There is no space left on the device that the pipeline writes to."""


class ReplyStoreError(PreflineError):
    """The reply store cannot be opened, read or written."""


class ReplyStoreDamaged(ReplyStoreError):
    """The file of the reply store is damaged, or is no database of replies."""


class FileError(PreflineError):
    """A file of this machine cannot be read or written where it should be."""


class PortTaken(PreflineError):
    """A server cannot listen on its port because another process does."""


class EndpointError(PreflineError):
    """A model's endpoint failed in a way that no retry of one call mends."""

    def __init__(self, problem: str, remedy: str, *, endpoint: str = "") -> None:
        self.endpoint = endpoint
        super().__init__(problem, remedy)


class EndpointUnreachable(EndpointError):
    """The endpoint refused connections, did not resolve or did not answer."""


class EndpointDenied(EndpointError):
    """The endpoint refused the key (401, 403) or the account has no credit (402)."""


class ModelUnknown(EndpointError):
    """The endpoint answers, but does not serve the model that params name."""


class RequestRefused(EndpointError):
    """The endpoint refuses every call for its form, or a batch as a whole: its model, its size, or
    a line of it."""


class CallsLost(EndpointError):
    """Calls failed for a reason outside their records; the next run makes them again."""


class SpendLimitReached(PreflineError):
    """The next call could pass the spend limit; the run stopped before it."""

    exit_code = 3


class Interrupted(PreflineError):
    """The run was told to stop; replies that had arrived are stored."""

    exit_code = 130


class ObjectStoreError(PreflineError):
    """The object store failed."""


class StoreUnwritable(ObjectStoreError):
    """The object store cannot be written: permission, read-only, or no such bucket."""


class StoreUnsafe(ObjectStoreError):
    """The object store has no create-if-absent, so two publishers could not be kept apart."""


class VersionNotFound(ObjectStoreError):
    """There is no such dataset, version or channel in the store."""


class StoreUnreachable(ObjectStoreError):
    """Nobody answers at the object store's address."""


class VersionYanked(ObjectStoreError):
    """The version has been withdrawn, and cannot be had in another way."""


class VersionCorrupt(ObjectStoreError):
    """An object is missing or its bytes do not match the manifest's hash."""


class ValidationFailed(PreflineError):
    """An expectation that must hold does not; nothing is published."""

    exit_code = 4


class NotWarranted(PreflineError):
    """No label is warranted as `publish.warrant` asks; nothing is published."""

    exit_code = 4


class WorkflowError(PreflineError):
    """Prefect's server or DVC's cache or remote is not in a state to go on."""


class ProjectNotFound(PreflineError):
    """A command that needs `dvc.yaml` and `params.yaml` is run outside a project."""

    exit_code = 2


class EnvironmentFault(PreflineError):
    """A variable or a limit of the environment, or the machine's memory, lets nothing work."""


class UnexpectedError(PreflineError):
    """Something that nobody has put into words yet; the message names the file with its
    traceback."""

    exit_code = 70  # EX_SOFTWARE of sysexits.h


class PreflineWarning(UserWarning):
    """Root of all warnings."""


class YankedWarning(PreflineWarning):
    """The version that is read was withdrawn by those who published it."""


class DamagedWarning(PreflineWarning):
    """A version cannot be read, because its manifest is damaged; the others can."""


class OfflineWarning(PreflineWarning):
    """The store was not asked: what was last known of it is used."""
