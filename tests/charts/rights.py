"""The rights of the operator: the file with the reasons, and what is rendered from it."""

from rendering import OPERATOR, EVERYTHING, NAMESPACE, template, render, pick, rules_file


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
                    # The one write in the whole cluster: the finalizer of a fence, by the fences' names.
                    fences = resource == "networkpolicies" and writes == {"update"}
                    fences = fences and all(name.startswith("assistants-fence") for name in rule.get("resourceNames", [""]))
                    if section == "cluster" and group != "assistant.home.arpa" and not fences:
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
