#!/bin/bash
# What down.sh leaves of a node: nothing. No process, namespace, mount, cgroup,
# network device, kernel setting or file; also when up.sh was killed half-way or
# failed by itself.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=checks.sh
. "$(dirname "${BASH_SOURCE[0]}")/checks.sh"
use_state "$cache/node/state-verify-n$$"
cleaners+=("'$node_dir/down.sh'")
cg=$(cgroup_name)

# The machine as far as a node could have touched it. Other nodes and other
# tests' namespaces, which may come and go meanwhile, show in none of these.
machine() {
  ip -o link | awk -F': ' '{print "link", $2}'
  { ip route; ip -6 route; } | sed 's/ expires [^ ]*//;s/^/route /'
  nft -s list ruleset | sed 's/^/nft /'
  sysctl net.ipv4.ip_forward net.ipv6.conf.all.forwarding net.bridge vm.overcommit_memory vm.panic_on_oom \
    kernel.panic kernel.panic_on_oops kernel.keys 2>/dev/null
  cat /etc/resolv.conf; hostname
  awk '$5 !~ "^/tmp/|^/run/netns" || $5 ~ "/(internet|cni-[^/]*)$" {print "mount", $5}' /proc/self/mountinfo
  find /etc /opt /run /var/lib /var/log /usr/libexec /usr/local -xdev -maxdepth 3 2>/dev/null | grep -E 'cni|contain|kube|netns/internet|pods|testnode|coredns|proxy.yaml' || true
  find "$HOME" -maxdepth 1
}
namespaces() { # the namespaces of these processes that are not the machine's own
  local p n
  for p; do for n in net mnt pid ipc uts user; do readlink "/proc/$p/ns/$n" 2>/dev/null || true; done; done | sort -u |
    grep -vxF "$(readlink /proc/self/ns/{net,mnt,pid,ipc,uts,user})" || true
}
everybody() { find /proc -maxdepth 1 -name '[0-9]*' -printf '%f\n'; }
ours() { # processes of the node: in its cgroup, or started with its settings
  local p
  for p in $(everybody); do
    if grep -qsE "/$cg(/|\$)" "/proc/$p/cgroup" || grep -qsxz "TESTNODE_CG=$cg" "/proc/$p/environ"; then echo "$p"; fi
  done
}
gone() { # gone WHEN
  no "$1: no process" list_ours
  no "$1: no cgroup" eval "find /sys/fs/cgroup -name $cg | grep ."
  no "$1: no state" test -e "$S"
  machine >"$scratch/after"
  ok "$1: the machine is as before" diff "$scratch/before" "$scratch/after"
}
list_ours() { local p found=1; for p in $(ours); do found=0; tr '\0' ' ' <"/proc/$p/cmdline"; echo; done; return $found; }

machine >"$scratch/before"
"$node_dir/up.sh"
# everything that leaves traces: pods of all kinds, a volume, a port-forward, the switches
namespace vn
pod vn plain '{app: x}' '[serve, x, "8080"]'
pod vn userns '{app: x}' '[sleep]' '  hostUsers: false'
pod vn host '{app: x}' '[sleep]' '  hostNetwork: true'
K -n vn apply -f - >/dev/null <<'X'
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: v}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 10Mi}}}
---
apiVersion: v1
kind: Pod
metadata: {name: volume}
spec:
  containers: [{name: c, image: "localhost/probe:test", imagePullPolicy: Never, args: [sleep], volumeMounts: [{name: v, mountPath: /v}, {name: m, mountPath: /m}]}]
  volumes: [{name: v, persistentVolumeClaim: {claimName: v}}, {name: m, emptyDir: {medium: Memory}}]
X
K -n vn wait --for=condition=Ready pod --all --timeout=60s >/dev/null
"$node_dir/netpol" delay 1
"$node_dir/rule" on
ours >"$scratch/pids"
mapfile -t pids <"$scratch/pids"
namespaces "${pids[@]}" >"$scratch/namespaces"
ok "control: the node has processes (${#pids[@]}) and namespaces ($(wc -l <"$scratch/namespaces"))" test "${#pids[@]}" -gt 20
cleaners=("'$node_dir/down.sh'") # no more kubectl
ok "down" "$node_dir/down.sh"
gone "after down"
sleep 0.5 # the kernel takes namespaces apart in the background
mapfile -t pids < <(everybody)
namespaces "${pids[@]}" >"$scratch/namespaces.now"
no "after down: none of its namespaces is in use" grep -xFf "$scratch/namespaces" "$scratch/namespaces.now"
ok "down without a node is fine" "$node_dir/down.sh"

for s in 0.2 1 4 9; do
  setsid "$node_dir/up.sh" >/dev/null 2>&1 &
  u=$!
  sleep $s
  kill -9 $u; wait $u 2>/dev/null || true
  ok "up.sh killed after $s s: down" "$node_dir/down.sh"
  gone "up.sh killed after $s s"
done
no "a component that does not start: up fails" env TESTNODE_TIMEOUT=6 TESTNODE_APISERVER_FLAGS=--no-such-flag "$node_dir/up.sh"
gone "up failed by itself"
mkdir -p "$scratch/mine"; touch "$scratch/mine/file"
no "a directory that is not a node's is refused" env TESTNODE_STATE="$scratch/mine" "$node_dir/up.sh"
TESTNODE_STATE=$scratch/mine "$node_dir/down.sh"
ok "... and left alone" test -e "$scratch/mine/file"
for bad in /var/tn /etc/tn /usr/tn "/srv/with space" "/srv/$(printf 'x%.0s' {1..90})"; do
  says "preflight refuses $(cut -c1-20 <<<"$bad") with a remedy" 'set TESTNODE_STATE' env TESTNODE_STATE="$bad" "$node_dir/preflight.sh"
done
few=$scratch/few; mkdir "$few"
for c in bash dirname basename id uname realpath df tail tr mktemp mkdir rm sh cat grep stat modprobe unshare touch mount cksum cut; do ! type -P $c >/dev/null || ln -s "$(type -P $c)" "$few/"; done
says "a missing command is named, with its package" 'nft is missing: apt-get install nftables' env PATH="$few" bash "$node_dir/preflight.sh"
fin
