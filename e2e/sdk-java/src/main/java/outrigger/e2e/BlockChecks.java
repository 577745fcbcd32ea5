package outrigger.e2e;

import static outrigger.e2e.Checks.equal;
import static outrigger.e2e.Checks.fails;

import io.dapr.client.domain.ConfigurationItem;
import io.dapr.client.domain.InvokeBindingRequest;
import io.dapr.client.domain.State;
import io.dapr.client.domain.StateOptions;
import io.dapr.client.domain.TransactionalStateOperation;
import io.dapr.client.domain.TransactionalStateOperation.OperationType;
import io.dapr.client.domain.UnlockResponseStatus;
import io.dapr.exceptions.DaprErrorDetails.ErrorDetailType;
import io.dapr.exceptions.DaprException;
import io.dapr.utils.TypeRef;
import io.dapr.v1.DaprGrpc;
import io.dapr.v1.DaprMetadataProtos.SetMetadataRequest;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;

/** State, secrets, bindings, configuration, locks, metadata, and how a sidecar starts and ends. */
final class BlockChecks {
  private static final String store = "statestore";

  static void add(Checks checks, Client client) {
    var dapr = client.dapr;

    checks.add("start: waits until the sidecar is ready", () -> dapr.waitForSidecar(10_000).block());

    checks.add("state: saves, reads and deletes a value", () -> {
      String key = client.key("one");
      dapr.saveState(store, key, Map.of("canoe", 1)).block();
      State<Map<String, Integer>> found = dapr.getState(store, key, new TypeRef<Map<String, Integer>>() {}).block();
      equal(found.getValue(), Map.of("canoe", 1));
      equal(found.getEtag().isEmpty(), false);
      byte[] bytes = {0, -1, 1};
      // the SDK calls everything JSON unless told otherwise, and such a value has to be JSON
      Map<String, String> binary = Map.of("contentType", "application/octet-stream");
      dapr.saveState(store, client.key("bytes"), null, bytes, binary, null).block();
      equal(dapr.getState(store, client.key("bytes"), byte[].class).block().getValue(), bytes);
      dapr.deleteState(store, key).block();
      equal(dapr.getState(store, key, String.class).block().getValue(), null);
    });

    checks.add("state: lets only one writer win with an etag", () -> {
      String key = client.key("etag");
      dapr.saveState(store, key, "first").block();
      String etag = dapr.getState(store, key, String.class).block().getEtag();
      StateOptions firstWrite = new StateOptions(StateOptions.Consistency.STRONG, StateOptions.Concurrency.FIRST_WRITE);
      dapr.saveState(store, key, etag, "second", firstWrite).block();
      DaprException late = fails(DaprException.class, () -> dapr.saveState(store, key, etag, "third", firstWrite).block());
      equal(late.getErrorCode(), "ABORTED");
      equal(dapr.getState(store, key, String.class).block().getValue(), "second");
      late = fails(DaprException.class, () -> dapr.deleteState(store, key, etag, firstWrite).block());
      equal(late.getErrorCode(), "ABORTED");
    });

    checks.add("state: forgets a value after its time to live", () -> {
      String key = client.key("ttl");
      dapr.saveState(store, key, null, "short", Map.of("ttlInSeconds", "1"), null).block();
      equal(dapr.getState(store, key, String.class).block().getValue(), "short");
      long deadline = System.nanoTime() + 10_000_000_000L;
      while (dapr.getState(store, key, String.class).block().getValue() != null) {
        equal(System.nanoTime() < deadline, true);
        Thread.sleep(50);
      }
    });

    checks.add("state: saves, reads and deletes several at once", () -> {
      List<String> keys = List.of(client.key("bulk-a"), client.key("bulk-b"), client.key("bulk-c"));
      dapr.saveBulkState(store, List.of(new State<>(keys.get(0), "a", ""), new State<>(keys.get(1), "b", ""))).block();
      Map<String, State<String>> found = dapr.getBulkState(store, keys, String.class).block().stream()
          .collect(Collectors.toMap(State::getKey, state -> state));
      equal(found.keySet(), java.util.Set.copyOf(keys));
      equal(found.get(keys.get(0)).getValue(), "a");
      equal(found.get(keys.get(1)).getValue(), "b");
      equal(found.get(keys.get(2)).getValue(), null);
      equal(found.get(keys.get(0)).getError(), null);
    });

    checks.add("state: applies a transaction whole or not at all", () -> {
      dapr.saveState(store, client.key("tx-old"), "1").block();
      dapr.executeStateTransaction(store, List.of(
          new TransactionalStateOperation<>(OperationType.UPSERT, new State<>(client.key("tx-new"), "in", "")),
          new TransactionalStateOperation<>(OperationType.DELETE, new State<>(client.key("tx-old"))))).block();
      equal(dapr.getState(store, client.key("tx-new"), String.class).block().getValue(), "in");
      equal(dapr.getState(store, client.key("tx-old"), String.class).block().getValue(), null);
      fails(DaprException.class, () -> dapr.executeStateTransaction(store, List.of(
          new TransactionalStateOperation<>(OperationType.UPSERT, new State<>(client.key("tx-half"), "half", "")),
          new TransactionalStateOperation<>(OperationType.UPSERT, new State<>(client.key("tx-new"), "2", "4711")))).block());
      equal(dapr.getState(store, client.key("tx-half"), String.class).block().getValue(), null);
    });

    checks.add("state: learns the status and the reason of a failure", () -> {
      DaprException error = fails(DaprException.class, () -> dapr.saveState("nowhere", "x", "y").block());
      equal(error.getErrorCode(), "INVALID_ARGUMENT");
      equal(error.getErrorDetails().get(ErrorDetailType.ERROR_INFO, "reason", TypeRef.STRING), "DAPR_STATE_NOT_FOUND");
      equal(error.getErrorDetails().get(ErrorDetailType.ERROR_INFO, "domain", TypeRef.STRING), "dapr.io");
    });

    checks.add("secrets: reads one and all", () -> {
      equal(dapr.getSecret("secretstore", "conftestsecret").block(), Map.of("conftestsecret", "abcd"));
      equal(dapr.getBulkSecret("secretstore").block().get("database:password"), Map.of("database:password", "efgh"));
      DaprException error = fails(DaprException.class, () -> dapr.getSecret("nowhere", "x").block());
      equal(error.getErrorCode(), "INVALID_ARGUMENT");
    });

    checks.add("bindings: writes and reads a file", () -> {
      Map<String, String> metadata = Map.of("fileName", "canoe.txt");
      byte[] text = "by Java".getBytes(StandardCharsets.UTF_8);
      dapr.invokeBinding("files", "create", text, metadata).block();
      equal(dapr.invokeBinding("files", "get", new byte[0], metadata).block(), text);
    });

    checks.add("bindings: the app is told when it is time", () -> client.received(client.orders, "ticks", 2));

    checks.add("configuration: reads items", () -> {
      set(client, "color", "red||2");
      Map<String, ConfigurationItem> items =
          dapr.getConfiguration("configstore", client.key("color"), client.key("missing")).block();
      equal(items.size(), 1);
      ConfigurationItem color = items.get(client.key("color"));
      equal(List.of(color.getValue(), color.getVersion()), List.of("red", "2"));
    });

    checks.add("configuration: is told of changes until it unsubscribes", () -> {
      var changes = new LinkedBlockingQueue<String>();
      var ids = new LinkedBlockingQueue<String>();
      var subscription = dapr.subscribeConfiguration("configstore", client.key("size")).subscribe(response -> {
        if (response.getItems().isEmpty()) ids.add(response.getSubscriptionId());
        response.getItems().values().forEach(item -> changes.add(item.getValue()));
      });
      String id = ids.poll(20, TimeUnit.SECONDS);
      set(client, "size", "big||1");
      equal(changes.poll(20, TimeUnit.SECONDS), "big");
      equal(dapr.unsubscribeConfiguration(id, "configstore").block().getIsUnsubscribed(), true);
      subscription.dispose();
    });

    checks.add("lock: is held by one owner at a time", () -> {
      String lock = client.key("lock");
      equal(client.preview.tryLock("lockstore", lock, "first", 60).block(), true);
      equal(client.preview.tryLock("lockstore", lock, "second", 60).block(), false);
      equal(client.preview.unlock("lockstore", lock, "second").block(), UnlockResponseStatus.LOCK_BELONG_TO_OTHERS);
      equal(client.preview.unlock("lockstore", lock, "first").block(), UnlockResponseStatus.SUCCESS);
      equal(client.preview.unlock("lockstore", lock, "first").block(), UnlockResponseStatus.LOCK_UNEXIST);
    });

    checks.add("metadata: shows what is loaded and takes an attribute", () -> {
      var metadata = dapr.getMetadata().block();
      equal(metadata.getId(), client.orders);
      var components = metadata.getComponents().stream().collect(Collectors.toMap(item -> item.getName(), item -> item));
      equal(components.keySet().containsAll(List.of("pubsub", "secretstore", store)), true);
      equal(components.get(store).getCapabilities().containsAll(List.of("ETAG", "TRANSACTIONAL")), true);
      // the SDK's client only reads
      DaprGrpc.newBlockingStub(client.channels.get(0))
          .setMetadata(SetMetadataRequest.newBuilder().setKey("color").setValue("red").build());
      equal(dapr.getMetadata().block().getAttributes().get("color"), "red");
    });

    checks.add("shutdown: ends the sidecar", () -> dapr.shutdown().block());
  }

  private static void set(Client client, String name, String data) {
    byte[] bytes = data.getBytes(StandardCharsets.UTF_8);
    client.dapr.invokeBinding(
        new InvokeBindingRequest("redis", "create").setData(bytes).setMetadata(Map.of("key", client.key(name)))).block();
  }
}
