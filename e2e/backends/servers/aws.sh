# SNS, SQS, Secrets Manager and the Parameter Store as moto plays them, from PyPI. All is in memory: a server that was killed
# comes back empty. OUTRIGGER_TEST_AWS_COMMAND is the program, for a test that kills a server of its own.
moto_version=5.2.5
moto_home=$cache/moto-$moto_version
command_aws=$moto_home/bin/moto_server
install_aws() {
  [ -x "$command_aws" ] && return
  debian_package python3 python3
  # Debian ships the module venv apart; there is no command to look for
  python3 -c 'import ensurepip, venv' 2>/dev/null || debian_package ensurepip python3-venv
  say "installing moto $moto_version"
  local part
  part=$(mktemp -d "$cache/moto.XXXXXX")
  {
    python3 -m venv "$part" && "$part/bin/pip" install --disable-pip-version-check -q "moto[server]==$moto_version"
  } >"$cache/moto.log" 2>&1 </dev/null || { tail -n 20 "$cache/moto.log" >&2; rm -rf "$part"; die "moto could not be installed"; }
  # scripts of a venv hold its path
  sed -i "1s|$part|$moto_home|" "$part"/bin/moto_server
  mv -T "$part" "$moto_home"
}
start_aws() { launch aws "$command_aws" -H 127.0.0.1 -p "$(port_of aws)"; }
ready_aws() { wait_for aws 60 listens "$(port_of aws)"; }
exports_aws() { printf 'export OUTRIGGER_TEST_AWS_COMMAND=%q\n' "$command_aws"; }
