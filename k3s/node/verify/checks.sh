# shellcheck shell=bash
# Sourced by the checks. A check runs on the node that TESTNODE_STATE or
# --name says, or, when there is none, on one of its own that it takes down.
# shellcheck source-path=SCRIPTDIR source=../common.sh
. "$(dirname "${BASH_SOURCE[0]}")/../common.sh"
[ -e "$TESTNODE_BIN/probe" ] || die "nothing is built: run $node_dir/build.sh"
scratch=$(mktemp -d)
cleaners=()
cleanup() {
  local i
  for ((i = ${#cleaners[@]} - 1; i >= 0; i--)); do eval "${cleaners[$i]}" || true; done
  rm -rf "$scratch"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

own_node() { # a node, unless there is one
  if (node_pid) >/dev/null 2>&1; then return; fi
  use_state "$cache/node/state-verify-$$"
  cleaners+=("'$node_dir/down.sh'")
  "$node_dir/up.sh"
}
K() { KUBECACHEDIR=$S/kubecache "$TESTNODE_BIN/kubectl" --kubeconfig "$S/kubeconfig" "$@"; }
# P NAMESPACE POD probe-arguments...: the test client in a pod's network
P() { "$node_dir/pod-exec" "$1" "$2" probe "${@:3}"; }
I() { "$node_dir/internet" "$@"; }
namespace() { # a fresh namespace, removed at the end
  K delete namespace "$1" --ignore-not-found --wait=true >/dev/null 2>&1
  K create namespace "$1" >/dev/null
  cleaners+=("K delete namespace $1 --wait=false >/dev/null 2>&1")
  until K -n "$1" get serviceaccount default >/dev/null 2>&1; do sleep 0.1; done
}
# pod NAMESPACE NAME LABELS PROBE-ARGUMENTS-AS-JSON [EXTRA SPEC]
pod() {
  K -n "$1" apply -f - >/dev/null <<X
apiVersion: v1
kind: Pod
metadata: {name: $2, labels: $3}
spec:
  terminationGracePeriodSeconds: 0
  containers: [{name: c, image: "localhost/probe:test", imagePullPolicy: Never, args: $4}]
${5:-}
X
}
ip_of() { K -n "$1" get pod "$2" -o jsonpath='{.status.podIP}'; }

passed=0 failed=0
verdict() { # verdict WELL NAME: what was said is shown when it did not go well
  if [ "$1" = 0 ]; then passed=$((passed + 1)); echo "ok    $2"; else
    failed=$((failed + 1)); echo "FAIL  $2"; sed 's/^/      /' "$scratch/said"; fi
}
ok() { local r=0; "${@:2}" >"$scratch/said" 2>&1 || r=1; verdict $r "$1"; }
no() { local r=0; ! "${@:2}" >"$scratch/said" 2>&1 || r=1; verdict $r "$1"; }
says() { # says NAME PATTERN COMMAND...: what it prints matches, whatever its exit code
  local r=0
  "${@:3}" >"$scratch/said" 2>&1 || true
  grep -qE -- "$2" "$scratch/said" || r=1
  verdict $r "$1"
}
# the two outcomes of the client: got through, or did not for a reason that a
# closed door has (a lack of local ports, say, is neither)
# shellcheck disable=SC2034 # the checks use them
open='"outcome":"open"' shut='"outcome":"(refused|timeout|unreachable)"'
# soon COMMAND: up to 10 s of tries; a ready pod is not yet a programmed Service
soon() { local i; for i in $(seq 50); do "$@" && return 0; sleep 0.2; done; return 1; }
printed() { local want=$1; shift; "$@" 2>&1 | tee /dev/stderr | grep -qE -- "$want"; }
fin() { echo "$passed passed, $failed failed"; [ $failed = 0 ]; }
