package outrigger.e2e;

import com.fasterxml.jackson.databind.JsonNode;
import com.google.protobuf.Any;
import com.google.protobuf.ByteString;
import com.google.protobuf.Empty;
import io.dapr.v1.AppCallbackAlphaGrpc;
import io.dapr.v1.AppCallbackGrpc;
import io.dapr.v1.AppCallbackHealthCheckGrpc;
import io.dapr.v1.CommonProtos.InvokeRequest;
import io.dapr.v1.CommonProtos.InvokeResponse;
import io.dapr.v1.DaprAppCallbackProtos.BindingEventRequest;
import io.dapr.v1.DaprAppCallbackProtos.BindingEventResponse;
import io.dapr.v1.DaprAppCallbackProtos.HealthCheckResponse;
import io.dapr.v1.DaprAppCallbackProtos.ListInputBindingsResponse;
import io.dapr.v1.DaprAppCallbackProtos.ListTopicSubscriptionsResponse;
import io.dapr.v1.DaprAppCallbackProtos.TopicEventBulkRequest;
import io.dapr.v1.DaprAppCallbackProtos.TopicEventBulkResponse;
import io.dapr.v1.DaprAppCallbackProtos.TopicEventRequest;
import io.dapr.v1.DaprAppCallbackProtos.TopicEventResponse;
import io.dapr.v1.DaprAppCallbackProtos.TopicEventResponse.TopicEventResponseStatus;
import io.dapr.v1.DaprAppCallbackProtos.TopicRoutes;
import io.dapr.v1.DaprAppCallbackProtos.TopicRule;
import io.dapr.v1.DaprAppCallbackProtos.TopicSubscription;
import io.grpc.InsecureServerCredentials;
import io.grpc.Status;
import io.grpc.netty.NettyServerBuilder;
import io.grpc.stub.StreamObserver;
import java.net.InetSocketAddress;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;

/** An app on the services that the SDK carries: methods, topics, an input binding and a service of its own. */
final class GrpcApp {
  private static final String run = System.getenv("E2E_RUN");
  private static final Inbox inbox = new Inbox();

  public static void main(String[] args) throws Exception {
    InetSocketAddress address = new InetSocketAddress("127.0.0.1", Integer.parseInt(System.getenv("APP_PORT")));
    NettyServerBuilder.forAddress(address, InsecureServerCredentials.create())
        .addService(new Callbacks())
        .addService(new AlphaCallbacks())
        .addService(new Health())
        .addService(new CanoesService(inbox))
        .intercept(CanoesService.callers)
        .build()
        .start()
        .awaitTermination();
  }

  private static <T> void answer(StreamObserver<T> observer, T message) {
    observer.onNext(message);
    observer.onCompleted();
  }

  /** Keeps an event: JSON and text as they are, anything else as hexadecimal digits. */
  private static int seen(String name, String contentType, ByteString data, String topic) {
    Object value = HexFormat.of().formatHex(data.toByteArray());
    try {
      if (contentType.startsWith("application/json")) value = Inbox.json.readValue(data.toByteArray(), JsonNode.class);
    } catch (Exception error) {
      throw new IllegalStateException(error);
    }
    if (contentType.startsWith("text/plain")) value = data.toStringUtf8();
    return inbox.add(name, Map.of("value", value, "contentType", contentType, "topic", topic));
  }

  private static final class Callbacks extends AppCallbackGrpc.AppCallbackImplBase {
    @Override
    public void onInvoke(InvokeRequest request, StreamObserver<InvokeResponse> observer) {
      switch (request.getMethod()) {
        case "echo" -> answer(observer,
            InvokeResponse.newBuilder().setData(request.getData()).setContentType(request.getContentType()).build());
        case "received" -> {
          try {
            ByteString items = ByteString.copyFrom(inbox.answer(request.getData().getValue().toByteArray()));
            answer(observer, InvokeResponse.newBuilder()
                .setData(Any.newBuilder().setValue(items)).setContentType("application/json").build());
          } catch (Exception error) {
            observer.onError(Status.INTERNAL.withDescription(error.toString()).asRuntimeException());
          }
        }
        default -> observer.onError(
            Status.UNIMPLEMENTED.withDescription("no method " + request.getMethod()).asRuntimeException());
      }
    }

    @Override
    public void listTopicSubscriptions(Empty request, StreamObserver<ListTopicSubscriptionsResponse> observer) {
      TopicRoutes routes = TopicRoutes.newBuilder()
          .addRules(TopicRule.newBuilder().setMatch("event.type == \"canoe\"").setPath("canoes"))
          .setDefault("others")
          .build();
      answer(observer, ListTopicSubscriptionsResponse.newBuilder()
          .addAllSubscriptions(List.of(
              topic("plain").build(),
              topic("retry").build(),
              topic("drop").build(),
              topic("dead").setDeadLetterTopic("dead-letters-" + run).build(),
              topic("dead-letters").build(),
              topic("raw").putMetadata("rawPayload", "true").build(),
              topic("routed").setRoutes(routes).build()))
          .build());
    }

    private static TopicSubscription.Builder topic(String name) {
      return TopicSubscription.newBuilder().setPubsubName("pubsub").setTopic(name + "-" + run);
    }

    @Override
    public void onTopicEvent(TopicEventRequest event, StreamObserver<TopicEventResponse> observer) {
      String topic = event.getTopic().substring(0, event.getTopic().length() - run.length() - 1);
      String name = event.getPath().isEmpty() ? topic : event.getPath();
      int count = seen(name, event.getDataContentType(), event.getData(), event.getTopic());
      TopicEventResponseStatus status = switch (name) {
        case "retry" -> count < 3 ? TopicEventResponseStatus.RETRY : TopicEventResponseStatus.SUCCESS;
        case "drop" -> TopicEventResponseStatus.DROP;
        case "dead" -> TopicEventResponseStatus.RETRY;
        default -> TopicEventResponseStatus.SUCCESS;
      };
      answer(observer, TopicEventResponse.newBuilder().setStatus(status).build());
    }

    @Override
    public void listInputBindings(Empty request, StreamObserver<ListInputBindingsResponse> observer) {
      answer(observer, ListInputBindingsResponse.newBuilder().addBindings("ticks").build());
    }

    @Override
    public void onBindingEvent(BindingEventRequest event, StreamObserver<BindingEventResponse> observer) {
      inbox.add(event.getName(), Map.of());
      answer(observer, BindingEventResponse.getDefaultInstance());
    }
  }

  /** Batches come under the name they had first: the newer one is not implemented here. */
  private static final class AlphaCallbacks extends AppCallbackAlphaGrpc.AppCallbackAlphaImplBase {
    @Override
    public void onBulkTopicEventAlpha1(TopicEventBulkRequest batch, StreamObserver<TopicEventBulkResponse> observer) {
      TopicEventBulkResponse.Builder statuses = TopicEventBulkResponse.newBuilder();
      for (var entry : batch.getEntriesList()) {
        var event = entry.getCloudEvent();
        seen(batch.getPath(), event.getDataContentType(), event.getData(), batch.getTopic());
        statuses.addStatusesBuilder().setEntryId(entry.getEntryId()).setStatus(TopicEventResponseStatus.SUCCESS);
      }
      answer(observer, statuses.build());
    }
  }

  private static final class Health extends AppCallbackHealthCheckGrpc.AppCallbackHealthCheckImplBase {
    @Override
    public void healthCheck(Empty request, StreamObserver<HealthCheckResponse> observer) {
      answer(observer, HealthCheckResponse.getDefaultInstance());
    }
  }
}
