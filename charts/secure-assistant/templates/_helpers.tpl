{{- /* One image reference. Argument: {root, image, of}. Digest before its tag before the tag of all before appVersion. */ -}}
{{- define "assistant.image" -}}
{{- $image := .image -}}
{{- $name := $image.repository -}}
{{- with .root.Values.images.registry }}{{ $name = printf "%s/%s" (trimSuffix "/" .) $name }}{{ end -}}
{{- if $image.digest -}}
{{ printf "%s@%s" $name $image.digest }}
{{- else -}}
{{ printf "%s:%s" $name ($image.tag | default .root.Values.images.tag | default .root.Chart.AppVersion) }}
{{- end -}}
{{- end -}}

{{- /* Labels of every pod of this chart: nothing that changes with a version, so that a pod is replaced only when it differs. */ -}}
{{- define "assistant.podLabels" -}}
app.kubernetes.io/name: {{ .name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/part-of: secure-assistant
{{- end -}}

{{- /* Labels of every object of this chart. Argument: {root, name}. */ -}}
{{- define "assistant.labels" -}}
{{ include "assistant.podLabels" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end -}}

{{- /* What "restricted" Pod Security asks of a pod, and of a container. */ -}}
{{- define "assistant.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
seccompProfile: {type: RuntimeDefault}
{{- end -}}
{{- define "assistant.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{- /* The file the operator reads; docs/interfaces.md names its keys. */ -}}
{{- define "assistant.settings" -}}
{{- $images := dict -}}
{{- range $of := list "guard" "egress" "agent" -}}
{{- $_ := set $images $of (include "assistant.image" (dict "root" $ "image" (index $.Values.images $of))) -}}
{{- end -}}
{{- $model := ternary $.Values.model.service nil (gt (len $.Values.model.service) 0) -}}
{{- dict
  "images" $images
  "imagePullPolicy" $.Values.imagePullPolicy
  "namespaces" $.Values.namespaces
  "model" $model
  "localRanges" $.Values.localRanges
  "closed" $.Values.floor.closed
  "witnesses" (dict "a" "witness-a" "b" "witness-b")
  | toYaml -}}
{{- end -}}

{{- /* Rules of one section of files/rbac.yaml, the reasons as comments. Argument: {root, section}. */ -}}
{{- define "assistant.rules" -}}
{{- $all := .root.Files.Get "files/rbac.yaml" | fromYaml -}}
{{- if $all.Error }}{{ fail (printf "files/rbac.yaml: %s" $all.Error) }}{{ end -}}
rules:
{{- range $rule := index $all .section }}
# {{ $rule.reason }}
- apiGroups: {{ $rule.apiGroups | toJson }}
  resources: {{ $rule.resources | toJson }}
  {{- with $rule.resourceNames }}
  resourceNames: {{ . | toJson | replace "$model" ($.root.Values.model.service.name | default "") }}
  {{- end }}
  verbs:
  {{- range $verb, $why := $rule.verbs }}
  - {{ $verb }} # {{ $why }}
  {{- end }}
{{- end }}
{{- end -}}

{{- /* Binds a Role to the operator. Argument: {root, name, namespace}. */ -}}
{{- define "assistant.binding" -}}
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: {{ .name }}
  namespace: {{ .namespace }}
  labels: {{- include "assistant.labels" (dict "root" .root "name" "assistant-operator") | nindent 4 }}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: {{ .name }}}
subjects:
- {kind: ServiceAccount, name: assistant-operator, namespace: {{ .root.Release.Namespace }}}
{{- end -}}
