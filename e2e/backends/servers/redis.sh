# Redis. Keeps what it has answered through a `kill -9`.
command_redis=redis-server
install_redis() { debian_package redis-server redis-server; }
start_redis() {
  # no fsync: the page cache outlives a `kill -9`, and a busy disk would hold up every write
  launch redis redis-server --bind 127.0.0.1 --port "$(port_of redis)" --dir "$run/redis/data" --save '' --appendonly yes --appendfsync no
}
ready_redis() { wait_for redis 20 redis-cli -e -h 127.0.0.1 -p "$(port_of redis)" ping; }
