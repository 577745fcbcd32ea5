#!/usr/bin/env bash
# Writes canoes.pb.go and canoes_grpc.pb.go from e2e/proto, with the generators that go.mod names. They are checked in, so that
# a Go compiler is all that a build needs.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
bin=$(mktemp -d)
trap 'rm -rf "$bin"' EXIT
go build -o "$bin/" google.golang.org/protobuf/cmd/protoc-gen-go google.golang.org/grpc/cmd/protoc-gen-go-grpc
out='"out":"../sdk-go/canoes","opt":"module=outrigger/e2e/sdk-go/canoes"'
cd ../../proto
PATH=$bin:$PATH ../../node_modules/.bin/buf generate . --template \
  "{\"version\":\"v2\",\"plugins\":[{\"local\":\"protoc-gen-go\",$out},{\"local\":\"protoc-gen-go-grpc\",$out}]}"
