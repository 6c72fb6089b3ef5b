{{- define "p2pdb-cluster.name" -}}
{{- default .Release.Name .Values.name | trunc 52 | trimSuffix "-" -}}
{{- end }}

{{- define "p2pdb-cluster.labels" -}}
app.kubernetes.io/name: p2pdb
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{/* Names of objects have no capitals and no underscores; those of SQL may. */}}
{{- define "p2pdb-cluster.objectName" -}}
{{- . | lower | replace "_" "-" | trunc 63 | trimSuffix "-" -}}
{{- end }}
