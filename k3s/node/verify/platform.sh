#!/bin/bash
# What workloads lean on: the API's kinds, the kubelet's settings, pod features,
# user namespaces, volumes, DNS, and kubectl from outside through the forwarder.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=checks.sh
. "$(dirname "${BASH_SOURCE[0]}")/checks.sh"
own_node
namespace vp
K apply -f - >/dev/null <<'X'
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: claim, namespace: vp}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 100Mi}}}
---
apiVersion: v1
kind: Secret
metadata: {name: s, namespace: vp}
stringData: {key: top-secret}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: c, namespace: vp}
data: {conf: from-configmap}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: vp}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: Pod
metadata: {name: full, namespace: vp, labels: {app: web}}
spec:
  terminationGracePeriodSeconds: 1
  automountServiceAccountToken: false
  enableServiceLinks: false
  dnsPolicy: None
  dnsConfig: {nameservers: [127.0.0.1]}
  hostAliases: [{ip: 192.0.2.77, hostnames: [alias.example.test]}]
  securityContext:
    runAsNonRoot: true
    runAsUser: 10001
    runAsGroup: 10001
    fsGroup: 10002
    seccompProfile: {type: RuntimeDefault}
    sysctls: [{name: net.ipv4.ping_group_range, value: "1 0"}]
  initContainers:
  - {name: first, image: "localhost/probe:test", imagePullPolicy: Never, args: [write, /data/first, was-here], volumeMounts: [{name: data, mountPath: /data}], securityContext: &sc {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}}
  - {name: sidecar, image: "localhost/probe:test", imagePullPolicy: Never, restartPolicy: Always, args: [serve, sidecar, "8081"], securityContext: *sc,
     startupProbe: {tcpSocket: {port: 8081}, periodSeconds: 1}}
  containers:
  - name: main
    image: localhost/probe:test
    imagePullPolicy: Never
    args: [serve, main, "8080"]
    securityContext: *sc
    resources: {requests: {cpu: 10m, memory: 16Mi}, limits: {cpu: 500m, memory: 64Mi}}
    readinessProbe: {httpGet: {port: 8080}, periodSeconds: 1}
    volumeMounts:
    - {name: data, mountPath: /data}
    - {name: s, mountPath: /secret, readOnly: true}
    - {name: c, mountPath: /conf, readOnly: true}
    - {name: v, mountPath: /pv}
  volumes:
  - {name: data, emptyDir: {}}
  - {name: s, secret: {secretName: s, defaultMode: 0440}}
  - {name: c, configMap: {name: c}}
  - {name: v, persistentVolumeClaim: {claimName: claim}}
---
apiVersion: v1
kind: Pod
metadata: {name: oom, namespace: vp}
spec:
  restartPolicy: Never
  containers: [{name: c, image: "localhost/probe:test", imagePullPolicy: Never, args: [cat, /dev/zero], resources: {limits: {memory: 32Mi}}}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: vp-no-red}
spec:
  failurePolicy: Fail
  matchConstraints: {resourceRules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [configmaps]}]}
  validations: [{expression: "!has(object.metadata.labels) || !('red' in object.metadata.labels)", message: "nothing red here"}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: vp-no-red}
spec: {policyName: vp-no-red, validationActions: [Deny], matchResources: {namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: vp}}}}
X
cleaners+=("K delete validatingadmissionpolicy,validatingadmissionpolicybinding vp-no-red >/dev/null 2>&1")
pod vp userns '{app: x}' '[sleep]' '  hostUsers: false'
pod vp init '{app: x}' '[sleep]' '  initContainers: [{name: i, image: "localhost/probe:test", imagePullPolicy: Never, args: [sleep]}]'
K -n vp wait --for=condition=Ready pod/full pod/userns --timeout=60s >/dev/null || K -n vp describe pod full userns | tail -30
F() { K -n vp exec full -c main -- /probe "$@"; }
config() { K get --raw /api/v1/nodes/testnode/proxy/configz; }

says "version 1.36" 'v1.36' K version
says "ServiceCIDR is served, with the range" '10.43.0.0/16' K get servicecidrs -o yaml
red() { K -n vp create configmap red --dry-run=client -o yaml | K label --local -f - red=1 -o yaml | K apply -f -; }
refused_red() { ! red; }
ok "ValidatingAdmissionPolicy refuses" soon refused_red
says "... in its words" 'nothing red here' red
says "user namespaces are announced" '"userNamespaces":true' K get node testnode -o jsonpath='{.status.runtimeHandlers}'
says "kubelet: syncFrequency 1m" '"syncFrequency":"1m0s"' config
says "kubelet: 250 pods" '"maxPods":250' config
says "kubelet: disk eviction as in k3s" '"evictionHard":\{"imagefs.available":"5%","nodefs.available":"5%"\}' config
says "node: 250 pods fit" '^250 10.42.0.0/24$' K get node testnode -o jsonpath='{.status.allocatable.pods} {.spec.podCIDR}'
says "node: no pressure" '^False False False $' K get node testnode -o jsonpath='{range .status.conditions[?(@.reason!="KubeletReady")]}{.status} {end}'
says "node: IPv4 address only" '^192.0.2.10$' K get node testnode -o jsonpath='{.status.addresses[?(@.type=="InternalIP")].address}'
says "uid and group" 'uid=10001 gid=10001' F id
says "seccomp filter" 'Seccomp:.2' F id
says "no capabilities" 'CapEff:.0000000000000000' F id
says "init container's file in the emptyDir" was-here F cat /data/first
says "native sidecar in the same pod" 'hello from sidecar' F get http://127.0.0.1:8081/
says "secret volume" top-secret F cat /secret/key
says "configmap volume" from-configmap F cat /conf/conf
ok "local-path volume, writable by the fsGroup" F write /pv/x hello
no "root filesystem is read-only" F write /x hello
says "hostAliases" alias.example.test F cat /etc/hosts
says "dnsPolicy None" 'nameserver 127.0.0.1' F cat /etc/resolv.conf
no "no service account token" F ls /var/run/secrets/kubernetes.io/serviceaccount
says "sysctl ping_group_range 1 0: no ping socket" 'error:EACCES' P vp full icmp 203.0.113.7 100
says "control: elsewhere there is one" "$open" P vp init icmp 203.0.113.7 100
K -n vp create configmap c --from-literal=conf=changed --dry-run=client -o yaml | K apply -f - >/dev/null 2>&1
K -n vp annotate pod full test/bump=1 >/dev/null
changed() { printed changed F cat /conf/conf; }
ok "a ConfigMap's change arrives at once when the pod's annotation changes" soon changed
says "hostUsers false: root inside is not root outside" 'uid_map *0 *[1-9]' K -n vp exec userns -- /probe id
says "pod-exec: the user of a pod with a user namespace is that pod's" "uid=$(($(K -n vp exec userns -- /probe id | awk '/uid_map/{print $3}') + 10001)) " "$node_dir/pod-exec" --uid 10001 vp userns probe id
says "pod-exec: no capabilities, none to gain" 'CapBnd:.0000000000000000' P vp full id
says "pod-exec: any uid" 'uid=4242 gid=4242' "$node_dir/pod-exec" --uid 4242 vp full probe id
says "pod-exec: while the pod initialises" "$open" P vp init tcp 203.0.113.7:443
t=$(date +%s%3N); for _ in $(seq 10); do P vp full tcp 203.0.113.7:443 >/dev/null; done; echo "      pod-exec: $((($(date +%s%3N) - t) / 10)) ms each"
says "name of a Service" '10.43.[0-9.]*' P vp init dns 10.43.0.10 web.vp.svc.cluster.local
says "unknown Service" NXDOMAIN P vp init dns 10.43.0.10 nosuch.vp.svc.cluster.local
web() { printed 'hello from main' K -n vp exec userns -- /probe get http://web/; }
ok "Service by name" soon web
K -n vp wait --for=jsonpath='{.status.phase}'=Failed pod/oom --timeout=20s >/dev/null 2>&1 || true
says "memory limit kills" OOMKilled K -n vp get pod oom -o jsonpath='{.status.containerStatuses[0].state.terminated.reason}'
says "logs" 'listening on 8080' K -n vp logs full -c main
K -n vp port-forward full :8080 >"$scratch/forward" 2>/dev/null & cleaners+=("kill $!")
until grep -q Forwarding "$scratch/forward"; do sleep 0.1; done
says "port-forward" 'hello from main' "$TESTNODE_BIN/probe" get "http://127.0.0.1:$(sed -n 's/.*127.0.0.1:\([0-9]*\) .*/\1/p' "$scratch/forward")/"
# the caller's shell
in_shell() { bash -c "eval \"\$('$node_dir/../env')\"; $1"; }
says "env: kubectl on the PATH" testnode in_shell 'kubectl get nodes'
says "env: helm on the PATH" '^v3' in_shell 'helm version --short && helm list -A >/dev/null'
volume=$(K -n vp get pvc claim -o jsonpath='{.spec.volumeName}')
K -n vp delete pod full --grace-period=0 --force >/dev/null 2>&1; K -n vp delete pvc claim >/dev/null
ok "a local-path volume goes with its claim" K wait --for=delete "pv/$volume" --timeout=30s
fin
