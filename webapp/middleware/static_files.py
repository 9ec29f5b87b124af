"""Static files; bin/up serves them while it compresses them."""

from __future__ import annotations

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from whitenoise.middleware import WhiteNoiseMiddleware

from webapp.ops import static_files


class StaticFilesMiddleware(WhiteNoiseMiddleware):  # type: ignore[misc]
    """Middleware that finds the compressed copies as soon as they are complete."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        self.has_compressed = static_files.is_compressed()
        super().__init__(*args, **kwargs)

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer a request for a static file; pass on all others."""
        if not self.has_compressed and static_files.is_compressed():
            self.has_compressed = True
            self.add_files(self.static_root, prefix=self.static_prefix)
        response: HttpResponseBase = super().__call__(request)
        return response
