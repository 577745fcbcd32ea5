// Package inbox keeps what an app has been given, by the name of the inbox; askers wait for it.
package inbox

import (
	"encoding/json"
	"fmt"
	"sync"
	"time"
)

// Item is one event.
type Item struct {
	Value       any    `json:"value"`
	ContentType string `json:"contentType"`
	Topic       string `json:"topic"`
}

// Query is what the method `received` takes: it is answered once so many items are in.
type Query struct {
	Inbox string `json:"inbox"`
	Count int    `json:"count"`
}

// Inbox may be used by many at once.
type Inbox struct {
	mutex   sync.Mutex
	items   map[string][]Item
	arrived chan struct{}
}

// New returns an empty one.
func New() *Inbox {
	return &Inbox{items: map[string][]Item{}, arrived: make(chan struct{})}
}

// Add hands back how many there are now.
func (i *Inbox) Add(name string, item Item) int {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	i.items[name] = append(i.items[name], item)
	close(i.arrived)
	i.arrived = make(chan struct{})
	return len(i.items[name])
}

// Wait returns all items as JSON once there are as many as asked for.
func (i *Inbox) Wait(query []byte) ([]byte, error) {
	var wanted Query
	if err := json.Unmarshal(query, &wanted); err != nil {
		return nil, err
	}
	timeout := time.After(20 * time.Second)
	for {
		i.mutex.Lock()
		items, arrived := i.items[wanted.Inbox], i.arrived
		i.mutex.Unlock()
		if len(items) >= wanted.Count {
			return json.Marshal(items)
		}
		select {
		case <-arrived:
		case <-timeout:
			return nil, fmt.Errorf("%s: %d of %d within 20 s", wanted.Inbox, len(items), wanted.Count)
		}
	}
}
