package outrigger.e2e;

import com.fasterxml.jackson.databind.JsonNode;
import com.google.protobuf.Any;
import com.google.protobuf.ByteString;
import io.dapr.client.DaprClient;
import io.dapr.client.DaprClientBuilder;
import io.dapr.client.DaprPreviewClient;
import io.dapr.config.Properties;
import io.dapr.v1.CommonProtos.HTTPExtension;
import io.dapr.v1.CommonProtos.InvokeRequest;
import io.dapr.v1.CommonProtos.InvokeResponse;
import io.dapr.v1.DaprGrpc;
import io.dapr.v1.DaprInvokeProtos.InvokeServiceRequest;
import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import io.grpc.Metadata;
import io.grpc.stub.MetadataUtils;
import java.util.List;
import java.util.Map;
import java.util.stream.StreamSupport;

/** A client with the official Java SDK: every building block, by gRPC; invocation by HTTP too. */
final class Client implements AutoCloseable {
  final String run = System.getenv("E2E_RUN");
  final String orders = "orders-" + run;
  final String inventory = "inventory-" + run;
  final DaprClient dapr = new DaprClientBuilder().build();
  final DaprPreviewClient preview = new DaprClientBuilder().buildPreviewClient();

  /** Talks to the other app's sidecar. */
  final DaprClient other = new DaprClientBuilder()
      .withPropertyOverrides(Map.of(
          Properties.GRPC_ENDPOINT, "http://127.0.0.1:" + System.getenv("E2E_OTHER_GRPC_PORT"),
          Properties.HTTP_ENDPOINT, "http://127.0.0.1:" + System.getenv("E2E_OTHER_HTTP_PORT")))
      .build();

  /** Connections to the app's own sidecar and to the other one, for what the SDK has no method for. */
  final List<ManagedChannel> channels = List.of(
      channel(System.getenv("DAPR_GRPC_PORT")), channel(System.getenv("E2E_OTHER_GRPC_PORT")));

  public static void main(String[] args) throws Exception {
    Checks checks = new Checks();
    try (Client client = new Client()) {
      BlockChecks.add(checks, client);
      EventChecks.add(checks, client);
      CallChecks.add(checks, client);
      checks.run();
    }
    // threads of the SDK's HTTP client linger
    System.exit(0);
  }

  String key(String name) {
    return name + "-" + run;
  }

  /** Calls a method of an app over gRPC. */
  InvokeResponse invoke(ManagedChannel through, String app, String method, String data, HTTPExtension http) {
    InvokeRequest.Builder request = InvokeRequest.newBuilder()
        .setMethod(method)
        .setContentType("application/json")
        .setData(Any.newBuilder().setValue(ByteString.copyFromUtf8(data)));
    if (http != null) request.setHttpExtension(http);
    return DaprGrpc.newBlockingStub(through)
        .invokeService(InvokeServiceRequest.newBuilder().setId(app).setMessage(request).build());
  }

  /** What an app has been given, once there is as much of it. */
  List<JsonNode> received(String app, String inbox, int count) throws Exception {
    HTTPExtension post = HTTPExtension.newBuilder().setVerb(HTTPExtension.Verb.POST).build();
    String query = Inbox.json.writeValueAsString(Map.of("inbox", inbox, "count", count));
    InvokeResponse answer = invoke(channels.get(0), app, "received", query, post);
    JsonNode items = Inbox.json.readTree(answer.getData().getValue().toByteArray());
    return StreamSupport.stream(items.spliterator(), false).toList();
  }

  /** The values of that, as JSON. */
  List<String> values(String app, String inbox, int count) throws Exception {
    return received(app, inbox, count).stream().map(item -> item.get("value").toString()).toList();
  }

  private static ManagedChannel channel(String port) {
    ManagedChannelBuilder<?> builder = ManagedChannelBuilder.forAddress("127.0.0.1", Integer.parseInt(port)).usePlaintext();
    String token = System.getenv("DAPR_API_TOKEN");
    if (token == null) return builder.build();
    Metadata metadata = new Metadata();
    metadata.put(Metadata.Key.of("dapr-api-token", Metadata.ASCII_STRING_MARSHALLER), token);
    return builder.intercept(MetadataUtils.newAttachHeadersInterceptor(metadata)).build();
  }

  @Override
  public void close() throws Exception {
    for (ManagedChannel channel : channels) channel.shutdownNow();
    preview.close();
    other.close();
    dapr.close();
  }
}
