#!/bin/bash
# The make-believe internet: answers like one, and records all that arrives.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=checks.sh
. "$(dirname "${BASH_SOURCE[0]}")/checks.sh"
own_node
namespace vi
pod vi client '{app: client}' '[sleep]'
pod vi fenced '{app: fenced}' '[sleep]'
K -n vi apply -f - >/dev/null <<'X'
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny}
spec: {podSelector: {matchLabels: {app: fenced}}, policyTypes: [Egress]}
X
K -n vi wait --for=condition=Ready pod --all --timeout=60s >/dev/null
C() { P vi client "$@"; }
recorded() { I records "$1" | grep -E -- "$2"; }
closed() { ! P vi fenced tcp 203.0.113.50:443 --timeout 300; }
N() { "$node_dir/in.sh" "$TESTNODE_BIN/probe" "$@"; } # on the node's own network
curl_tls() { "$node_dir/in.sh" curl -sS -g -m 5 --cacert "$(I ca)" --connect-to "::$1" "${@:3}" "https://$2"; }

cat >"$scratch/zone" <<'X'
named.example      A    60 203.0.113.11,203.0.113.12
*.wild.example     A    60 203.0.113.20
rebind.example     A    0  203.0.113.66 / 10.43.0.1 / 192.168.1.1
gone.example       RCODE 1 NXDOMAIN
broken.example     RCODE 1 SERVFAIL
alias.example      CNAME 5 named.example
X
ok "zone taken" I zone "$scratch/zone"
no "a zone with an error is refused" I add "bad.example A 60 not-an-address"
I reset >/dev/null

ok "name by cluster DNS" soon C dns 10.43.0.10 first.example
says "both addresses of a name, in any order" '"203.0.113.1[12]","203.0.113.1[12]"' C dns 10.43.0.10 named.example
says "by TCP" '203.0.113.20' C dns 203.0.113.53 tcp.wild.example tcp
says "IPv6 address of a name" '2001:db8:113::80' C dns 10.43.0.10 any.example --type AAAA
says "name below a wildcard" '203.0.113.20' C dns 10.43.0.10 a.b.wild.example
says "CNAME followed" '203.0.113.11' C dns 10.43.0.10 alias.example
says "NXDOMAIN" NXDOMAIN C dns 10.43.0.10 gone.example
says "SERVFAIL" SERVFAIL C dns 10.43.0.10 broken.example
says "rebinding: first answer" '"203.0.113.66"' C dns 203.0.113.53 rebind.example
says "rebinding: second answer" '"10.43.0.1"' C dns 203.0.113.53 rebind.example
says "rebinding: third answer" '"192.168.1.1"' C dns 203.0.113.53 rebind.example
says "rebinding: the last answer stays" '"192.168.1.1"' C dns 203.0.113.53 rebind.example
ok "a query by another address is answered" C dns 203.0.113.99 elsewhere.example
says "queries are recorded: name, type, source" '"name":"named.example","type":"A","via":"udp","src":"192.0.2.10:' recorded dns named.example
says "... by TCP" '"via":"tcp"' recorded dns tcp.wild.example
says "... and whom was asked" '"dst":"203.0.113.99"' recorded dns elsewhere.example

says "TLS, certificate of its own CA" 'sni=one.example dst=203.0.113.30:443' curl_tls 203.0.113.30:443 one.example/
says "... by IPv6 from the node" 'sni=six.example dst=\[2001:db8:113::30\]:443' curl_tls '[2001:db8:113::30]:443' six.example/
says "... without SNI: the address's certificate" 'sni= dst=203.0.113.31:443' "$node_dir/in.sh" curl -sS -m 5 --cacert "$(I ca)" https://203.0.113.31/
says "... on port 8443" 'dst=203.0.113.30:8443' curl_tls 203.0.113.30:8443 one.example:8443/
says "echo" '^ping-pong$' curl_tls 203.0.113.30:443 one.example/echo --data-binary ping-pong
head -c 40000 /dev/zero | curl_tls 203.0.113.32:443 big.example/echo --data-binary @- >/dev/null 2>&1 || true
(curl_tls 203.0.113.33:443 stream.example/stream >"$scratch/stream" 2>&1 || true) &
sleep 1.5
says "streams; an open connection is listed" '"sni":"stream.example"' I open
wait $!
ok "the stream went on until the client left" test "$(grep -c tick "$scratch/stream")" -gt 50
says "hello recorded: SNI, destination" '"event":"hello",.*"dst":"203.0.113.30","port":443,"sni":"one.example"' recorded conns one.example
says "... IPv6 source and destination" '"src":"\[2001:db8:2::10\].*"dst":"2001:db8:113::30"' recorded conns six.example
says "... bytes in" '"event":"close".*"sni":"big.example".*"in":4[0-9]{4}' recorded conns big.example
says "plain HTTP on port 80" 'hello from internet host=203.0.113.40' C get http://203.0.113.40/
for p in 22 25 853 8080; do ok "TCP port $p answers" C tcp 203.0.113.41:$p; done
says "... and is recorded" '"dst":"203.0.113.41","port":853' recorded conns 203.0.113.41
says "a closed port refuses" '"outcome":"refused"' C tcp 203.0.113.41:81
says "... and was seen" '"proto":"tcp".*"dst":"203.0.113.41:81"' recorded packets 203.0.113.41:81
says "UDP 443 answers from the address asked" "$open" C udp 203.0.113.42:443 c0ffee
says "... and is recorded" '"dst":"203.0.113.42","port":443,"bytes":3,"first":"c0ffee"' recorded udp 203.0.113.42
says "ICMP echo with payload" "$open" C icmp 203.0.113.43 900
says "... and is recorded with its size" '"proto":"icmp".*"dst":"203.0.113.43".*"echo":900' recorded packets 203.0.113.43
for p in 53 80 443; do says "the LAN's gateway, port $p" "$open" C tcp 192.0.2.1:$p; done
for a in 192.168.1.1 172.16.0.1 100.64.0.1 169.254.169.254; do says "private address $a is alive" "$open" C tcp $a:80; done
says "the node itself has IPv6 to it" "$open" N tcp '[2001:db8:113::41]:443'
says "pods have no IPv6 route" '"outcome":"unreachable"' C tcp '[2001:db8:113::41]:443'
# what a fenced pod tries is not seen here, while the same by another pod is
I reset >/dev/null
ok "fenced: TCP does not open" soon closed
I reset >/dev/null
for a in 443 80 8443; do P vi fenced tcp 203.0.113.51:$a --timeout 300 || true; done >/dev/null
P vi fenced udp 203.0.113.51:443 ff --timeout 300 >/dev/null || true
P vi fenced dns 203.0.113.51 leak.example --timeout 300 >/dev/null || true
C tcp 203.0.113.52:443 >/dev/null
no "fenced: not one packet seen" recorded packets '203.0.113.51'
no "fenced: no query seen" recorded dns leak.example
says "control: the other pod's packet was" '203.0.113.52:443' recorded packets 203.0.113.52
fin
