#!/usr/bin/env bash
# Installs what the programs with the official SDKs of other languages need, and builds them, for `npm test` and
# `npm run test:backends`.
#
#   e2e/toolchains.sh [LANGUAGE…]                LANGUAGE: python go java; all of them when none is named
#   eval "$(e2e/toolchains.sh python)"           and the tests find it
#
# Standard output holds one line for each language, `export OUTRIGGER_TEST_<LANGUAGE>=folder`; the rest goes to standard
# error. Running it again does nothing while the sources of the language's programs are the same.
#
# A compiler or interpreter that is missing is installed from Debian's packages (as root). Packages come from the
# registries that pip, go and mvn are set up with, at the versions that requirements.txt, go.sum and pom.xml pin.
#
# All of it is in $OUTRIGGER_TOOLCHAINS_CACHE, by default a folder in the user's cache: one folder for each version of a
# language's sources. What has not been used for a week is removed.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
protocol=$here/../packages/protocol/proto
cache=${OUTRIGGER_TOOLCHAINS_CACHE:-${XDG_CACHE_HOME:-${HOME:-/tmp/outrigger-$UID}/.cache}/outrigger-toolchains}

say() { printf '%s\n' "$*" >&2; }
die() { say "toolchains.sh: $*"; exit 1; }

# debian_packages COMMAND PACKAGE…: installs the packages unless the command works
debian_packages() {
  local works=$1
  shift
  bash -c "$works" >/dev/null 2>&1 && return
  command -v apt-get >/dev/null || die "\`$works\` fails: install it"
  [ "$(id -u)" = 0 ] || die "\`$works\` fails: sudo apt-get install $*"
  say "installing $*"
  { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@"; } >&2 </dev/null
}

# ---- languages: install_NAME FOLDER builds into an empty folder, from within the language's sources -----------------------

# FOLDER/bin/python, with everything in requirements.txt and the code of proto/; FOLDER/components has the code of the protocol
# of pluggable components, apart from the SDK, whose packages have the same names
install_python() {
  debian_packages 'python3 -c "import venv, ensurepip"' python3-venv
  python3 -m venv "$1"
  "$1/bin/pip" install -q --no-input --disable-pip-version-check -r requirements.txt >&2
  local site
  site=$("$1/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
  "$1/bin/python" -m grpc_tools.protoc -I "$here/proto" --python_out="$site" --grpc_python_out="$site" \
    "$here/proto/canoes/v1/canoes.proto"
  mkdir "$1/components"
  "$1/bin/python" -m grpc_tools.protoc -I "$protocol" --python_out="$1/components" --grpc_python_out="$1/components" \
    "$protocol"/dapr/proto/components/v1/*.proto
  local folder
  find "$1/components" -type d | while read -r folder; do touch "$folder/__init__.py"; done
}

# FOLDER/bin/{app,web,client}; the code of proto/ is checked in (canoes/generate.sh)
install_go() {
  debian_packages 'go version || python3 -c "import venv, ensurepip"' python3-venv
  local compiler
  compiler=$("$here/go-compiler.sh")
  mkdir -p "$1/bin"
  PATH=$compiler:$PATH go build -mod=readonly -o "$1/bin/" ./app ./web ./client >&2
}

# FOLDER/classpath, with all jars
install_java() {
  debian_packages 'javac -version && mvn -version' default-jdk-headless maven
  # Maven writes beside the sources; these stay as they are
  cp -R . "$1/source"
  mvn --batch-mode --quiet --no-transfer-progress -f "$1/source/pom.xml" "-Dproto=$here/proto" package >&2
  mv "$1/source/target/classpath" "$1/classpath"
  rm -rf "$1/source"
}

# ------------------------------------------------------------------------------------------------------------------------

# version_of NAME: of what is built from, of the contract that the languages share, and of this script
version_of() {
  local from=sdk-$1
  # what runs from the checkout needs no building
  [ "$1" != python ] || from="sdk-python/requirements.txt ../packages/protocol/proto/dapr/proto/components"
  # shellcheck disable=SC2086
  (cd "$here" && find $from proto toolchains.sh -type f ! -name '*.ts' | LC_ALL=C sort | xargs sha256sum) | sha256sum | cut -c -16
}

[ $# -gt 0 ] || set -- python go java
mkdir -p "$cache"
find "$cache" -mindepth 1 -maxdepth 1 -type d -mtime +7 -exec rm -rf {} +

for name in "$@"; do
  declare -F "install_$name" >/dev/null || die "no language is called $name; there are python, go and java"
  folder=$cache/$name-$(version_of "$name")
  # one installation at a time; one that broke off is begun anew
  exec {lock}>"$cache/$name.lock"
  ! command -v flock >/dev/null || flock "$lock"
  if [ ! -e "$folder/ready" ]; then
    rm -rf "$folder"
    mkdir "$folder"
    say "building the programs in $name"
    begin=$SECONDS
    (cd "$here/sdk-$name" && "install_$name" "$folder") || die "the programs in $name could not be built"
    touch "$folder/ready"
    say "$name is ready after $((SECONDS - begin)) s"
  fi
  touch "$folder"
  exec {lock}>&-
  printf 'export OUTRIGGER_TEST_%s=%s\n' "${name^^}" "$folder"
done
