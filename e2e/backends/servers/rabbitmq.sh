# RabbitMQ, one node, user `guest` with password `guest`. Keeps what is durable through a `kill -9`.
#
# Besides the listener that OUTRIGGER_TEST_RABBITMQ names it has
#   - the management API, to look at queues and to close connections: OUTRIGGER_TEST_RABBITMQ_MANAGEMENT=host:port
#   - a listener with TLS that asks for a client certificate and does without: OUTRIGGER_TEST_RABBITMQ_TLS=host:port. Its
#     certificates are in OUTRIGGER_TEST_RABBITMQ_CERTS: ca.pem, server.pem, client.pem (for the user that its common name
#     `client` names, who has to be made), client.key, and stranger.pem, stranger.key of another authority
#
# Erlang's port mapper runs beside it as `rabbitmq-epmd`, on a port of its own.
command_rabbitmq=/usr/lib/rabbitmq/bin/rabbitmq-server
install_rabbitmq() {
  debian_package "$command_rabbitmq" rabbitmq-server
  debian_package openssl openssl
}

# rabbitmq_certificate AUTHORITY NAME: NAME.key and NAME.pem, signed by AUTHORITY
rabbitmq_certificate() {
  openssl req -newkey rsa:2048 -nodes -keyout "$2.key" -out "$2.csr" -subj "/CN=$2" 2>/dev/null
  printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\n' >"$2.ext"
  openssl x509 -req -in "$2.csr" -CA "$1.pem" -CAkey "$1.key" -CAcreateserial -days 30 -extfile "$2.ext" -out "$2.pem" 2>/dev/null
}

rabbitmq_certificates() {
  [ -e "$1/stranger.pem" ] && return
  mkdir -p "$1"
  (
    cd "$1"
    for authority in ca other-ca; do
      openssl req -x509 -newkey rsa:2048 -nodes -keyout "$authority.key" -out "$authority.pem" -days 30 -subj "/CN=$authority" 2>/dev/null
    done
    rabbitmq_certificate ca server
    rabbitmq_certificate ca client
    rabbitmq_certificate other-ca stranger
  )
}

start_rabbitmq() {
  local data=$run/rabbitmq/data settings=$run/rabbitmq/settings epmd certificates
  certificates=$data/certificates epmd=$(port_of rabbitmq epmd)
  mkdir -p "$settings" "$data/home" "$run/rabbitmq-epmd"
  rabbitmq_certificates "$certificates"
  : >"$settings/rabbitmq-env.conf"
  echo '[rabbitmq_management, rabbitmq_auth_mechanism_ssl].' >"$settings/enabled_plugins"
  cat >"$settings/rabbitmq.conf" <<SETTINGS
listeners.tcp.default = 127.0.0.1:$(port_of rabbitmq)
listeners.ssl.default = 127.0.0.1:$(port_of rabbitmq tls)
ssl_options.cacertfile = $certificates/ca.pem
ssl_options.certfile = $certificates/server.pem
ssl_options.keyfile = $certificates/server.key
ssl_options.verify = verify_peer
ssl_options.fail_if_no_peer_cert = false
ssl_cert_login_from = common_name
auth_mechanisms.1 = PLAIN
auth_mechanisms.2 = EXTERNAL
default_user = guest
default_pass = guest
management.tcp.ip = 127.0.0.1
management.tcp.port = $(port_of rabbitmq management)
collect_statistics_interval = 1000
log.console = true
log.console.level = warning
disk_free_limit.absolute = 50MB
SETTINGS
  alive rabbitmq-epmd || launch rabbitmq-epmd epmd -address 127.0.0.1 -port "$epmd"
  wait_for rabbitmq-epmd 10 listens "$epmd"
  (
    export HOME=$data/home RABBITMQ_NODENAME=outrigger@localhost RABBITMQ_DIST_PORT=$(port_of rabbitmq dist)
    export RABBITMQ_CONF_ENV_FILE=$settings/rabbitmq-env.conf RABBITMQ_CONFIG_FILE=$settings/rabbitmq.conf
    export RABBITMQ_ENABLED_PLUGINS_FILE=$settings/enabled_plugins RABBITMQ_GENERATED_CONFIG_DIR=$data/config
    export RABBITMQ_MNESIA_BASE=$data/mnesia RABBITMQ_LOG_BASE=$data/log RABBITMQ_PID_FILE=$data/pid
    export ERL_EPMD_PORT=$epmd ERL_EPMD_ADDRESS=127.0.0.1
    # two schedulers that do not spin while they wait
    export RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS='-kernel inet_dist_use_interface {127,0,0,1} +S 2:2 +sbwt none +sbwtdcpu none'
    # the script becomes the server, so that the pid is the server's own
    export RUNNING_UNDER_SYSTEMD=1
    launch rabbitmq "$command_rabbitmq"
  )
}

ready_rabbitmq() {
  wait_for rabbitmq 90 listens "$(port_of rabbitmq)"
  wait_for rabbitmq 30 listens "$(port_of rabbitmq tls)"
  wait_for rabbitmq 30 curl -sf -u guest:guest "http://127.0.0.1:$(port_of rabbitmq management)/api/overview"
}

exports_rabbitmq() {
  printf 'export OUTRIGGER_TEST_RABBITMQ_MANAGEMENT=127.0.0.1:%s\n' "$(port_of rabbitmq management)"
  printf 'export OUTRIGGER_TEST_RABBITMQ_TLS=127.0.0.1:%s\n' "$(port_of rabbitmq tls)"
  printf 'export OUTRIGGER_TEST_RABBITMQ_CERTS=%q\n' "$run/rabbitmq/data/certificates"
}
