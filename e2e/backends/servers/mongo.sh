# SecantusDB from PyPI: a server over WiredTiger that speaks MongoDB's protocol and says of itself that it is a replica set of one
# (beta). No package of MongoDB itself is in Debian; in Docker it is the real one.
#
#   OUTRIGGER_TEST_MONGO_COMMAND  its program, for a test that kills a server of its own
secantusdb_version=0.7.0b3
secantusdb_home=$cache/secantusdb-$secantusdb_version
command_mongo=$secantusdb_home/bin/secantusd-py

install_mongo() {
  [ -x "$command_mongo" ] && return
  debian_package python3 python3
  # Debian ships the module venv apart; there is no command to look for
  python3 -c 'import ensurepip, venv' 2>/dev/null || debian_package ensurepip python3-venv
  say "installing SecantusDB $secantusdb_version"
  local part
  part=$(mktemp -d "$cache/secantusdb.XXXXXX")
  {
    python3 -m venv "$part" && "$part/bin/pip" install --disable-pip-version-check -q "secantusdb==$secantusdb_version"
  } >"$cache/secantusdb.log" 2>&1 </dev/null || { tail -n 20 "$cache/secantusdb.log" >&2; rm -rf "$part"; die "SecantusDB could not be installed"; }
  # scripts of a venv hold its path
  sed -i "1s|$part|$secantusdb_home|" "$part"/bin/secantusd*
  mv -T "$part" "$secantusdb_home"
}

start_mongo() {
  local data=$run/mongo/data
  mkdir -p "$data"
  # without a file of its own it reads one of the machine's
  : >"$data/settings.toml"
  # it is young: under load it has been seen to end
  launch_again mongo "$command_mongo" --config "$data/settings.toml" --host 127.0.0.1 --port "$(port_of mongo)" --storage-path "$data/storage" \
    --cache-size 64M --log-level WARNING
}

ready_mongo() { wait_for mongo 60 listens "$(port_of mongo)"; }
exports_mongo() { printf 'export OUTRIGGER_TEST_MONGO_COMMAND=%q\n' "$command_mongo"; }
