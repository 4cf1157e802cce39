"""`/v1/files`: uploads in OpenAI's shape, kept in memory."""

from prefline.simulator.files.api import FileApi
from prefline.simulator.files.paging import page, whole_number
from prefline.simulator.files.store import FileStore, StoredFile

__all__ = ["FileApi", "FileStore", "StoredFile", "page", "whole_number"]
