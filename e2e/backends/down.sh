#!/usr/bin/env bash
# Stops what up.sh has started: e2e/backends/down.sh [NAME…], all of it when none is named. Data goes, logs stay.
set -uo pipefail

source "$(dirname "${BASH_SOURCE[0]}")/servers.sh"

if [ $# -gt 0 ]; then names=("$@"); else mapfile -t names < <(cd "$run" 2>/dev/null && ls); fi

found=''
# what a server needs beside it is launched as NAME-WHAT
for name in ${names[@]+"${names[@]}"}; do
  for beside in "$run/$name"-*; do [ -d "$beside" ] && names+=("${beside##*/}"); done
done

for name in ${names[@]+"${names[@]}"}; do
  if pid=$(pid_of "$name"); then
    found=yes
    kill -TERM "$pid" 2>/dev/null
    for _ in {1..150}; do
      alive "$name" || break
      sleep 0.1
    done
    if alive "$name" && kill -KILL "$pid" 2>/dev/null; then
      say "$name did not end within 15 s and was killed"
    else
      say "$name is stopped"
    fi
  fi
  rm -rf "$run/$name/pid" "$run/$name"/port* "$run/$name/data"
done
[ -n "$found" ] || say "no server of $run runs (OUTRIGGER_BACKENDS_RUN says where up.sh has put them)"

if docker compose version >/dev/null 2>&1 && [ -n "$(compose ps --quiet 2>/dev/null)" ]; then
  compose rm --force --stop --volumes "$@" >&2
fi
exit 0
