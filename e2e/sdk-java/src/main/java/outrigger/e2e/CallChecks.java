package outrigger.e2e;

import static outrigger.e2e.Checks.equal;
import static outrigger.e2e.Checks.fails;

import com.fasterxml.jackson.databind.JsonNode;
import io.dapr.client.domain.HttpExtension;
import io.dapr.exceptions.DaprException;
import io.dapr.v1.CommonProtos.HTTPExtension;
import io.dapr.v1.CommonProtos.HTTPExtension.Verb;
import io.grpc.Context;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.MetadataUtils;
import io.grpc.stub.StreamObserver;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import outrigger.e2e.canoes.Canoe;
import outrigger.e2e.canoes.CanoesGrpc;
import outrigger.e2e.canoes.Cargo;
import outrigger.e2e.canoes.GetRequest;
import outrigger.e2e.canoes.ListRequest;
import outrigger.e2e.canoes.Position;
import outrigger.e2e.canoes.Stroke;
import outrigger.e2e.canoes.Total;

/** Invocation, and the app's own service through sidecars. */
final class CallChecks {
  private static final GetRequest hokulea = GetRequest.newBuilder().setName("Hokulea").build();

  static void add(Checks checks, Client client) {
    String orders = client.orders;
    String inventory = client.inventory;

    checks.add("invocation: calls a gRPC app over gRPC", () -> {
      for (ManagedChannel channel : client.channels) {
        var answer = client.invoke(channel, orders, "echo", "\"over gRPC\"", null);
        equal(answer.getData().getValue().toStringUtf8(), "\"over gRPC\"");
        equal(answer.getContentType(), "application/json");
      }
    });

    checks.add("invocation: calls a gRPC app over HTTP", () ->
        equal(client.dapr.invokeMethod(orders, "echo", Map.of("http", 1), HttpExtension.POST, JsonNode.class).block().toString(),
            "{\"http\":1}"));

    checks.add("invocation: calls an HTTP app over gRPC", () -> {
      for (ManagedChannel channel : client.channels) {
        HTTPExtension get = HTTPExtension.newBuilder().setVerb(Verb.GET).build();
        equal(client.invoke(channel, inventory, "stock", "", get).getData().getValue().toStringUtf8(), "{\"canoe\":3}");
        HTTPExtension post = HTTPExtension.newBuilder().setVerb(Verb.POST).setQuerystring("size=big").build();
        var answer = client.invoke(channel, inventory, "reserve", "{\"item\":\"canoe\"}", post);
        JsonNode reserved = Inbox.json.readTree(answer.getData().getValue().toByteArray());
        equal(reserved.get("reserved").toString() + reserved.get("query").asText(), "{\"item\":\"canoe\"}size=big");
      }
    });

    checks.add("invocation: calls an HTTP app over HTTP", () -> {
      JsonNode answer = client.dapr
          .invokeMethod(inventory, "reserve", Map.of("item", "canoe"), HttpExtension.POST, JsonNode.class).block();
      equal(answer.get("reserved").toString(), "{\"item\":\"canoe\"}");
    });

    checks.add("invocation: learns how a call has failed", () -> {
      HTTPExtension put = HTTPExtension.newBuilder().setVerb(Verb.PUT).build();
      equal(codeOf(() -> client.invoke(client.channels.get(0), inventory, "fail", "", put)), Status.Code.NOT_FOUND);
      equal(codeOf(() -> client.invoke(client.channels.get(0), orders, "nothing", "", null)), Status.Code.UNIMPLEMENTED);
      equal(codeOf(() -> client.invoke(client.channels.get(0), "nobody", "stock", "", put)), Status.Code.INTERNAL);
      DaprException error = fails(DaprException.class, () ->
          client.dapr.invokeMethod(inventory, "fail", HttpExtension.PUT, Map.of(), JsonNode.class).block());
      equal(error.getHttpStatusCode(), 404);
    });

    // at the app's own sidecar with the SDK's stub; at the other one, which passes calls on
    List<CanoesGrpc.CanoesBlockingStub> stubs = List.of(
        client.dapr.newGrpcStub(orders, CanoesGrpc::newBlockingStub),
        client.other.newGrpcStub(orders, CanoesGrpc::newBlockingStub));
    List<CanoesGrpc.CanoesStub> asyncStubs = List.of(
        client.dapr.newGrpcStub(orders, CanoesGrpc::newStub), client.other.newGrpcStub(orders, CanoesGrpc::newStub));

    checks.add("proxying: calls a method of an app's own service", () -> {
      for (var stub : stubs) {
        Metadata metadata = new Metadata();
        metadata.put(CanoesService.caller, "java");
        var headers = new AtomicReference<Metadata>();
        Canoe canoe = stub
            .withInterceptors(
                MetadataUtils.newAttachHeadersInterceptor(metadata),
                MetadataUtils.newCaptureMetadataInterceptor(headers, new AtomicReference<>()))
            .get(hokulea);
        equal(List.of(canoe.getName(), canoe.getNumber()), List.of("Hokulea", 1));
        equal(headers.get().get(CanoesService.caller), "java");
      }
    });

    checks.add("proxying: streams to, from and both ways", () -> {
      for (var stub : stubs) {
        int[] number = {0};
        stub.list(ListRequest.newBuilder().setCount(500).build())
            .forEachRemaining(canoe -> equal(canoe.getNumber(), number[0]++));
        equal(number[0], 500);
      }
      for (var stub : asyncStubs) {
        var totals = new Answers<Total>();
        StreamObserver<Cargo> load = stub.load(totals);
        for (int kilograms = 0; kilograms < 500; kilograms++) load.onNext(Cargo.newBuilder().setKilograms(kilograms).build());
        load.onCompleted();
        Total total = totals.next();
        equal(List.of(total.getKilograms(), total.getPieces()), List.of(124750L, 500));

        var positions = new Answers<Position>();
        StreamObserver<Stroke> paddle = stub.paddle(positions);
        for (int turn = 1; turn <= 3; turn++) {
          paddle.onNext(Stroke.newBuilder().setMetres(5).build());
          equal(positions.next().getMetres(), 5 * turn);
        }
        paddle.onCompleted();
        equal(positions.ended.get(20, TimeUnit.SECONDS), true);
      }
    });

    checks.add("proxying: sees statuses and trailers", () -> {
      for (var stub : stubs) {
        StatusRuntimeException error = fails(StatusRuntimeException.class,
            () -> stub.get(GetRequest.newBuilder().setName("Kon-Tiki").build()));
        equal(error.getStatus().getCode(), Status.Code.NOT_FOUND);
        equal(error.getStatus().getDescription(), "no canoe is called Kon-Tiki");
        equal(error.getTrailers().get(CanoesService.hint), "ask for Hokulea");
      }
    });

    checks.add("proxying: ends a call that its caller has given up", () -> {
      var drifting = new Answers<Canoe>();
      try (var context = Context.current().withCancellation()) {
        context.run(() -> asyncStubs.get(1).drift(hokulea, drifting));
        client.received(orders, "drift", 1);
        context.cancel(null);
        client.received(orders, "drift-ended", 1);
      }
      equal(codeOf(() -> stubs.get(1).withDeadlineAfter(500, TimeUnit.MILLISECONDS).drift(hokulea)),
          Status.Code.DEADLINE_EXCEEDED);
      client.received(orders, "drift-ended", 2);
    });
  }

  private static Status.Code codeOf(Checks.Check call) throws Exception {
    return fails(StatusRuntimeException.class, call).getStatus().getCode();
  }

  /** Answers of a stream, as they come. */
  private static final class Answers<T> implements StreamObserver<T> {
    private final BlockingQueue<T> items = new LinkedBlockingQueue<>();
    final CompletableFuture<Boolean> ended = new CompletableFuture<>();

    T next() throws InterruptedException {
      T item = items.poll(20, TimeUnit.SECONDS);
      if (item == null) throw new AssertionError("nothing came within 20 s; ended: " + ended);
      return item;
    }

    @Override
    public void onNext(T item) {
      items.add(item);
    }

    @Override
    public void onError(Throwable error) {
      ended.completeExceptionally(error);
    }

    @Override
    public void onCompleted() {
      ended.complete(true);
    }
  }
}
