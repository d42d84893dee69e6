package grammar

import (
	"testing"
	"unicode/utf16"
	"unicode/utf8"
)

// encodeUTF7 gives a name in modified UTF-7 (RFC 3501 §5.1.3).
func encodeUTF7(name string) []byte {
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,"
	var b []byte
	var acc, bits uint32
	inRun := false
	put := func(u uint16) {
		acc, bits = acc<<16|uint32(u), bits+16
		for bits >= 6 {
			bits -= 6
			b = append(b, digits[acc>>bits&63])
		}
		acc &= 1<<bits - 1
	}
	leave := func() {
		if !inRun {
			return
		}
		if bits > 0 {
			b = append(b, digits[acc<<(6-bits)&63])
		}
		b, inRun, acc, bits = append(b, '-'), false, 0, 0
	}
	for _, r := range name {
		if r >= ' ' && r < 0x7f {
			leave()
			if b = append(b, byte(r)); r == '&' {
				b = append(b, '-')
			}
			continue
		}
		if !inRun {
			b, inRun = append(b, '&'), true
		}
		if hi, lo := utf16.EncodeRune(r); hi != utf8.RuneError {
			put(uint16(hi))
			put(uint16(lo))
		} else {
			put(uint16(r))
		}
	}
	leave()
	return b
}

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
		if bad < 0 && string(encodeUTF7(string(name))) != string(p) {
			t.Fatalf("%q: %q encodes to %q", p, name, encodeUTF7(string(name)))
		}
		if utf8.Valid(p) {
			octets := encodeUTF7(string(p))
			if back, bad := decodeUTF7(nil, octets); bad >= 0 || string(back) != string(p) {
				t.Fatalf("%q: %q decodes to %q, bad at %d", p, octets, back, bad)
			}
		}
	})
}
