// An app on the SDK's HTTP service.
package main

import (
	"context"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"os"

	"github.com/dapr/go-sdk/service/common"
	daprd "github.com/dapr/go-sdk/service/http"
	"github.com/go-chi/chi/v5"
	"outrigger/e2e/sdk-go/inbox"
)

var (
	run    = os.Getenv("E2E_RUN")
	events = inbox.New()
)

type object = map[string]any

// handle serves a path that the SDK has no handler for: what is declared in YAML, and statuses.
func handle(mux *chi.Mux, path string, handler func(body []byte) (int, any)) {
	mux.HandleFunc(path, func(response http.ResponseWriter, request *http.Request) {
		body, err := io.ReadAll(request.Body)
		must(err)
		code, answer := handler(body)
		response.Header().Set("content-type", "application/json")
		response.WriteHeader(code)
		must(json.NewEncoder(response).Encode(answer))
	})
}

func main() {
	mux := chi.NewRouter()
	handle(mux, "/fail", func([]byte) (int, any) { return http.StatusNotFound, object{"error": "no such canoe"} })
	handle(mux, "/declared", func(body []byte) (int, any) {
		var event common.TopicEvent
		must(json.Unmarshal(body, &event))
		events.Add("declared", inbox.Item{Value: event.Data, Topic: event.Topic})
		return http.StatusOK, object{}
	})
	handle(mux, "/bulk", func(body []byte) (int, any) {
		var request struct {
			Topic   string `json:"topic"`
			Entries []struct {
				EntryID string            `json:"entryId"`
				Event   common.TopicEvent `json:"event"`
			} `json:"entries"`
		}
		must(json.Unmarshal(body, &request))
		statuses := []object{}
		for _, entry := range request.Entries {
			events.Add("bulk", inbox.Item{Value: entry.Event.Data, Topic: request.Topic})
			statuses = append(statuses, object{"entryId": entry.EntryID, "status": "SUCCESS"})
		}
		return http.StatusOK, object{"statuses": statuses}
	})

	service := daprd.NewServiceWithMux("127.0.0.1:"+os.Getenv("APP_PORT"), mux)
	must(service.AddServiceInvocationHandler("/stock", func(context.Context, *common.InvocationEvent) (*common.Content, error) {
		return &common.Content{Data: []byte(`{"canoe":3}`), ContentType: "application/json"}, nil
	}))
	must(service.AddServiceInvocationHandler("/reserve", func(_ context.Context, in *common.InvocationEvent) (*common.Content, error) {
		data, err := json.Marshal(object{"reserved": json.RawMessage(in.Data), "query": in.QueryString})
		return &common.Content{Data: data, ContentType: "application/json"}, err
	}))
	must(service.AddServiceInvocationHandler("/received", func(_ context.Context, in *common.InvocationEvent) (*common.Content, error) {
		items, err := events.Wait(in.Data)
		return &common.Content{Data: items, ContentType: "application/json"}, err
	}))
	must(service.AddTopicEventHandler(
		&common.Subscription{PubsubName: "pubsub", Topic: "web-" + run, Route: "/web"},
		func(_ context.Context, event *common.TopicEvent) (bool, error) {
			events.Add("web", inbox.Item{Value: event.Data, Topic: event.Topic})
			return false, nil
		},
	))
	must(service.Start())
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
