"""Guide pages: topics, search, and redirects from earlier addresses."""

from __future__ import annotations

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from webapp.pages.guide import search, tables, topics
from webapp.ui.typing import HtmxRequest

LONGEST_QUERY = 100
# Topics that an empty result links to.
STARTS = ("glossary", "runbook", "commands")


@require_safe
def page(request: HtmxRequest) -> HttpResponse:
    """Render all topics, or the results of `?q=`; the results alone for htmx."""
    words = request.GET.get("q", "").strip()[:LONGEST_QUERY]
    found = search.find(words)
    context = {
        "words": words,
        "hits": search.hits(found[: search.MOST_HITS], words),
        "total": len(found),
        "suggestions": search.suggestions(words) if words and not found else [],
        "topics": topics.TOPICS,
        "starts": [topics.BY_SLUG[slug] for slug in STARTS],
    }
    return render(request, "guide/_results.html" if request.htmx else "guide/page.html", context)


@require_safe
def topic(request: HtmxRequest, topic: str) -> HttpResponse:
    """Render one topic, or redirect from the address of an earlier release.

    The redirect has no fragment, so that browsers keep the one of the old link.
    """
    slug, _ = topics.place(topic)
    if slug != topic:
        return redirect("topic", slug, permanent=True)
    if (found := topics.BY_SLUG.get(topic)) is None:
        raise Http404(f"the guide has no topic {topic!r}")
    context = {
        "topic": found,
        "topics": topics.TOPICS,
        **topics.neighbors(found),
        **tables.of(topic),
    }
    return render(request, "guide/topic.html", context)
