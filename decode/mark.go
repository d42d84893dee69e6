package decode

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Mark is something that happened to a connection and that no octet of it carries: it
// was opened, a handshake succeeded or failed, the proxy edited a line, octets were
// lost, it was closed. A capture keeps marks as comments.
type Mark struct {
	Time   time.Time
	Kind   Kind // Open, TLS, Opaque, Edit, Desync, Undelivered, FindingOnly, Close
	Dir    Dir  // where it concerns one direction
	Fields Fields
}

// Field is one key=value of a mark.
type Field struct{ Key, Value string }

// Fields are the values of a mark in a fixed order. They are the Detail of its event.
//
// Open:  client, listen, upstream (URLs or addresses), protocol, secrets (yes|no),
// bodies (no where they were left out). TLS: leg (client|server|both, none of a client of ours), version,
// cipher, client-version, client-cipher, sni, verified (yes|no|why), subject, names,
// not-after, and where it failed error, alert, hint. Opaque: reason. Edit: before,
// after, what. Desync: octets, reason. Undelivered: octets, error. FindingOnly: id,
// severity, ref, text. Close: by (client|server|proxy), reason, error, hint.
type Fields []Field

// Get gives the value of a key, "" where there is none.
func (f Fields) Get(key string) string {
	for _, x := range f {
		if x.Key == key {
			return x.Value
		}
	}
	return ""
}

// With gives fields with one more, unless its value is empty. It leaves f as it is.
func (f Fields) With(key, value string) Fields {
	if value == "" {
		return f
	}
	return append(f[:len(f):len(f)], Field{key, value})
}

func (f Fields) without(key string) Fields {
	out := make(Fields, 0, len(f))
	for _, x := range f {
		if x.Key != key {
			out = append(out, x)
		}
	}
	return out
}

// String writes key=value pairs with spaces between. A value that is empty or holds a
// space, a quote, an equals sign or anything but printable ASCII is quoted as in Go.
func (f Fields) String() string {
	var b strings.Builder
	for i, x := range f {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(x.Key)
		b.WriteByte('=')
		if bare(x.Value) {
			b.WriteString(x.Value)
		} else {
			fmt.Fprintf(&b, "%+q", x.Value)
		}
	}
	return b.String()
}

func bare(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || c == '"' || c == '=' || c == '\\' {
			return false
		}
	}
	return s != ""
}

// ParseFields reads what Fields.String wrote. It stops at the first thing that is no
// key=value and says where.
func ParseFields(s string) (Fields, error) {
	var f Fields
	for rest := s; rest != ""; {
		rest = strings.TrimLeft(rest, " ")
		if rest == "" {
			break
		}
		at := len(s) - len(rest)
		key, after, ok := strings.Cut(rest, "=")
		if !ok || key == "" || strings.ContainsAny(key, " \"") {
			return f, fmt.Errorf("decode: mark: column %d: expected key=value, got %q", at+1, rest)
		}
		var value string
		if strings.HasPrefix(after, `"`) {
			quoted, err := strconv.QuotedPrefix(after)
			if err != nil {
				return f, fmt.Errorf("decode: mark: column %d: unfinished quotes after %s=", at+1, key)
			}
			// Unquote cannot fail on what QuotedPrefix accepted.
			value, _ = strconv.Unquote(quoted)
			rest = after[len(quoted):]
			if rest != "" && rest[0] != ' ' {
				return f, fmt.Errorf("decode: mark: column %d: expected a space behind %s=%s, got %q", len(s)-len(rest)+1, key, quoted, rest)
			}
		} else {
			value, rest, _ = strings.Cut(after, " ")
		}
		f = append(f, Field{key, value})
	}
	return f, nil
}
