# Vault, compiled from its Go module, unsealed, with a KV engine (version 2) at `secret/`. Keeps what it has answered through a
# `kill -9`: its storage is a folder, and up.sh unseals it again.
#
#   OUTRIGGER_TEST_VAULT_TOKEN    its root token
#   OUTRIGGER_TEST_VAULT_TLS      host:port of a second listener, with TLS; it asks for a client certificate and does without
#   OUTRIGGER_TEST_VAULT_CERTS    ca.pem, client.pem and client.key of the authority `ca`; other-ca.pem of another one
#   OUTRIGGER_TEST_VAULT_PROGRAM  the program, for tests that kill or seal a server of their own
#
# The auth method `kubernetes` is there as a plugin and enabled nowhere.
vault_version=1.21.1
# the sdk is a folder of its repository (`=> ./sdk`), published as a module of its own
vault_sdk_version=0.20.0
vault_home=$cache/vault-$vault_version
command_vault=$vault_home/vault

install_vault() {
  debian_package openssl openssl
  debian_package curl curl
  [ -x "$command_vault" ] && return
  # only one of several processes compiles; the others find what it has made
  (
    flock 9
    [ -x "$command_vault" ] || vault_compile
  ) 9>"$cache/vault-$vault_version.lock"
}

vault_compile() {
  say "compiling vault $vault_version (some minutes)"
  local build log=$cache/vault-$vault_version.log go
  go=$("$here/../go-compiler.sh")
  build=$(mktemp -d "$cache/vault.XXXXXX")
  (
    set -e
    cd "$build"
    export PATH=$go:$PATH GOFLAGS='-mod=mod -buildvcs=false' CGO_ENABLED=0
    vault_sources
    # The tag leaves the plugins for clouds and databases out. Code that is not optimised compiles faster and is fast enough.
    nice go build -tags minimal -trimpath -gcflags='all=-N -l -dwarf=false' -ldflags '-s -w' -o home/ \
      github.com/hashicorp/vault github.com/hashicorp/vault-plugin-auth-kubernetes/cmd/vault-plugin-auth-kubernetes
    mkdir home/plugins
    mv home/vault-plugin-auth-kubernetes home/plugins/
  ) >"$log" 2>&1 </dev/null 9>&- &
  # not `( … ) || …`, in which bash goes on after a command that failed
  wait $! || { tail -n 20 "$log" >&2; rm -rf "$build"; die "vault could not be compiled; the output is in $log"; }
  rm -rf "$vault_home"
  mv -T "$build/home" "$vault_home"
  rm -rf "$build"
}

# go.mod, and in place of the lookup of cluster members in clouds, for which the SDKs of six clouds would be compiled, a package
# that finds none
vault_sources() {
  cat >go.mod <<MODULE
module build

go 1.25

require github.com/hashicorp/vault v$vault_version

replace (
	github.com/hashicorp/vault/sdk => github.com/hashicorp/vault/sdk v$vault_sdk_version
	github.com/hashicorp/go-discover => ./discover
)
MODULE
  mkdir -p discover/provider/k8s
  printf 'module github.com/hashicorp/go-discover\n\ngo 1.25\n' >discover/go.mod
  cat >discover/discover.go <<'GO'
package discover

import (
	"errors"
	"log"
)

var errLeftOut = errors.New("left out of this build")

type Config map[string]string

func Parse(string) (Config, error) { return nil, errLeftOut }
func (Config) String() string      { return "" }

type Provider interface {
	Addrs(args map[string]string, l *log.Logger) ([]string, error)
	Help() string
}

var Providers = map[string]Provider{}

type Discover struct{}
type Option func(*Discover) error

func New(...Option) (*Discover, error)                          { return &Discover{}, nil }
func WithProviders(map[string]Provider) Option                  { return nil }
func (*Discover) Addrs(string, *log.Logger) ([]string, error)   { return nil, errLeftOut }
GO
  cat >discover/provider/k8s/k8s.go <<'GO'
package k8s

import "log"

type Provider struct{}

func (*Provider) Addrs(map[string]string, *log.Logger) ([]string, error) { return nil, nil }
func (*Provider) Help() string                                           { return "" }
GO
}

# vault_certificate AUTHORITY NAME: NAME.key and NAME.pem, signed by AUTHORITY
vault_certificate() {
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$2.key" -out "$2.csr" -subj "/CN=$2" 2>/dev/null
  printf 'subjectAltName=DNS:localhost,DNS:vault.test,IP:127.0.0.1\n' >"$2.ext"
  openssl x509 -req -in "$2.csr" -CA "$1.pem" -CAkey "$1.key" -CAcreateserial -days 30 -extfile "$2.ext" -out "$2.pem" 2>/dev/null
}

vault_certificates() {
  [ -e "$1/client.pem" ] && return
  mkdir -p "$1"
  (
    umask 077
    cd "$1"
    for authority in ca other-ca; do
      openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$authority.key" -out "$authority.pem" \
        -days 30 -subj "/CN=$authority" 2>/dev/null
    done
    vault_certificate ca server
    vault_certificate ca client
  )
}

start_vault() {
  local data=$run/vault/data certificates=$run/vault/data/certificates
  mkdir -p "$data/storage"
  vault_certificates "$certificates"
  cat >"$data/vault.hcl" <<SETTINGS
disable_mlock    = true
plugin_directory = "$(cd "$vault_home/plugins" && pwd -P)"
api_addr         = "http://127.0.0.1:$(port_of vault)"
cluster_addr     = "https://127.0.0.1:$(port_of vault cluster)"
storage "raft" {
  path                   = "$data/storage"
  node_id                = "vault"
  performance_multiplier = 1
}
listener "tcp" {
  address         = "127.0.0.1:$(port_of vault)"
  cluster_address = "127.0.0.1:$(port_of vault cluster)"
  tls_disable     = true
}
listener "tcp" {
  address            = "127.0.0.1:$(port_of vault tls)"
  cluster_address    = "127.0.0.1:$(port_of vault tls-cluster)"
  tls_cert_file      = "$certificates/server.pem"
  tls_key_file       = "$certificates/server.key"
  tls_client_ca_file = "$certificates/ca.pem"
}
SETTINGS
  SKIP_SETCAP=1 launch vault "$command_vault" server -config="$data/vault.hcl" -log-level=warn
}

# vault_api METHOD PATH [BODY]: with the root token, once there is one; the answer goes to standard output
vault_api() {
  local token=$run/vault/data/token header=()
  [ -s "$token" ] && header=(-H "X-Vault-Token: $(cat "$token")")
  curl -sS -f --noproxy '*' --max-time 10 -X "$1" ${header[@]+"${header[@]}"} ${3:+--data "$3"} "http://127.0.0.1:$(port_of vault)/v1/$2"
}

# word NAME: the text called NAME in a JSON object on standard input, which has one only
vault_word() { tr -d '\n' | sed -n "s/.*\"$1\": *\[*\"\([^\"]*\)\".*/\1/p"; }

vault_unseal() {
  local data=$run/vault/data
  if [ ! -s "$data/token" ]; then
    (
      umask 077
      vault_api PUT sys/init '{"secret_shares":1,"secret_threshold":1}' >"$data/init.json" &&
        vault_word keys <"$data/init.json" >"$data/key" && vault_word root_token <"$data/init.json" >"$data/token"
    ) || return 1
  fi
  vault_api PUT sys/unseal "{\"key\":\"$(cat "$data/key")\"}"
}

# what a new server has: the KV engine and the plugin
vault_furnish() {
  local plugin=vault-plugin-auth-kubernetes
  vault_api GET sys/mounts | grep -q '"secret/"' || vault_api POST sys/mounts/secret '{"type":"kv","options":{"version":"2"}}' || return 1
  vault_api GET "sys/plugins/catalog/auth/kubernetes" ||
    vault_api PUT sys/plugins/catalog/auth/kubernetes \
      "{\"command\":\"$plugin\",\"sha256\":\"$(sha256sum "$vault_home/plugins/$plugin" | cut -d ' ' -f 1)\"}" || return 1
  # version 2 answers only some time after it was mounted
  vault_api GET secret/config
}

ready_vault() {
  # it answers 200 when it is unsealed
  vault_api GET sys/health >/dev/null 2>&1 || wait_for vault 60 vault_unseal
  wait_for vault 60 vault_api GET sys/health
  wait_for vault 60 vault_furnish
  wait_for vault 30 listens "$(port_of vault tls)"
}

exports_vault() {
  printf 'export OUTRIGGER_TEST_VAULT_TOKEN=%s\n' "$(cat "$run/vault/data/token")"
  printf 'export OUTRIGGER_TEST_VAULT_TLS=127.0.0.1:%s\n' "$(port_of vault tls)"
  printf 'export OUTRIGGER_TEST_VAULT_CERTS=%q\n' "$run/vault/data/certificates"
  printf 'export OUTRIGGER_TEST_VAULT_PROGRAM=%q\n' "$command_vault"
}
