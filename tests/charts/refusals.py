"""Values that are refused, and what the notes say."""

import re
import subprocess
import tempfile
from pathlib import Path

from rendering import OPERATOR, EVERYTHING, NAMESPACE, template, render, one


TYPOS = [
    "namespace=x", "imges.operator.tag=x", "images.gard.tag=x", "images.operator.tga=x", "model.servce.name=x", "model.service.nme=x",
    "localRange=x", "floor.close=x", "floor.closed[0].adress=x", "operator.resorces.x=1", "operator.resources.limit.cpu=1",
    "operator.resources.limits.mem=1", "witness.toleration=x", "witness.tolerations[0].efect=x", "networkPolicy.enable=true",
    "networkPolicy.metricsFrom[0].podSelectors=x", "nodePrep.enable=true", "nodePrep.image.tga=x", "createNamespace=true", "loglevel=x",
]


def test_a_misspelt_value_is_refused_by_its_name():
    for typo in TYPOS:
        code, _, err = template(OPERATOR, "--set", typo)
        word = re.sub(r"\[\d+\]", "", typo.split("=")[0]).split(".")
        assert code != 0, f"{typo} was accepted"
        assert any(f"'{w}'" in err for w in word), f"{typo}: {err}"


REFUSED = [
    ("namespaces={}", "namespaces"),
    ("namespaces={a,a}", "namespaces"),
    ("namespaces={Home}", 'namespaces[0]: found "Home"; allowed:'),
    (f"namespaces={{{NAMESPACE}}}", "operator's own namespace"),
    ("namespaces={kube-system}", "cluster's own"),
    ("imagePullPolicy=Sometimes", "'Always', 'IfNotPresent', 'Never'"),
    ("images.registry=https://r.test", "without https://"),
    ("images.guard.repository=", "images/guard/repository"),
    ("images.guard.repository=a/b:v1", 'images.guard.repository: found "a/b:v1"; allowed:'),
    ("images.guard.tag=a b", 'images.guard.tag: found "a b"; allowed:'),
    ("images.guard.digest=sha256:12", 'images.guard.digest: found "sha256:12"; allowed:'),
    ("images.tag=-x", 'images.tag: found "-x"; allowed:'),
    ("model.service.name=llm", "'namespace', 'port'"),
    ("model.service.name=llm,model.service.namespace=m,model.service.port=0", "model/service/port"),
    ("model.service.name=llm,model.service.namespace=M,model.service.port=1", 'model.service.namespace: found "M"; allowed:'),
    ("localRanges={10.0.0.0}", 'localRanges[0]: found "10.0.0.0"; allowed:'),
    ("localRanges={10.0.0.0/33}", 'localRanges[0]: found "10.0.0.0/33"; allowed:'),
    ("localRanges={10.0.0.256/8}", 'localRanges[0]: found "10.0.0.256/8"; allowed:'),
    ("localRanges={2001:db8::/129}", 'localRanges[0]: found "2001:db8::/129"; allowed:'),
    ("floor.closed[0].name=a", "'address'"),
    ("floor.closed[0].name=a,floor.closed[0].address=router:443", 'floor.closed[0].address: found "router:443"; allowed:'),
    ("floor.closed[0].name=a,floor.closed[0].address=10.0.0.1:65536", 'floor.closed[0].address: found "10.0.0.1:65536"; allowed:'),
    ("clusterDomain=.local", 'clusterDomain: found ".local"; allowed:'),
    ("logLevel=", "logLevel"),
    ("nodePrep.bridge=a-name-that-is-too-long", "nodePrep.bridge"),
    ("nodePrep.image.tag=v1", "nodePrep.image: found a tag or digest without a repository"),
    ("nodePrep.intervalSeconds=0", "nodePrep/intervalSeconds"),
]


def test_bad_values_are_refused_with_the_field():
    for bad, sentence in REFUSED:
        code, _, err = template(OPERATOR, "--set-string" if "port" not in bad and "Seconds" not in bad else "--set", bad)
        assert code != 0, f"{bad} was accepted"
        assert sentence in err, f"{bad}: {err}"


def notes(*args):
    """helm template leaves the notes out, so they are rendered as the one key of a ConfigMap in a copy of the chart."""
    with tempfile.TemporaryDirectory() as tmp:
        copy = Path(tmp) / "chart"
        subprocess.run(["cp", "-r", OPERATOR, copy], check=True)
        text = (copy / "templates/NOTES.txt").read_text()
        (copy / "templates/NOTES.txt").unlink()
        (copy / "templates/notes.yaml").write_text(
            '{{- define "notes" -}}\n' + text + "{{- end -}}\n"
            'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: notes}\ndata: {notes: {{ include "notes" . | quote }}}\n'
        )
        return one(render(*args, chart=copy), "ConfigMap", "notes")["data"]["notes"]


def test_notes_say_what_comes_next():
    plain, everything = notes(), notes("-f", EVERYTHING)
    for text, first in ((plain, "assistants"), (everything, "assistants")):
        assert f"kubectl -n {first} apply -f examples/tier.yaml" in text
        assert f"kubectl -n {NAMESPACE} rollout status deployment/assistant-operator" in text
    assert "serves assistants, house-two." in everything
    assert "LinkLocalOpen" in plain and "nodePrep.enabled=true" in plain
    assert "LinkLocalOpen" not in everything and "daemonset/node-prep" in everything
    assert "model.service.name" in plain and "model.service.name" not in everything
