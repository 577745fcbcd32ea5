#!/usr/bin/env bash
# Builds the gRPC command-line client that the test beside it calls, with Go from its public module proxy.
#
#   eval "$(e2e/grpcurl/install.sh)"     and the test finds it
#
# Standard output holds one line, `export OUTRIGGER_TEST_GRPCURL=path`; the rest goes to standard error. The command is kept in
# $OUTRIGGER_TOOLCHAINS_CACHE, by default a folder in the user's cache, and built once for each version.
set -euo pipefail

version=v1.9.4
cache=${OUTRIGGER_TOOLCHAINS_CACHE:-${XDG_CACHE_HOME:-${HOME:-/tmp/outrigger-$UID}/.cache}/outrigger-toolchains}
folder=$cache/grpcurl-$version

if [ ! -x "$folder/grpcurl" ]; then
  compiler=$("$(dirname "${BASH_SOURCE[0]}")/../go-compiler.sh")
  echo "building grpcurl $version" >&2
  mkdir -p "$cache"
  building=$(mktemp -d "$cache/grpcurl-XXXXXX")
  trap 'rm -rf "$building"' EXIT
  PATH=$compiler:$PATH GOBIN=$building go install "github.com/fullstorydev/grpcurl/cmd/grpcurl@$version" >&2
  mkdir -p "$folder"
  mv "$building/grpcurl" "$folder/grpcurl"
fi
# toolchains that have not been used for a week may be removed
touch "$folder"
printf 'export OUTRIGGER_TEST_GRPCURL=%s\n' "$folder/grpcurl"
