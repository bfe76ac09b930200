#!/bin/bash
# Can this machine run a node with this state directory? Names every miss with
# its remedy and fails when there is one. Changes nothing but loading kernel modules.
set -uo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
missed=0
miss() { echo "preflight: $*" >&2; missed=1; }

[ "$(id -u)" = 0 ] || die "the node makes namespaces and mounts: run as root (sudo)"
[ "$(uname -s)" = Linux ] || die "the node needs Linux; on a Mac use a Multipass VM"

while read -r command package; do
  command -v "$command" >/dev/null || miss "$command is missing: apt-get install $package"
done <<'T'
unshare util-linux
nsenter util-linux
setpriv util-linux
ip iproute2
nft nftables
iptables iptables
conntrack conntrack
socat socat
sysctl procps
python3 python3
T
for f in testnode containerd runc bridge coredns.tar probe.tar pause.tar internet forward; do
  [ -e "$TESTNODE_BIN/$f" ] || { miss "$TESTNODE_BIN/$f is missing: run $node_dir/build.sh"; break; }
done
for f in ${TESTNODE_IMAGES:-}; do [ -r "$f" ] || miss "TESTNODE_IMAGES names $f, which cannot be read"; done

# The state directory. These four get an overlay inside the node, whose upper
# half lies in the state directory.
real=$(realpath -m "$S")
for d in /etc /opt /usr /var /run /proc /sys /dev; do
  [[ $real/ != $d/* ]] || miss "the state directory $S lies under $d, which the node covers with a mount of its own: set TESTNODE_STATE elsewhere, for instance /srv/testnode"
done
[[ $S =~ ^[A-Za-z0-9/._-]+$ ]] || miss "the state directory $S has characters that configuration files would need quoted: set TESTNODE_STATE to a path of letters, digits and /._-"
# sun_path holds 107 characters; our longest socket is $S/internet/control.sock
[ ${#S} -le 80 ] || miss "the state directory's path is ${#S} characters long; unix sockets in it allow 80: set TESTNODE_STATE to a shorter path"

at=$real; while [ ! -d "$at" ]; do at=$(dirname "$at"); done
read -r total free < <(df -BM --output=size,avail "$at" | tail -n 1 | tr -d M)
# the kubelet evicts below 5 % free (k3s's default); a run fills some of it
need=$((total / 20 + 3072))
[ "$free" -ge "$need" ] || miss "$at has $free MB free of $total MB; needed are $need MB (5 % that the kubelet keeps free, and 3 GB): free some, or set TESTNODE_STATE to another disk"
read -r inodes < <(df --output=iavail "$at" | tail -n 1)
[ "${inodes//-/999999}" -ge 100000 ] || miss "$at has $inodes free inodes; needed are 100000"

for m in overlay br_netfilter nf_conntrack nf_tables veth; do modprobe -q "$m" 2>/dev/null || true; done
try=$(mktemp -d "$at/.testnode-preflight-XXXXXX")
mkdir "$try"/{lower,up,work,merged}
# trusted.* attributes and whiteouts are what overlayfs wants of the disk below
overlay() { unshare --mount --propagation private sh -c "touch $try/lower/f && mount -t overlay -o lowerdir=$try/lower,upperdir=$try/up,workdir=$try/work overlay $try/merged && rm $try/merged/f && echo x >$try/merged/g"; }
if ! why=$(overlay 2>&1); then
  miss "overlayfs cannot write on $at ($(stat -f -c %T "$at")): ${why##*$'\n'}: set TESTNODE_STATE to a directory on ext4, xfs or tmpfs"
fi
rm -rf "$try"
network() {
  # shellcheck disable=SC2016 # the inner shell expands
  unshare --net sh -ec 'ip link add dev b type bridge; ip link add dev v type veth peer name w; ip link set dev b up
    test -e /proc/sys/net/bridge/bridge-nf-call-iptables || { echo "no br_netfilter"; exit 1; }
    nft "add table ip t; add chain ip t c { type nat hook postrouting priority 100; }; add rule ip t c ct state established masquerade; add table ip6 u; add chain ip6 u c { type filter hook input priority 0; }"
    iptables -t nat -A POSTROUTING -m comment --comment x -j MASQUERADE
    test "$(cat /proc/sys/net/ipv6/conf/b/disable_ipv6)" = 0 || { echo "IPv6 is off (ipv6.disable or disable_ipv6): a stock node has link-local IPv6"; exit 1; }'
}
why=$(network 2>&1) || miss "the kernel cannot make the node's network: ${why##*$'\n'} (needed: bridge, veth, br_netfilter, nf_tables with nat, iptables, IPv6)"
if [ ! -f /sys/fs/cgroup/cgroup.controllers ]; then
  for c in cpu memory pids devices; do [ -d /sys/fs/cgroup/$c ] || miss "the cgroup controller $c is not mounted under /sys/fs/cgroup"; done
fi
[ "$(cat /proc/sys/user/max_user_namespaces)" -gt 0 ] || miss "user namespaces are off: sysctl user.max_user_namespaces=10000"
n=$(cat /proc/sys/fs/inotify/max_user_instances)
[ "$n" -ge 128 ] || miss "fs.inotify.max_user_instances is $n: sysctl fs.inotify.max_user_instances=512"
exit $missed
