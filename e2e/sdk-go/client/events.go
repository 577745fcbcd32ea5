package main

import (
	"encoding/json"
	"sort"

	dapr "github.com/dapr/go-sdk/client"
	"github.com/dapr/go-sdk/service/common"
	"google.golang.org/grpc/codes"
)

func publish(topic string, data any, options ...dapr.PublishEventOption) {
	must(client.PublishEvent(ctx, "pubsub", key(topic), data, options...))
}

func numbers(items []item) []int {
	all := []int{}
	for _, value := range values(items) {
		all = append(all, int(value.(object)["n"].(float64)))
	}
	sort.Ints(all)
	return all
}

func init() {
	checks["pub/sub: delivers JSON, text and bytes"] = func() {
		publish("plain", object{"id": 1})
		publish("plain", "text", dapr.PublishEventWithContentType("text/plain"))
		publish("plain", []byte{0, 255}, dapr.PublishEventWithContentType("application/octet-stream"))
		seen := object{}
		for _, item := range received(orders, "plain", 3) {
			seen[item.ContentType] = item.Value
		}
		equal(seen, object{"application/json": object{"id": 1.0}, "text/plain": "text", "application/octet-stream": "00ff"})
	}

	checks["pub/sub: delivers what is declared in YAML"] = func() {
		publish("declared", object{"declared": true})
		equal(values(received(orders, "declared", 1)), []any{object{"declared": true}})
	}

	checks["pub/sub: delivers again what the app wants to retry"] = func() {
		publish("retry", object{"attempt": true})
		attempt := object{"attempt": true}
		equal(values(received(orders, "retry", 3)), []any{attempt, attempt, attempt})
	}

	checks["pub/sub: delivers once what the app drops"] = func() {
		publish("drop", object{"unwanted": 1})
		received(orders, "drop", 1)
		// what is published later has come while the first one was not sent again
		publish("drop", object{"unwanted": 2})
		equal(values(received(orders, "drop", 2)), []any{object{"unwanted": 1.0}, object{"unwanted": 2.0}})
	}

	checks["pub/sub: sends what fails to the dead letter topic"] = func() {
		publish("dead", object{"poison": true})
		equal(values(received(orders, "dead-letters", 1)), []any{object{"poison": true}})
	}

	checks["pub/sub: passes raw payloads"] = func() {
		publish("raw", "as it is", dapr.PublishEventWithRawPayload())
		equal(values(received(orders, "raw", 1)), []any{"6173206974206973"})
	}

	checks["pub/sub: routes by rule"] = func() {
		for _, kind := range []string{"canoe", "raft"} {
			event := object{
				"specversion": "1.0", "type": kind, "source": "test", "id": key(kind),
				"datacontenttype": "application/json", "data": object{"type": kind},
			}
			publish("routed", value(json.Marshal(event)), dapr.PublishEventWithContentType("application/cloudevents+json"))
		}
		equal(values(received(orders, "canoes", 1)), []any{object{"type": "canoe"}})
		equal(values(received(orders, "others", 1)), []any{object{"type": "raft"}})
	}

	checks["pub/sub: publishes in bulk"] = func() {
		answer := client.PublishEvents(ctx, "pubsub", key("published-in-bulk"), []any{object{"n": 0}, object{"n": 1}, object{"n": 2}})
		must(answer.Error)
		equal(len(answer.FailedEvents), 0)
		equal(numbers(received(orders, "published-in-bulk", 3)), []int{0, 1, 2})
	}

	checks["pub/sub: delivers to an HTTP app"] = func() {
		must(other.PublishEvent(ctx, "pubsub", key("web"), object{"web": 1}))
		equal(values(received(inventory, "web", 1)), []any{object{"web": 1.0}})
	}

	checks["pub/sub: delivers to an HTTP app what is declared in YAML, in bulk"] = func() {
		must(other.PublishEvent(ctx, "pubsub", key("web-declared"), object{"web": 2}))
		equal(values(received(inventory, "declared", 1)), []any{object{"web": 2.0}})
		must(other.PublishEvents(ctx, "pubsub", key("web-bulk"), []any{object{"n": 1}, object{"n": 2}}).Error)
		equal(numbers(received(inventory, "bulk", 2)), []int{1, 2})
	}

	checks["pub/sub: learns why an event was not taken"] = func() {
		equal(codeOf(client.PublishEvent(ctx, "nowhere", "x", "y")), codes.InvalidArgument)
	}

	subscription := func(topic string) dapr.SubscriptionOptions {
		return dapr.SubscriptionOptions{PubsubName: "pubsub", Topic: key(topic)}
	}

	checks["streaming: takes a topic without a port of its own"] = func() {
		stream := value(client.Subscribe(ctx, subscription("streamed")))
		defer func() { must(stream.Close()) }()
		publish("streamed", object{"streamed": 1})
		message := value(stream.Receive())
		equal(message.Data, object{"streamed": 1.0})
		equal([]string{message.Topic, message.PubsubName}, []string{key("streamed"), "pubsub"})
		must(message.Success())
		publish("streamed", "text", dapr.PublishEventWithContentType("text/plain"))
		message = value(stream.Receive())
		equal(message.Data, any("text"))
		must(message.Success())
	}

	subscribe := func(options dapr.SubscriptionOptions, handler dapr.SubscriptionHandleFunction) func() error {
		return value(client.SubscribeWithHandler(ctx, options, handler))
	}

	checks["streaming: gets again what it wants to retry"] = func() {
		attempts := make(chan any, 10)
		count := 0
		end := subscribe(subscription("streamed-retry"), func(event *common.TopicEvent) common.SubscriptionResponseStatus {
			attempts <- event.Data
			if count++; count < 3 {
				return common.SubscriptionResponseStatusRetry
			}
			return common.SubscriptionResponseStatusSuccess
		})
		publish("streamed-retry", object{"again": 1})
		for range 3 {
			equal(next(attempts), any(object{"again": 1.0}))
		}
		must(end())
	}

	checks["streaming: sends what it drops to the dead letter topic"] = func() {
		letters := make(chan any, 10)
		dropped := subscription("streamed-drop")
		deadLetterTopic := key("streamed-dead")
		dropped.DeadLetterTopic = &deadLetterTopic
		end := subscribe(dropped, func(*common.TopicEvent) common.SubscriptionResponseStatus {
			return common.SubscriptionResponseStatusDrop
		})
		endDead := subscribe(subscription("streamed-dead"), func(event *common.TopicEvent) common.SubscriptionResponseStatus {
			letters <- event.Data
			return common.SubscriptionResponseStatusSuccess
		})
		publish("streamed-drop", object{"away": 1})
		equal(next(letters), any(object{"away": 1.0}))
		must(end())
		must(endDead())
	}

	checks["streaming: a topic can be taken again after its end"] = func() {
		for number := range 2 {
			stream := value(client.Subscribe(ctx, subscription("streamed-again")))
			publish("streamed-again", object{"number": number})
			message := value(stream.Receive())
			equal(message.Data, object{"number": float64(number)})
			must(message.Success())
			must(stream.Close())
		}
	}
}
