# A Kubernetes API server (kube-apiserver over etcd, no nodes), compiled from its Go module. Keeps what it has answered through
# a `kill -9` of either process.
#
#   OUTRIGGER_TEST_KUBERNETES_KUBECONFIG      a kubeconfig with everything inline: user `admin`, who may do all
#   OUTRIGGER_TEST_KUBERNETES_SERVICEACCOUNT  a folder as a pod has it mounted (token, ca.crt, namespace): the service account
#                                             `outrigger` of the namespace `default`, which may get and list secrets there
#   OUTRIGGER_TEST_KUBERNETES_COMMAND         a file with the server's command line, an argument a line: for a test that kills a
#                                             server, which starts one of its own on another port, over the same etcd
#
# etcd runs beside it as `kubernetes-etcd`. There is no controller manager: a namespace that is deleted stays `Terminating`,
# and a new one has no service account, so tests take names that nobody has used.
kubernetes_version=1.34.2
kubernetes_home=$cache/kubernetes-$kubernetes_version
kubernetes_server=$kubernetes_home/kube-apiserver
# always there, so that it is always installed on this machine: what tests need to know of it would stay in a container
command_kubernetes=bash

install_kubernetes() {
  debian_package etcd etcd-server
  debian_package openssl openssl
  debian_package curl curl
  [ -x "$kubernetes_server" ] && return
  mkdir -p "$kubernetes_home"
  # only one of several processes compiles; the others find what it has made
  (
    flock 9
    [ -x "$kubernetes_server" ] || kubernetes_compile
  ) 9>"$cache/kubernetes-$kubernetes_version.lock"
}

kubernetes_compile() {
  say "compiling kube-apiserver $kubernetes_version (some minutes)"
  local build log=$cache/kubernetes-$kubernetes_version.log version=k8s.io/component-base/version go
  go=$("$here/../go-compiler.sh")
  build=$(mktemp -d "$cache/kubernetes.XXXXXX")
  (
    set -e
    cd "$build"
    export PATH=$go:$PATH GOFLAGS='-mod=mod -buildvcs=false' CGO_ENABLED=0
    kubernetes_sources
    # code that is not optimised compiles faster and is fast enough
    nice go build -trimpath -gcflags='all=-N -l -dwarf=false' -ldflags "-s -w -X $version.gitVersion=v$kubernetes_version
      -X $version.gitMajor=1 -X $version.gitMinor=34 -X $version.gitTreeState=clean" \
      -o kube-apiserver k8s.io/kubernetes/cmd/kube-apiserver
  ) >"$log" 2>&1 </dev/null 9>&- &
  # not `( … ) || …`, in which bash goes on after a command that failed
  wait $! || { tail -n 20 "$log" >&2; rm -rf "$build"; die "kube-apiserver could not be compiled; the output is in $log"; }
  mv "$build/kube-apiserver" "$kubernetes_server"
  rm -rf "$build"
}

# go.mod; the modules that are folders of the repository (`=> ./staging/…`) are published as v0.MINOR.PATCH
kubernetes_sources() {
  printf 'module build\n\ngo 1.24.0\n\ngodebug default=go1.24\n' >go.mod
  go mod download -json "k8s.io/kubernetes@v$kubernetes_version" >module.json
  {
    printf '\nrequire k8s.io/kubernetes v%s\n\nreplace (\n' "$kubernetes_version"
    sed -n "s|^[[:space:]]*\(k8s.io/[^ ]*\) => ./staging.*|\t\1 => \1 v0.${kubernetes_version#*.}|p" \
      "$(sed -n 's/^[[:space:]]*"GoMod": "\(.*\)",*$/\1/p' module.json)"
    echo ')'
  } >>go.mod
}

# kubernetes_certificate NAME SUBJECT EXTENSION…: NAME.key and NAME.pem, signed by ca
kubernetes_certificate() {
  local name=$1 subject=$2
  shift 2
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$name.key" -out "$name.csr" -subj "$subject" 2>/dev/null
  printf '%s\n' keyUsage=digitalSignature "$@" >"$name.ext"
  openssl x509 -req -in "$name.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -days 30 -extfile "$name.ext" -out "$name.pem" 2>/dev/null
}

kubernetes_certificates() {
  [ -e "$1/kubeconfig" ] && return
  mkdir -p "$1/serviceaccount"
  (
    umask 077
    cd "$1"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout ca.key -out ca.crt -days 30 -subj /CN=ca 2>/dev/null
    kubernetes_certificate server /CN=kube-apiserver extendedKeyUsage=serverAuth \
      'subjectAltName=IP:127.0.0.1,DNS:localhost,DNS:kubernetes.default.svc'
    kubernetes_certificate admin /O=system:masters/CN=admin extendedKeyUsage=clientAuth
    openssl genrsa -out tokens.key 2048 2>/dev/null
    cp ca.crt serviceaccount/
    printf default >serviceaccount/namespace
    cat >kubeconfig <<CONFIG
apiVersion: v1
kind: Config
clusters:
  - name: tests
    cluster: { server: 'https://127.0.0.1:$(port_of kubernetes)', certificate-authority-data: $(base64 -w 0 ca.crt) }
users:
  - name: admin
    user: { client-certificate-data: $(base64 -w 0 admin.pem), client-key-data: $(base64 -w 0 admin.key) }
contexts:
  - name: tests
    context: { cluster: tests, user: admin }
current-context: tests
CONFIG
  )
}

start_kubernetes_etcd() {
  local client peer
  client=http://127.0.0.1:$(port_of kubernetes etcd) peer=http://127.0.0.1:$(port_of kubernetes etcd-peer)
  mkdir -p "$run/kubernetes-etcd"
  launch kubernetes-etcd etcd --name default --data-dir "$run/kubernetes-etcd/data" --logger zap --log-level warn \
    --listen-client-urls "$client" --advertise-client-urls "$client" \
    --listen-peer-urls "$peer" --initial-advertise-peer-urls "$peer" --initial-cluster "default=$peer"
  wait_for kubernetes-etcd 30 curl -fsS --noproxy '*' "$client/health"
}

start_kubernetes() {
  local keys=$run/kubernetes/data/keys
  port_of kubernetes >/dev/null
  kubernetes_certificates "$keys"
  alive kubernetes-etcd || start_kubernetes_etcd
  # etcd 3.4 before 3.4.31 cannot say how far a watch is, so the watch cache is off
  local command=(
    "$kubernetes_server" "--secure-port=$(port_of kubernetes)" --bind-address=127.0.0.1 --advertise-address=127.0.0.1
    "--etcd-servers=http://127.0.0.1:$(port_of kubernetes etcd)" --watch-cache=false --endpoint-reconciler-type=none
    "--tls-cert-file=$keys/server.pem" "--tls-private-key-file=$keys/server.key" "--cert-dir=$keys"
    "--client-ca-file=$keys/ca.crt" --authorization-mode=RBAC --disable-admission-plugins=ServiceAccount
    --service-account-issuer=https://kubernetes.default.svc.cluster.local
    "--service-account-key-file=$keys/tokens.key" "--service-account-signing-key-file=$keys/tokens.key"
    --service-cluster-ip-range=10.96.0.0/16 --v=1
  )
  printf '%s\n' "${command[@]}" >"$run/kubernetes/data/command"
  launch kubernetes "${command[@]}"
}

# kubernetes_api PATH [BODY]: as `admin`; with a body it is a POST, which is content with what exists already
kubernetes_api() {
  local keys=$run/kubernetes/data/keys call status
  call=(curl -sS --noproxy '*' --max-time 10 --cacert "$keys/ca.crt" --cert "$keys/admin.pem" --key "$keys/admin.key")
  if [ -z "${2:-}" ]; then
    "${call[@]}" -f "https://127.0.0.1:$(port_of kubernetes)$1"
  else
    status=$("${call[@]}" -o "$run/kubernetes/answer.json" -w '%{http_code}' -H 'Content-Type: application/json' --data "$2" \
      "https://127.0.0.1:$(port_of kubernetes)$1")
    [[ $status == 20? || $status == 409 ]]
  fi
}

kubernetes_service_account() {
  local folder=$run/kubernetes/data/keys/serviceaccount rbac=/apis/rbac.authorization.k8s.io/v1/namespaces/default
  kubernetes_api /api/v1/namespaces/default/serviceaccounts '{"metadata":{"name":"outrigger"}}' &&
    kubernetes_api $rbac/roles '{"metadata":{"name":"outrigger"},"rules":[{"apiGroups":[""],"resources":["secrets"],"verbs":["get","list"]}]}' &&
    kubernetes_api $rbac/rolebindings '{"metadata":{"name":"outrigger"},"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"Role","name":"outrigger"},"subjects":[{"kind":"ServiceAccount","name":"outrigger","namespace":"default"}]}' &&
    kubernetes_api /api/v1/namespaces/default/serviceaccounts/outrigger/token '{"spec":{"expirationSeconds":86400}}' || return 1
  sed -n 's/.*"token": *"\([^"]*\)".*/\1/p' "$run/kubernetes/answer.json" | tr -d '\n' >"$folder/token.new"
  rm -f "$run/kubernetes/answer.json"
  [ -s "$folder/token.new" ] && mv "$folder/token.new" "$folder/token"
}

ready_kubernetes() {
  alive kubernetes-etcd || start_kubernetes_etcd
  wait_for kubernetes 120 kubernetes_api /readyz
  # this namespace is made by the server itself, some time after its start
  wait_for kubernetes 60 kubernetes_api /api/v1/namespaces/default
  [ -s "$run/kubernetes/data/keys/serviceaccount/token" ] || wait_for kubernetes 30 kubernetes_service_account
}

exports_kubernetes() {
  printf 'export OUTRIGGER_TEST_KUBERNETES_KUBECONFIG=%q\n' "$run/kubernetes/data/keys/kubeconfig"
  printf 'export OUTRIGGER_TEST_KUBERNETES_SERVICEACCOUNT=%q\n' "$run/kubernetes/data/keys/serviceaccount"
  printf 'export OUTRIGGER_TEST_KUBERNETES_COMMAND=%q\n' "$run/kubernetes/data/command"
}
