#!/bin/bash
# IPv6 link-local and the NodePort range: open to fenced pods with the node rule
# off, closed with it on, while what must work goes on working.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=checks.sh
. "$(dirname "${BASH_SOURCE[0]}")/checks.sh"
own_node
"$node_dir/rule" off
cleaners+=("'$node_dir/rule' off")
namespace vl
pod vl a '{app: fenced}' '[serve, a, "8080"]'
pod vl b '{app: fenced}' '[serve, b, "8080"]'
pod vl free '{app: free}' '[serve, free, "8080"]'
K -n vl apply -f - >/dev/null <<'X'
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny}
spec: {podSelector: {matchLabels: {app: fenced}}, policyTypes: [Egress, Ingress]}
---
apiVersion: v1
kind: Service
metadata: {name: free}
spec: {type: NodePort, selector: {app: free}, ports: [{port: 80, targetPort: 8080, nodePort: 30080}]}
X
K -n vl wait --for=condition=Ready pod --all --timeout=60s >/dev/null
a=$(ip_of vl a) b=$(ip_of vl b)
"$node_dir/in.sh" "$TESTNODE_BIN/probe" serve node 31000 >/dev/null 2>&1 & # a process of the node
cleaners+=("kill $!")
shut4() { ! P vl a tcp "$b:8080" --timeout 300; }
soon shut4 >/dev/null
link() { P vl a ll 8080 10250 6443 --timeout 700; }
neighbour() { printed "\"ip\":\"$1\",[^}]*\"$2\":\"$3\"" link; }

says "pods: IPv6 is on, eth0 has a link-local address" 'fe80.* eth0' "$node_dir/pod-exec" vl a cat /proc/self/net/if_inet6
says "the bridge has a link-local address" 'inet6 fe80' "$node_dir/in.sh" ip -6 addr show dev cni0
says "control: fenced, IPv4 to the neighbour pod is closed" "$shut" P vl a tcp "$b:8080" --timeout 700
says "control: fenced, IPv4 to kubelet is closed" "$shut" P vl a tcp 192.0.2.10:10250 --timeout 700
says "rule says off" '^off$' "$node_dir/rule" status
ok "off: neighbour pod open by link-local" neighbour "$b" 8080 open
ok "off: kubelet open by link-local" neighbour 10.42.0.1 10250 open
ok "off: API server open by link-local" neighbour 10.42.0.1 6443 open
says "off: a process of the node in the NodePort range is open" "$open" P vl a tcp 192.0.2.10:31000
says "off: ... also by the bridge's address" "$open" P vl a tcp 10.42.0.1:31000

ok "rule on" "$node_dir/rule" on
says "rule says on" '^on$' "$node_dir/rule" status
says "on: nothing answers by link-local" '"outcome":"timeout"' link
says "on: neighbour's address tried, and silent" "\"ip\":\"$b\",[^}]*\"8080\":\"timeout\"" link
says "on: the process in the NodePort range is closed" "$shut" P vl a tcp 192.0.2.10:31000 --timeout 700
says "on: ... also by the bridge's address" "$shut" P vl a tcp 10.42.0.1:31000 --timeout 700
says "on: ... and for pods that are not fenced" "$shut" P vl free tcp 192.0.2.10:31000 --timeout 700
says "on: the node still reaches its pods" '^open$' "$node_dir/in.sh" "$TESTNODE_BIN/probe" try "$a:8080"
says "on: a NodePort Service works from a pod" "$open" P vl free tcp 192.0.2.10:30080
says "on: a NodePort Service works from the node" '^open$' "$node_dir/in.sh" "$TESTNODE_BIN/probe" try 192.0.2.10:30080
says "on: other pods reach the internet" "$open" P vl free tcp 203.0.113.7:443
says "on: the node still has IPv6" '^open$' "$node_dir/in.sh" "$TESTNODE_BIN/probe" try '[2001:db8:113::7]:443'
"$node_dir/rule" off
ok "off again: open again" neighbour "$b" 8080 open
fin
