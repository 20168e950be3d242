#!/usr/bin/env bash
# For a person with an account at Fly.io: one task, from zero, on a machine that Freshet starts. It costs some
# cents, and destroys the apps that it made. What CI says about Fly is said by a stand-in; this is the real one.
#
#   DATABASE_URL=postgres://… deploy/smoke/fly.sh [REGION]
#
# DATABASE_URL is an empty database that machines in the region reach. Needs fly (logged in), docker (for the
# worker's image), jq and openssl.
set -euo pipefail
cd "$(dirname "$0")/../.."

: "${DATABASE_URL:?an empty database that Fly can reach}"
region=${1:-nrt}
name=freshet-smoke-$(openssl rand -hex 4)
api=$name-api workers=$name-workers
folder=$(mktemp -d)
for program in fly docker jq openssl; do
  command -v "$program" >/dev/null || { echo "$program is missing" >&2; exit 2; }
done

clean() {
  for app in "$api" "$workers"; do fly apps destroy "$app" --yes >/dev/null 2>&1 || echo "not destroyed: $app" >&2; done
  rm -rf "$folder"
}
trap clean EXIT

now() { date +%s%3N; }
step() { printf '\n== %s\n' "$*"; }
machines() { fly machine list --app "$workers" --json; }

# within SECONDS COMMAND: repeats it until it succeeds.
within() {
  local end=$((SECONDS + $1)); shift
  until "$@"; do
    ((SECONDS < end)) || { echo "in vain: $*" >&2; return 1; }
    sleep 0.2
  done
}

step "the vendor reads our files"
fly config validate --strict --config fly.toml
fly config validate --strict --config deploy/fly/worker.toml

step "apps $api and $workers"
fly apps create "$api" && fly apps create "$workers"
fly secrets set --app "$workers" DATABASE_URL="$DATABASE_URL" >/dev/null

step "images"
docker build --platform linux/amd64 -f deploy/Dockerfile -t freshet .
cp deploy/worker.Dockerfile "$folder/"
cat >"$folder/freshet.yaml" <<YAML
kinds:
  - {name: smoke, command: [/bin/echo, done], pool: smoke}
pools:
  smoke: {provider: fly, app: $workers, image: "registry.fly.io/$workers:smoke", regions: [$region], slots: 1, max: 1, idleTimeout: 5s}
YAML
docker build --platform linux/amd64 -f "$folder/worker.Dockerfile" --build-arg BASE=debian:12.12-slim \
  -t "registry.fly.io/$workers:smoke" "$folder"
docker tag freshet "registry.fly.io/$api:smoke"
fly auth docker
docker push "registry.fly.io/$workers:smoke"
docker push "registry.fly.io/$api:smoke"

step "the API"
key=fr_$(openssl rand -hex 24)
fly secrets set --stage --app "$api" DATABASE_URL="$DATABASE_URL" FRESHET_API_KEY="$key" \
  FRESHET_SECRET_KEY="$(openssl rand -base64 32)" FLY_API_TOKEN="$(fly tokens create deploy --app "$workers" --expiry 24h)" >/dev/null
sed -e "s/acme-freshet/$api/g" -e "s/^primary_region.*/primary_region = \"$region\"/" fly.toml >"$folder/fly.toml"
(cd "$folder" && fly deploy --config fly.toml --image "registry.fly.io/$api:smoke" --ha=false)
url=https://$api.fly.dev
ready() { curl -fsS "$url/readyz" >/dev/null 2>&1; }
within 120 ready

call() { curl -fsS -H "Authorization: Bearer $key" -H 'Content-Type: application/json' "$@"; }
stopped() { machines | jq -e 'length == 1 and .[0].state == "stopped"' >/dev/null; }

# A machine is made for the first task; for the second the same one is started again.
for round in first second; do
  step "the $round task"
  begun=$(now)
  id=$(call -d '{"kind": "smoke", "input": {}}' "$url/v1/tasks" | jq -er .id)
  done_() { call "$url/v1/tasks/$id" | jq -e '.state == "completed"' >/dev/null; }
  within 180 done_
  echo "from submit to done: $(($(now) - begun)) ms"
  begun=$(now)
  within 120 stopped
  echo "from done to stopped: $(($(now) - begun)) ms, of which 5000 are the idle time"
done

step "Freshet works on Fly"
