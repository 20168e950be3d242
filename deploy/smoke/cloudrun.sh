#!/usr/bin/env bash
# For a person with an account at Google Cloud: one task, from zero, by an execution that Freshet starts. It costs
# some cents, and deletes the execution. What CI says about Cloud Run is said by a stand-in; this is the real one.
#
#   FRESHET_URL=https://… FRESHET_API_KEY=fr_… deploy/smoke/cloudrun.sh PROJECT REGION JOB KIND [INPUT]
#
# It needs an API that runs as docs/cloudrun.md has it, with a pool of provider cloudrun of this JOB that nobody
# else uses meanwhile, and a KIND of that pool that ends well with INPUT, {} if not given. Needs gcloud (logged in),
# curl and jq.
set -euo pipefail

[ $# -ge 4 ] || { sed -n '2,10s/^# \{0,1\}//p' "$0" >&2; exit 2; }
project=$1 region=$2 job=$3 kind=$4 input=${5:-"{}"}
: "${FRESHET_URL:?the address of the API}" "${FRESHET_API_KEY:?an API key}"
for program in gcloud curl jq; do
  command -v "$program" >/dev/null || { echo "$program is missing" >&2; exit 2; }
done

now() { date +%s%3N; }
step() { printf '\n== %s\n' "$*"; }
call() { curl -fsS -H "Authorization: Bearer $FRESHET_API_KEY" -H 'Content-Type: application/json' "$@"; }

# executions of the job, as one array, in the form of version 1 of the API.
executions() {
  gcloud run jobs executions list --project "$project" --region "$region" --job "$job" --format json
}

# ours FILTER: the names of the executions that were made since the script began, and for which FILTER holds.
ours() {
  executions | jq -r --argjson before "$before" ".[] | select(.metadata.name as \$n | \$before | index(\$n) | not) | select($1) | .metadata.name"
}

# within SECONDS COMMAND: repeats it until it succeeds.
within() {
  local end=$((SECONDS + $1)); shift
  until "$@"; do
    ((SECONDS < end)) || { echo "in vain: $*" >&2; return 1; }
    sleep 0.5
  done
}

step "nothing runs"
before=$(executions | jq -c 'map(.metadata.name)')
if executions | jq -e 'map(select(.status.completionTime == null)) | length > 0' >/dev/null; then
  echo "an execution of $job runs already; wait until it has ended" >&2
  exit 1
fi

clean() {
  # What the list shows late would be left: it says so.
  for name in $(ours true); do
    gcloud run jobs executions delete "$name" --project "$project" --region "$region" --quiet >/dev/null 2>&1 || echo "not deleted: $name" >&2
  done
}
trap clean EXIT

step "one task of $kind"
begun=$(now)
id=$(jq -n --arg kind "$kind" --argjson input "$input" '{$kind, $input}' | call -d @- "$FRESHET_URL/v1/tasks" | jq -er .id)
ended() { task=$(call "$FRESHET_URL/v1/tasks/$id") && jq -e '.state | IN("completed", "failed", "cancelled")' <<<"$task" >/dev/null; }
within 300 ended
echo "from submit to its end: $(($(now) - begun)) ms"
jq -e '.state == "completed"' <<<"$task" >/dev/null || { echo "it did not complete: $task" >&2; exit 1; }

step "its worker leaves"
begun=$(now)
gone() { [ -n "$(ours true)" ] && [ -z "$(ours '.status.completionTime == null')" ]; }
within 300 gone
echo "from its end to nothing that runs: $(($(now) - begun)) ms, the pool's idleTimeout among them"
made=$(ours true | wc -l)
[ "$made" -eq 1 ] || { echo "one task has $made executions" >&2; exit 1; }
[ -n "$(ours '.status.succeededCount == 1')" ] || { echo "its worker did not exit 0" >&2; exit 1; }

step "by Cloud Run's own clock"
executions | jq -r --arg name "$(ours true)" '.[] | select(.metadata.name == $name) |
  "created \(.metadata.creationTimestamp), started \(.status.startTime), completed \(.status.completionTime)"'

step "Freshet works on Cloud Run"
