"""The runbook's knowledge."""

from __future__ import annotations

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from webapp.pages.guide import tables, topics
from webapp.ui.typing import HtmxRequest


@require_safe
def page(request: HtmxRequest) -> HttpResponse:
    """All topics, or those with the words of `?q=`."""
    words = request.GET.get("q", "").strip()
    return render(
        request,
        "guide/page.html",
        {"topics": topics.found(words), "words": words, "all": topics.TOPICS},
    )


@require_safe
def topic(request: HtmxRequest, topic: str) -> HttpResponse:
    """One topic."""
    if (found := topics.BY_SLUG.get(topic)) is None:
        raise Http404(f"the guide has no topic {topic!r}")
    context = {
        "topic": found,
        "topics": topics.TOPICS,
        **topics.neighbours(found),
        **tables.of(topic),
    }
    return render(request, "guide/topic.html", context)
