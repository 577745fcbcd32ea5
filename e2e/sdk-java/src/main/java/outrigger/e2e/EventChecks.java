package outrigger.e2e;

import static outrigger.e2e.Checks.equal;
import static outrigger.e2e.Checks.fails;

import com.fasterxml.jackson.databind.JsonNode;
import io.dapr.client.DaprClient;
import io.dapr.client.SubscriptionListener;
import io.dapr.client.SubscriptionListener.Status;
import io.dapr.client.domain.CloudEvent;
import io.dapr.client.domain.PublishEventRequest;
import io.dapr.exceptions.DaprException;
import io.dapr.utils.TypeRef;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import reactor.core.publisher.Mono;

/** Publishing, what the apps have been given of it, and streaming subscriptions. */
final class EventChecks {
  private final Client client;

  private EventChecks(Client client) {
    this.client = client;
  }

  static void add(Checks checks, Client client) {
    new EventChecks(client).addTo(checks);
  }

  private void addTo(Checks checks) {
    String orders = client.orders;
    String inventory = client.inventory;

    checks.add("pub/sub: delivers JSON, text and bytes", () -> {
      publish("plain", Map.of("id", 1));
      publish(client.dapr, "plain", "text".getBytes(StandardCharsets.UTF_8), "text/plain");
      publish(client.dapr, "plain", new byte[] {0, -1}, "application/octet-stream");
      Map<String, String> seen = new TreeMap<>();
      for (JsonNode item : client.received(orders, "plain", 3)) {
        seen.put(item.get("contentType").asText(), item.get("value").toString());
      }
      equal(seen, Map.of(
          "application/json", "{\"id\":1}", "text/plain", "\"text\"", "application/octet-stream", "\"00ff\""));
    });

    checks.add("pub/sub: delivers what is declared in YAML", () -> {
      publish("declared", Map.of("declared", true));
      equal(client.values(orders, "declared", 1), List.of("{\"declared\":true}"));
    });

    checks.add("pub/sub: delivers again what the app wants to retry", () -> {
      publish("retry", Map.of("attempt", 1));
      String attempt = "{\"attempt\":1}";
      equal(client.values(orders, "retry", 3), List.of(attempt, attempt, attempt));
    });

    checks.add("pub/sub: delivers once what the app drops", () -> {
      publish("drop", Map.of("unwanted", 1));
      client.received(orders, "drop", 1);
      // what is published later has come while the first one was not sent again
      publish("drop", Map.of("unwanted", 2));
      equal(client.values(orders, "drop", 2), List.of("{\"unwanted\":1}", "{\"unwanted\":2}"));
    });

    checks.add("pub/sub: sends what fails to the dead letter topic", () -> {
      publish("dead", Map.of("poison", true));
      equal(client.values(orders, "dead-letters", 1), List.of("{\"poison\":true}"));
    });

    checks.add("pub/sub: passes raw payloads", () -> {
      byte[] data = "as it is".getBytes(StandardCharsets.UTF_8);
      client.dapr.publishEvent(new PublishEventRequest("pubsub", client.key("raw"), data)
          .setContentType("text/plain").setMetadata(Map.of("rawPayload", "true"))).block();
      equal(client.values(orders, "raw", 1), List.of("\"6173206974206973\""));
    });

    checks.add("pub/sub: routes by rule", () -> {
      for (String type : List.of("canoe", "raft")) {
        CloudEvent<Map<String, String>> event = new CloudEvent<>(
            client.key(type), "test", type, "1.0", "application/json", Map.of("type", type));
        publish(client.dapr, "routed", event, "application/cloudevents+json");
      }
      equal(client.values(orders, "canoes", 1), List.of("{\"type\":\"canoe\"}"));
      equal(client.values(orders, "others", 1), List.of("{\"type\":\"raft\"}"));
    });

    checks.add("pub/sub: publishes and delivers in bulk", () -> {
      List<Map<String, Integer>> events = List.of(Map.of("n", 0), Map.of("n", 1), Map.of("n", 2));
      var answer = client.dapr.publishEvents("pubsub", client.key("bulk"), "application/json", events).block();
      equal(answer.getFailedEntries().size(), 0);
      equal(client.values(orders, "bulk", 3).stream().sorted().toList(), List.of("{\"n\":0}", "{\"n\":1}", "{\"n\":2}"));
    });

    checks.add("pub/sub: delivers to an HTTP app", () -> {
      publish(client.other, "web", Map.of("web", 1), "application/json");
      equal(client.values(inventory, "web", 1), List.of("{\"web\":1}"));
    });

    checks.add("pub/sub: delivers to an HTTP app what is declared in YAML, in bulk", () -> {
      publish(client.other, "web-declared", Map.of("web", 2), "application/json");
      equal(client.values(inventory, "declared", 1), List.of("{\"web\":2}"));
      List<Map<String, Integer>> events = List.of(Map.of("n", 1), Map.of("n", 2));
      client.other.publishEvents("pubsub", client.key("web-bulk"), "application/json", events).block();
      equal(client.values(inventory, "bulk", 2).stream().sorted().toList(), List.of("{\"n\":1}", "{\"n\":2}"));
    });

    checks.add("pub/sub: learns why an event was not taken", () -> {
      DaprException error = fails(DaprException.class, () -> client.dapr.publishEvent("nowhere", "x", "y").block());
      equal(error.getErrorCode(), "INVALID_ARGUMENT");
    });

    checks.add("streaming: takes a topic without a port of its own", () -> {
      var events = new LinkedBlockingQueue<CloudEvent<byte[]>>();
      try (var subscription = subscribe("streamed", event -> {
        events.add(event);
        return Status.SUCCESS;
      })) {
        publish("streamed", Map.of("streamed", 1));
        CloudEvent<byte[]> event = next(events);
        equal(new String(event.getData(), StandardCharsets.UTF_8), "{\"streamed\":1}");
        equal(List.of(event.getTopic(), event.getPubsubName()), List.of(client.key("streamed"), "pubsub"));
        publish(client.dapr, "streamed", "text".getBytes(StandardCharsets.UTF_8), "text/plain");
        equal(new String(next(events).getData(), StandardCharsets.UTF_8), "text");
      }
    });

    checks.add("streaming: gets again what it wants to retry", () -> {
      var attempts = new LinkedBlockingQueue<String>();
      try (var subscription = subscribe("streamed-retry", event -> {
        attempts.add(new String(event.getData(), StandardCharsets.UTF_8));
        return attempts.size() < 3 ? Status.RETRY : Status.SUCCESS;
      })) {
        publish("streamed-retry", Map.of("again", 1));
        long deadline = System.nanoTime() + 20_000_000_000L;
        while (attempts.size() < 3 && System.nanoTime() < deadline) Thread.sleep(10);
        String again = "{\"again\":1}";
        equal(List.copyOf(attempts), List.of(again, again, again));
      }
    });

    checks.add("streaming: a topic can be taken again after its end", () -> {
      // with the SDK's flux; what the listeners above get has no end that the sidecar is told of
      for (int number = 0; number < 2; number++) {
        var events = new LinkedBlockingQueue<Map<String, Integer>>();
        Map<String, Integer> wanted = Map.of("number", number);
        // It ends itself on the thread that acknowledges, as the SDK's request stream takes one thread at a time. So the last
        // event is not acknowledged, and comes again.
        client.preview
            .subscribeToTopic("pubsub", client.key("streamed-again"), new TypeRef<Map<String, Integer>>() {})
            .takeUntil(wanted::equals)
            .subscribe(events::add);
        awaitSubscription("streamed-again", true);
        publish("streamed-again", wanted);
        while (!next(events).equals(wanted)) {}
        awaitSubscription("streamed-again", false);
      }
    });
  }

  private void publish(String topic, Object data) {
    publish(client.dapr, topic, data, "application/json");
  }

  private void publish(DaprClient through, String topic, Object data, String contentType) {
    through.publishEvent(new PublishEventRequest("pubsub", client.key(topic), data).setContentType(contentType)).block();
  }

  /** Resolves once the sidecar has the subscription: the SDK says nothing about it. */
  private io.dapr.client.Subscription<byte[]> subscribe(String topic, Function<CloudEvent<byte[]>, Status> handler)
      throws Exception {
    var subscription = client.preview.subscribeToEvents("pubsub", client.key(topic), new SubscriptionListener<byte[]>() {
      @Override
      public Mono<Status> onEvent(CloudEvent<byte[]> event) {
        return Mono.fromCallable(() -> handler.apply(event));
      }

      @Override
      public void onError(RuntimeException error) {
        error.printStackTrace();
      }
    }, TypeRef.BYTE_ARRAY);
    awaitSubscription(topic, true);
    return subscription;
  }

  private void awaitSubscription(String topic, boolean there) throws Exception {
    long deadline = System.nanoTime() + 20_000_000_000L;
    while (client.dapr.getMetadata().block().getSubscriptions().stream()
        .anyMatch(item -> item.getTopic().equals(client.key(topic))) != there) {
      if (System.nanoTime() > deadline) throw new AssertionError(topic + " is not (un)subscribed");
      Thread.sleep(10);
    }
  }

  private static <T> T next(BlockingQueue<T> items) throws InterruptedException {
    T item = items.poll(20, TimeUnit.SECONDS);
    if (item == null) throw new AssertionError("nothing came within 20 s");
    return item;
  }
}
