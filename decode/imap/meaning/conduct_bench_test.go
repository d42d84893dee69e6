package meaning

import (
	"testing"

	"github.com/mailtrace/mailtrace/decode"
)

// What the rules of conduct cost a FETCH response, the event that goes by most often, and a
// command with its result.
func BenchmarkConduct(b *testing.B) {
	c := newConduct(decode.Options{TLS: true})
	see := func(e decode.Event) { c.see(&seen{Event: &e, tally: tally{}}) }
	see(decode.Event{Dir: decode.Server, Kind: decode.Greeting, Name: "OK", State: decode.NotAuthenticated})
	see(decode.Event{Kind: decode.StateChange, State: decode.Selected, Detail: &Entered{}})
	cmd := &decode.Command{Tag: "a1", Name: "UID FETCH"}
	command := decode.Event{Dir: decode.Client, Kind: decode.CommandLine, State: decode.Selected, Tag: "a1", Name: cmd.Name, Command: cmd, Text: []byte("a1 UID FETCH 1:100 (FLAGS ENVELOPE)")}
	row := decode.Event{Dir: decode.Server, Kind: decode.Untagged, State: decode.Selected, Name: "FETCH", Command: cmd, Text: []byte("* 1 FETCH (UID 1 FLAGS ())")}
	result := decode.Event{Dir: decode.Server, Kind: decode.Completion, State: decode.Selected, Tag: "a1", Name: "OK", Command: cmd, Text: []byte("a1 OK done"), Detail: &Result{}}
	s := &seen{tally: tally{}}
	see(command)
	b.Run("row", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			s.Event = &row
			c.see(s)
		}
	})
	see(result)
	b.Run("command", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			s.Event = &command
			c.see(s)
			s.Event = &result
			c.see(s)
		}
	})
}
