# Pulsar standalone (broker, bookie and metadata store in one process), from Maven Central. Keeps what it has answered through a
# `kill -9`. It has two ports: OUTRIGGER_TEST_PULSAR is where it speaks HTTP and WebSocket, OUTRIGGER_TEST_PULSAR_BINARY where it
# speaks its binary protocol. OUTRIGGER_TEST_PULSAR_PROGRAM starts one, for tests that want a broker of their own:
#   pulsar-standalone CONFIGURATION-FILE DATA-FOLDER
pulsar_version=4.2.4
pulsar_home=$cache/pulsar-$pulsar_version
command_pulsar=$pulsar_home/pulsar-standalone
install_pulsar() {
  debian_package java default-jre-headless
  debian_package curl curl
  [ -x "$command_pulsar" ] && return
  debian_package mvn maven
  say "fetching Pulsar $pulsar_version"
  local part
  part=$(mktemp -d "$cache/pulsar.XXXXXX")
  cat >"$part/pom.xml" <<X
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>outrigger.backends</groupId><artifactId>pulsar</artifactId><version>1</version><packaging>pom</packaging>
  <dependencyManagement><dependencies>
    <dependency><groupId>org.apache.pulsar</groupId><artifactId>pulsar</artifactId><version>$pulsar_version</version><type>pom</type><scope>import</scope></dependency>
  </dependencies></dependencyManagement>
  <dependencies>
    <dependency><groupId>org.apache.pulsar</groupId><artifactId>pulsar-broker</artifactId><version>$pulsar_version</version></dependency>
  </dependencies>
</project>
X
  mvn -B -q -f "$part/pom.xml" org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies \
    -DoutputDirectory="$part/lib" -DincludeScope=runtime >"$cache/pulsar.log" 2>&1 </dev/null ||
    { tail -n 20 "$cache/pulsar.log" >&2; rm -rf "$part"; die "Pulsar could not be fetched; Maven's output is in $cache/pulsar.log"; }
  cat >"$part/log4j2.xml" <<'X'
<Configuration status="WARN"><Appenders><Console name="c" target="SYSTEM_OUT"><PatternLayout pattern="%d{ISO8601} [%t] %-5level %logger{36} - %msg%n"/></Console></Appenders><Loggers><Root level="warn"><AppenderRef ref="c"/></Root></Loggers></Configuration>
X
  # one compiler tier and the serial collector start sooner and stay small
  cat >"$part/pulsar-standalone" <<'X'
#!/usr/bin/env bash
home=$(cd "$(dirname "$0")" && pwd)
opens=()
for package in java.base/jdk.internal.loader java.base/java.lang java.base/java.io java.base/java.util.zip java.base/java.nio \
  java.base/java.net java.base/jdk.internal.misc java.base/sun.nio.ch java.base/jdk.internal.platform java.management/sun.management; do
  opens+=(--add-opens "$package=ALL-UNNAMED")
done
cd "$2" && exec java "${opens[@]}" -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xms128m -Xmx512m -XX:MaxDirectMemorySize=384m \
  -Dio.netty.tryReflectionSetAccessible=true -Djava.net.preferIPv4Stack=true -Dlog4j2.configurationFile="$home/log4j2.xml" \
  -cp "$home/lib/*" org.apache.pulsar.PulsarStandaloneStarter --config "$1" --no-functions-worker --no-stream-storage \
  --metadata-dir "$2/metadata" --bookkeeper-dir "$2/bookkeeper" --zookeeper-dir "$2/zookeeper"
X
  chmod 755 "$part" "$part/pulsar-standalone"
  mv -T "$part" "$pulsar_home"
}

start_pulsar() {
  # whoever opens a WebSocket holds a thread of HTTP until the broker has the topic: enough of them while it starts;
  # journal writes need no fsync: the page cache outlives a `kill -9`
  cat >"$run/pulsar/standalone.conf" <<X
brokerServicePort=$(port_of pulsar binary)
webServicePort=$(port_of pulsar)
bindAddress=127.0.0.1
advertisedAddress=127.0.0.1
clusterName=standalone
webSocketServiceEnabled=true
allowAutoTopicCreation=true
allowAutoTopicCreationType=non-partitioned
brokerDeleteInactiveTopicsEnabled=false
numIOThreads=2
numHttpServerThreads=32
managedLedgerDefaultEnsembleSize=1
managedLedgerDefaultWriteQuorum=1
managedLedgerDefaultAckQuorum=1
managedLedgerCacheSizeMB=64
loadBalancerEnabled=false
systemTopicEnabled=true
topicLevelPoliciesEnabled=true
acknowledgmentAtBatchIndexLevelEnabled=true
listeningInterface=lo
allowLoopback=true
journalSyncData=false
diskUsageThreshold=0.99
diskUsageWarnThreshold=0.98
dbStorage_writeCacheMaxSizeMb=32
dbStorage_readAheadCacheMaxSizeMb=32
dbStorage_rocksDB_blockCacheSize=16777216
X
  launch pulsar "$command_pulsar" "$run/pulsar/standalone.conf" "$run/pulsar/data"
}
# it answers long before it serves; the namespace is the last thing that it makes
pulsar_serves() { curl -sf -m 3 "http://127.0.0.1:$(port_of pulsar)/admin/v2/namespaces/public" | grep -q public/default; }
ready_pulsar() { wait_for pulsar 180 pulsar_serves; }
exports_pulsar() {
  printf 'export OUTRIGGER_TEST_PULSAR_BINARY=127.0.0.1:%s\n' "$(port_of pulsar binary)"
  printf 'export OUTRIGGER_TEST_PULSAR_PROGRAM=%q\n' "$command_pulsar"
}
