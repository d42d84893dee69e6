package redact

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestFill(t *testing.T) {
	for in, want := range map[string]string{
		"":                  "",
		"secret":            "xxxxxx",
		`"secret"`:          `"xxxxxx"`,
		`"se cret" "again"`: `"xxxxxxxxxxxxxxx"`,
		`"`:                 "x",
		`""`:                `""`,
		"secret\r\n":        "xxxxxx\r\n",
		"sec\r\nret":        "xxx\r\nxxx",
	} {
		p := []byte(in)
		Fill(p)
		if string(p) != want {
			t.Errorf("%q: got %q, want %q", in, p, want)
		}
	}
}

// filled adds secrets as sent in clear, and gives text with them filled.
func filled(text string, add func(*Echo)) string {
	var e Echo
	add(&e)
	p := []byte(text)
	e.Fill(p)
	return string(p)
}

func TestEchoes(t *testing.T) {
	b64 := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	raw := func(s string) func(*Echo) { return func(e *Echo) { e.Add([]byte(s)) } }
	encoded := func(s string) func(*Echo) { return func(e *Echo) { e.AddEncoded([]byte(s)) } }
	long := strings.Repeat("0123456789abcdef", 512)
	for name, c := range map[string]struct {
		add        func(*Echo)
		text, want string
	}{
		"raw":                      {raw("sesame"), "NO sesame is wrong", "NO xxxxxx is wrong"},
		"base64":                   {raw("sesame"), "NO " + b64("sesame"), "NO xxxxxxxx"},
		"base64 with padding":      {raw("sesam"), "NO " + b64("sesam"), "NO xxxxxxx="},
		"upper case":               {raw("sesame"), "BAD unknown SESAME", "BAD unknown xxxxxx"},
		"mixed case":               {raw("SeSame"), "BAD unknown sesame", "BAD unknown xxxxxx"},
		"twice":                    {raw("sesame"), "sesamesesame sesame", "xxxxxxxxxxxx xxxxxx"},
		"overlapping itself":       {raw("abcabc"), "abcabcabc", "xxxxxxxxx"},
		"too short":                {raw("abc"), "abc", "abc"},
		"beginning of a long one":  {raw("correct horse battery"), "NO correct horse bat…", "NO xxxxxxxxxxxxxxxxx…"},
		"longer than is kept":      {raw(long), "NO " + long + "tail", "NO " + strings.Repeat("x", len(long)+4)},
		"quoted":                   {raw(`ses"ame`), `NO "ses\"ame"`, `NO "xxxxxxxx"`},
		"response":                 {encoded(b64("\x00u1\x00sesame")), "NO " + b64("\x00u1\x00sesame"), "NO xxxxxxxxxxxxxx=="},
		"response upper":           {encoded(b64("\x00u1\x00sesame")), "BAD " + strings.ToUpper(b64("\x00u1\x00sesame")), "BAD xxxxxxxxxxxxxx=="},
		"password in PLAIN":        {encoded(b64("\x00u1\x00sesame")), "NO sesame for u1", "NO xxxxxx for u1"},
		"password in PLAIN base64": {encoded(b64("\x00u1\x00sesame")), "NO " + b64("sesame"), "NO xxxxxxxx"},
		"PLAIN with 0x01":          {encoded(b64("\x00u1\x00ses\x01ame")), "NO ses\x01ame", "NO xxxxxxx"},
		"PLAIN with space behind":  {encoded(b64("\x00u1\x00sesame1") + " "), "NO sesame1", "NO xxxxxxx"},
		"token":                    {encoded(b64("user=u1\x01auth=Bearer tok123\x01\x01")), "NO tok123", "NO xxxxxx"},
		"token, other alphabet":    {encoded(base64.RawURLEncoding.EncodeToString([]byte("n,a=u1,\x01auth=Bearer ~~~???>>>tok123\x01\x01"))), "NO ~~~???>>>tok123", "NO xxxxxxxxxxxxxxx"},
		"CRAM-MD5":                 {encoded(b64("u1 0123456789abcdef0123456789abcdef")), "NO u1 0123456789abcdef0123456789abcdef", "NO xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"},
		"CRAM-MD5 digest":          {encoded(b64("tim 0123456789abcdef0123456789abcdef")), "NO 0123456789abcdef0123456789abcdef", "NO xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"},
		"no base64":                {encoded("sesame!"), "NO sesame!", "NO xxxxxxx"},
		"one inside the other": {func(e *Echo) {
			e.Add([]byte("abcdefgh"))
			e.Add([]byte("efghijkl"))
		}, "abcdefghijkl", "xxxxxxxxxxxx"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := filled(c.text, c.add); got != c.want {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}

// More secrets than are kept hide everything.
func TestTooManySecretsFailClosed(t *testing.T) {
	var e Echo
	for i := range 200 {
		e.Add([]byte{'p', 'w', 'd', byte('0' + i/100), byte('0' + i/10%10), byte('0' + i%10)})
	}
	text := []byte("NO pwd199 is wrong")
	if !e.Fill(text) || bytes.Contains(text, []byte("pwd")) {
		t.Fatalf("got %q", text)
	}
	if at, n := e.Find([]byte("anything"), 3); at != 3 || n != 5 {
		t.Fatalf("found %d+%d", at, n)
	}
	if !e.Begins([]byte("abcd")) {
		t.Fatal("a beginning was not told")
	}
	e.Reset()
	if e.Active() || e.Fill([]byte("pwd000")) {
		t.Fatal("still active")
	}
}

// Filler that was decoded again is no secret: it must not hide what was shown before.
func TestFillerIsNoNeedle(t *testing.T) {
	if got := filled("NO XXXXXXXX xxxxxx", func(e *Echo) { e.Add([]byte("xxxxxx")); e.AddEncoded([]byte("xxxxxxxx")) }); got != "NO XXXXXXXX xxxxxx" {
		t.Fatalf("got %q", got)
	}
}

// Nothing of a secret is left wherever it stands, and nothing else is changed.
func TestEchoProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		secret := rapid.StringMatching(`[!-wyz~]{4,40}`).Draw(t, "secret")
		before := rapid.StringMatching(`[ -~]{0,20}`).Draw(t, "before")
		after := rapid.StringMatching(`[ -~]{0,20}`).Draw(t, "after")
		var e Echo
		e.Add([]byte(secret))
		text := []byte(before + secret + after)
		e.Fill(text)
		if len(text) != len(before)+len(secret)+len(after) {
			t.Fatalf("length changed")
		}
		if bytes.Contains(bytes.ToLower(text), []byte(strings.ToLower(secret))) {
			t.Fatalf("left in %q", text)
		}
		for from := 0; from < len(text); {
			at, n := e.Find(text, from)
			if at < 0 {
				break
			}
			if n <= 0 || at < from || at+n > len(text) {
				t.Fatalf("found %d+%d from %d", at, n, from)
			}
			from = at + n
		}
	})
}

func TestBegins(t *testing.T) {
	var e Echo
	e.Add([]byte("Sesame, open"))
	for p, want := range map[string]bool{"sesa": true, "SESAME,": true, "ses": false, "esame": false, "sesame, open!": false} {
		if got := e.Begins([]byte(p)); got != want {
			t.Errorf("%q: got %t", p, got)
		}
	}
	e.Reset()
	e.All()
	if !e.Active() || !e.Begins([]byte("anything")) {
		t.Error("not everything is taken for a secret")
	}
}
