"""Installs both charts on a throw-away node and asks its API server: is everything accepted, is the operator allowed what
files/rbac.yaml says and nothing else, does an uninstall leave what it must. Started by `run --node` with KUBECONFIG set.
GUARD_TAG: tag of the guard image that was imported into the node; with it the witnesses run, and are asked while they are replaced."""

import json
import os
import secrets
import socket
import subprocess
import sys
import threading
import time
import traceback

import yaml

from node_prep import Skipped
from rendering import CRDS, EVERYTHING, NODE_PREP, OPERATOR, rules_file

NAMESPACE = "secure-assistant"
SERVED = "assistants"
ACCOUNT = f"system:serviceaccount:{NAMESPACE}:assistant-operator"
MODEL = ["--set", "model.service.namespace=models,model.service.name=llm,model.service.port=8080"]
BASE = ["--set", f"images.tag={os.environ.get('GUARD_TAG', 'none')},imagePullPolicy=Never", *MODEL]


def run(*command, stdin=None, check=True):
    done = subprocess.run(list(map(str, command)), input=stdin, capture_output=True, text=True, timeout=300)
    assert not check or done.returncode == 0, f"{command}: {done.stderr}"
    return done


def kubectl(*args, **more):
    return run("kubectl", *args, **more)


def helm(*args, **more):
    return run(os.environ["HELM"], *args, "--namespace", NAMESPACE, **more)


def allowed(attributes):
    """Which of these (namespace, group, resource, verb, name) the operator may do; one answer each, in one request."""
    reviews = []
    for namespace, group, resource, verb, name in attributes:
        resource, _, subresource = resource.partition("/")
        what = {"namespace": namespace, "group": group, "resource": resource, "subresource": subresource, "verb": verb, "name": name}
        reviews.append({
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {"user": ACCOUNT, "resourceAttributes": {k: v for k, v in what.items() if v}},
        })
    answer = kubectl("create", "-f", "-", "-o", "json", stdin="\n---\n".join(map(json.dumps, reviews))).stdout
    decoder, answers = json.JSONDecoder(), []
    while answer := answer.strip():
        found, end = decoder.raw_decode(answer)
        answers += found["items"] if found["kind"] == "List" else [found]
        answer = answer[end:]
    assert len(answers) == len(attributes), f"{len(answers)} answers to {len(attributes)} questions"
    return [a["status"].get("allowed", False) for a in answers]


def test_kinds_are_accepted():
    helm("install", "secure-assistant-crds", CRDS, "--create-namespace")
    kubectl("wait", "--for=condition=Established", "--timeout=60s", "crd/assistanttiers.assistant.home.arpa", "crd/egresspolicies.assistant.home.arpa")


def test_a_missing_namespace_is_named():
    done = helm("install", "secure-assistant", OPERATOR, *BASE, "--set", "namespaces={nowhere}", check=False)
    assert done.returncode != 0 and 'found "nowhere", which the cluster does not have' in done.stderr, done.stderr
    assert not helm("list", "--all", "--short", "--filter", "^secure-assistant$").stdout, "a refused install leaves a release"


def test_operator_chart_is_accepted():
    kubectl("create", "namespace", "models")
    done = helm("install", "secure-assistant", OPERATOR, *BASE, "--set", "createNamespaces=true")
    assert f"serves {SERVED}" in done.stdout, done.stdout
    assert "Warning" not in done.stderr, done.stderr


def test_every_setting_is_accepted():
    # The priority class of that file is not in this cluster, but only pods ask for it.
    for values in (EVERYTHING, NODE_PREP):
        done = helm("upgrade", "secure-assistant", OPERATOR, *BASE, "-f", values, "--set", "createNamespaces=true", "--dry-run=server")
        assert "Warning" not in done.stderr, done.stderr


def test_own_namespace_may_be_restricted():
    label = "pod-security.kubernetes.io/enforce=restricted"
    done = kubectl("label", "--dry-run=server", "--overwrite", "namespace", NAMESPACE, label)
    pods = kubectl("-n", NAMESPACE, "get", "pods", "-o", "name").stdout.split()
    assert len(pods) >= 3, f"no pods, so this proves nothing: {pods}"
    assert "violate" not in done.stderr, done.stderr


def rights():
    """Every right of the file as (namespace, group, resource, verb, name)."""
    for section, namespace in (("cluster", ""), ("served", SERVED), ("own", NAMESPACE), ("model", "models")):
        for rule in rules_file()[section]:
            for resource in rule["resources"]:
                for verb in rule["verbs"]:
                    for name in rule.get("resourceNames", [""]):
                        yield namespace, rule["apiGroups"][0], resource, verb, name.replace("$model", "llm")


def test_operator_may_do_what_the_file_says():
    wanted = list(rights())
    refused = [a for a, yes in zip(wanted, allowed(wanted)) if not yes]
    assert not refused, refused


def test_operator_may_do_nothing_else():
    # Every kind the server has, every verb, in every namespace of interest; but what any logged-in user may.
    granted = {(n, g, r, v) for n, g, r, v, _ in rights()}
    cluster = {(g, r, v) for n, g, r, v in granted if not n}
    everyone = {("authorization.k8s.io", "selfsubjectaccessreviews"), ("authorization.k8s.io", "selfsubjectrulesreviews"),
                ("authentication.k8s.io", "selfsubjectreviews")}
    kinds = []
    for line in kubectl("api-resources", "--no-headers", "-o", "wide").stdout.splitlines():
        # The column of short names may be empty: count from where APIVERSION must be.
        words = line.split()
        at = next(i for i, w in enumerate(words) if w in ("true", "false"))
        kinds.append((words[at - 1].rpartition("/")[0], words[0], words[at] == "true"))
    for parent, parts in {"pods": ["exec", "attach", "portforward", "ephemeralcontainers", "eviction", "status", "log"],
                          "nodes": ["proxy", "status"], "serviceaccounts": ["token"], "services": ["proxy"]}.items():
        kinds += [("", f"{parent}/{part}", parent != "nodes") for part in parts]
    verbs = ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection", "bind", "escalate", "impersonate"]
    questions = [
        (namespace, group, resource, verb, "")
        for group, resource, namespaced in kinds
        if (group, resource) not in everyone
        for namespace in (["kube-system", "default", NAMESPACE, SERVED, "models"] if namespaced else [""])
        for verb in verbs
        if (namespace, group, resource, verb) not in granted and (group, resource, verb) not in cluster
    ]
    assert len(questions) > 1000, len(questions)
    too_much = [q for q, yes in zip(questions, allowed(questions)) if yes]
    assert not too_much, too_much


def test_named_rights_end_at_the_name():
    other = [(NAMESPACE, "coordination.k8s.io", "leases", verb, "someone-else") for verb in ("get", "update")]
    other += [("models", "", "services", "get", "another")]
    assert allowed(other) == [False] * len(other)


def ask_round(address):
    """Asks a witness for one round; None, or what was wrong with it."""
    try:
        with socket.create_connection((address, 7070), timeout=2) as s:
            s.settimeout(2.5)
            s.sendall(json.dumps({"v": 1, "op": "round", "nonce": secrets.token_hex(16)}).encode() + b"\n")
            found = json.loads(b"".join(iter(lambda: s.recv(4096), b"")))
        return None if (found.get("tcp"), found.get("udp")) == ("Through", "Through") else str(found)
    except (OSError, ValueError) as error:
        return repr(error)


def test_witnesses_answer_at_every_moment_of_a_rollout():
    if "GUARD_TAG" not in os.environ:
        raise Skipped("GUARD_TAG is not set: no guard image on the node")
    both = ["daemonset/witness-a", "daemonset/witness-b"]

    def rolled_out():
        for one in both:
            kubectl("-n", NAMESPACE, "rollout", "status", one, "--timeout=90s")

    rolled_out()
    names = ("witness-a", "witness-b")
    addresses = [kubectl("-n", NAMESPACE, "get", "service", n, "-o", "jsonpath={.spec.clusterIP}").stdout for n in names]
    answers, over = [], threading.Event()

    def asking():
        while not over.is_set():
            answers.extend((time.strftime("%X"), address, ask_round(address)) for address in addresses)
            over.wait(0.2)

    asker = threading.Thread(target=asking)
    asker.start()
    try:
        time.sleep(2)
        kubectl("-n", NAMESPACE, "rollout", "restart", *both)
        rolled_out()
        time.sleep(8)  # Until the old ones have ended, too.
    finally:
        over.set()
        asker.join()
    bad = [a for a in answers if a[2]]
    assert len(answers) > 50 and not bad, f"{len(bad)} of {len(answers)} rounds failed: {bad[:5]}"


def test_uninstall_leaves_fences_namespaces_and_kinds():
    fence = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "assistants-fence", "namespace": SERVED},
        "spec": {"podSelector": {"matchLabels": {"assistant.home.arpa/fenced": "true"}}, "policyTypes": ["Ingress", "Egress"]},
    }
    kubectl("apply", "-f", "-", stdin=json.dumps(fence))
    helm("uninstall", "secure-assistant", "--wait")
    helm("uninstall", "secure-assistant-crds", "--wait")
    kubectl("get", "namespace", SERVED)
    kubectl("-n", SERVED, "get", "networkpolicy", "assistants-fence")
    kubectl("get", "crd", "assistanttiers.assistant.home.arpa", "egresspolicies.assistant.home.arpa")
    left = kubectl("get", "clusterroles,clusterrolebindings", "-o", "name").stdout
    assert "assistant-operator" not in left, left


def test_install_again_takes_up_what_was_left():
    helm("install", "secure-assistant-crds", CRDS)
    helm("install", "secure-assistant", OPERATOR, *BASE, "--set", "createNamespaces=true")
    kubectl("-n", SERVED, "get", "networkpolicy", "assistants-fence")


def clean():
    helm("uninstall", "secure-assistant", "--wait", check=False)
    helm("uninstall", "secure-assistant-crds", "--wait", check=False)
    kubectl("delete", "namespace", SERVED, NAMESPACE, "models", "--ignore-not-found", "--timeout=120s", check=False)
    kubectl("delete", "crd", "-l", "app.kubernetes.io/name=secure-assistant-crds", "--timeout=60s", check=False)


def main():
    if not os.environ.get("KUBECONFIG"):
        print("tests/charts/run --node: KUBECONFIG is not set; run it as k3s/node/in.sh tests/charts/run --node", file=sys.stderr)
        return 69
    spaces = yaml.safe_load(kubectl("get", "namespaces", "-o", "json").stdout)
    taken = {s["metadata"]["name"] for s in spaces["items"]} & {NAMESPACE, SERVED, "models"}
    if taken or "assistant.home.arpa" in kubectl("get", "crd", "-o", "name").stdout:
        print(f"tests/charts/run --node: this cluster is in use ({sorted(taken) or 'kinds are installed'}); take a fresh node", file=sys.stderr)
        return 69
    passed = failed = skipped = 0
    try:
        # In this order: each stands on the one before.
        for name, test in [(n, f) for n, f in globals().items() if n.startswith("test_")]:
            try:
                test()
                passed += 1
            except Skipped as why:
                skipped += 1
                print(f"skipped {name}: {why}")
            except Exception as error:
                failed += 1
                kind = "" if isinstance(error, AssertionError) else traceback.format_exc()
                print(f"FAILED {name}: {str(error)[:3000]}\n{kind}")
    finally:
        clean()
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
