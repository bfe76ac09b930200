"""The witnesses and the node rule as they are rendered."""

import json

from rendering import OPERATOR, EVERYTHING, NODE_PREP, NAMESPACE, FENCED, template, render, pick, one, pod, containers


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
    assert c["image"] == "localhost/secure-assistant/node-prep:0.1.0"
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
