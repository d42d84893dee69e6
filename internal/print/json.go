package print

import (
	"io"
	"strconv"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/mailtrace/mailtrace/decode"
)

// Version is the version of the JSON Lines contract, "v" of each line.
const Version = 1

// jsonLines prints an event a line. It keeps nothing between events.
type jsonLines struct {
	conn   int
	filter func(*decode.Event) bool
	out    output
	buf    []byte
}

// JSON prints JSON Lines, as docs/events.md says. Of the options it heeds Conn and
// Filter.
func JSON(w io.Writer, o Options) Printer {
	return &jsonLines{conn: o.Conn, filter: o.Filter, out: output{w: w}}
}

// Events implements Printer. The first error is kept for Close.
func (j *jsonLines) Events(events []decode.Event) { _ = j.emit(events) }

// Close implements Printer.
func (j *jsonLines) Close() error {
	j.flush()
	return j.out.err
}

func (j *jsonLines) emit(events []decode.Event) error {
	var first error
	for i := range events {
		if j.conn != 0 && events[i].Conn != j.conn || j.filter != nil && !j.filter(&events[i]) {
			continue
		}
		j.buf = append(appendEvent(j.buf, &events[i]), '\n')
		if len(j.buf) >= flushAt {
			if err := j.flush(); err != nil && first == nil {
				first = err
			}
		}
	}
	if err := j.flush(); err != nil && first == nil {
		first = err
	}
	return first
}

func (j *jsonLines) flush() error {
	err := j.out.write(j.buf)
	j.buf = j.buf[:0]
	return err
}

func (j *jsonLines) missing(n uint64, _ []int, _ bool) error {
	j.buf = append(j.buf, `{"v":1,"kind":"dropped","count":`...)
	j.buf = strconv.AppendUint(j.buf, n, 10)
	j.buf = append(j.buf, '}', '\n')
	return j.flush()
}

func (j *jsonLines) idle(time.Time, time.Duration) (bool, error) { return false, j.flush() }

// appendEvent appends the object of an event, its fields in the order of the contract.
func appendEvent(b []byte, e *decode.Event) []byte {
	b = append(b, `{"v":1,"seq":`...)
	b = strconv.AppendUint(b, e.Seq, 10)
	b = append(b, `,"time":"`...)
	b = appendTime(b, e.Time)
	b = append(b, `","conn":`...)
	b = strconv.AppendInt(b, int64(e.Conn), 10)
	b = append(b, `,"protocol":`...)
	b = appendString(b, e.Protocol)
	b = append(b, `,"dir":"`...)
	b = append(b, e.Dir.String()...)
	b = append(b, `","kind":"`...)
	b = append(b, e.Kind.String()...)
	b = append(b, '"')
	if e.Origin == decode.FromProxy || e.Kind == decode.Edit {
		b = append(b, `,"origin":"proxy"`...)
	}
	b = append(b, `,"tag":`...)
	b = appendString(b, e.Tag)
	b = append(b, `,"name":`...)
	b = appendString(b, e.Name)
	if e.Kind != decode.CommandLine && e.Command != nil && e.Command.Seq != 0 {
		b = append(b, `,"for":`...)
		b = strconv.AppendUint(b, e.Command.Seq, 10)
	}
	if e.Answers() {
		b = append(b, `,"latency_us":`...)
		b = strconv.AppendInt(b, e.Latency.Microseconds(), 10)
		b = append(b, `,"first_us":`...)
		b = strconv.AppendInt(b, e.First.Microseconds(), 10)
	}
	b = append(b, `,"state":"`...)
	b = append(b, e.State.String()...)
	b = append(b, `","mailbox":`...)
	b = appendString(b, e.Mailbox)
	b = append(b, `,"text":`...)
	b = appendString(b, e.Text)
	b = append(b, `,"octets":`...)
	b = strconv.AppendInt(b, e.Span.Len, 10)
	b = append(b, `,"offset":`...)
	b = strconv.AppendInt(b, e.Span.Off, 10)
	if e.Detail != nil {
		b = appendDetail(b, e.Detail)
	}
	b = append(b, `,"findings":[`...)
	for i := range e.Findings {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendFinding(b, &e.Findings[i])
	}
	return append(b, ']', '}')
}

// AppendFinding appends the object of a finding, as docs/events.md says.
func AppendFinding(b []byte, f *decode.Finding) []byte { return appendFinding(b, f) }

// AppendString appends a JSON string of octets, escaped as docs/events.md says.
func AppendString[S string | []byte](b []byte, s S) []byte { return appendString(b, s) }

func appendFinding(b []byte, f *decode.Finding) []byte {
	b = append(b, `{"id":`...)
	b = appendString(b, f.ID)
	b = append(b, `,"severity":"`...)
	b = append(b, f.Severity.String()...)
	b = append(b, `","ref":`...)
	b = appendString(b, f.Ref)
	b = append(b, `,"text":`...)
	b = appendString(b, f.Text)
	if f.Fact != "" {
		b = append(b, `,"fact":`...)
		b = appendString(b, f.Fact)
	}
	b = append(b, `,"dir":"`...)
	b = append(b, f.Dir.String()...)
	b = append(b, `","offset":`...)
	b = strconv.AppendInt(b, f.Span.Off, 10)
	b = append(b, `,"octets":`...)
	b = strconv.AppendInt(b, f.Span.Len, 10)
	return append(b, '}')
}

// appendTime appends UTC with microseconds (RFC 3339 §5.6), without the rounding and
// the parsing of a layout that AppendFormat does.
func appendTime(b []byte, t time.Time) []byte {
	t = t.UTC()
	year, month, day := t.Date()
	if year < 0 || year > 9999 {
		return t.AppendFormat(b, "2006-01-02T15:04:05.000000Z")
	}
	hour, minute, second := t.Clock()
	b = appendDigits(b, year, 1000)
	b = append(appendDigits(append(b, '-'), int(month), 10), '-')
	b = append(appendDigits(b, day, 10), 'T')
	b = append(appendDigits(b, hour, 10), ':')
	b = append(appendDigits(b, minute, 10), ':')
	b = append(appendDigits(b, second, 10), '.')
	return append(appendDigits(b, t.Nanosecond()/1000, 100000), 'Z')
}

// appendDigits appends n with leading zeros; unit is the value of its first digit.
func appendDigits(b []byte, n, unit int) []byte {
	for ; unit > 0; unit /= 10 {
		b = append(b, byte('0'+n/unit%10))
	}
	return b
}

// appendString appends a JSON string of octets. What is not printable UTF-8 stands as
// \xNN before the JSON quoting, and so does a backslash that begins such an escape on
// the wire: replacing each \xNN by its octet gives the octets back.
func appendString[S string | []byte](b []byte, s S) []byte {
	b = append(b, '"')
	for i := 0; i < len(s); {
		from := i
		for i < len(s) && s[i] >= ' ' && s[i] < 0x7f && s[i] != '"' && s[i] != '\\' {
			i++
		}
		b = append(b, s[from:i]...)
		if i == len(s) {
			break
		}
		switch c := s[i]; {
		case c == '"':
			b = append(b, '\\', '"')
			i++
		case c == '\\' && !(i+4 <= len(s) && s[i+1] == 'x' && isHex(s[i+2]) && isHex(s[i+3])):
			b = append(b, '\\', '\\')
			i++
		case c < utf8.RuneSelf:
			b = appendHex(append(b, '\\'), c)
			i++
		default:
			r, n := utf8.DecodeRuneInString(string(s[i:min(i+utf8.UTFMax, len(s))]))
			if (r != utf8.RuneError || n > 1) && unicode.IsPrint(r) {
				b = append(b, s[i:i+n]...)
			} else {
				for _, c := range []byte(s[i : i+n]) {
					b = appendHex(append(b, '\\'), c)
				}
			}
			i += n
		}
	}
	return append(b, '"')
}
