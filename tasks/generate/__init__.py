"""The candidates: samples of each model for every prompt, their revisions, and what was made
elsewhere."""

from tasks.generate.best_of import read_picker
from tasks.generate.draft import generation_requests
from tasks.generate.imports import Imported, read_imports
from tasks.generate.metrics import Made
from tasks.generate.rows import imported_rows, response_rows
from tasks.generate.sample import read_revision_principles, samples

__all__ = [
    "Imported",
    "Made",
    "generation_requests",
    "imported_rows",
    "read_imports",
    "read_picker",
    "read_revision_principles",
    "response_rows",
    "samples",
]
