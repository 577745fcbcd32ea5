#!/usr/bin/env bash
# Starts real servers on 127.0.0.1 for `npm run test:backends` and waits until each answers.
#
#   e2e/backends/up.sh [--local|--docker] NAME…        NAME: a file of servers/, without its .sh
#   eval "$(e2e/backends/up.sh redis)"                 and the tests find it
#
# Standard output holds one line for each server, `export OUTRIGGER_TEST_<NAME>=host:port`; the rest goes to standard error.
# Running it again starts only what is not running; one that died comes back on its port with its data. down.sh stops what
# this has started.
#
# --local   a server installed on this machine; one that is missing is installed from Debian's packages (as root)
# --docker  a container of docker-compose.yml
# Neither: local when it is installed, else Docker when it runs, else local.
#
# Pids, ports, logs and data are in $OUTRIGGER_BACKENDS_RUN; what had to be downloaded or compiled, in
# $OUTRIGGER_BACKENDS_CACHE. Both default to folders in the user's cache, outside the checkout.
#
# A new backend: a file servers/NAME.sh with three functions (install_NAME, start_NAME, ready_NAME) and `command_NAME`, the
# program that shows that it is installed, and a service in docker-compose.yml. A server that tests need to know more of has
# a fourth, exports_NAME, which prints further lines `export OUTRIGGER_TEST_…`; it is asked only when the server runs locally.
set -euo pipefail

source "$(dirname "${BASH_SOURCE[0]}")/servers.sh"
mode=''

die() { say "up.sh: $*"; exit 1; }

# ---- what the files of servers/ use ------------------------------------------------------------------------------------

# port_of NAME [WHICH]: the port it listens on, chosen at its first start; WHICH names a further port of a server that needs more
port_of() {
  local file=$run/$1/port${2:+-$2}
  [ -s "$file" ] || free_port >"$file"
  cat "$file"
}

# launch NAME COMMAND…: in the background, its output in the log
launch() {
  local name=$1
  shift
  # here, and not by the process below when its turn comes: what an earlier one has logged would pass for its readiness
  : >"$run/$name/log"
  setsid "$@" >"$run/$name/log" 2>&1 </dev/null &
  printf '%s\n' $! "$(birth $!)" >"$run/$name/pid"
}

# launch_again NAME COMMAND…: as launch; a server that ends by itself is started again, which its log says
launch_again() {
  local name=$1
  shift
  launch "$name" bash -c "$(declare -f keep_running); keep_running \"\$@\"" keep_running "$@"
}

keep_running() {
  local server code
  trap 'kill -TERM "$server"; wait "$server"; exit 0' TERM
  while true; do
    "$@" &
    server=$!
    code=0
    wait "$server" || code=$?
    printf '%s: ENDED with exit code %d and is started again\n' "$(date '+%F %T')" $code
    sleep 0.5
  done
}

listens() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

free_port() {
  local port
  for _ in {1..100}; do
    port=$((20000 + RANDOM % 12000))
    # one that is chosen and not listened on yet is taken, too
    listens "$port" || grep -qsx "$port" "$run"/*/port* || { echo "$port"; return; }
  done
  die 'no free port found between 20000 and 32000'
}

# wait_for NAME SECONDS COMMAND…: polls until the command succeeds
wait_for() {
  local name=$1 deadline=$((SECONDS + $2))
  shift 2
  until "$@" >/dev/null 2>&1; do
    alive "$name" || { tail -n 20 "$run/$name/log" >&2; die "$name ended while it started; its log is $run/$name/log"; }
    [ $SECONDS -lt $deadline ] || { tail -n 20 "$run/$name/log" >&2; die "$name does not answer; its log is $run/$name/log"; }
    sleep 0.1
  done
}

# debian_package COMMAND PACKAGE: installs the package when the command is missing
debian_package() {
  command -v "$1" >/dev/null && return
  command -v apt-get >/dev/null || die "$1 is missing: install it, or start Docker and use --docker"
  [ "$(id -u)" = 0 ] || die "$1 is missing: sudo apt-get install $2, or start Docker and use --docker"
  say "installing $2"
  # without this the package would start a server of its own on the standard port
  local policy=/usr/sbin/policy-rc.d made=''
  [ -e $policy ] || { printf '#!/bin/sh\nexit 101\n' >$policy && chmod +x $policy && made=yes; }
  local log=$cache/apt-$2.log failed=''
  {
    apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$2"
  } >"$log" 2>&1 </dev/null || failed=yes
  [ -z "$made" ] || rm -f $policy
  [ -z "$failed" ] || { tail -n 20 "$log" >&2; die "apt-get could not install $2; its output is in $log"; }
}

for server in "$here"/servers/*.sh; do source "$server"; done

docker_works() { docker info >/dev/null 2>&1 && docker compose version >/dev/null 2>&1; }

up_local() {
  local name=$1
  mkdir -p "$run/$name/data"
  if ! alive "$name"; then
    "install_$name"
    "start_$name"
  fi
  "ready_$name"
  address=127.0.0.1:$(port_of "$name")
}

up_docker() {
  local name=$1
  local inside
  compose up --detach --wait "$name" >&2
  inside=$(compose config "$name" | sed -n 's/^ *target: *\([0-9]*\).*/\1/p' | head -n 1)
  address=$(compose port "$name" "$inside")
}

while [[ ${1:-} == --* ]]; do
  case $1 in
    --local | --docker) mode=${1#--} ;;
    *) die "unknown option $1; use --local or --docker" ;;
  esac
  shift
done
[ $# -gt 0 ] || die "which backend? $(declare -F | sed -n 's/^declare -f start_//p' | paste -sd ' ')"
mkdir -p "$cache" "$run"

for name in "$@"; do
  declare -F "start_$name" >/dev/null || die "no backend is called $name"
  how=$mode
  if [ -z "$how" ]; then
    command=command_$name
    if command -v "${!command}" >/dev/null || ! docker_works; then how=local; else how=docker; fi
  fi
  "up_$how" "$name"
  say "$name ($how) is ready on $address"
  printf 'export OUTRIGGER_TEST_%s=%s\n' "${name^^}" "$address"
  if [ "$how" = local ] && declare -F "exports_$name" >/dev/null; then "exports_$name"; fi
done
