package filter

import (
	"reflect"
	"strings"
	"time"

	"github.com/mailtrace/mailtrace/decode"
)

// fields are what an expression may name. The names are those of the JSON contract, and
// latency and first stand for latency_us and first_us as durations too.
type fields struct {
	Seq       uint64        `expr:"seq" help:"number of the event, from 1, over all connections"`
	Time      time.Time     `expr:"time" help:"when it happened, such as time > date(\"2026-01-31\")"`
	Conn      int           `expr:"conn" help:"the connection, from 1"`
	Protocol  string        `expr:"protocol" help:"imap or pop3"`
	Dir       string        `expr:"dir" help:"C from the client, S from the server, or empty"`
	Kind      string        `expr:"kind" help:"command, untagged, completion, literal, mime, state, finding, …"`
	Origin    string        `expr:"origin" help:"proxy where mailtrace itself is the author, or empty"`
	Tag       string        `expr:"tag" help:"IMAP tag of commands and completions"`
	Name      string        `expr:"name" help:"FETCH, EXISTS, RETR, …; of a completion both its status and its command"`
	Command   string        `expr:"command" help:"the command that the event is, belongs to or answers"`
	For       uint64        `expr:"for" help:"seq of that command, 0 where there is none"`
	Latency   time.Duration `expr:"latency" help:"of an answer: since the command's last octet, such as 200ms"`
	LatencyUS int64         `expr:"latency_us" help:"the same in microseconds"`
	First     time.Duration `expr:"first" help:"of an answer: until the first octet of the first reply"`
	FirstUS   int64         `expr:"first_us" help:"the same in microseconds"`
	State     string        `expr:"state" help:"not-authenticated, selected, TRANSACTION, …"`
	Mailbox   string        `expr:"mailbox" help:"the selected mailbox, as sent"`
	Text      string        `expr:"text" help:"the line on the wire"`
	Octets    int64         `expr:"octets" help:"on the wire, such as 10KB or 64KiB"`
	Offset    int64         `expr:"offset" help:"of the first of them in the stream of dir"`
	Detail    any           `expr:"detail" help:"what the event means, such as detail?.uid == 1007"`
	Finding   string        `expr:"finding" help:"id of a finding, such as finding startsWith \"starttls.\""`
	Severity  string        `expr:"severity" help:"of that finding: note, warning, error"`
	Findings  []string      `expr:"findings" help:"the ids of all findings of the event"`
}

// Field is one name that an expression may use.
type Field struct{ Name, Type, Help string }

// Fields lists the names, in the order of the JSON contract.
func Fields() []Field {
	var all []Field
	for _, f := range reflect.VisibleFields(reflect.TypeFor[fields]()) {
		all = append(all, Field{f.Tag.Get("expr"), typeName(f.Type), f.Tag.Get("help")})
	}
	return all
}

func typeName(t reflect.Type) string {
	switch t {
	case reflect.TypeFor[time.Time]():
		return "time"
	case reflect.TypeFor[time.Duration]():
		return "duration"
	}
	switch t.Kind() {
	case reflect.Slice:
		return "list"
	case reflect.Interface:
		return "object"
	case reflect.String:
		return "string"
	}
	return "number"
}

// set fills the fields with what does not change from try to try. What costs is filled in
// only where the expression names it.
func (f *fields) set(e *decode.Event, uses func(string) bool, detail func(any) any) {
	*f = fields{
		Seq: e.Seq, Time: e.Time, Conn: e.Conn, Protocol: e.Protocol, Dir: e.Dir.String(), Kind: e.Kind.String(),
		Tag: e.Tag, Name: e.Name, State: e.State.String(), Mailbox: e.Mailbox, Octets: e.Span.Len, Offset: e.Span.Off,
	}
	if e.Origin == decode.FromProxy || e.Kind == decode.Edit {
		f.Origin = "proxy"
	}
	if e.Command != nil {
		f.Command = e.Command.Name
		if e.Kind != decode.CommandLine {
			f.For = e.Command.Seq
		}
	}
	if e.Answers() {
		f.Latency, f.LatencyUS = e.Latency, e.Latency.Microseconds()
		f.First, f.FirstUS = e.First, e.First.Microseconds()
	}
	if uses("text") {
		f.Text = string(e.Text)
	}
	if uses("detail") && e.Detail != nil && detail != nil {
		f.Detail = detail(e.Detail)
	}
	if uses("findings") {
		for i := range e.Findings {
			f.Findings = append(f.Findings, e.Findings[i].ID)
		}
	}
}

// nearest gives the field that a word may have meant, "" where none is near.
func nearest(word string) string {
	best, at := "", 3
	for _, f := range Fields() {
		if d := distance(strings.ToLower(word), f.Name); d < at && d < len(word) {
			best, at = f.Name, d
		}
	}
	return best
}

// distance is the number of letters to put in, take out or change.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		before := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			d := before
			if a[i-1] != b[j-1] {
				d++
			}
			before = row[j]
			row[j] = min(d, row[j]+1, row[j-1]+1)
		}
	}
	return row[len(b)]
}
