{{/* The name of a thing of this release: (list $ "edge"). */}}
{{- define "parma.name" -}}
{{- $root := index . 0 -}}
{{- printf "%s-%s" ($root.Release.Name | trunc 40 | trimSuffix "-") (index . 1) -}}
{{- end -}}

{{/* By which a service finds its pods: these labels never change. */}}
{{- define "parma.selector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ index . 1 }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
{{- end -}}

{{- define "parma.labels" -}}
{{- $root := index . 0 -}}
{{ include "parma.selector" . }}
app.kubernetes.io/part-of: parma-analytics
{{- /* A tag may be longer than a label. */}}
app.kubernetes.io/version: {{ $root.Values.image.tag | default $root.Chart.AppVersion | trunc 63 | trimAll "-_." | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" | quote }}
{{- end -}}

{{- define "parma.image" -}}
{{- $image := .Values.image -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $image.repository $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $image.repository ($image.tag | default .Chart.AppVersion) -}}
{{- end -}}
{{- end -}}

{{/* What Pod Security "restricted" asks of a pod, and of a container. */}}
{{- define "parma.podSecurity" -}}
runAsNonRoot: true
runAsUser: 1000
runAsGroup: 1000
fsGroup: 1000
seccompProfile:
  type: RuntimeDefault
{{- end -}}
{{- define "parma.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{/* The settings of a pod as JSON, without those that it does not read: (list $ "edge"). */}}
{{- define "parma.settings" -}}
{{- $root := index . 0 -}}
{{- $name := index . 1 -}}
{{- $pod := index ($root.Files.Get "files/pods.json" | fromJson) $name -}}
{{- $own := (index $root.Values.services $name | default dict).settings | default dict -}}
{{- $settings := dict -}}
{{- range $setting, $text := mergeOverwrite (deepCopy $root.Values.settings) $own -}}
{{- if has $setting $pod.settings -}}
{{- $_ := set $settings $setting $text -}}
{{- end -}}
{{- end -}}
{{- if $root.Values.kafka.userPrefix -}}
{{- $_ := set $settings "KAFKA_SASL_MECHANISM" "scram-sha-512" -}}
{{- $_ := set $settings "KAFKA_SASL_USERNAME" (printf "%s%s" $root.Values.kafka.userPrefix $name) -}}
{{- end -}}
{{- if $root.Values.kafka.caSecret -}}
{{- $_ := set $settings "KAFKA_SSL" "true" -}}
{{- end -}}
{{- $settings | toJson -}}
{{- end -}}

{{/* The environment of a pod: its settings, and what it reads of Secrets. Keys that it must have are files. */}}
{{- define "parma.env" -}}
{{- $root := index . 0 -}}
{{- $name := index . 1 -}}
{{- $secret := index . 2 -}}
{{- $pod := index ($root.Files.Get "files/pods.json" | fromJson) $name -}}
{{- $settings := include "parma.settings" . | fromJson -}}
{{- $kafka := $root.Values.kafka -}}
{{- range $setting, $text := $settings }}
- name: {{ $setting }}
  value: {{ $text | quote }}
{{- end }}
{{- range $pod.requiredKeys }}
- name: {{ . }}_FILE
  value: /run/secrets/parma/{{ . }}
{{- end }}
{{- if not (index $settings "SCHEMA_REGISTRY_URL") }}
- name: SCHEMA_REGISTRY_URL
  valueFrom:
    secretKeyRef: { name: {{ $secret }}, key: SCHEMA_REGISTRY_URL }
{{- end }}
{{- range $pod.optionalKeys }}
{{- if and $kafka.userPrefix (eq . "KAFKA_SASL_PASSWORD") }}
- name: KAFKA_SASL_PASSWORD
  valueFrom:
    secretKeyRef: { name: {{ $kafka.userPrefix }}{{ $name }}, key: password }
{{- else }}
- name: {{ . }}
  valueFrom:
    secretKeyRef: { name: {{ $secret }}, key: {{ . }}, optional: true }
{{- end }}
{{- end }}
{{- if $kafka.caSecret }}
- name: KAFKA_SSL_CA
  valueFrom:
    secretKeyRef: { name: {{ $kafka.caSecret }}, key: {{ $kafka.caKey }} }
{{- end }}
{{- end -}}

{{/* The files of a Secret that a pod must have. */}}
{{- define "parma.secretVolume" -}}
{{- $root := index . 0 -}}
{{- $secret := index . 2 -}}
{{- $pod := index ($root.Files.Get "files/pods.json" | fromJson) (index . 1) -}}
- name: secrets
  secret:
    secretName: {{ $secret }}
    defaultMode: 0440
    items:
      {{- range $pod.requiredKeys }}
      - { key: {{ . }}, path: {{ . }} }
      {{- end }}
{{- end -}}

{{/* The partitions of a service's largest topic: more members of its group would get none. 0: it reads no topic. */}}
{{- define "parma.partitions" -}}
{{- $root := index . 0 -}}
{{- $pod := index ($root.Files.Get "files/pods.json" | fromJson) (index . 1) -}}
{{- $most := 0 -}}
{{- range $pod.topics -}}
{{- $most = max $most (int (index $root.Values.kafka.partitions .name | default .partitions)) -}}
{{- end -}}
{{- $most -}}
{{- end -}}

{{/* What `topics apply` reads. */}}
{{- define "parma.topicEnv" -}}
{{- $partitions := list -}}
{{- range $topic, $count := .Values.kafka.partitions -}}
{{- $partitions = append $partitions (printf "%s=%d" $topic (int $count)) -}}
{{- end -}}
- name: TOPIC_REPLICAS
  value: {{ .Values.kafka.replicas | quote }}
{{- with $partitions }}
- name: TOPIC_PARTITIONS
  value: {{ join "," . | quote }}
{{- end }}
{{- end -}}

{{/* Where all pods may run. */}}
{{- define "parma.placement" -}}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end -}}

{{- define "parma.dns" -}}
- ports:
    - { port: 53, protocol: UDP }
    - { port: 53, protocol: TCP }
{{- end -}}
