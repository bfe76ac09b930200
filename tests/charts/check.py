"""Tests of the charts. Renders them with helm, reads the YAML and asserts; one function, one fact. Started by `run`."""

import json
import os
import re
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path

import yaml

import node_prep

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


# --- both charts ---------------------------------------------------------------------------------------------------------------------


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


# --- the kinds -----------------------------------------------------------------------------------------------------------------------


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


# --- pods ----------------------------------------------------------------------------------------------------------------------------


def test_every_pod_but_node_prep_is_restricted():
    for values in ([], ["-f", EVERYTHING], ["-f", NODE_PREP]):
        found = [w for w in workloads(render(*values)) if w["metadata"]["name"] != "node-prep"]
        assert sorted(w["metadata"]["name"] for w in found) == ["assistant-operator", "witness-a", "witness-b"]
        for w in found:
            name, spec = w["metadata"]["name"], pod(w)
            assert spec["securityContext"] == {
                "runAsNonRoot": True,
                "runAsUser": 65532,
                "runAsGroup": 65532,
                "seccompProfile": {"type": "RuntimeDefault"},
            }, name
            for key in ("hostNetwork", "hostPID", "hostIPC", "hostUsers", "shareProcessNamespace"):
                assert key not in spec, (name, key)
            assert {k for v in spec.get("volumes", []) for k in v} <= {"name", "configMap"}, name
            for c in containers(w):
                assert c["securityContext"] == {
                    "allowPrivilegeEscalation": False,
                    "readOnlyRootFilesystem": True,
                    "capabilities": {"drop": ["ALL"]},
                }, (name, c["name"])
                assert not any("hostPort" in p for p in c.get("ports", [])), name


def test_only_the_operator_has_a_token():
    objects = render("-f", EVERYTHING)
    assert one(objects, "ServiceAccount")["automountServiceAccountToken"] is False
    tokens = {w["metadata"]["name"]: pod(w)["automountServiceAccountToken"] for w in workloads(objects)}
    assert tokens == {"assistant-operator": True, "witness-a": False, "witness-b": False, "node-prep": False}, tokens
    accounts = {w["metadata"]["name"]: pod(w).get("serviceAccountName") for w in workloads(objects)}
    assert {n for n, a in accounts.items() if a} == {"assistant-operator"}, accounts


def test_every_container_has_requests_and_a_memory_limit():
    for w in workloads(render("-f", NODE_PREP)):
        for c in containers(w):
            r = c["resources"]
            assert set(r["requests"]) == {"cpu", "memory"} and "memory" in r["limits"], (w["metadata"]["name"], r)


def test_selectors_select_their_own_pods_and_no_others():
    objects = render("-f", EVERYTHING)
    labels = {w["metadata"]["name"]: w["spec"]["template"]["metadata"]["labels"] for w in workloads(objects)}

    def selected(selector):
        return [n for n, have in labels.items() if selector.items() <= have.items()]

    for w in workloads(objects):
        assert selected(w["spec"]["selector"]["matchLabels"]) == [w["metadata"]["name"]], w["metadata"]["name"]
    for service in pick(objects, "Service"):
        assert selected(service["spec"]["selector"]) == [service["metadata"]["name"]], service["metadata"]["name"]
    for policy in pick(objects, "NetworkPolicy"):
        assert selected(policy["spec"]["podSelector"]["matchLabels"]) == ["assistant-operator"], policy


def test_pod_labels_do_not_change_with_the_version():
    for w in workloads(render("-f", EVERYTHING)):
        labels = w["spec"]["template"]["metadata"]["labels"]
        assert "helm.sh/chart" not in labels and "app.kubernetes.io/version" not in labels, labels


def test_names_are_those_of_the_interfaces_page():
    page = (ROOT / "docs/interfaces.md").read_text()
    objects = render("-f", EVERYTHING)
    for name in [w["metadata"]["name"] for w in workloads(objects) if w["metadata"]["name"].startswith("witness")]:
        assert f"`{name}`" in page, name
    for key in settings("-f", EVERYTHING):
        assert f"`{key}`" in page, f"docs/interfaces.md does not tell of the setting {key}"
    assert FENCED in page


# --- the operator --------------------------------------------------------------------------------------------------------------------


def test_operator_is_started_as_it_expects():
    w = one(render(), "Deployment", "assistant-operator", NAMESPACE)
    (c,) = containers(w)
    assert c["args"] == ["run", "--settings", "/etc/assistant-operator/settings.yaml"]
    assert c["volumeMounts"] == [{"name": "settings", "mountPath": "/etc/assistant-operator", "readOnly": True}]
    assert pod(w)["volumes"] == [{"name": "settings", "configMap": {"name": "secure-assistant-settings"}}]
    env = {e["name"]: e.get("value") or e["valueFrom"]["fieldRef"]["fieldPath"] for e in c["env"]}
    assert env == {"POD_NAME": "metadata.name", "POD_NAMESPACE": "metadata.namespace", "RUST_LOG": "info"}, env
    port = {p["name"]: p["containerPort"] for p in c["ports"]}
    for probe, path in (("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")):
        get = c[probe]["httpGet"]
        assert (get["path"], port[get["port"]]) == (path, 8081), get
    assert w["spec"]["replicas"] == 1 and w["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}


def test_settings_by_default():
    image = "localhost/secure-assistant/{}:0.1.0".format
    assert settings() == {
        "images": {"guard": image("guard"), "egress": image("egress"), "agent": image("agent")},
        "imagePullPolicy": "IfNotPresent",
        "namespaces": ["assistants"],
        "model": None,
        "localRanges": [],
        "closed": [],
        "witnesses": {"a": "witness-a", "b": "witness-b"},
    }


def test_settings_with_everything():
    guard = "registry.test:5000/sa/guard@sha256:" + "b" * 64
    assert settings("-f", EVERYTHING) == {
        "images": {"guard": guard, "egress": "registry.test:5000/sa/egress:v9", "agent": "registry.test:5000/sa/agent:0.1.0"},
        "imagePullPolicy": "Always",
        "namespaces": ["assistants", "house-two"],
        "model": {"namespace": "models", "name": "llm", "port": 8080},
        "localRanges": ["198.51.100.0/24", "2001:db8:1::/48"],
        "closed": [
            {"name": "router", "address": "192.168.1.1:443"},
            {"name": "node-agent", "address": "0.0.0.0:9100"},
            {"name": "printer", "address": "[2001:db8::9]:631"},
        ],
        "witnesses": {"a": "witness-a", "b": "witness-b"},
    }


def test_changed_settings_roll_the_operator_and_nothing_else():
    def templates(*args):
        return {w["metadata"]["name"]: w["spec"]["template"] for w in workloads(render(*args))}

    before, same, after = templates(), templates(), templates("--set", "localRanges={198.51.100.0/24}")
    assert before == same
    changed = [name for name in before if before[name] != after[name]]
    assert changed == ["assistant-operator"], changed


def test_images_by_tag_by_digest_and_by_default():
    def image(*sets):
        objects = render(*[a for s in sets for a in ("--set-string", s)])
        guard = containers(one(objects, "DaemonSet", "witness-a"))[0]["image"]
        told = yaml.safe_load(one(objects, "ConfigMap", "secure-assistant-settings")["data"]["settings.yaml"])
        assert told["images"]["guard"] == guard, "the witness and the operator are told different images"
        return guard

    name = "localhost/secure-assistant/guard"
    assert image() == f"{name}:0.1.0"
    assert image("images.tag=dev") == f"{name}:dev"
    assert image("images.tag=dev", "images.guard.tag=2") == f"{name}:2"
    assert image("images.guard.tag=2", f"images.guard.digest={DIGEST}") == f"{name}@{DIGEST}"
    assert image("images.registry=r.test:5000/x/") == "r.test:5000/x/secure-assistant/guard:0.1.0"
    assert image("images.registry=", "images.guard.repository=r.test/g") == "r.test/g:0.1.0"


def test_operator_s_network_policy():
    closed = one(render(), "NetworkPolicy")
    assert closed["spec"] == {
        "podSelector": {"matchLabels": {"app.kubernetes.io/name": "assistant-operator"}},
        "policyTypes": ["Ingress"],
    }, closed
    opened = one(render("-f", EVERYTHING), "NetworkPolicy")["spec"]["ingress"]
    assert len(opened) == 1 and opened[0]["ports"] == [{"port": 8081, "protocol": "TCP"}] and len(opened[0]["from"]) == 1, opened
    assert not pick(render("--set", "networkPolicy.enabled=false"), "NetworkPolicy")


def test_uninstalling_opens_and_deletes_nothing_of_a_tier():
    objects = render("-f", EVERYTHING)
    served = {"assistants", "house-two"}
    kinds = {o["kind"] for o in objects if o["metadata"].get("namespace") in served}
    assert kinds == {"Role", "RoleBinding"}, f"helm uninstall would take {kinds}"
    spaces = pick(objects, "Namespace")
    assert {o["metadata"]["name"] for o in spaces} == served
    for o in spaces:
        assert o["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
        assert o["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    assert not pick(render(), "Namespace")
    assert not [o for o in objects if "helm.sh/hook" in o["metadata"].get("annotations", {})]


# --- witnesses -----------------------------------------------------------------------------------------------------------------------


def test_witnesses_name_each_other():
    objects = render("--set", "clusterDomain=cluster.test")
    for letter, sibling in ("ab", "ba"):
        (c,) = containers(one(objects, "DaemonSet", f"witness-{letter}", NAMESPACE))
        env = {e["name"]: e.get("value") or e["valueFrom"]["fieldRef"]["fieldPath"] for e in c["env"]}
        told = json.loads(env.pop("GUARD_WITNESS"))
        assert told == {"name": letter, "sibling": f"witness-{sibling}.{NAMESPACE}.svc.cluster.test"}, told
        assert env == {"POD_IP": "status.podIP", "NODE_NAME": "spec.nodeName"}, env
        assert c["args"] == ["witness"]


def test_witnesses_are_on_every_node_and_never_fenced():
    for values in ([], ["-f", EVERYTHING]):
        for w in pick(render(*values), "DaemonSet"):
            if not w["metadata"]["name"].startswith("witness-"):
                continue
            labels = w["spec"]["template"]["metadata"]["labels"]
            assert FENCED not in labels
            assert labels["app.kubernetes.io/name"] == "witness"
            assert labels["assistant.home.arpa/witness"] == w["metadata"]["name"][-1]
            stop = containers(w)[0]["lifecycle"]["preStop"]["sleep"]["seconds"]
            assert w["spec"]["minReadySeconds"] > 0 and 0 < stop < pod(w)["terminationGracePeriodSeconds"]
            assert w["spec"]["updateStrategy"] == {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    assert pod(one(render(), "DaemonSet", "witness-a"))["tolerations"] == [{"operator": "Exists"}]


def test_services_lead_to_control_of_the_same_node_only():
    services = pick(render(), "Service")
    assert sorted(s["metadata"]["name"] for s in services) == ["witness-a", "witness-b"]
    objects = render()
    for s in services:
        spec = s["spec"]
        assert spec["internalTrafficPolicy"] == "Local" and spec["type"] == "ClusterIP"
        assert spec["publishNotReadyAddresses"] is False
        (port,) = spec["ports"]
        (c,) = containers(one(objects, "DaemonSet", s["metadata"]["name"]))
        (target,) = [p for p in c["ports"] if p["name"] == port["targetPort"]]
        assert (port["port"], target["containerPort"], target["protocol"]) == (7070, 7070, "TCP")


# --- rights --------------------------------------------------------------------------------------------------------------------------


def test_every_right_has_its_reason():
    sections = rules_file()
    assert list(sections) == ["cluster", "served", "own", "model"]
    verbs = {"get", "list", "watch", "create", "update", "patch", "delete"}
    for section, rules in sections.items():
        for rule in rules:
            assert set(rule) - {"resourceNames"} == {"apiGroups", "resources", "reason", "verbs"}, (section, rule)
            assert len(rule["reason"]) > 20 and rule["reason"].endswith("."), (section, rule["reason"])
            for verb, why in rule["verbs"].items():
                assert verb in verbs and isinstance(why, str) and len(why) > 5, (section, rule["resources"], verb, why)
            flat = rule["apiGroups"] + rule["resources"] + rule.get("resourceNames", [])
            assert not any("*" in x for x in flat), (section, flat)


def test_no_right_is_given_twice():
    for section, rules in rules_file().items():
        seen = set()
        for rule in rules:
            for resource in rule["resources"]:
                for verb in rule["verbs"]:
                    right = (rule["apiGroups"][0], resource, verb, tuple(rule.get("resourceNames", [])))
                    assert right not in seen, (section, right)
                    seen.add(right)


def test_roles_are_exactly_the_file():
    def plain(rules, model):
        return [
            {
                "apiGroups": r["apiGroups"],
                "resources": r["resources"],
                **({"resourceNames": [n.replace("$model", model) for n in r["resourceNames"]]} if "resourceNames" in r else {}),
                "verbs": sorted(r["verbs"]),
            }
            for r in rules
        ]

    objects, file = render("-f", EVERYTHING), rules_file()
    wanted = {
        ("ClusterRole", None, "assistant-operator"): plain(file["cluster"], ""),
        ("Role", NAMESPACE, "assistant-operator"): plain(file["own"], ""),
        ("Role", "assistants", "assistant-operator"): plain(file["served"], ""),
        ("Role", "house-two", "assistant-operator"): plain(file["served"], ""),
        ("Role", "models", "assistant-operator-model"): plain(file["model"], "llm"),
    }
    found = {
        (o["kind"], o["metadata"].get("namespace"), o["metadata"]["name"]): o["rules"]
        for o in pick(objects, "Role") + pick(objects, "ClusterRole")
    }
    assert found == wanted


def test_roles_are_bound_to_the_operator_alone():
    for values in ([], ["-f", EVERYTHING]):
        objects = render(*values)
        roles = {(o["metadata"].get("namespace"), o["metadata"]["name"]) for o in pick(objects, "Role") + pick(objects, "ClusterRole")}
        bound = set()
        for b in pick(objects, "RoleBinding") + pick(objects, "ClusterRoleBinding"):
            assert b["subjects"] == [{"kind": "ServiceAccount", "name": "assistant-operator", "namespace": NAMESPACE}], b
            assert b["roleRef"]["kind"] == b["kind"].removesuffix("Binding")
            bound.add((b["metadata"].get("namespace"), b["roleRef"]["name"]))
        assert bound == roles
    spaces = {o["metadata"]["namespace"] for o in pick(render(), "Role")}
    assert spaces == {NAMESPACE, "assistants"}, "no model: no Role for one"


def test_nothing_dangerous_is_granted():
    for section, rules in rules_file().items():
        for rule in rules:
            writes = set(rule["verbs"]) - {"get", "list", "watch"}
            for group in rule["apiGroups"]:
                for resource in rule["resources"]:
                    where = (section, group, resource)
                    if section == "cluster" and group != "assistant.home.arpa":
                        assert not writes, f"{where}: writes {writes} in the whole cluster"
                    if section == "model":
                        assert not writes, where
                    if section == "own":
                        assert resource == "leases" or not writes, where
                    assert resource != "secrets" or section == "served", where
                    assert resource != "configmaps" or section == "served", where
                    assert group != "rbac.authorization.k8s.io" and resource != "serviceaccounts/token", where
                    assert resource not in ("pods/exec", "pods/attach", "pods/portforward", "pods/ephemeralcontainers", "nodes/proxy"), where
                    assert resource != "pods" or not writes & {"create", "update"}, where


def test_reasons_are_in_what_is_installed():
    _, out, _ = template(OPERATOR, "-f", EVERYTHING, "--show-only", "templates/rbac.yaml")
    for rules in rules_file().values():
        for rule in rules:
            assert f"# {rule['reason']}" in out, rule["reason"]
            for verb, why in rule["verbs"].items():
                assert f"- {verb} # {why}" in out, (verb, why)


# --- the node rule -------------------------------------------------------------------------------------------------------------------


def test_node_prep_is_off_by_default():
    assert "node-prep" not in template(OPERATOR)[1]


def test_node_prep_has_one_capability_and_one_directory():
    w = one(render("-f", NODE_PREP), "DaemonSet", "node-prep")
    (c,) = containers(w)
    assert pod(w)["hostNetwork"] is True and not {"hostPID", "hostIPC"} & pod(w).keys()
    assert pod(w)["securityContext"] == {"seccompProfile": {"type": "RuntimeDefault"}}
    assert c["securityContext"] == {
        "runAsUser": 0,
        "runAsGroup": 0,
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"], "add": ["NET_ADMIN"]},
    }
    paths = [v["hostPath"] for v in pod(w)["volumes"] if "hostPath" in v]
    assert paths == [{"path": "/proc/sys/net/bridge", "type": "Directory"}], paths
    assert c["image"] == "localhost/secure-assistant/egress:0.1.0"
    assert FENCED not in w["spec"]["template"]["metadata"]["labels"]


def test_node_prep_keeps_unless_told():
    def env(*args):
        (c,) = containers(one(render(*args), "DaemonSet", "node-prep"))
        return {e["name"]: e["value"] for e in c["env"]}

    files = {"RULES": "/etc/node-prep/node-rule.nft", "SWITCH": "/host/bridge/bridge-nf-call-ip6tables"}
    assert env("-f", NODE_PREP) == {"BRIDGE": "cni0", "INTERVAL": "5", "KEEP": "true", **files}
    assert env("-f", EVERYTHING) == {"BRIDGE": "cbr0", "INTERVAL": "30", "KEEP": "false", **files}
    data = one(render("-f", NODE_PREP), "ConfigMap", "node-prep")["data"]
    for name, text in data.items():
        assert text == (OPERATOR / "files" / name).read_text(), name


# --- what is refused -----------------------------------------------------------------------------------------------------------------

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


# --- the notes -----------------------------------------------------------------------------------------------------------------------


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


def main():
    tests = [(n, f) for n, f in globals().items() if n.startswith("test_")] + node_prep.TESTS
    passed = failed = skipped = 0
    for name, test in tests:
        try:
            test()
        except node_prep.Skipped as why:
            skipped += 1
            print(f"skipped {name}: {why}")
        except Exception as error:
            failed += 1
            kind = "" if isinstance(error, AssertionError) else traceback.format_exc()
            print(f"FAILED {name}: {error}\n{kind}")
        else:
            passed += 1
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
