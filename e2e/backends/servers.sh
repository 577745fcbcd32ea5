# What up.sh and down.sh share: where servers are kept, and which process is one of them. Sourced by bash.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${OUTRIGGER_BACKENDS_CACHE:-${XDG_CACHE_HOME:-${HOME:-/tmp/outrigger-$UID}/.cache}/outrigger-backends}
run=${OUTRIGGER_BACKENDS_RUN:-$cache/run}

say() { printf '%s\n' "$*" >&2; }

# birth PID: when the process began; with it a pid that the system has given to somebody else is not taken for ours
birth() {
  if [ -d /proc/self ]; then
    # nothing for one that is dead and only waits to be collected (state Z)
    sed -n 's/.*) //; /^Z/!p' "/proc/$1/stat" 2>/dev/null | cut -d ' ' -f 20
  else
    ps -o lstart= -p "$1"
  fi
}

# pid_of NAME: prints the pid of the server that up.sh has started; fails when it no longer runs
pid_of() {
  local pid born
  { read -r pid && read -r born; } 2>/dev/null <"$run/$1/pid" || return 1
  [ -n "$born" ] && [ "$(birth "$pid")" = "$born" ] && echo "$pid"
}

alive() { pid_of "$1" >/dev/null; }

compose() { docker compose -f "$here/docker-compose.yml" "$@"; }
