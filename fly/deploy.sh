#!/usr/bin/env bash
# Deploys the whole drop service to Fly.io: six apps, in order. Safe to run again: what is there is
# kept, and everything is deployed anew.
#
#   fly/deploy.sh [--dry-run]      --dry-run prints every command and runs none of them
#
# Settings, from the environment:
#   APP_PREFIX          the apps are <prefix>-nats, -restate, -sse, -api, -worker, -web; default: the
#                       user's name
#   FLY_REGION          default sjc        FLY_ORG       default: flyctl's own
#   API_DIR or API_IMAGE, WORKER_DIR or WORKER_IMAGE, WEB_DIR or WEB_IMAGE
#                       what these three are built from; without it that app is made, not deployed
#   SSE_SECRETS, API_SECRETS, WORKER_SECRETS, WEB_SECRETS
#                       files of NAME=value lines, set as that app's secrets beside ours
#   CORS_ORIGINS        pages that may connect to the streams; default https://<prefix>-web.fly.dev
#   FLYCTL              the program; default flyctl
set -euo pipefail
# Paths are meant from where we were called.
for path in API_DIR WORKER_DIR WEB_DIR SSE_SECRETS API_SECRETS WORKER_SECRETS WEB_SECRETS; do
  [[ -z ${!path-} || ${!path} == /* ]] || printf -v "$path" '%s/%s' "$PWD" "${!path}"
done
cd "$(dirname "${BASH_SOURCE[0]}")/.."

dry_run=
case "${1-}" in
  "") ;;
  --dry-run) dry_run=1 ;;
  *) echo "deploy.sh: the only argument is --dry-run, not \"$1\"" >&2; exit 2 ;;
esac

fail() { echo "deploy.sh: $*" >&2; exit 1; }

flyctl=${FLYCTL:-flyctl}
prefix=${APP_PREFIX:-$(id -un | tr '[:upper:]_.' '[:lower:]--')}
region=${FLY_REGION:-sjc}
[[ $prefix =~ ^[a-z]([a-z0-9-]{0,40}[a-z0-9])?$ ]] ||
  fail "APP_PREFIX is lower-case letters, digits and dashes, not \"$prefix\""
[[ -n $dry_run ]] || command -v "$flyctl" >/dev/null ||
  fail "$flyctl is not installed (https://fly.io/docs/flyctl/install/), or set FLYCTL"
for app in API WORKER WEB; do
  dir=${app}_DIR image=${app}_IMAGE
  [[ -z ${!dir-} || -z ${!image-} ]] || fail "set $dir or $image, not both"
  [[ -z ${!dir-} || -d ${!dir} ]] || fail "$dir: there is no directory ${!dir}"
done
for app in SSE API WORKER WEB; do
  secrets=${app}_SECRETS
  [[ -z ${!secrets-} || -r ${!secrets} ]] || fail "$secrets: the file ${!secrets} cannot be read"
done

nats_url="nats://$prefix-nats.internal:4222"
restate_url="http://$prefix-restate.internal:8080"
worker_url="http://$prefix-worker.internal:9080"
sse_internal_url="http://$prefix-sse.internal:8080"
sse_url="https://$prefix-sse.fly.dev"
api_url="https://$prefix-api.fly.dev"
web_url="https://$prefix-web.fly.dev"

# Prints a command as it could be typed, and runs it.
run() {
  printf '+'; printf ' %q' "$@"; printf '\n'
  [[ -n $dry_run ]] || "$@"
}

ensure_app() {
  local name=$prefix-$1
  if [[ -z $dry_run ]] && "$flyctl" status -a "$name" >/dev/null 2>&1; then
    echo "app $name is there"
  else
    run "$flyctl" apps create "$name" ${FLY_ORG:+--org "$FLY_ORG"}
  fi
}

# A second volume of that name would not be mounted and cost money: a list that fails stops us.
ensure_volume() {
  local name=$prefix-$1 volume=$2 gigabytes=$3 volumes
  if [[ -z $dry_run ]]; then
    volumes=$("$flyctl" volumes list -a "$name") || fail "the volumes of $name cannot be listed"
    if grep -qw -- "$volume" <<<"$volumes"; then
      echo "volume $volume of $name is there"
      return
    fi
  fi
  run "$flyctl" volumes create "$volume" -a "$name" --region "$region" --size "$gigabytes" \
    --count 1 --yes
}

# flyctl calls it an error where every secret is as it was.
or_no_change() {
  local output
  if ! output=$("$@" 2>&1) && [[ $output != *"No change detected"* ]]; then
    echo "$output" >&2
    fail "the secrets were not taken"
  fi
}

# Ours, and those of a file: the latter without a look at its values.
set_secrets() {
  local name=$prefix-$1 file=$2
  shift 2
  echo "+ $flyctl secrets set --stage -a $name $*"
  [[ -n $dry_run ]] || or_no_change "$flyctl" secrets set --stage -a "$name" "$@"
  [[ -n $file ]] || return 0
  echo "+ $flyctl secrets import --stage -a $name < $file"
  [[ -n $dry_run ]] || or_no_change "$flyctl" secrets import --stage -a "$name" <"$file"
}

deploy() {
  local name=$1
  shift
  run "$flyctl" deploy -a "$prefix-$name" --primary-region "$region" --ha=false --yes "$@"
}

# Whether one of yours was given.
is_given() {
  local dir=${1^^}_DIR image=${1^^}_IMAGE
  [[ -z ${!dir-}${!image-} ]] || return 0
  echo "skipped $prefix-$1: neither $dir nor $image is set"
  return 1
}

# Never in a condition: there a failure would not stop us.
deploy_yours() {
  local name=$1 config=$PWD/fly/$1/fly.toml dir=${1^^}_DIR image=${1^^}_IMAGE
  if [[ -n ${!dir-} ]]; then
    [[ ! -f ${!dir}/fly.toml ]] || config=${!dir}/fly.toml
    deploy "$name" --config "$config" "${!dir}"
  else
    deploy "$name" --config "$config" --image "${!image}"
  fi
}

# Restate's admin port is on the private network: we reach it through flyctl's proxy. `force` takes
# the place of what was registered at that address before.
register_worker() {
  local port=${RESTATE_ADMIN_LOCAL_PORT:-19070} proxy=
  local body="{\"uri\":\"$worker_url\",\"force\":true}"
  echo "+ $flyctl proxy $port:9070 -a $prefix-restate &"
  if [[ -z $dry_run ]]; then
    "$flyctl" proxy "$port:9070" -a "$prefix-restate" >/dev/null &
    proxy=$!
    trap 'kill "$proxy" 2>/dev/null || true' RETURN EXIT
    local try
    for try in {1..60}; do
      curl -sf --max-time 5 "http://127.0.0.1:$port/health" >/dev/null && break
      kill -0 "$proxy" 2>/dev/null || fail "flyctl proxy to $prefix-restate ended"
      [[ $try -lt 60 ]] || fail "Restate's admin port does not answer"
      sleep 1
    done
  fi
  run curl -sS --fail-with-body --retry 5 --retry-all-errors --max-time 60 -o /dev/null \
    -H 'content-type: application/json' -d "$body" "http://127.0.0.1:$port/deployments"
  [[ -z $proxy ]] || kill "$proxy" 2>/dev/null || true
  trap - RETURN EXIT
}

for app in nats restate sse api worker web; do ensure_app "$app"; done
ensure_volume nats nats_data 1
ensure_volume restate restate_data 3

deploy nats --config fly/nats/fly.toml
deploy restate --config fly/restate/fly.toml

set_secrets worker "${WORKER_SECRETS-}" "NATS_URL=$nats_url" "RESTATE_INGRESS_URL=$restate_url"
if is_given worker; then
  deploy_yours worker
  register_worker
fi

set_secrets sse "${SSE_SECRETS-}" "NATS_URL=$nats_url" "RESTATE_INGRESS_URL=$restate_url" \
  "CORS_ORIGINS=${CORS_ORIGINS:-$web_url}"
deploy sse --config fly/sse/fly.toml --dockerfile Dockerfile

set_secrets api "${API_SECRETS-}" "NATS_URL=$nats_url" "RESTATE_INGRESS_URL=$restate_url" \
  "CORS_ORIGINS=${CORS_ORIGINS:-$web_url}"
if is_given api; then deploy_yours api; fi

set_secrets web "${WEB_SECRETS-}" "INTERNAL_SSE_URL=$sse_internal_url" \
  "NEXT_PUBLIC_SSE_URL=$sse_url" "NEXT_PUBLIC_API_URL=$api_url"
if is_given web; then deploy_yours web; fi

echo
echo "web  $web_url"
echo "api  $api_url"
echo "sse  $sse_url (health: $sse_url/health)"
