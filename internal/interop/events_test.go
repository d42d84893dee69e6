//go:build interop

package interop

import (
	"encoding/json"
	"maps"
	"reflect"
	"strings"
	"testing"
)

// event is one line of `--format json`.
type event map[string]any

func (e event) text(key string) string {
	s, _ := e[key].(string)
	return s
}

// events parses JSON Lines.
func events(t *testing.T, text string) []event {
	t.Helper()
	var all []event
	for i, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		if line == "" {
			continue
		}
		e := event{}
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("line %d is no JSON: %v: %q", i+1, err, bounded(line))
		}
		all = append(all, e)
	}
	return all
}

// sameEvents fails the test unless the live events and those of the capture are equal,
// addresses apart: the capture's own are made up, the real ones stand in its comments.
func sameEvents(t *testing.T, live, shown []event) {
	t.Helper()
	if len(live) == 0 {
		t.Error("the proxy printed no event")
	}
	for i := range min(len(live), len(shown)) {
		if a, b := withoutAddresses(live[i]), withoutAddresses(shown[i]); !reflect.DeepEqual(a, b) {
			t.Fatalf("event %d differs:\nproxy %v\nshow  %v", i+1, a, b)
		}
	}
	if len(live) != len(shown) {
		t.Errorf("the proxy printed %d events, show %d", len(live), len(shown))
	}
}

func withoutAddresses(e event) event {
	c := maps.Clone(e)
	if d, ok := e["detail"].(map[string]any); ok {
		d = maps.Clone(d)
		for _, key := range []string{"client", "listen", "upstream"} {
			delete(d, key)
		}
		c["detail"] = d
	}
	if e.text("kind") == "open" {
		delete(c, "text")
	}
	return c
}

// commands counts the commands of a protocol by name.
func commands(all []event, protocol string) map[string]int {
	n := map[string]int{}
	for _, e := range all {
		if e.text("kind") == "command" && e.text("protocol") == protocol {
			n[strings.ToUpper(e.text("name"))]++
		}
	}
	return n
}

// ofKind are the events of one kind.
func ofKind(all []event, kind string) []event {
	var some []event
	for _, e := range all {
		if e.text("kind") == kind {
			some = append(some, e)
		}
	}
	return some
}

// troubles are the events that no orderly session has.
func troubles(all []event) []event {
	var some []event
	for _, kind := range []string{"malformed", "desync", "opaque", "undelivered"} {
		some = append(some, ofKind(all, kind)...)
	}
	return some
}
