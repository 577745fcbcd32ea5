package outrigger.e2e;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;

/** Runs checks by their names and prints one line of JSON for each: what the tests read. */
final class Checks {
  interface Check {
    void run() throws Exception;
  }

  private final Map<String, Check> all = new HashMap<>();

  void add(String name, Check check) {
    all.put(name, check);
  }

  /** Runs what E2E_CHECKS names, in its order. */
  void run() throws Exception {
    for (String name : Inbox.json.readValue(System.getenv("E2E_CHECKS"), String[].class)) {
      Map<String, Object> report = new LinkedHashMap<>(Map.of("check", name));
      try {
        Objects.requireNonNull(all.get(name), "this program has no such check").run();
        report.put("ok", true);
      } catch (Throwable error) {
        StringWriter detail = new StringWriter();
        error.printStackTrace(new PrintWriter(detail));
        report.put("ok", false);
        report.put("detail", detail.toString());
      }
      System.out.println(Inbox.json.writeValueAsString(report));
    }
  }

  static void equal(Object actual, Object expected) {
    if (!Objects.deepEquals(actual, expected)) {
      throw new AssertionError("expected " + expected + ", got " + actual);
    }
  }

  /** Hands back the exception of that type which the action throws. */
  static <E extends Throwable> E fails(Class<E> type, Check action) throws Exception {
    try {
      action.run();
    } catch (Throwable error) {
      if (type.isInstance(error)) return type.cast(error);
      throw error;
    }
    throw new AssertionError("expected " + type.getName());
  }
}
