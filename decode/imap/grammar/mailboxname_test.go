package grammar

import (
	"testing"
	"unicode/utf8"
)

func TestDisplayName(t *testing.T) {
	for _, c := range []struct {
		octets string
		utf8   bool
		want   string
		good   bool
	}{
		{"INBOX", false, "INBOX", true},
		{"~peter/mail/&U,BTFw-/&ZeVnLIqe-", false, "~peter/mail/台北/日本語", true}, // RFC 3501 §5.1.3
		{"&Jjo-!", false, "☺!", true},
		{"&Jjo!", false, "&Jjo!", false},
		{"&U,BTFw-&ZeVnLIqe-", false, "台北日本語", false},
		{"Entw&APw-rfe", false, "Entwürfe", true},
		{"Entw&APw-rfe", true, "Entw&APw-rfe", true},
		{"Entw\u00fcrfe", true, "Entwürfe", true},
		{"A&-B", false, "A&B", true},
		{"A&B", false, "A&B", false},
		{"A&", false, "A&", false},
		{"&2D3eAA-", false, "😀", true},
		{"&2D0-", false, "&2D0-", false}, // half a surrogate pair
		{"&AGE-", false, "a", false},
		{"&APx-", false, "&APx-", false}, // bits left over
		{"a\x01\xff", false, `a\x01\xff`, false},
		{"&IC4-x", false, `\u{202e}x`, true}, // would turn the direction of writing
	} {
		if got := DisplayName([]byte(c.octets), c.utf8); got != c.want {
			t.Errorf("%q, UTF-8 %v: %q, want %q", c.octets, c.utf8, got, c.want)
		}
		if c.utf8 {
			continue
		}
		if _, bad := decodeUTF7(nil, []byte(c.octets)); bad < 0 != c.good {
			t.Errorf("%q: bad at %d, want good %v", c.octets, bad, c.good)
		}
	}
}

func FuzzMailboxName(f *testing.F) {
	for _, s := range []string{"INBOX", "台北/日本語", "A&B", "😀", "&Jjo!", "&U,BTFw-&ZeVnLIqe-", "Entw&APw-rfe", "\x00\xff"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		shown := DisplayName(p, false)
		if !utf8.ValidString(shown) || !utf8.ValidString(DisplayName(p, true)) {
			t.Fatalf("%q: %q is not UTF-8", p, shown)
		}
		name, bad := decodeUTF7(nil, p)
		if bad >= len(p) {
			t.Fatalf("%q: bad at %d", p, bad)
		}
		if bad < 0 && string(EncodeName(string(name))) != string(p) {
			t.Fatalf("%q: %q encodes to %q", p, name, EncodeName(string(name)))
		}
		if utf8.Valid(p) {
			octets := EncodeName(string(p))
			if back, bad := decodeUTF7(nil, octets); bad >= 0 || string(back) != string(p) {
				t.Fatalf("%q: %q decodes to %q, bad at %d", p, octets, back, bad)
			}
		}
	})
}
