#!/bin/bash
# Two nodes at once: started together, separate in all they do, and one goes
# without the other noticing.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=checks.sh
. "$(dirname "${BASH_SOURCE[0]}")/checks.sh"
a=$cache/node/state-verify-a$$ b=$cache/node/state-verify-b$$
for s in "$a" "$b"; do cleaners+=("TESTNODE_STATE=$s '$node_dir/down.sh'"); done
for s in "$a" "$b"; do TESTNODE_STATE=$s "$node_dir/up.sh" >"$scratch/up-${s##*-}" 2>&1 & done
wait
A() { use_state "$a"; "$@"; }
B() { use_state "$b"; "$@"; }
says "a is Ready" '^Ready after' cat "$scratch/up-${a##*-}"
says "b is Ready" '^Ready after' cat "$scratch/up-${b##*-}"
for on in A B; do
  $on namespace vt
  $on pod vt "in-${on,}" '{app: x}' '[serve, x, "8080"]'
  $on K -n vt wait --for=condition=Ready "pod/in-${on,}" --timeout=60s >/dev/null
done
says "a has its own pod only" '^in-a *$' A K -n vt get pods -o custom-columns=N:.metadata.name --no-headers
says "b has its own pod only" '^in-b *$' B K -n vt get pods -o custom-columns=N:.metadata.name --no-headers
ok "different API servers on loopback" test "$(cat "$a/run/api-port")" != "$(cat "$b/run/api-port")"
A I zone - >/dev/null <<<'who.example A 1 203.0.113.101'
B I zone - >/dev/null <<<'who.example A 1 203.0.113.102'
says "a resolves by its own internet" '203.0.113.101' A P vt in-a dns 203.0.113.53 who.example
says "b resolves by its own internet" '203.0.113.102' B P vt in-b dns 203.0.113.53 who.example
A P vt in-a tcp 203.0.113.111:443 >/dev/null
says "a's internet saw a's packet" '203.0.113.111' A I records packets
no "b's internet did not" eval 'B I records packets | grep 203.0.113.111'
A "$node_dir/netpol" stop
says "a's policy controller stopped" stopped A "$node_dir/netpol" status
says "b's runs" running B "$node_dir/netpol" status
A "$node_dir/rule" on
says "b's node rule is off" off B "$node_dir/rule" status
ok "a goes down" A "$node_dir/down.sh"
ok "b's pod still answers" B "$node_dir/in.sh" "$TESTNODE_BIN/probe" try "$(B ip_of vt in-b):8080"
says "b's pod was not restarted" '^0$' B K -n vt get pod in-b -o jsonpath='{.status.containerStatuses[0].restartCount}'
says "b's node is Ready" True B K get node testnode -o jsonpath='{.status.conditions[?(@.type=="Ready")].status}'
ok "b still starts pods" eval "B pod vt in-b2 '{app: x}' '[sleep]'; B K -n vt wait --for=condition=Ready pod/in-b2 --timeout=60s"
cleaners=("TESTNODE_STATE=$a '$node_dir/down.sh'" "TESTNODE_STATE=$b '$node_dir/down.sh'")
fin
