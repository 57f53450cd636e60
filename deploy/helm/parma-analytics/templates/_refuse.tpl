{{/*
Refuses values that the schema takes and the API server or a service would not, before anything is changed. Each sentence
names the value and says what to do.
*/}}
{{- define "parma.refuse" -}}
{{- $values := .Values -}}
{{- if not (regexMatch "^[a-z]([-a-z0-9]*[a-z0-9])?$" .Release.Name) -}}
{{- fail (printf "The release is called %s: choose a name of lower-case letters, digits and hyphens that begins with a letter, because a Service is named after it." .Release.Name) -}}
{{- end -}}
{{- range $setting, $_ := $values.settings -}}
{{- include "parma.refuseSetting" (list $ "settings" $setting "") -}}
{{- end -}}
{{- if not $values.settings.KAFKA_BROKERS -}}
{{- fail "settings.KAFKA_BROKERS is missing: the addresses of the brokers, as host:port, comma separated." -}}
{{- end -}}
{{- if and $values.workloadIdentity (not $values.settings.FIRESTORE_PROJECT) -}}
{{- fail "settings.FIRESTORE_PROJECT is missing: with workloadIdentity no certificate names the project." -}}
{{- end -}}
{{- if and $values.networkPolicy.enabled (not $values.networkPolicy.servers) -}}
{{- fail "networkPolicy.servers is empty: nothing would reach Kafka, the registry and Postgres. Name their networks or pods, as in examples/minimal.yaml, or set networkPolicy.enabled to false." -}}
{{- end -}}
{{- if and $values.ingress.enabled (not $values.ingress.host) -}}
{{- fail "ingress.host is missing: the name under which modules, parma-web and people reach the edge." -}}
{{- end -}}
{{- with $values.services.edge.autoscaling -}}
{{- if and .enabled (gt (int .min) (int .max)) -}}
{{- fail (printf "services.edge.autoscaling.min is %d and max is %d: raise max, or lower min." (int .min) (int .max)) -}}
{{- end -}}
{{- end -}}
{{- range $name, $service := $values.services -}}
{{- include "parma.refuseService" (list $ $name $service) -}}
{{- include "parma.refuseSecrets" (list $ $name ($service.secret | default $values.secret)) -}}
{{- end -}}
{{- if $values.setup.enabled -}}
{{- include "parma.refuseSecrets" (list $ "setup" ($values.setup.secret | default $values.secret)) -}}
{{- end -}}
{{- if $values.operator.enabled -}}
{{- include "parma.refuseMemory" (list "operator" $values.operator) -}}
{{- include "parma.refuseSecrets" (list $ "operator" ($values.operator.secret | default $values.setup.secret | default $values.secret)) -}}
{{- end -}}
{{- with $values.channelSecret -}}
{{- include "parma.refuseSecret" (list $ "notifier" . list) -}}
{{- end -}}
{{- end -}}

{{/* (list $ where setting service), service is empty for those of all. */}}
{{- define "parma.refuseSetting" -}}
{{- $root := index . 0 -}}
{{- $where := printf "%s.%s" (index . 1) (index . 2) -}}
{{- $setting := index . 2 -}}
{{- $pods := $root.Files.Get "files/pods.json" | fromJson -}}
{{- $isRead := false -}}
{{- range $name, $pod := $pods -}}
{{- if has $setting (concat $pod.requiredKeys $pod.optionalKeys) -}}
{{- fail (printf "%s is a secret: take it out of the values, and give the Secret %s a key of this name." $where $root.Values.secret) -}}
{{- end -}}
{{- if and (has $setting $pod.settings) (has (index $ 3) (list "" $name)) -}}
{{- $isRead = true -}}
{{- end -}}
{{- end -}}
{{- if not $isRead -}}
{{- $who := ternary "no service reads it" (printf "%s does not read it" (index . 3)) (eq (index . 3) "") -}}
{{- fail (printf "%s: %s, or the chart sets it itself. deploy/SETTINGS.md says which service reads what." $where $who) -}}
{{- end -}}
{{- if and (eq $setting "KAFKA_SSL_CA") $root.Values.kafka.caSecret -}}
{{- fail (printf "%s and kafka.caSecret both say the certificate of the brokers' authority: take one of them out." $where) -}}
{{- end -}}
{{- end -}}

{{- define "parma.refuseService" -}}
{{- $root := index . 0 -}}
{{- $name := index . 1 -}}
{{- $service := index . 2 -}}
{{- range $setting, $_ := $service.settings -}}
{{- include "parma.refuseSetting" (list $root (printf "services.%s.settings" $name) $setting $name) -}}
{{- end -}}
{{- $partitions := int (include "parma.partitions" (list $root $name)) -}}
{{- if and $partitions (gt (int $service.replicas) $partitions) -}}
{{- fail (printf "services.%s.replicas is %d, and its largest topic has %d partitions: more replicas would get none. Raise kafka.partitions first." $name (int $service.replicas) $partitions) -}}
{{- end -}}
{{- include "parma.refuseMemory" (list (printf "services.%s" $name) $service) -}}
{{- $settings := include "parma.settings" (list $root $name) | fromJson -}}
{{- range splitList "," ($settings.ALLOWED_PRIVATE_NETWORKS | default "") -}}
{{- $network := trim . -}}
{{- if and $network (ne (include "parma.isNetwork" $network) "true") -}}
{{- fail (printf "ALLOWED_PRIVATE_NETWORKS has %s, which is no network: write networks such as 10.40.0.0/16, and one address as 10.40.0.5/32." $network) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* (list where block): the pod would not be admitted, or be killed before V8 collects garbage. */}}
{{- define "parma.refuseMemory" -}}
{{- $where := index . 0 -}}
{{- $block := index . 1 -}}
{{- $limits := $block.resources.limits | default dict -}}
{{- range $kind, $request := $block.resources.requests -}}
{{- $limit := get $limits $kind -}}
{{- if and $limit (gt (int64 (include "parma.thousandths" $request)) (int64 (include "parma.thousandths" $limit))) -}}
{{- fail (printf "%s.resources.requests.%s is %v, and its limit is %v: raise limits.%s, or lower requests.%s." $where $kind $request $limit $kind $kind) -}}
{{- end -}}
{{- end -}}
{{- $least := div (add (mul (int $block.heapMb) 4) 2) 3 -}}
{{- with $limits.memory -}}
{{- if lt (int64 (include "parma.thousandths" .)) (mul $least 1048576 1000) -}}
{{- fail (printf "%s.heapMb is %d, and its memory limit is %v: the pod would be killed while its heap is allowed to grow. Set resources.limits.memory to %dMi or more, or lower heapMb." $where (int $block.heapMb) . $least) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Whether a NetworkPolicy takes a text as a network: of IPv4 with no bits behind its prefix, of IPv6 by its form alone. */}}
{{- define "parma.isNetwork" -}}
{{- if regexMatch "^([0-9]{1,3}[.]){3}[0-9]{1,3}/([12]?[0-9]|3[0-2])$" . -}}
{{- $parts := splitList "/" . -}}
{{- $number := 0 -}}
{{- range splitList "." (first $parts) -}}
{{- $number = add (mul $number 256) (atoi .) -}}
{{- end -}}
{{- $size := 1 -}}
{{- range until (int (sub 32 (atoi (last $parts)))) -}}
{{- $size = mul $size 2 -}}
{{- end -}}
{{- eq (mod $number $size) 0 -}}
{{- else -}}
{{- regexMatch "^[0-9a-f:]*:[0-9a-f:]*/[0-9]{1,3}$" . -}}
{{- end -}}
{{- end -}}

{{/* The Secrets of a pod: (list $ name secret). */}}
{{- define "parma.refuseSecrets" -}}
{{- $root := index . 0 -}}
{{- $name := index . 1 -}}
{{- $settings := include "parma.settings" (list $root $name) | fromJson -}}
{{- $keys := (index ($root.Files.Get "files/pods.json" | fromJson) $name).requiredKeys -}}
{{- if not $settings.SCHEMA_REGISTRY_URL -}}
{{- $keys = append $keys "SCHEMA_REGISTRY_URL" -}}
{{- end -}}
{{- with $keys -}}
{{- include "parma.refuseSecret" (list $root $name (index $ 2) .) -}}
{{- end -}}
{{- $kafka := $root.Values.kafka -}}
{{- with $kafka.userPrefix -}}
{{- include "parma.refuseSecret" (list $root $name (printf "%s%s" . $name) (list "password")) -}}
{{- end -}}
{{- with $kafka.caSecret -}}
{{- include "parma.refuseSecret" (list $root $name . (list $kafka.caKey)) -}}
{{- end -}}
{{- end -}}

{{/*
(list $ name secret keys): a pod waits without a word for a Secret or a key that is missing, and the setup step until its
deadline. helm template sees no cluster, where each namespace has the account `default`.
*/}}
{{- define "parma.refuseSecret" -}}
{{- $root := index . 0 -}}
{{- $name := index . 1 -}}
{{- $secret := index . 2 -}}
{{- $keys := index . 3 -}}
{{- $namespace := $root.Release.Namespace -}}
{{- if lookup "v1" "ServiceAccount" $namespace "default" -}}
{{- $found := lookup "v1" "Secret" $namespace $secret -}}
{{- if not $found -}}
{{- fail (printf "There is no Secret %s in the namespace %s, and %s does not start without it: make it first%s." $secret $namespace $name (ternary (printf ", with the keys %s" (join ", " $keys)) "" (gt (len $keys) 0))) -}}
{{- end -}}
{{- range $keys -}}
{{- if not (hasKey ($found.data | default dict) .) -}}
{{- fail (printf "The Secret %s in the namespace %s has no key %s, and %s does not start without it: add the key." $secret $namespace . $name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* A quantity such as 250m or 1.5Gi, in thousandths of its unit. */}}
{{- define "parma.thousandths" -}}
{{- $text := toString . -}}
{{- $sizes := dict "m" 1 "" 1e3 "k" 1e6 "M" 1e9 "G" 1e12 "Ki" 1024e3 "Mi" 1048576e3 "Gi" 1073741824e3 -}}
{{- mulf (float64 (regexFind "^[0-9.]+" $text)) (get $sizes (regexFind "[a-zA-Z]*$" $text)) | floor | int64 -}}
{{- end -}}
