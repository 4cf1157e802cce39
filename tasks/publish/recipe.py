"""What a version's files are made from, as one hash, so that nothing is written twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from prefline.ids import content_hash
from prefline.tables import FORMATS
from tasks.publish.write import WRITER


def recipe_of(files: Mapping[str, str], formats: Sequence[str]) -> str:
    """The hash of the inputs' SHA-256, the formats with their schemas, and the writer.

    Equal recipes give equal files. The reverse does not hold: the same rows in other parts are
    another recipe, whose files turn out to be the same once they are written.
    """
    schemas = {name: str(FORMATS[name]) for name in formats}
    return content_hash([WRITER, sorted(files.values()), schemas])
