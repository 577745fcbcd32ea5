// An app on the SDK's gRPC service: methods, topics, an input binding and a service of its own.
package main

import (
	"context"
	"encoding/hex"
	"errors"
	"log"
	"net"
	"os"

	"github.com/dapr/go-sdk/service/common"
	daprd "github.com/dapr/go-sdk/service/grpc"
	"google.golang.org/grpc"
	"outrigger/e2e/sdk-go/canoes"
	"outrigger/e2e/sdk-go/inbox"
)

var (
	run    = os.Getenv("E2E_RUN")
	events = inbox.New()
)

func seen(name string, event *common.TopicEvent) int {
	value := event.Data
	if bytes, ok := value.([]byte); ok {
		value = hex.EncodeToString(bytes)
	}
	return events.Add(name, inbox.Item{Value: value, ContentType: event.DataContentType, Topic: event.Topic})
}

func keep(name string) common.TopicEventHandler {
	return func(_ context.Context, event *common.TopicEvent) (bool, error) {
		seen(name, event)
		return false, nil
	}
}

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Getenv("APP_PORT"))
	if err != nil {
		log.Fatal(err)
	}
	server := grpc.NewServer()
	canoes.RegisterCanoesServer(server, &canoes.Service{Inbox: events})
	service := daprd.NewServiceWithGrpcServer(listener, server)

	must(service.AddServiceInvocationHandler("echo", func(_ context.Context, in *common.InvocationEvent) (*common.Content, error) {
		return &common.Content{Data: in.Data, ContentType: in.ContentType}, nil
	}))
	must(service.AddServiceInvocationHandler("received", func(_ context.Context, in *common.InvocationEvent) (*common.Content, error) {
		items, err := events.Wait(in.Data)
		return &common.Content{Data: items, ContentType: "application/json"}, err
	}))

	subscribe := func(sub common.Subscription, handler common.TopicEventHandler) {
		sub.PubsubName = "pubsub"
		sub.Topic += "-" + run
		must(service.AddTopicEventHandler(&sub, handler))
	}
	subscribe(common.Subscription{Topic: "plain"}, keep("plain"))
	subscribe(common.Subscription{Topic: "published-in-bulk"}, keep("published-in-bulk"))
	subscribe(common.Subscription{Topic: "retry"}, func(_ context.Context, event *common.TopicEvent) (bool, error) {
		if seen("retry", event) < 3 {
			return true, errors.New("once more")
		}
		return false, nil
	})
	subscribe(common.Subscription{Topic: "drop"}, func(_ context.Context, event *common.TopicEvent) (bool, error) {
		seen("drop", event)
		return false, errors.New("not wanted")
	})
	subscribe(
		common.Subscription{Topic: "dead", DeadLetterTopic: "dead-letters-" + run},
		func(context.Context, *common.TopicEvent) (bool, error) { return true, errors.New("never") },
	)
	subscribe(common.Subscription{Topic: "dead-letters"}, keep("dead-letters"))
	subscribe(common.Subscription{Topic: "raw", Metadata: map[string]string{"rawPayload": "true"}}, keep("raw"))
	subscribe(common.Subscription{Topic: "routed", Match: `event.type == "canoe"`, Route: "canoes", Priority: 1}, keep("canoes"))
	subscribe(common.Subscription{Topic: "routed", Route: "others"}, keep("others"))
	// handles what no other handler of this pub/sub does: the topic that is declared in YAML
	subscribe(common.Subscription{Topic: "unused", DisableTopicValidation: true}, keep("declared"))

	must(service.AddBindingInvocationHandler("ticks", func(context.Context, *common.BindingEvent) ([]byte, error) {
		events.Add("ticks", inbox.Item{})
		return nil, nil
	}))
	must(service.AddHealthCheckHandler("", func(context.Context) error { return nil }))
	must(service.Start())
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
