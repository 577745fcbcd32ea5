package outrigger.e2e;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** What an app has been given, by the name of the inbox; askers wait for it. */
final class Inbox {
  static final ObjectMapper json = new ObjectMapper();

  private final Map<String, List<Map<String, Object>>> items = new HashMap<>();

  /** Hands back how many there are now. */
  synchronized int add(String name, Map<String, Object> item) {
    List<Map<String, Object>> all = items.computeIfAbsent(name, key -> new ArrayList<>());
    all.add(item);
    notifyAll();
    return all.size();
  }

  /** The method `received`: {"inbox": name, "count": n} is answered, as JSON, once n items are in. */
  synchronized byte[] answer(byte[] query) throws Exception {
    JsonNode wanted = json.readTree(query);
    long deadline = System.nanoTime() + 20_000_000_000L;
    for (;;) {
      List<Map<String, Object>> all = items.getOrDefault(wanted.get("inbox").asText(), List.of());
      if (all.size() >= wanted.get("count").asInt()) return json.writeValueAsBytes(all);
      long left = (deadline - System.nanoTime()) / 1_000_000;
      if (left <= 0) throw new IllegalStateException(wanted + ": " + all.size() + " within 20 s");
      wait(left);
    }
  }
}
