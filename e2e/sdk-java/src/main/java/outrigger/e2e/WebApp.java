package outrigger.e2e;

import com.fasterxml.jackson.databind.JsonNode;
import com.sun.net.httpserver.HttpServer;
import io.dapr.client.domain.BulkSubscribeAppResponse;
import io.dapr.client.domain.BulkSubscribeAppResponseEntry;
import io.dapr.client.domain.BulkSubscribeAppResponseStatus;
import io.dapr.client.domain.CloudEvent;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executors;

/** An app that speaks HTTP, with the SDK's event types. */
final class WebApp {
  private static final Inbox inbox = new Inbox();

  /** What a path answers. */
  private interface Handler {
    Object answer(byte[] body, String query) throws Exception;
  }

  private record Failure(int status, Object body) {}

  public static void main(String[] args) throws Exception {
    String run = System.getenv("E2E_RUN");
    InetSocketAddress address = new InetSocketAddress("127.0.0.1", Integer.parseInt(System.getenv("APP_PORT")));
    HttpServer server = HttpServer.create(address, 0);
    server.setExecutor(Executors.newCachedThreadPool());
    Map<String, Handler> handlers = Map.of(
        "/dapr/subscribe", (body, query) ->
            List.of(Map.of("pubsubname", "pubsub", "topic", "web-" + run, "route", "/web")),
        "/stock", (body, query) -> Map.of("canoe", 3),
        "/reserve", (body, query) -> Map.of("reserved", Inbox.json.readTree(body), "query", query == null ? "" : query),
        "/fail", (body, query) -> new Failure(404, "no such canoe"),
        "/received", (body, query) -> Inbox.json.readTree(inbox.answer(body)),
        "/web", (body, query) -> keep("web", body),
        "/declared", (body, query) -> keep("declared", body),
        "/bulk", (body, query) -> keepAll(body));
    server.createContext("/", exchange -> {
      try (exchange) {
        Handler handler = handlers.get(exchange.getRequestURI().getPath());
        Object answer = handler == null
            ? new Failure(404, "nothing here")
            : handler.answer(exchange.getRequestBody().readAllBytes(), exchange.getRequestURI().getQuery());
        int status = answer instanceof Failure failure ? failure.status() : 200;
        byte[] bytes = Inbox.json.writeValueAsBytes(answer instanceof Failure failure ? failure.body() : answer);
        exchange.getResponseHeaders().set("content-type", "application/json");
        exchange.sendResponseHeaders(status, bytes.length);
        exchange.getResponseBody().write(bytes);
      } catch (Exception error) {
        error.printStackTrace();
      }
    });
    server.start();
  }

  private static Object keep(String name, byte[] body) throws Exception {
    CloudEvent<?> event = CloudEvent.deserialize(body);
    inbox.add(name, Map.of("value", event.getData(), "contentType", event.getDatacontenttype(), "topic", event.getTopic()));
    return Map.of("status", "SUCCESS");
  }

  private static Object keepAll(byte[] body) throws Exception {
    List<BulkSubscribeAppResponseEntry> statuses = new ArrayList<>();
    JsonNode batch = Inbox.json.readTree(body);
    for (JsonNode entry : batch.get("entries")) {
      Map<String, Object> item = new HashMap<>();
      item.put("value", CloudEvent.deserialize(Inbox.json.writeValueAsBytes(entry.get("event"))).getData());
      item.put("topic", batch.get("topic"));
      inbox.add("bulk", item);
      statuses.add(new BulkSubscribeAppResponseEntry(entry.get("entryId").asText(), BulkSubscribeAppResponseStatus.SUCCESS));
    }
    return new BulkSubscribeAppResponse(statuses);
  }
}
