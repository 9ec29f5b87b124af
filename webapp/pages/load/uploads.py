"""Uploaded files: streamed to a private folder, one per upload, and removed after their load."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import TemporaryUploadedFile, UploadedFile
from django.core.files.uploadhandler import SkipFile, TemporaryFileUploadHandler
from django.urls import reverse

from backfill.errors import Refused

KEPT_SECONDS = 24 * 3600
TOKEN = re.compile(r"[A-Za-z0-9_-]{22}")


class UploadHandler(TemporaryFileUploadHandler):
    """Streams the files of the Load page to disk, and skips those of every other request.

    A form is parsed before its view checks the user, so this handler checks the role too.
    """

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """Begin a file, or skip it."""
        request: Any = self.request
        is_upload = request is not None and request.path == reverse("load_upload")
        if not is_upload or not getattr(request.user, "may_operate", False):
            raise SkipFile
        super().new_file(*args, **kwargs)
        self.received = getattr(request, "upload_bytes", 0)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """Write a part of a file, up to the limit of all files together."""
        self.received += len(raw_data)
        self.request.upload_bytes = self.received  # type: ignore[union-attr]
        if self.received > most_bytes():
            raise SkipFile
        super().receive_data_chunk(raw_data, start)


def most_bytes() -> int:
    """Return the maximum size of an upload."""
    return int(settings.UPLOAD_MAX_MB) * 2**20


def too_large() -> str:
    return (
        f"the upload is larger than {settings.UPLOAD_MAX_MB} MB; load it from a folder, in parts,"
        " or raise UPLOAD_MAX_MB"
    )


def save(files: Sequence[UploadedFile[Any]]) -> str:
    """Move the files of a request to a folder of their own; return its token. Raises Refused."""
    remove_old()
    names = [file.name or "" for file in files]
    if twice := {name for name in names if names.count(name) > 1}:
        raise Refused(f"{min(twice)} is there twice; select each file once")
    token = secrets.token_urlsafe(16)
    folder = settings.UPLOADS / token
    folder.mkdir(mode=0o700)
    for file, name in zip(files, names, strict=True):
        if isinstance(file, TemporaryUploadedFile):
            os.replace(file.temporary_file_path(), folder / name)
    return token


def folder_of(token: str) -> Path:
    """Return the folder of an upload. Raises Refused if it is gone."""
    folder: Path = settings.UPLOADS / token
    if not TOKEN.fullmatch(token) or not folder.is_dir():
        raise Refused("the upload is no longer there; upload the files again")
    return folder


def remove(token: str) -> None:
    """Remove an upload, if it is still there."""
    with suppress(Refused):
        shutil.rmtree(folder_of(token), ignore_errors=True)


def remove_old() -> None:
    """Remove uploads that nobody loaded or cancelled within a day."""
    for path in settings.UPLOADS.iterdir():
        with suppress(OSError):  # removed by another process
            if time.time() - path.stat().st_mtime > KEPT_SECONDS:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
