"""Renders the charts with helm and reads the YAML. Used by every part of the tests; asserts nothing about the charts itself."""

import os
import subprocess
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
CHARTS = ROOT / "charts"
OPERATOR = CHARTS / "secure-assistant"
CRDS = CHARTS / "secure-assistant-crds"
EVERYTHING = OPERATOR / "ci/everything-values.yaml"
NODE_PREP = OPERATOR / "ci/node-prep-values.yaml"
NAMESPACE = "own"
FENCED = "assistant.home.arpa/fenced"
DIGEST = "sha256:" + "0123456789abcdef" * 4


def helm(*args):
    """Runs helm; returns (exit code, output, errors)."""
    done = subprocess.run([os.environ["HELM"], *map(str, args)], capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout, done.stderr


def template(chart, *args):
    # A helm from its Go module believes in Kubernetes 1.20 unless told.
    return helm("template", "test", chart, "--namespace", NAMESPACE, "--kube-version", "1.33.0", *args)


def render(*args, chart=OPERATOR):
    code, out, err = template(chart, *args)
    assert code == 0, err
    return [o for o in yaml.safe_load_all(out) if o]


def pick(objects, kind, name=None, namespace=None):
    return [
        o
        for o in objects
        if o["kind"] == kind
        and name in (None, o["metadata"]["name"])
        and namespace in (None, o["metadata"].get("namespace"))
    ]


def one(objects, kind, name=None, namespace=None):
    found = pick(objects, kind, name, namespace)
    assert len(found) == 1, f"{len(found)} of {kind} {namespace}/{name}"
    return found[0]


def workloads(objects):
    return [o for o in objects if o["kind"] in ("Deployment", "DaemonSet", "StatefulSet", "Job", "CronJob", "Pod")]


def pod(workload):
    return workload["spec"]["template"]["spec"]


def containers(workload):
    return pod(workload).get("initContainers", []) + pod(workload)["containers"]


def rules_file():
    return yaml.safe_load((OPERATOR / "files/rbac.yaml").read_text())


def settings(*args):
    return yaml.safe_load(one(render(*args), "ConfigMap", "secure-assistant-settings")["data"]["settings.yaml"])
