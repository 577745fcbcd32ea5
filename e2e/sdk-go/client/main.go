// A client with the official Go SDK: every building block, by gRPC.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	dapr "github.com/dapr/go-sdk/client"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

type object = map[string]any

var (
	ctx       = context.Background()
	run       = os.Getenv("E2E_RUN")
	orders    = "orders-" + run
	inventory = "inventory-" + run
	client    dapr.Client
	// other talks to the other app's sidecar
	other dapr.Client
)

func main() {
	client = value(dapr.NewClient())
	other = value(dapr.NewClientWithPort(os.Getenv("E2E_OTHER_GRPC_PORT")))
	defer client.Close()
	defer other.Close()
	runChecks()
}

func key(name string) string { return name + "-" + run }

type item struct {
	Value       any
	ContentType string
	Topic       string
}

// received returns what the app has been given, once there is as much of it.
func received(app, inbox string, count int) []item {
	query := value(json.Marshal(object{"inbox": inbox, "count": count}))
	content := &dapr.DataContent{Data: query, ContentType: "application/json"}
	return decoded[[]item](value(client.InvokeMethodWithContent(ctx, app, "received", "post", content)))
}

func values(items []item) []any {
	all := []any{}
	for _, item := range items {
		all = append(all, item.Value)
	}
	return all
}

func codeOf(err error) codes.Code {
	// the SDK wraps what the call has failed with
	var wrapped interface{ GRPCStatus() *status.Status }
	if errors.As(err, &wrapped) {
		return wrapped.GRPCStatus().Code()
	}
	return status.Code(err)
}

func init() {
	checks["start: waits until the sidecar is ready"] = func() {
		must(client.Wait(ctx, 10*time.Second))
	}

	checks["state: saves, reads and deletes a value"] = func() {
		must(client.SaveState(ctx, "statestore", key("one"), []byte(`{"canoe": 1}`), map[string]string{"contentType": "application/json"}))
		found := value(client.GetState(ctx, "statestore", key("one"), nil))
		equal(decoded[object](found.Value), object{"canoe": 1.0})
		equal(found.Etag != "", true)
		must(client.SaveState(ctx, "statestore", key("bytes"), []byte{0, 255, 1}, nil))
		equal(value(client.GetState(ctx, "statestore", key("bytes"), nil)).Value, []byte{0, 255, 1})
		must(client.DeleteState(ctx, "statestore", key("one"), nil))
		equal(len(value(client.GetState(ctx, "statestore", key("one"), nil)).Value), 0)
	}

	checks["state: lets only one writer win with an etag"] = func() {
		must(client.SaveState(ctx, "statestore", key("etag"), []byte("first"), nil))
		etag := value(client.GetState(ctx, "statestore", key("etag"), nil)).Etag
		write := func(data string) error {
			return client.SaveStateWithETag(ctx, "statestore", key("etag"), []byte(data), etag, nil,
				dapr.WithConcurrency(dapr.StateConcurrencyFirstWrite), dapr.WithConsistency(dapr.StateConsistencyStrong))
		}
		must(write("second"))
		equal(codeOf(write("third")), codes.Aborted)
		equal(string(value(client.GetState(ctx, "statestore", key("etag"), nil)).Value), "second")
		err := client.DeleteStateWithETag(ctx, "statestore", key("etag"), &dapr.ETag{Value: etag}, nil, nil)
		equal(codeOf(err), codes.Aborted)
	}

	checks["state: forgets a value after its time to live"] = func() {
		must(client.SaveState(ctx, "statestore", key("ttl"), []byte("short"), map[string]string{"ttlInSeconds": "1"}))
		equal(string(value(client.GetState(ctx, "statestore", key("ttl"), nil)).Value), "short")
		for deadline := time.Now().Add(10 * time.Second); len(value(client.GetState(ctx, "statestore", key("ttl"), nil)).Value) > 0; {
			equal(time.Now().Before(deadline), true)
			time.Sleep(50 * time.Millisecond)
		}
	}

	checks["state: saves, reads and deletes several at once"] = func() {
		must(client.SaveBulkState(ctx, "statestore",
			&dapr.SetStateItem{Key: key("bulk-a"), Value: []byte("a")}, &dapr.SetStateItem{Key: key("bulk-b"), Value: []byte("b")}))
		keys := []string{key("bulk-a"), key("bulk-b"), key("bulk-c")}
		read := func() (values string) {
			found := map[string]*dapr.BulkStateItem{}
			for _, item := range value(client.GetBulkState(ctx, "statestore", keys, nil, 2)) {
				equal(item.Error, "")
				equal(item.Etag != "", len(item.Value) > 0)
				found[item.Key] = item
			}
			for _, key := range keys {
				values += string(found[key].Value) + ","
			}
			return
		}
		equal(read(), "a,b,,")
		must(client.DeleteBulkState(ctx, "statestore", keys[:2], nil))
		equal(read(), ",,,")
	}

	checks["state: applies a transaction whole or not at all"] = func() {
		must(client.SaveState(ctx, "statestore", key("tx-old"), []byte("1"), nil))
		must(client.ExecuteStateTransaction(ctx, "statestore", nil, []*dapr.StateOperation{
			{Type: dapr.StateOperationTypeUpsert, Item: &dapr.SetStateItem{Key: key("tx-new"), Value: []byte("in")}},
			{Type: dapr.StateOperationTypeDelete, Item: &dapr.SetStateItem{Key: key("tx-old")}},
		}))
		equal(string(value(client.GetState(ctx, "statestore", key("tx-new"), nil)).Value), "in")
		equal(len(value(client.GetState(ctx, "statestore", key("tx-old"), nil)).Value), 0)
		err := client.ExecuteStateTransaction(ctx, "statestore", nil, []*dapr.StateOperation{
			{Type: dapr.StateOperationTypeUpsert, Item: &dapr.SetStateItem{Key: key("tx-half"), Value: []byte("half")}},
			{Type: dapr.StateOperationTypeUpsert, Item: &dapr.SetStateItem{Key: key("tx-new"), Value: []byte("2"), Etag: &dapr.ETag{Value: "4711"}}},
		})
		equal(err != nil, true)
		equal(len(value(client.GetState(ctx, "statestore", key("tx-half"), nil)).Value), 0)
	}

	checks["state: learns the status and the reason of a failure"] = func() {
		err := client.SaveState(ctx, "nowhere", "x", []byte("y"), nil)
		failed, ok := status.FromError(err)
		equal(ok, true)
		equal(failed.Code(), codes.InvalidArgument)
		equal(len(failed.Details()) > 0, true)
		info, ok := failed.Details()[0].(*errdetails.ErrorInfo)
		equal(ok, true)
		equal([]string{info.GetReason(), info.GetDomain()}, []string{"DAPR_STATE_NOT_FOUND", "dapr.io"})
	}

	checks["secrets: reads one and all"] = func() {
		equal(value(client.GetSecret(ctx, "secretstore", "conftestsecret", nil)), map[string]string{"conftestsecret": "abcd"})
		all := value(client.GetBulkSecret(ctx, "secretstore", nil))
		equal(all["database:password"], map[string]string{"database:password": "efgh"})
		_, err := client.GetSecret(ctx, "nowhere", "x", nil)
		equal(codeOf(err), codes.InvalidArgument)
	}

	checks["bindings: writes and reads a file"] = func() {
		metadata := map[string]string{"fileName": "canoe.txt"}
		must(client.InvokeOutputBinding(ctx, &dapr.InvokeBindingRequest{Name: "files", Operation: "create", Data: []byte("by Go"), Metadata: metadata}))
		read := value(client.InvokeBinding(ctx, &dapr.InvokeBindingRequest{Name: "files", Operation: "get", Metadata: metadata}))
		equal(string(read.Data), "by Go")
	}

	checks["bindings: the app is told when it is time"] = func() { received(orders, "ticks", 2) }

	set := func(name, data string) {
		must(client.InvokeOutputBinding(ctx, &dapr.InvokeBindingRequest{
			Name: "redis", Operation: "create", Data: []byte(data), Metadata: map[string]string{"key": key(name)},
		}))
	}

	checks["configuration: reads items"] = func() {
		set("color", "red||2")
		items := value(client.GetConfigurationItems(ctx, "configstore", []string{key("color"), key("missing")}))
		equal(len(items), 1)
		equal([]string{items[key("color")].Value, items[key("color")].Version}, []string{"red", "2"})
	}

	checks["configuration: is told of changes until it unsubscribes"] = func() {
		changes := make(chan string, 10)
		id := value(client.SubscribeConfigurationItems(ctx, "configstore", []string{key("size")},
			func(_ string, items map[string]*dapr.ConfigurationItem) { changes <- items[key("size")].Value }))
		set("size", "big||1")
		equal(next(changes), "big")
		must(client.UnsubscribeConfigurationItems(ctx, "configstore", id))
	}

	checks["lock: is held by one owner at a time"] = func() {
		try := func(owner string) bool {
			return value(client.TryLockAlpha1(ctx, "lockstore", &dapr.LockRequest{ResourceID: key("lock"), LockOwner: owner, ExpiryInSeconds: 60})).Success
		}
		unlock := func(owner string) string {
			return value(client.UnlockAlpha1(ctx, "lockstore", &dapr.UnlockRequest{ResourceID: key("lock"), LockOwner: owner})).Status
		}
		equal([]bool{try("first"), try("second")}, []bool{true, false})
		equal([]string{unlock("second"), unlock("first"), unlock("first")}, []string{"LOCK_BELONGS_TO_OTHERS", "SUCCESS", "LOCK_DOES_NOT_EXIST"})
	}

	checks["metadata: shows what is loaded and takes an attribute"] = func() {
		metadata := value(client.GetMetadata(ctx))
		equal(metadata.ID, orders)
		capabilities := map[string]string{}
		for _, component := range metadata.RegisteredComponents {
			capabilities[component.Name] = fmt.Sprint(component.Capabilities)
		}
		for _, name := range []string{"pubsub", "secretstore", "statestore"} {
			_, ok := capabilities[name]
			equal(ok, true)
		}
		topics := map[string]bool{}
		for _, subscription := range metadata.Subscriptions {
			topics[subscription.Topic] = true
		}
		equal([]bool{topics[key("plain")], topics[key("declared")]}, []bool{true, true})
		must(client.SetMetadata(ctx, "color", "red"))
		equal(value(client.GetMetadata(ctx)).ExtendedMetadata["color"], "red")
	}

	checks["shutdown: ends the sidecar"] = func() { must(client.Shutdown(ctx)) }
}

// next waits for one item.
func next[T any](items <-chan T) T {
	select {
	case item := <-items:
		return item
	case <-time.After(20 * time.Second):
		panic(failure("nothing came within 20 s"))
	}
}
