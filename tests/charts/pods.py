"""What every pod of the operator's chart has in common, and the operator itself."""

import yaml

from rendering import ROOT, EVERYTHING, NODE_PREP, NAMESPACE, FENCED, DIGEST, render, pick, one, workloads, pod, containers, settings


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
