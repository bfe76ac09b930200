"""Both charts as charts, and the kinds."""

import re
import subprocess
import tempfile
from pathlib import Path

import yaml

from rendering import CHARTS, CRDS, EVERYTHING, NAMESPACE, NODE_PREP, OPERATOR, ROOT, helm, render, template


def test_lint_finds_nothing():
    for chart, values in [(OPERATOR, []), (OPERATOR, ["-f", EVERYTHING]), (OPERATOR, ["-f", NODE_PREP]), (CRDS, [])]:
        code, out, err = helm("lint", "--strict", chart, *values)
        assert code == 0, out + err
        assert "[WARNING]" not in out and "[ERROR]" not in out, out


def test_versions_are_the_workspace_s():
    version = re.search(r'\[workspace\.package\]\s+version = "([^"]+)"', (ROOT / "Cargo.toml").read_text()).group(1)
    for chart in (OPERATOR, CRDS):
        meta = yaml.safe_load((chart / "Chart.yaml").read_text())
        assert (meta["version"], meta["appVersion"]) == (version, version), (chart.name, meta)


def test_kubernetes_before_1_33_is_refused():
    for chart in (OPERATOR, CRDS):
        code, _, err = helm("template", "test", chart, "--namespace", NAMESPACE, "--kube-version", "1.32.9")
        assert code != 0 and "1.33" in err, err


def test_every_object_names_its_chart_and_namespace():
    for o in render("-f", EVERYTHING) + render(chart=CRDS):
        labels = o["metadata"]["labels"]
        assert labels["app.kubernetes.io/managed-by"] == "Helm", o["metadata"]
        assert labels["helm.sh/chart"].startswith("secure-assistant"), o["metadata"]
        cluster_wide = o["kind"] in ("Namespace", "ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition")
        assert cluster_wide != ("namespace" in o["metadata"]), (o["kind"], o["metadata"])


def test_packaged_charts_render_the_same():
    # What .helmignore leaves out, or a link leads out of, is missing in a package only.
    with tempfile.TemporaryDirectory() as out:
        for chart in (OPERATOR, CRDS):
            code, _, err = helm("package", chart, "--destination", out)
            assert code == 0, err
            packed = next(Path(out).glob(f"{chart.name}-[0-9]*.tgz"))
            assert template(packed)[1] == template(chart)[1] != "", chart.name


def test_copies_equal_their_originals():
    done = subprocess.run([CHARTS / "sync", "--check"], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr


def test_kinds_render_unchanged_but_for_labels_and_keep():
    wanted = {}
    for file in (ROOT / "crds").glob("*.yaml"):
        for crd in filter(None, yaml.safe_load_all(file.read_text())):
            wanted[crd["metadata"]["name"]] = crd
    assert sorted(wanted) == ["assistanttiers.assistant.home.arpa", "egresspolicies.assistant.home.arpa"], sorted(wanted)
    rendered = {o["metadata"]["name"]: o for o in render(chart=CRDS)}
    assert rendered.keys() == wanted.keys()
    for name, crd in rendered.items():
        meta, original = crd["metadata"], wanted[name]["metadata"]
        assert meta["annotations"].pop("helm.sh/resource-policy") == "keep", name
        assert meta["annotations"] == original.get("annotations", {}), name
        assert original.get("labels", {}).items() <= meta["labels"].items(), name
        assert crd["spec"] == wanted[name]["spec"], f"{name}: the template changed the kind"


def test_kinds_chart_has_no_values():
    code, _, err = template(CRDS, "--set", "namespaces=x")
    assert code != 0 and "'namespaces'" in err, err
