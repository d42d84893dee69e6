package stats

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
)

// The objects of the JSON form; durations are in microseconds.
type (
	jsonCommand struct {
		Name         string `json:"name"`
		Count        int    `json:"count"`
		Failed       int    `json:"failed"`
		Unanswered   int    `json:"unanswered"`
		P50          int64  `json:"p50_us"`
		P95          int64  `json:"p95_us"`
		Max          int64  `json:"max_us"`
		Mean         int64  `json:"mean_us"`
		ClientOctets int64  `json:"client_octets"`
		ServerOctets int64  `json:"server_octets"`
		RoundTrips   int    `json:"round_trips"`
	}
	jsonConnection struct {
		Conn         int           `json:"conn,omitempty"`
		Connections  int           `json:"connections,omitempty"`
		Protocol     string        `json:"protocol"`
		Client       string        `json:"client,omitempty"`
		Upstream     string        `json:"upstream,omitempty"`
		Duration     int64         `json:"duration_us"`
		Count        int           `json:"commands_sent"`
		ClientOctets int64         `json:"client_octets"`
		ServerOctets int64         `json:"server_octets"`
		RoundTrips   int           `json:"round_trips"`
		Depth        int           `json:"depth"`
		Idle         int64         `json:"idle_us"`
		P50          int64         `json:"p50_us"`
		P95          int64         `json:"p95_us"`
		Max          int64         `json:"max_us"`
		Commands     []jsonCommand `json:"commands"`
	}
	jsonAll struct {
		Version     int              `json:"v"`
		Total       jsonConnection   `json:"total"`
		Connections []jsonConnection `json:"connections"`
	}
)

// JSON writes one object with what was counted in all and of each connection.
func JSON(w io.Writer, k *Collector) error {
	all := jsonAll{Version: 1, Total: toJSON(k.Total()), Connections: []jsonConnection{}}
	for _, c := range k.Connections() {
		all.Connections = append(all.Connections, toJSON(c))
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(all); err != nil {
		return fmt.Errorf("stats: %w", err)
	}
	return nil
}

func toJSON(c *Connection) jsonConnection {
	us := func(d time.Duration) int64 { return d.Microseconds() }
	h := c.Latency()
	x := jsonConnection{
		Conn: c.Number, Connections: c.Connections, Protocol: c.Protocol, Client: valid(c.Client), Upstream: valid(c.Upstream),
		Duration: us(c.Duration), Count: c.Count, ClientOctets: c.ClientOctets, ServerOctets: c.ServerOctets,
		RoundTrips: c.RoundTrips, Depth: c.Depth, Idle: us(c.Idle),
		P50: us(h.Quantile(0.5)), P95: us(h.Quantile(0.95)), Max: us(h.Max()), Commands: []jsonCommand{},
	}
	for _, y := range c.Commands() {
		l := &y.Latency
		x.Commands = append(x.Commands, jsonCommand{
			Name: valid(y.Name), Count: y.Count, Failed: y.Failed, Unanswered: y.Unanswered,
			P50: us(l.Quantile(0.5)), P95: us(l.Quantile(0.95)), Max: us(l.Max()), Mean: us(l.Mean()),
			ClientOctets: y.ClientOctets, ServerOctets: y.ServerOctets, RoundTrips: y.RoundTrips,
		})
	}
	return x
}

func valid(s string) string { return strings.ToValidUTF8(s, "�") }
