# Kafka, one node without ZooKeeper, from Maven Central. Keeps what it has answered through a `kill -9` of its process.
#
# Besides the listener that OUTRIGGER_TEST_KAFKA names it has
#   - one for a test that cuts the network: Kafka's clients go where the server says that it can be reached, so this listener
#     tells them the address of a proxy that the test runs: OUTRIGGER_TEST_KAFKA_PROXY=<port of the proxy>:<port it forwards to>
#   - one with SASL (PLAIN, SCRAM-SHA-256, SCRAM-SHA-512: user `alice`, password `alice-secret`; OAUTHBEARER with unsigned
#     tokens): OUTRIGGER_TEST_KAFKA_SASL=host:port
#   - one with TLS that asks for a client certificate: OUTRIGGER_TEST_KAFKA_TLS=host:port, with the certificates in
#     OUTRIGGER_TEST_KAFKA_CERTS: ca.pem, client.pem, client.key, and stranger.pem, stranger.key of another authority
#
# KAFKA_AUTO_CREATE=false: a server that makes no topic on first use. KAFKA_PARTITIONS: how many one has that it makes; default 1.
kafka_version=4.4.0
command_kafka=mvn
kafka_jvm=(-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xms96m -Xmx384m)

kafka_jars() { echo "$cache/kafka-$kafka_version"; }

install_kafka() {
  local jars
  jars=$(kafka_jars)
  [ -e "$jars/.complete" ] && return
  debian_package java default-jre-headless
  debian_package mvn maven
  debian_package openssl openssl
  say "downloading Kafka $kafka_version"
  rm -rf "$jars"
  mkdir -p "$jars"
  cat >"$jars/pom.xml" <<POM
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>local</groupId><artifactId>kafka</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>$kafka_version</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version><scope>runtime</scope></dependency>
  </dependencies>
</project>
POM
  mvn -B -q -f "$jars/pom.xml" org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies \
    -DoutputDirectory="$jars" -DincludeScope=runtime >"$cache/kafka-$kafka_version.log" 2>&1 ||
    { tail -n 20 "$cache/kafka-$kafka_version.log" >&2; die "Maven could not download Kafka"; }
  touch "$jars/.complete"
}

# kafka_certificate AUTHORITY NAME: NAME.key and NAME.pem, signed by AUTHORITY
kafka_certificate() {
  openssl req -newkey rsa:2048 -nodes -keyout "$2.key" -out "$2.csr" -subj "/CN=$2" 2>/dev/null
  printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\n' >"$2.ext"
  openssl x509 -req -in "$2.csr" -CA "$1.pem" -CAkey "$1.key" -CAcreateserial -days 30 -extfile "$2.ext" -out "$2.pem" 2>/dev/null
}

kafka_certificates() {
  [ -e "$1/server-with-key.pem" ] && return
  mkdir -p "$1"
  (
    cd "$1"
    for authority in ca other-ca; do
      openssl req -x509 -newkey rsa:2048 -nodes -keyout "$authority.key" -out "$authority.pem" -days 30 -subj "/CN=$authority" 2>/dev/null
    done
    kafka_certificate ca server
    kafka_certificate ca client
    kafka_certificate other-ca stranger
    cat server.key server.pem >server-with-key.pem
  )
}

start_kafka() {
  local data=$run/kafka/data settings=$run/kafka/server.properties jaas=org.apache.kafka.common.security
  local main controller proxy proxied sasl tls
  main=$(port_of kafka) controller=$(port_of kafka controller) sasl=$(port_of kafka sasl) tls=$(port_of kafka tls)
  proxy=$(port_of kafka proxy) proxied=$(port_of kafka proxied)
  kafka_certificates "$data/certificates"
  cat >"$settings" <<SETTINGS
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$controller
controller.listener.names=CONTROLLER
inter.broker.listener.name=MAIN
listeners=MAIN://127.0.0.1:$main,PROXIED://127.0.0.1:$proxied,SASL://127.0.0.1:$sasl,TLS://127.0.0.1:$tls,CONTROLLER://127.0.0.1:$controller
advertised.listeners=MAIN://127.0.0.1:$main,PROXIED://127.0.0.1:$proxy,SASL://127.0.0.1:$sasl,TLS://127.0.0.1:$tls
listener.security.protocol.map=MAIN:PLAINTEXT,PROXIED:PLAINTEXT,SASL:SASL_PLAINTEXT,TLS:SSL,CONTROLLER:PLAINTEXT
listener.name.sasl.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER
listener.name.sasl.plain.sasl.jaas.config=$jaas.plain.PlainLoginModule required user_alice="alice-secret";
listener.name.sasl.scram-sha-256.sasl.jaas.config=$jaas.scram.ScramLoginModule required;
listener.name.sasl.scram-sha-512.sasl.jaas.config=$jaas.scram.ScramLoginModule required;
listener.name.sasl.oauthbearer.sasl.jaas.config=$jaas.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="server";
listener.name.tls.ssl.keystore.type=PEM
listener.name.tls.ssl.keystore.location=$data/certificates/server-with-key.pem
listener.name.tls.ssl.truststore.type=PEM
listener.name.tls.ssl.truststore.location=$data/certificates/ca.pem
listener.name.tls.ssl.client.auth=required
log.dirs=$data/logs
num.partitions=${KAFKA_PARTITIONS:-1}
offsets.topic.replication.factor=1
offsets.topic.num.partitions=${KAFKA_PARTITIONS:-1}
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=${KAFKA_PARTITIONS:-1}
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
log.cleaner.dedupe.buffer.size=4194304
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
auto.create.topics.enable=${KAFKA_AUTO_CREATE:-true}
SETTINGS
  if [ ! -f "$data/logs/meta.properties" ]; then
    # the cluster id is any 16 bytes in base64url
    java "${kafka_jvm[@]}" -cp "$(kafka_jars)/*" kafka.tools.StorageTool format -t MTIzNDU2Nzg5MDEyMzQ1Ng -c "$settings" \
      --add-scram 'SCRAM-SHA-256=[name=alice,password=alice-secret]' --add-scram 'SCRAM-SHA-512=[name=alice,password=alice-secret]' \
      >"$run/kafka/log" 2>&1 || { tail -n 20 "$run/kafka/log" >&2; die 'Kafka could not prepare its data'; }
  fi
  launch kafka java "${kafka_jvm[@]}" -Dorg.slf4j.simpleLogger.defaultLogLevel=warn \
    -Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info -cp "$(kafka_jars)/*" kafka.Kafka "$settings"
}

ready_kafka() { wait_for kafka 120 grep -q 'Kafka Server started' "$run/kafka/log"; }

exports_kafka() {
  printf 'export OUTRIGGER_TEST_KAFKA_PROXY=%s:%s\n' "$(port_of kafka proxy)" "$(port_of kafka proxied)"
  printf 'export OUTRIGGER_TEST_KAFKA_SASL=127.0.0.1:%s\n' "$(port_of kafka sasl)"
  printf 'export OUTRIGGER_TEST_KAFKA_TLS=127.0.0.1:%s\n' "$(port_of kafka tls)"
  printf 'export OUTRIGGER_TEST_KAFKA_CERTS=%q\n' "$run/kafka/data/certificates"
}
