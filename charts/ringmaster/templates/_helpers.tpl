{{/* What the objects of this release are called. */}}
{{- define "ringmaster.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "ringmaster.selector" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: controller
{{- end -}}

{{- define "ringmaster.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "ringmaster.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: ringmaster
{{- end -}}

{{/* Of its Service, Secret and ValidatingWebhookConfiguration. */}}
{{- define "ringmaster.webhookName" -}}
{{- printf "%s-webhook" (include "ringmaster.fullname" .) -}}
{{- end -}}

{{- define "ringmaster.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "ringmaster.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "ringmaster.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{- define "ringmaster.containerSecurityContext" -}}
allowPrivilegeEscalation: false
privileged: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{- define "ringmaster.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{/* The pods of the Deployment and the StatefulSet. */}}
{{- define "ringmaster.podTemplate" -}}
metadata:
  labels:
    {{- include "ringmaster.labels" . | nindent 4 }}
    {{- with .Values.podLabels }}{{ toYaml . | nindent 4 }}{{ end }}
  {{- with .Values.podAnnotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  serviceAccountName: {{ include "ringmaster.serviceAccountName" . }}
  automountServiceAccountToken: true
  enableServiceLinks: false
  securityContext:
    {{- include "ringmaster.podSecurityContext" . | nindent 4 }}
  terminationGracePeriodSeconds: {{ .Values.terminationGracePeriodSeconds }}
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- with .Values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.topologySpreadConstraints }}
  topologySpreadConstraints:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - name: controller
      image: {{ include "ringmaster.image" . | quote }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      args:
        - run
        - --kubernetes
        - --namespace=$(POD_NAMESPACE)
        - --data=/data
        - --listen=0.0.0.0:8080
        - --stale-after={{ .Values.staleAfter }}
        - --log-level={{ .Values.logLevel }}
        {{- if eq .Values.journal.type "PostgreSQL" }}
        - --replica=$(POD_NAME)
        {{- end }}
        {{- if .Values.webhook.create }}
        - --webhook=0.0.0.0:8443
        - --webhook-name={{ include "ringmaster.webhookName" . }}
        - --webhook-references={{ .Values.webhook.references }}
        {{- if .Values.webhook.certificateSecretName }}
        - --webhook-certificates=/certificates
        {{- end }}
        {{- end }}
        {{- with .Values.extraArgs }}{{ toYaml . | nindent 8 }}{{ end }}
      env:
        - name: POD_NAME
          valueFrom: {fieldRef: {fieldPath: metadata.name}}
        - name: POD_NAMESPACE
          valueFrom: {fieldRef: {fieldPath: metadata.namespace}}
        {{- if eq .Values.journal.type "PostgreSQL" }}
        - name: RINGMASTER_JOURNAL
          valueFrom: {secretKeyRef: {name: {{ .Values.journal.secretName | quote }}, key: {{ .Values.journal.secretKey | quote }}}}
        {{- end }}
        {{- with .Values.secrets.secretName }}
        - name: RINGMASTER_ADMIN_TOKEN
          valueFrom: {secretKeyRef: {name: {{ . | quote }}, key: admin-token}}
        - name: RINGMASTER_ENROLMENT_KEY
          valueFrom: {secretKeyRef: {name: {{ . | quote }}, key: enrolment-key}}
        {{- end }}
        {{- with .Values.extraEnv }}{{ toYaml . | nindent 8 }}{{ end }}
      ports:
        - name: http
          containerPort: 8080
        {{- if .Values.webhook.create }}
        - name: webhook
          containerPort: 8443
        {{- end }}
      # Reading a large journal anew takes its time.
      startupProbe:
        httpGet: {path: /healthz, port: http}
        periodSeconds: 5
        failureThreshold: 120
      livenessProbe:
        httpGet: {path: /healthz, port: http}
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 3
      readinessProbe:
        httpGet: {path: /readyz, port: http}
        periodSeconds: 5
        timeoutSeconds: 5
      resources:
        {{- toYaml .Values.resources | nindent 8 }}
      securityContext:
        {{- include "ringmaster.containerSecurityContext" . | nindent 8 }}
      volumeMounts:
        - name: data
          mountPath: /data
        - name: tmp
          mountPath: /tmp
        {{- if and .Values.webhook.create .Values.webhook.certificateSecretName }}
        - name: certificates
          mountPath: /certificates
          readOnly: true
        {{- end }}
        {{- with .Values.extraVolumeMounts }}{{ toYaml . | nindent 8 }}{{ end }}
  volumes:
    - name: tmp
      emptyDir: {}
    {{- if and .Values.webhook.create .Values.webhook.certificateSecretName }}
    - name: certificates
      secret: {secretName: {{ .Values.webhook.certificateSecretName | quote }}}
    {{- end }}
    {{- if eq .Values.journal.type "PostgreSQL" }}
    - name: data
      emptyDir: {}
    {{- end }}
    {{- with .Values.extraVolumes }}{{ toYaml . | nindent 4 }}{{ end }}
{{- end -}}
