"""`/v1/files`: uploads in OpenAI's shape, kept in memory."""

from prefline.simulate.files.api import FileApi
from prefline.simulate.files.paging import page, whole_number
from prefline.simulate.files.store import FileStore, StoredFile

__all__ = ["FileApi", "FileStore", "StoredFile", "page", "whole_number"]
