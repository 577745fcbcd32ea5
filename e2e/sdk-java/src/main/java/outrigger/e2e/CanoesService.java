package outrigger.e2e;

import io.grpc.Context;
import io.grpc.Contexts;
import io.grpc.ForwardingServerCall.SimpleForwardingServerCall;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.util.Map;
import outrigger.e2e.canoes.Canoe;
import outrigger.e2e.canoes.CanoesGrpc;
import outrigger.e2e.canoes.Cargo;
import outrigger.e2e.canoes.GetRequest;
import outrigger.e2e.canoes.ListRequest;
import outrigger.e2e.canoes.Position;
import outrigger.e2e.canoes.Stroke;
import outrigger.e2e.canoes.Total;
import com.google.protobuf.ByteString;

/** The app's own service. */
final class CanoesService extends CanoesGrpc.CanoesImplBase {
  static final Metadata.Key<String> caller = Metadata.Key.of("canoe-caller", Metadata.ASCII_STRING_MARSHALLER);
  static final Metadata.Key<String> hint = Metadata.Key.of("canoe-hint", Metadata.ASCII_STRING_MARSHALLER);

  private final Inbox inbox;

  CanoesService(Inbox inbox) {
    this.inbox = inbox;
  }

  /** Sends the caller's `canoe-caller` back. */
  static final ServerInterceptor callers = new ServerInterceptor() {
    @Override
    public <Q, A> ServerCall.Listener<Q> interceptCall(ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
      String name = headers.get(caller);
      ServerCall<Q, A> answering = new SimpleForwardingServerCall<>(call) {
        @Override
        public void sendHeaders(Metadata answer) {
          if (name != null) answer.put(caller, name);
          super.sendHeaders(answer);
        }
      };
      return Contexts.interceptCall(Context.current(), answering, headers, next);
    }
  };

  @Override
  public void get(GetRequest request, StreamObserver<Canoe> answer) {
    if (!request.getName().equals("Hokulea")) {
      Metadata trailers = new Metadata();
      trailers.put(hint, "ask for Hokulea");
      Status status = Status.NOT_FOUND.withDescription("no canoe is called " + request.getName());
      answer.onError(status.asRuntimeException(trailers));
      return;
    }
    answer.onNext(Canoe.newBuilder().setName(request.getName()).setNumber(1).build());
    answer.onCompleted();
  }

  @Override
  public void list(ListRequest request, StreamObserver<Canoe> answer) {
    ByteString sail = ByteString.copyFrom(new byte[1000]);
    for (int number = 0; number < request.getCount(); number++) {
      answer.onNext(Canoe.newBuilder().setName("canoe " + number).setNumber(number).setSail(sail).build());
    }
    answer.onCompleted();
  }

  @Override
  public StreamObserver<Cargo> load(StreamObserver<Total> answer) {
    Total.Builder total = Total.newBuilder();
    return new Reader<>(answer) {
      @Override
      public void onNext(Cargo cargo) {
        total.setKilograms(total.getKilograms() + cargo.getKilograms()).setPieces(total.getPieces() + 1);
      }

      @Override
      public void onCompleted() {
        answer.onNext(total.build());
        answer.onCompleted();
      }
    };
  }

  @Override
  public StreamObserver<Stroke> paddle(StreamObserver<Position> answer) {
    return new Reader<>(answer) {
      private int metres = 0;

      @Override
      public void onNext(Stroke stroke) {
        metres += stroke.getMetres();
        answer.onNext(Position.newBuilder().setMetres(metres).build());
      }

      @Override
      public void onCompleted() {
        answer.onCompleted();
      }
    };
  }

  @Override
  public void drift(GetRequest request, StreamObserver<Canoe> answer) {
    ((ServerCallStreamObserver<Canoe>) answer).setOnCancelHandler(() -> inbox.add("drift-ended", Map.of()));
    inbox.add("drift", Map.of());
  }

  private abstract static class Reader<T> implements StreamObserver<T> {
    private final StreamObserver<?> answer;

    Reader(StreamObserver<?> answer) {
      this.answer = answer;
    }

    @Override
    public void onError(Throwable error) {
      answer.onError(error);
    }
  }
}
