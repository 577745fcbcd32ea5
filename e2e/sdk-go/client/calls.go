package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"time"

	dapr "github.com/dapr/go-sdk/client"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"outrigger/e2e/sdk-go/canoes"
)

// stubs talk to the app's own service at its own sidecar and at the other one, which passes calls on.
func stubs() (all []canoes.CanoesClient, end func()) {
	var connections []*grpc.ClientConn
	for _, port := range []string{os.Getenv("DAPR_GRPC_PORT"), os.Getenv("E2E_OTHER_GRPC_PORT")} {
		connection := value(grpc.NewClient(net.JoinHostPort("127.0.0.1", port), grpc.WithTransportCredentials(insecure.NewCredentials())))
		connections = append(connections, connection)
		all = append(all, canoes.NewCanoesClient(connection))
	}
	return all, func() {
		for _, connection := range connections {
			must(connection.Close())
		}
	}
}

func init() {
	toOrders := metadata.AppendToOutgoingContext(ctx, "dapr-app-id", orders, "dapr-api-token", os.Getenv("DAPR_API_TOKEN"))

	checks["invocation: calls a gRPC app over gRPC"] = func() {
		for _, through := range []dapr.Client{client, other} {
			answer := value(through.InvokeMethodWithContent(ctx, orders, "echo", "post", &dapr.DataContent{Data: []byte("over gRPC"), ContentType: "text/plain"}))
			equal(string(answer), "over gRPC")
		}
	}

	checks["invocation: calls an HTTP app over gRPC"] = func() {
		for _, through := range []dapr.Client{client, other} {
			equal(decoded[object](value(through.InvokeMethod(ctx, inventory, "stock", "get"))), object{"canoe": 3.0})
			answer := value(through.InvokeMethodWithContent(ctx, inventory, "reserve?size=big", "post",
				&dapr.DataContent{Data: []byte(`{"item": "canoe"}`), ContentType: "application/json"}))
			equal(decoded[object](answer), object{"reserved": object{"item": "canoe"}, "query": "size=big"})
		}
	}

	checks["invocation: learns how a call has failed"] = func() {
		_, err := client.InvokeMethod(ctx, inventory, "fail", "put")
		equal(codeOf(err), codes.NotFound)
		_, err = client.InvokeMethod(ctx, orders, "nothing", "post")
		// what this SDK's service answers for a method it does not know
		equal(codeOf(err), codes.Unknown)
		_, err = client.InvokeMethod(ctx, "nobody", "stock", "get")
		equal(codeOf(err), codes.Internal)
	}

	checks["proxying: calls a method of an app's own service"] = func() {
		all, end := stubs()
		defer end()
		for _, stub := range all {
			var header metadata.MD
			withCaller := metadata.AppendToOutgoingContext(toOrders, "canoe-caller", "go")
			canoe := value(stub.Get(withCaller, &canoes.GetRequest{Name: "Hokulea"}, grpc.Header(&header)))
			equal(canoe.GetName(), "Hokulea")
			equal(header.Get("canoe-caller"), []string{"go"})
		}
	}

	checks["proxying: streams to, from and both ways"] = func() {
		all, end := stubs()
		defer end()
		for _, stub := range all {
			list := value(stub.List(toOrders, &canoes.ListRequest{Count: 500}))
			for number := range int32(500) {
				equal(value(list.Recv()).GetNumber(), number)
			}
			_, err := list.Recv()
			equal(fmt.Sprint(err), "EOF")

			load := value(stub.Load(toOrders))
			for kilograms := range int64(500) {
				must(load.Send(&canoes.Cargo{Kilograms: kilograms}))
			}
			total := value(load.CloseAndRecv())
			equal([]int64{total.GetKilograms(), int64(total.GetPieces())}, []int64{124750, 500})

			paddle := value(stub.Paddle(toOrders))
			for turn := range int32(3) {
				must(paddle.Send(&canoes.Stroke{Metres: 5}))
				equal(value(paddle.Recv()).GetMetres(), 5*(turn+1))
			}
			must(paddle.CloseSend())
			_, err = paddle.Recv()
			equal(fmt.Sprint(err), "EOF")
		}
	}

	checks["proxying: sees statuses and trailers"] = func() {
		all, end := stubs()
		defer end()
		for _, stub := range all {
			var trailer metadata.MD
			_, err := stub.Get(toOrders, &canoes.GetRequest{Name: "Kon-Tiki"}, grpc.Trailer(&trailer))
			equal(codeOf(err), codes.NotFound)
			equal(status.Convert(err).Message(), "no canoe is called Kon-Tiki")
			equal(trailer.Get("canoe-hint"), []string{"ask for Hokulea"})
		}
	}

	checks["proxying: ends a call that its caller has given up"] = func() {
		all, end := stubs()
		defer end()
		cancelled, cancel := context.WithCancel(toOrders)
		ended := make(chan error, 1)
		go func() {
			_, err := all[1].Drift(cancelled, &canoes.GetRequest{})
			ended <- err
		}()
		received(orders, "drift", 1)
		cancel()
		received(orders, "drift-ended", 1)
		equal(codeOf(next(ended)), codes.Canceled)

		short, cancelShort := context.WithTimeout(toOrders, 500*time.Millisecond)
		defer cancelShort()
		_, err := all[1].Drift(short, &canoes.GetRequest{})
		equal(codeOf(err), codes.DeadlineExceeded)
		received(orders, "drift-ended", 2)
	}
}
