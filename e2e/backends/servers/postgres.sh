# PostgreSQL. Keeps what it has answered through a `kill -9`, which the page cache outlives: no fsync. With TLS on the same port,
# with a certificate for `localhost` and 127.0.0.1. The user `postgres` needs no password; besides it there are
#   - `secured`, password `secured-password`
#   - `tlsonly`, password `tlsonly-password`, who is let in over TLS only
#   - `client`, who shows a certificate
#
#   OUTRIGGER_TEST_POSTGRES_CERTS    ca.pem, client.pem and client.key of the authority `ca`; other-ca.pem of another one
#   OUTRIGGER_TEST_POSTGRES_PROGRAM  the program, for tests that kill a server of their own; initdb is beside it
#
# The server refuses to run as root; the user `postgres` of the Debian package runs it then.
command_postgres=$(printf '%s\n' /usr/lib/postgresql/*/bin/postgres | sort -V | tail -n 1)

install_postgres() {
  debian_package "$command_postgres" postgresql
  command_postgres=$(printf '%s\n' /usr/lib/postgresql/*/bin/postgres | sort -V | tail -n 1)
  debian_package openssl openssl
}

# postgres_as COMMAND…: as the user who may run the server
postgres_as() {
  if [ "$(id -u)" = 0 ]; then setpriv --reuid postgres --regid postgres --init-groups "$@"; else "$@"; fi
}

# the folder with the data; elsewhere when that user cannot get into ours
postgres_data() {
  local place=$run/postgres/data/place
  if [ ! -s "$place" ]; then
    if [ "$(id -u)" != 0 ] || (chmod 755 "$run/postgres/data" && cd / && postgres_as test -x "$run/postgres/data"); then
      echo "$run/postgres/data" >"$place"
    else
      mktemp -d "${TMPDIR:-/tmp}/outrigger-postgres.XXXXXX" >"$place"
      chmod 755 "$(cat "$place")"
    fi
  fi
  cat "$place"
}

# postgres_certificate AUTHORITY NAME: NAME.key and NAME.pem, signed by AUTHORITY
postgres_certificate() {
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$2.key" -out "$2.csr" -subj "/CN=$2" 2>/dev/null
  printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\n' >"$2.ext"
  openssl x509 -req -in "$2.csr" -CA "$1.pem" -CAkey "$1.key" -CAcreateserial -days 30 -extfile "$2.ext" -out "$2.pem" 2>/dev/null
}

postgres_certificates() {
  [ -e "$1/client.pem" ] && return
  mkdir -p "$1"
  (
    cd "$1"
    for authority in ca other-ca; do
      openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$authority.key" -out "$authority.pem" \
        -days 30 -subj "/CN=$authority" 2>/dev/null
    done
    postgres_certificate ca server
    postgres_certificate ca client
    chmod 600 ./*.key
    if [ "$(id -u)" = 0 ]; then chown postgres server.key; fi
  )
}

postgres_settings() {
  local certificates=$1/certificates
  cat <<SETTINGS
listen_addresses = '127.0.0.1'
port = $(port_of postgres)
unix_socket_directories = ''
max_connections = 60
shared_buffers = 32MB
fsync = off
log_min_messages = error
ssl = on
ssl_ca_file = '$certificates/ca.pem'
ssl_cert_file = '$certificates/server.pem'
ssl_key_file = '$certificates/server.key'
SETTINGS
}

postgres_rules() {
  cat <<'RULES'
hostssl   all client   127.0.0.1/32 cert
hostssl   all tlsonly  127.0.0.1/32 scram-sha-256
hostnossl all tlsonly  127.0.0.1/32 reject
host      all secured  127.0.0.1/32 scram-sha-256
host      all postgres 127.0.0.1/32 trust
RULES
}

start_postgres() {
  local data cluster
  data=$(postgres_data) cluster=$data/cluster
  postgres_certificates "$data/certificates"
  if [ ! -s "$cluster/PG_VERSION" ]; then
    rm -rf "$cluster"
    mkdir -p "$cluster"
    if [ "$(id -u)" = 0 ]; then chown postgres "$cluster"; fi
    (cd / && postgres_as "${command_postgres%/*}/initdb" -D "$cluster" -U postgres -E UTF8 --locale=C.UTF-8 -A trust -N) \
      >"$run/postgres/initdb.log" 2>&1 </dev/null || { tail -n 20 "$run/postgres/initdb.log" >&2; die 'initdb failed'; }
  fi
  postgres_settings "$data" >"$cluster/postgresql.conf"
  postgres_rules >"$cluster/pg_hba.conf"
  if [ "$(id -u)" = 0 ]; then
    (cd / && launch postgres setpriv --reuid postgres --regid postgres --init-groups "$command_postgres" -D "$cluster")
  else
    launch postgres "$command_postgres" -D "$cluster"
  fi
}

postgres_psql() { "${command_postgres%/*}/psql" -qAtX -h 127.0.0.1 -p "$(port_of postgres)" -U postgres -v ON_ERROR_STOP=1 "$@"; }

ready_postgres() {
  wait_for postgres 30 postgres_psql -c 'SELECT 1'
  [ "$(postgres_psql -c "SELECT count(*) FROM pg_roles WHERE rolname = 'client'")" = 1 ] || postgres_psql >&2 <<'ROLES'
CREATE ROLE secured LOGIN PASSWORD 'secured-password';
CREATE ROLE tlsonly LOGIN PASSWORD 'tlsonly-password';
CREATE ROLE client LOGIN;
GRANT CREATE, USAGE ON SCHEMA public TO PUBLIC;
ROLES
}

exports_postgres() {
  printf 'export OUTRIGGER_TEST_POSTGRES_CERTS=%q\n' "$(postgres_data)/certificates"
  printf 'export OUTRIGGER_TEST_POSTGRES_PROGRAM=%q\n' "$command_postgres"
}
