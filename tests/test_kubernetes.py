"""Kubernetes manifests: valid by the schemas of the API, consistent, and the same commands as Compose."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "kubernetes"
API_VERSION = "1.34"
SECRET = {"SECRET_KEY", "DATABASE_URL", "REDIS_URL"}
Manifest = dict[str, Any]


def read(file: Path) -> list[Manifest]:
    return list(yaml.safe_load_all(file.read_text()))


def kustomization(name: str) -> Manifest:
    return read(FOLDER / name / "kustomization.yaml")[0]


def resources(name: str) -> Iterator[Manifest]:
    """Yield the manifests of a kustomization, those of its bases included."""
    for path in kustomization(name)["resources"]:
        place = (FOLDER / name / path).resolve()
        yield from resources(place.name) if place.is_dir() else read(place)


MANIFESTS = {f"{m['kind']} {m['metadata']['name']}": m for m in resources("keda")}
WORKLOADS = [m for m in MANIFESTS.values() if m["kind"] in ("Deployment", "Job")]
DEPLOYMENTS = [m for m in WORKLOADS if m["kind"] == "Deployment"]


def pod(workload: Manifest) -> Manifest:
    return dict(workload["spec"]["template"]["spec"])


def labels_of_pods() -> list[dict[str, str]]:
    return [w["spec"]["template"]["metadata"]["labels"] for w in WORKLOADS]


@pytest.mark.parametrize("name", [n for n in MANIFESTS if not n.startswith("ScaledObject")])
def test_a_manifest_is_valid_by_the_schema_of_the_api(name: str) -> None:
    kubernetes_validate.validate(MANIFESTS[name], API_VERSION, strict=True)


def test_the_schema_refuses_an_unknown_field() -> None:
    wrong = {**MANIFESTS["Service web"], "specs": {}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, API_VERSION, strict=True)


def test_every_file_is_in_a_kustomization() -> None:
    listed = {
        (FOLDER / name / path).resolve()
        for name in ("base", "keda")
        for path in kustomization(name)["resources"]
    }
    files = {f for f in FOLDER.rglob("*.yaml") if f.name != "kustomization.yaml"}
    assert listed == files | {FOLDER / "base"}


def test_every_selector_matches_pods() -> None:
    chosen = {
        name: spec["selector"].get("matchLabels", spec["selector"])
        for name, m in MANIFESTS.items()
        if "selector" in (spec := m.get("spec", {}))
    }
    chosen["NetworkPolicy web"] = MANIFESTS["NetworkPolicy web"]["spec"]["podSelector"][
        "matchLabels"
    ]
    assert len(chosen) == 8
    unmatched = [
        name
        for name, labels in chosen.items()
        if not any(labels.items() <= pods.items() for pods in labels_of_pods())
    ]
    assert unmatched == []


def test_every_pod_is_unprivileged_bounded_and_probed() -> None:
    for workload in WORKLOADS:
        spec = pod(workload)
        assert spec["securityContext"]["runAsNonRoot"]
        assert not spec["automountServiceAccountToken"]
        for container in (*spec["containers"], *spec.get("initContainers", [])):
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
            assert container["resources"]["limits"]["memory"]
            names = {m["name"] for m in container["volumeMounts"]}
            assert names == {v["name"] for v in spec["volumes"]}
    for workload in DEPLOYMENTS:
        assert {"startupProbe", "livenessProbe"} <= pod(workload)["containers"][0].keys()
    web = pod(MANIFESTS["Deployment web"])["containers"][0]
    paths = [web[f"{kind}Probe"]["httpGet"]["path"] for kind in ("liveness", "readiness")]
    assert paths == ["/healthz", "/readyz"]


def test_commands_and_grace_periods_are_those_of_compose() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    for workload in WORKLOADS:
        spec, name = pod(workload), workload["metadata"]["name"]
        service = services["prepare" if name == "migrate" else name]
        assert spec["containers"][0]["command"] == service["command"], name
        if grace := service.get("stop_grace_period"):
            seconds = int(grace[:-1]) * (60 if grace.endswith("m") else 1)
            assert spec["terminationGracePeriodSeconds"] == seconds, name


def test_settings_exist() -> None:
    (config,) = kustomization("base")["configMapGenerator"]
    given = {literal.partition("=")[0] for literal in config["literals"]} - {"PANEL_HOST"}
    settings = set(re.findall(r"^#([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert given | SECRET <= settings
    guide = (FOLDER / "README.md").read_text()
    assert set(re.findall(r"--from-literal=([A-Z_]+)=", guide)) == SECRET


def test_the_scaler_scales_the_worker_up_to_the_documented_limit() -> None:
    spec = MANIFESTS["ScaledObject worker"]["spec"]
    assert f"Deployment {spec['scaleTargetRef']['name']}" in MANIFESTS
    (patch,) = kustomization("keda")["patches"]
    assert patch["target"] == {"kind": "Deployment", "name": "worker"}
    assert yaml.safe_load(patch["patch"]) == [{"op": "remove", "path": "/spec/replicas"}]
    literals = kustomization("base")["configMapGenerator"][0]["literals"]
    processes = next(t for t in literals if t.startswith("WORKER_PROCESSES=")).partition("=")[2]
    age, in_flight = [trigger["metadata"] for trigger in spec["triggers"]]
    assert "queue_age" in age["query"]
    assert in_flight["threshold"] == processes
    # KEDA's schema: values of metadata are texts.
    assert all(isinstance(value, str) for m in (age, in_flight) for value in m.values())
    limit = spec["maxReplicaCount"] * int(processes)
    assert f"limit_batches {limit}" in (FOLDER / "README.md").read_text()
