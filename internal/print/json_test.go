package print

import (
	"bytes"
	"encoding/json"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/mailtrace/mailtrace/decode"
)

// everything is a story with every kind of event in it.
func everything() *story {
	s := sessions()
	s.trouble()
	s.rest()
	return s
}

func jsonOf(events []decode.Event, o Options) string {
	var b bytes.Buffer
	p := JSON(&b, o)
	p.Events(events)
	p.Close()
	return b.String()
}

func TestJSONLooks(t *testing.T) {
	golden(t, "everything-json", []byte(jsonOf(everything().events, Options{})))
}

const document = "../../docs/events.md"

// TestDocument holds docs/events.md against the code: every kind has its section with a line
// that the printer really wrote, and the table of fields has them all, in their order.
func TestDocument(t *testing.T) {
	raw, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	first := map[string]string{} // by kind, a line; of close the connection's
	for line := range strings.Lines(jsonOf(everything().events, Options{})) {
		var e struct{ Kind, Dir string }
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		if _, ok := first[e.Kind]; !ok && !(e.Kind == "close" && e.Dir != "") {
			first[e.Kind] = line
		}
	}
	sections := regexp.MustCompile("(?s)\n### `([a-z-]+)`\n(.*?)```json\n(.*?)```\n").FindAllSubmatchIndex(raw, -1)
	documented := map[string]string{}
	out := []byte(nil)
	from := 0
	for _, m := range sections {
		kind := string(raw[m[2]:m[3]])
		documented[kind] = string(raw[m[6]:m[7]])
		out = append(append(out, raw[from:m[6]]...), first[kind]...)
		from = m[7]
	}
	out = append(out, raw[from:]...)
	if *update {
		if err := os.WriteFile(document, out, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	for k := decode.Kind(0); k.String() != "unknown"; k++ {
		kind := k.String()
		if first[kind] == "" {
			t.Errorf("no event of kind %s in the stories", kind)
		}
		if diff := cmp.Diff(first[kind], documented[kind]); diff != "" {
			t.Errorf("kind %s (-printed +documented):\n%s", kind, diff)
		}
		delete(documented, kind)
	}
	for kind := range documented {
		t.Errorf("%s documents the unknown kind %s", document, kind)
	}

	// The command's answer with a finding has every field but origin; that stands behind kind.
	var got []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\|").FindAllSubmatch(raw, -1) {
		got = append(got, string(m[1]))
	}
	full := decode.Event{
		Kind: decode.Completion, Origin: decode.FromProxy, Command: &decode.Command{Seq: 1, Complete: day}, Detail: decode.Fields{{Key: "key", Value: "value"}},
		Findings: []decode.Finding{{}},
	}
	want := append(keys(t, appendEvent(nil, &full)), keys(t, appendFinding(nil, &decode.Finding{Fact: "x"}))...)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("fields (-printed +documented):\n%s", diff)
	}
}

// keys gives the keys of a JSON object in their order.
func keys(t *testing.T, object []byte) (names []string) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(object))
	depth, key := 0, false
	for d.More() || depth > 0 {
		token, err := d.Token()
		if err != nil {
			t.Fatal(err)
		}
		switch x := token.(type) {
		case json.Delim:
			switch x {
			case '{', '[':
				depth++
			default:
				depth--
			}
			key = depth == 1
		case string:
			if depth == 1 && key {
				names = append(names, x)
				key = false
				continue
			}
			key = depth == 1
		default:
			key = depth == 1
		}
	}
	return names
}

var escape = regexp.MustCompile(`\\x[0-9A-F]{2}`)

// octets takes the escapes of the contract back.
func octets(s string) []byte {
	return escape.ReplaceAllFunc([]byte(s), func(p []byte) []byte {
		n, _ := strconv.ParseUint(string(p[2:]), 16, 8)
		return []byte{byte(n)}
	})
}

// rough draws octets that are hard on a printer: escapes, cut runes, backslashes.
func rough() *rapid.Generator[[]byte] {
	piece := rapid.OneOf(
		rapid.SliceOfN(rapid.Byte(), 0, 8),
		rapid.Map(rapid.String(), func(s string) []byte { return []byte(s) }),
		rapid.Map(rapid.SampledFrom([]string{
			`\`, `\x`, `\x4`, `\x41`, `\x5c`, `"`, "\x1b[2J", "\x9b31m", "é", "\xc3", "日本", "\u202e", "\u200d", "\r\n", "{12}", "\x00", "e\u0301\u0301", "\u2028",
		}), func(s string) []byte { return []byte(s) }),
	)
	return rapid.Map(rapid.SliceOfN(piece, 0, 12), func(p [][]byte) []byte { return bytes.Join(p, nil) })
}

func TestJSONGivesTheOctetsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text, mailbox := rough().Draw(t, "text"), rough().Draw(t, "mailbox")
		at := time.UnixMicro(rapid.Int64Range(0, 4e15).Draw(t, "time")).UTC()
		cmd := &decode.Command{Seq: 7, Complete: at}
		e := decode.Event{
			Seq: rapid.Uint64().Draw(t, "seq"), Time: at, Conn: rapid.Int().Draw(t, "conn"), Dir: decode.Server, Kind: decode.Completion,
			Tag: string(rough().Draw(t, "tag")), Mailbox: string(mailbox), Command: cmd, Text: text,
			Latency:  time.Duration(rapid.Int64Range(0, 1e15).Draw(t, "latency")),
			Span:     decode.Span{Off: rapid.Int64().Draw(t, "offset"), Len: rapid.Int64().Draw(t, "octets")},
			Findings: []decode.Finding{{ID: "a.b", Text: string(rough().Draw(t, "finding"))}},
		}
		line := jsonOf([]decode.Event{e}, Options{})
		for _, r := range strings.TrimSuffix(line, "\n") {
			if !unicode.IsPrint(r) || r == '\uFFFD' && !bytes.Contains(append(append(text, mailbox...), e.Tag+e.Findings[0].Text...), []byte("\uFFFD")) {
				t.Fatalf("%q is not printable in %s", r, line)
			}
		}
		var got struct {
			V, Seq         uint64
			Time           time.Time
			Conn           int
			Dir, Kind, Tag string
			Mailbox, Text  string
			For            uint64
			LatencyUs      int64 `json:"latency_us"`
			Octets, Offset int64
			Findings       []struct{ ID, Text string }
		}
		if err := json.Unmarshal([]byte(line), &got); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		if got.V != Version || got.Seq != e.Seq || !got.Time.Equal(at) || got.Conn != e.Conn || got.Dir != "S" || got.Kind != "completion" ||
			got.For != 7 || got.LatencyUs != e.Latency.Microseconds() || got.Octets != e.Span.Len || got.Offset != e.Span.Off {
			t.Fatalf("%+v came back as %+v", e, got)
		}
		for _, x := range [...]struct {
			name     string
			sent     []byte
			received string
		}{{"text", text, got.Text}, {"mailbox", mailbox, got.Mailbox}, {"tag", []byte(e.Tag), got.Tag}, {"finding", []byte(e.Findings[0].Text), got.Findings[0].Text}} {
			if !bytes.Equal(octets(x.received), x.sent) {
				t.Fatalf("%s: %q came back as %q", x.name, x.sent, octets(x.received))
			}
		}
	})
}

func TestDetailOfAProtocol(t *testing.T) {
	type size struct{ Octets int64 }
	type own struct {
		size
		Name      string `json:"n"`
		Always    int    `json:"always"`
		Octets2   []byte
		First     [][]byte
		MessageID string
		State     decode.State
		Bad       decode.State // has no word
		Took      time.Duration
		At        time.Time
		Left      *int64
		Nil       *int64
		By        map[string]bool
		Half      float64
		Func      func()
		Zero      int
		Hidden    string `json:"-"`
		Inner     struct{ Yes bool }
		Any       any
	}
	five := int64(5)
	full := &own{
		size: size{9}, Name: "a<b\x1b\u202e\"", Octets2: []byte("\xffa"), First: [][]byte{[]byte("x"), nil}, MessageID: "id", State: decode.Selected,
		Bad: 99, Took: 1500 * time.Microsecond, At: day, Left: &five, By: map[string]bool{"z": true, "a": false}, Half: 0.5, Func: func() {}, Hidden: "no",
		Any: []int{1, 2},
	}
	full.Inner.Yes = true
	loop := &struct{ Next any }{}
	loop.Next = loop
	for _, c := range []struct {
		detail any
		want   string
	}{
		{full, `"detail":{"octets":9,"n":"a<b\\x1B\\xE2\\x80\\xAE\"","always":0,"octets2":"\\xFFa","first":["x",""],"message_id":"id","state":"selected","bad":99,` +
			`"took_us":1500,"at":"2026-11-22T09:14:02.118000Z","left":5,"by":{"a":false,"z":true},"half":0.5,"inner":{"yes":true},"any":[1,2]},`},
		{&own{}, `"detail":{"n":"","always":0},`},
		{listed("a", "\xff"), `"detail":{"lines":2,"first":["a","\\xFF"]},`},
		{func() {}, `"offset":0,"findings"`}, // cannot be said: left out
		{(*own)(nil), `"offset":0,"findings"`},
		{decode.Fields{{Key: "a", Value: "b"}}, `"detail":{"a":"b"},`},
		{loop, `"next":{`},
	} {
		line := jsonOf([]decode.Event{{Detail: c.detail}}, Options{})
		if !strings.Contains(line, c.want) || !json.Valid([]byte(line)) {
			t.Errorf("%T: got %s want it to contain %s", c.detail, line, c.want)
		}
	}
}

func TestJSONOfOneConnection(t *testing.T) {
	for line := range strings.Lines(jsonOf(sessions().events, Options{Conn: 2})) {
		if !strings.Contains(line, `"conn":2,`) {
			t.Errorf("a line of another connection: %s", line)
		}
	}
}

// A tree as deep as decoders build them is printed whole.
func TestDeepDetail(t *testing.T) {
	type node struct {
		Name  string
		Parts []*node
	}
	root := &node{Name: "0"}
	at := root
	for i := range 100 {
		next := &node{Name: strconv.Itoa(i + 1)}
		at.Parts = []*node{next}
		at = next
	}
	if got := string(Detail(root)); strings.Count(got, `"name"`) != 101 {
		t.Errorf("%d of 101 levels", strings.Count(got, `"name"`))
	}
}
