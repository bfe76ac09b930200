# shellcheck shell=bash
# Sourced first by every script of the node: where things are. A script called
# with `--name NAME` first means the node of that name.
node_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${SECURE_ASSISTANT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/secure-assistant}
export TESTNODE_BIN=${TESTNODE_BIN:-$cache/node/bin}
die() { echo "$(basename "$0"): $*" >&2; exit 1; }
if [ "${1:-}" = --name ]; then
  [ -n "${2:-}" ] || die "--name wants a name"
  TESTNODE_NAME=$2 TESTNODE_STATE=""
  shift 2
fi
export TESTNODE_NAME=${TESTNODE_NAME:-default}
[[ $TESTNODE_NAME =~ ^[a-z0-9]([a-z0-9-]{0,18}[a-z0-9])?$ ]] ||
  die "the node's name is \"$TESTNODE_NAME\"; allowed are 1 to 20 of a-z, 0-9 and -, starting and ending with a letter or digit"
# use_state DIR: from now on S is that node's state directory
use_state() { export TESTNODE_STATE=$1; S=$1; }
use_state "${TESTNODE_STATE:-$cache/node/state-$TESTNODE_NAME}"
[[ $S = /* ]] || use_state "$PWD/$S"

# The node's pid 1, as the machine sees it; ends the script when there is none.
node_pid() {
  local p
  p=$(cat "$S/pid" 2>/dev/null || true)
  grep -qs "/$(cgroup_name)/" "/proc/${p:-none}/cgroup" || die "no node is up in $S (start it: $node_dir/up.sh)"
  echo "$p"
}
# A node has one cgroup in every hierarchy, named after its state directory.
# Its child "system" holds every process of the node that is no container, so
# the cgroup is also the list of what down.sh has to end.
cgroup_name() { echo "testnode-$(printf %s "$S" | cksum | cut -d' ' -f1)"; }
cgroup_dirs() { # the roots a node's directory can lie under
  local d
  if [ -f /sys/fs/cgroup/cgroup.controllers ]; then echo /sys/fs/cgroup; return; fi
  for d in /sys/fs/cgroup/*/; do [ ! -e "$d/cgroup.procs" ] || echo "${d%/}"; done
}
# the hierarchy whose "system" the node's processes join
process_cgroup() {
  local d=/sys/fs/cgroup
  [ -f $d/cgroup.controllers ] || d=$d/pids
  echo "$d/$(cgroup_name)/system/cgroup.procs"
}
