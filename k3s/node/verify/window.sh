#!/bin/bash
# How long a pod under default-deny egress can still connect after its first
# instant, whether an init container that waits closes it for the main one, and
# what becomes of both while the policy controller is late, stopped or frozen.
# window.sh [RUNS]
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=checks.sh
. "$(dirname "${BASH_SOURCE[0]}")/checks.sh"
own_node
canary=203.0.113.7:80
namespace vw
K -n vw apply -f - >/dev/null <<'X'
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny}
spec: {podSelector: {matchLabels: {app: locked}}, policyTypes: [Egress]}
X
log() { K -n vw logs "$@" 2>/dev/null; }
wait_done() { until log "$1" -c c | grep -q "done:"; do sleep 0.3; done; }
gate="  initContainers: [{name: gate, image: \"localhost/probe:test\", imagePullPolicy: Never, args: [gate, \"$canary\", \"30\"]}]"
opened() { log "$1" -c c | sed -n 's/.* \([0-9]*\) opened.*/\1/p'; }
last() { log "$1" -c c | sed -n 's/.*last opened at +\([0-9]*\) ms.*/\1/p'; }
closed() { ! P vw "$1" tcp "$canary" --timeout 300 >/dev/null; }

pod vw control '{app: free}' "[dial, \"$canary\", \"20\", \"6\"]"
windows="" total=0
for i in $(seq "${1:-3}"); do
  pod vw "plain-$i" '{app: locked}' "[dial, \"$canary\", \"20\", \"5\"]"
  pod vw "gated-$i" '{app: locked}' "[dial, \"$canary\", \"20\", \"5\"]" "$gate"
  wait_done "plain-$i"; wait_done "gated-$i"
  windows+=" $(last "plain-$i")"
  total=$((total + $(opened "plain-$i")))
  ok "run $i: the plain pod is closed in the end (open for its first $(last "plain-$i") ms, $(opened "plain-$i") connects)" test "$(last "plain-$i")" -lt 3000
  ok "run $i: behind a gate nothing opens ($(log "gated-$i" -c gate | tail -1))" test "$(opened "gated-$i")" = 0
done
echo "windows in ms:$windows"
ok "control: without a gate something opened ($total connects)" test $total -gt 0
wait_done control
ok "control without policy: open throughout" test "$(last control)" -gt 5800

"$node_dir/netpol" delay 3
pod vw late '{app: locked}' "[dial, \"$canary\", \"20\", \"9\"]"
pod vw late-gated '{app: locked}' "[dial, \"$canary\", \"20\", \"4\"]" "$gate"
wait_done late; wait_done late-gated
ok "3 s late: the window is that wide ($(last late) ms)" test "$(last late)" -ge 2500
ok "3 s late: it closes nevertheless" closed late
ok "3 s late: behind a gate nothing opens" test "$(opened late-gated)" = 0
"$node_dir/netpol" restart

"$node_dir/netpol" stop
pod vw orphan '{app: locked}' '[sleep]'
K -n vw wait --for=condition=Ready pod/orphan --timeout=30s >/dev/null
sleep 1
says "stopped: a new pod stays open" "$open" P vw orphan tcp "$canary"
ok "stopped: a pod closed before stays closed" closed late
"$node_dir/netpol" start
ok "started: the new pod is closed" soon closed orphan
ok "... and the old one" closed late
"$node_dir/netpol" freeze
pod vw orphan2 '{app: locked}' '[sleep]'
K -n vw wait --for=condition=Ready pod/orphan2 --timeout=30s >/dev/null
sleep 1
says "frozen: a new pod stays open" "$open" P vw orphan2 tcp "$canary"
ok "frozen: a pod closed before stays closed" closed late
"$node_dir/netpol" thaw
ok "thawed: the new pod is closed" soon closed orphan2
# a policy on its way out, held by a finalizer, is still in force
K -n vw patch networkpolicy deny --type=merge -p '{"metadata":{"finalizers":["example.test/hold"]}}' >/dev/null
K -n vw delete networkpolicy deny --wait=false >/dev/null
sleep 1
ok "policy being deleted, held by a finalizer: still closed" closed late
K -n vw patch networkpolicy deny --type=merge -p '{"metadata":{"finalizers":null}}' >/dev/null
opened_again() { P vw late tcp "$canary" --timeout 300; }
ok "policy gone: open" soon opened_again
fin
