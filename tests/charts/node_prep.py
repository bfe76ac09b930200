"""The node rule's loop (charts/secure-assistant/files/node-prep.sh), run for real in network namespaces of its own: a bridge with two
"pods", real packets, and a control beside each refusal. Run by check.py; started again as `node_prep.py inside` in those namespaces."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

FILES = Path(__file__).resolve().parents[2] / "charts/secure-assistant/files"
SWITCH = Path("/proc/sys/net/bridge/bridge-nf-call-ip6tables")
BRIDGE = "cni0"
NODE4, POD4 = "10.99.0.1", ("10.99.0.2", "10.99.0.3")
NODE_PORT, OTHER_PORT = 30500, 8080


class Skipped(Exception):
    """What this part needs is not on this machine."""


# --- inside --------------------------------------------------------------------------------------------------------------------------

# Answers "ok" by TCP on every port of argv, and by UDP on the first, IPv4 and IPv6.
SERVER = """
import socket, sys, threading
def tcp(port):
    s = socket.socket(socket.AF_INET6); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0); s.bind(('::', port)); s.listen(64)
    while True:
        c, _ = s.accept(); c.sendall(b'ok'); c.close()
def udp(port):
    s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM); s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0); s.bind(('::', port))
    while True:
        _, a = s.recvfrom(64); s.sendto(b'ok', a)
ports = [int(p) for p in sys.argv[1:]]
for p in ports: threading.Thread(target=tcp, args=(p,), daemon=True).start()
udp(ports[0])
"""
CLIENT = """
import socket, sys
kind, host, port, source = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
s = socket.socket(family, socket.SOCK_STREAM if kind == 'tcp' else socket.SOCK_DGRAM)
s.settimeout(0.7)
if source: s.bind(('', source))
try:
    s.connect(address)
    if kind == 'udp': s.send(b'x')
    print('Through' if s.recv(8) == b'ok' else 'Odd')
except (TimeoutError, ConnectionRefusedError, OSError) as e: print('Closed', e)
"""


def sh(*command, check=True):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=20)
    assert not check or done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout


class Net:
    """The node's namespace is the one we are in; two pods hang on its bridge."""

    def __init__(self):
        self.children, self.preps = [], []
        sh("ip", "link", "set", "lo", "up")
        sh("ip", "link", "add", BRIDGE, "type", "bridge")
        Path(f"/proc/sys/net/ipv6/conf/{BRIDGE}/accept_dad").write_text("0")
        sh("ip", "addr", "add", f"{NODE4}/24", "dev", BRIDGE)
        sh("ip", "link", "set", BRIDGE, "up")
        for i, address in enumerate(POD4):
            sh("ip", "netns", "add", f"pod{i}")
            sh("ip", "link", "add", f"veth{i}", "type", "veth", "peer", "name", "eth0", "netns", f"pod{i}")
            sh("ip", "link", "set", f"veth{i}", "master", BRIDGE, "up")
            inside = ("ip", "netns", "exec", f"pod{i}")
            sh(*inside, "sh", "-c", "echo 0 >/proc/sys/net/ipv6/conf/eth0/accept_dad")
            sh(*inside, "ip", "link", "set", "lo", "up")
            sh(*inside, "ip", "addr", "add", f"{address}/24", "dev", "eth0")
            sh(*inside, "ip", "link", "set", "eth0", "up")
            self.start(*inside, sys.executable, "-c", SERVER, OTHER_PORT)
        self.start(sys.executable, "-c", SERVER, NODE_PORT, OTHER_PORT)
        self.node6 = self.link_local((), BRIDGE)
        self.pod6 = self.link_local(("ip", "netns", "exec", "pod1"), "eth0")
        wait("every server answers", lambda: all(o == "Through" for o in self.probes().values()))

    def start(self, *command, **more):
        child = subprocess.Popen(list(map(str, command)), **more)
        self.children.append(child)
        return child

    def link_local(self, inside, device):
        def address():
            out = json.loads(sh(*inside, "ip", "-j", "-6", "addr", "show", "dev", device, "scope", "link"))
            found = [a["local"] for o in out for a in o.get("addr_info", []) if not a.get("tentative")]
            return found and found[0]

        return wait(f"{device} has a link-local address", address)

    def dial(self, kind, host, port, pod=0, source=0):
        inside = () if pod is None else ("ip", "netns", "exec", f"pod{pod}")
        return sh(*inside, sys.executable, "-c", CLIENT, kind, host, port, source).split()[0]

    def dial_all(self, **targets):
        """All at once; each is (kind, host, port[, pod, source])."""
        with ThreadPoolExecutor() as pool:
            return dict(zip(targets, pool.map(lambda t: self.dial(*t), targets.values())))

    def probes(self):
        """What the node rule is there to close."""
        return self.dial_all(
            node_by_link_local=("tcp", f"{self.node6}%eth0", OTHER_PORT),
            node_by_link_local_udp=("udp", f"{self.node6}%eth0", NODE_PORT),
            neighbour_by_link_local=("tcp", f"{self.pod6}%eth0", OTHER_PORT),
            node_port=("tcp", NODE4, NODE_PORT),
            node_port_udp=("udp", NODE4, NODE_PORT),
        )

    def controls(self):
        """What it must leave alone."""
        return self.dial_all(
            node_outside_the_range=("tcp", NODE4, OTHER_PORT),
            neighbour_by_ipv4=("tcp", POD4[1], OTHER_PORT),
            node_to_pod=("tcp", POD4[0], OTHER_PORT, None),
            node_to_pod_from_a_port_of_the_range=("tcp", POD4[0], OTHER_PORT, None, 30777),
        )

    def prep(self, keep, switch=SWITCH):
        env = {**os.environ, "BRIDGE": BRIDGE, "INTERVAL": "1", "KEEP": keep, "RULES": str(FILES / "node-rule.nft"), "SWITCH": str(switch)}
        child = self.start("sh", FILES / "node-prep.sh", "keep", env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.preps.append(child)
        return child

    def reset(self):
        """Ends what a failed test left running, so that it does not fail the next one."""
        for child in self.preps:
            child.kill()
            child.wait()
        self.preps.clear()
        sh("nft", "flush", "ruleset")

    def ready(self):
        env = {**os.environ, "BRIDGE": BRIDGE, "SWITCH": str(SWITCH)}
        return subprocess.run(["sh", FILES / "node-prep.sh", "ready"], env=env, capture_output=True, timeout=10).returncode == 0

    def end(self):
        for child in self.children:
            if child.poll() is None:
                child.kill()
            child.wait()


def wait(what, found, seconds=10):
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        if result := found():
            return result
        time.sleep(0.1)
    raise AssertionError(f"not within {seconds} s: {what}")


def closed(net):
    found = net.probes()
    return all(o == "Closed" for o in found.values()), found


def test_rule_closes_what_it_should_and_nothing_else(net):
    before = net.probes() | net.controls()
    assert set(before.values()) == {"Through"}, f"without the rule all is open: {before}"
    assert not net.ready(), "ready without a rule"
    SWITCH.write_text("0")
    prep = net.prep("true")
    wait("ready", net.ready)
    good, found = closed(net)
    assert good, found
    assert set(net.controls().values()) == {"Through"}, net.controls()
    assert SWITCH.read_text().strip() == "1"
    prep.send_signal(signal.SIGTERM)
    assert prep.wait(5) == 0, prep.stdout.read()
    good, found = closed(net)
    assert good, f"with keep the rule must outlive the pod: {found}"


def test_rule_comes_back(net):
    prep = net.prep("true")
    wait("ready", net.ready)
    breaks = {
        "table deleted": ("nft", "delete", "table", "ip6", "assistant_node"),
        "chain emptied": ("nft", "flush", "chain", "ip", "assistant_node", "input"),
        "switched off": ("sh", "-c", f"echo 0 >{SWITCH}"),
    }
    for name, command in breaks.items():
        prep.send_signal(signal.SIGSTOP)  # Long enough to see that this does open something.
        sh(*command)
        _, found = closed(net)
        prep.send_signal(signal.SIGCONT)
        assert "Through" in found.values(), f"{name}: nothing opened, so this proves nothing"
        wait(f"{name}: closed again", lambda: closed(net)[0])
    prep.send_signal(signal.SIGTERM)
    assert prep.wait(5) == 0
    said = prep.stdout.read()
    assert said.count("put it back") == 2 and said.count("switched it on again") == 1, said


def test_rule_is_taken_back_without_keep(net):
    prep = net.prep("false")
    wait("ready", net.ready)
    assert closed(net)[0]
    time.sleep(1.2)  # One turn of the loop, so that TERM meets it waiting.
    prep.send_signal(signal.SIGTERM)
    assert prep.wait(5) == 0, prep.stdout.read()
    assert set(net.probes().values()) == {"Through"}, net.probes()
    assert "assistant_node" not in sh("nft", "list", "tables")
    assert not net.ready()


def test_missing_switch_is_told(net):
    prep = net.prep("true", switch="/proc/sys/net/bridge/not-there")
    assert prep.wait(5) == 1
    said = prep.stdout.read()
    assert "br_netfilter is not loaded" in said, said
    assert "assistant_node" not in sh("nft", "list", "tables")


INSIDE = [
    test_missing_switch_is_told,
    test_rule_closes_what_it_should_and_nothing_else,
    test_rule_comes_back,
    test_rule_is_taken_back_without_keep,
]


def inside():
    results, net = {}, None
    sh("mount", "-t", "tmpfs", "none", "/run")
    try:
        net = Net()
        for test in INSIDE:
            try:
                test(net)
                results[test.__name__] = None
            except Exception:
                results[test.__name__] = traceback.format_exc()
            net.reset()
    finally:
        if net:
            net.end()
    print(json.dumps(results))


# --- outside -------------------------------------------------------------------------------------------------------------------------


@cache
def results():
    missing = [p for p in ("unshare", "ip", "nft") if not shutil.which(p)]
    if missing or os.geteuid() != 0 or not SWITCH.exists():
        raise Skipped(f"needs root, br_netfilter and unshare, ip, nft (missing: {missing or 'none of the programs'})")
    command = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation", "private"]
    done = subprocess.run([*command, sys.executable, "-B", __file__, "inside"], capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def outer(name):
    def test():
        error = results()[name]
        assert error is None, f"in its namespaces:\n{error}"

    return test


TESTS = [(t.__name__, outer(t.__name__)) for t in INSIDE]

if __name__ == "__main__" and sys.argv[1:] == ["inside"]:
    inside()
