"""Alerts: docs/alerts.yml uses existing metrics, and docs/monitoring.md explains each alert."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from tests.webapp.calls import Program
from webapp.models import Role

DOCS = Path(__file__).resolve().parents[2] / "docs"
RULES: list[dict[str, Any]] = [
    rule for g in yaml.safe_load((DOCS / "alerts.yml").read_text())["groups"] for rule in g["rules"]
]
PAGE = (DOCS / "monitoring.md").read_text()
SELECTOR = re.compile(r'(\w+)=~?"([\w|]+)"')


@pytest.fixture
def labels(db: None) -> dict[str, dict[str, set[str]]]:
    """Return every metric with its labels and their values."""
    text = Client().get("/metrics", headers=Program(Role.VIEWER).headers).content.decode()
    found: dict[str, dict[str, set[str]]] = {}
    for family in text_string_to_metric_families(text):
        name = f"{family.name}_total" if family.type == "counter" else family.name
        labels = found.setdefault(name, {})
        for sample in family.samples:
            for label, value in sample.labels.items():
                labels.setdefault(label, set()).add(value)
    return found


def test_every_alert_asks_for_metrics_labels_and_values_that_there_are(
    labels: dict[str, dict[str, set[str]]],
) -> None:
    for rule in RULES:
        for name, selector in re.findall(r"\b(backcourt_\w+)(\{[^}]*\})?", rule["expr"]):
            family = name.removesuffix("_bucket")
            assert family in labels, rule["alert"]
            for label, values in SELECTOR.findall(selector):
                assert set(values.split("|")) <= labels[family][label], rule["alert"]


def test_every_alert_says_how_bad_it_is_and_is_explained() -> None:
    assert re.findall(r"^### (\w+)$", PAGE, re.MULTILINE) == [rule["alert"] for rule in RULES]
    assert {rule["labels"]["severity"] for rule in RULES} == {"page", "ticket", "info"}
    assert all(rule["annotations"]["summary"].endswith(".") and rule["for"] for rule in RULES)


def test_the_page_names_every_metric(labels: dict[str, dict[str, set[str]]]) -> None:
    assert [name for name in labels if f"`{name}`" not in PAGE] == []
