package sasl

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestPrepare(t *testing.T) {
	for in, want := range map[string]string{
		// RFC 4013 §3; what it calls an error stays as it is.
		"I\u00adX": "IX", "user": "user", "USER": "USER", "\u00aa": "a", "\u2168": "IX", "\u0007": "\u0007", "\u0627\u0031": "\u0627\u0031",
		"a\u0308": "ä", "pass\u00a0word": "pass word", "\u0627\u0031\u0628": "\u0627\u0031\u0628", "\u0627a\u0628\u00aa": "\u0627a\u0628\u00aa",
		"ä\ue000\u00aa": "ä\ue000\u00aa", "\u00aa\ufffe": "\u00aa\ufffe", "\u00aa\U0001fffe": "\u00aa\U0001fffe", "\u00ad": "\u00ad", "\xff\u00aa": "\xff\u00aa",
		"Grüße-ключ-✓-密": "Grüße-ключ-✓-密", "": "",
	} {
		if got := prepare(in); got != want {
			t.Errorf("%+q: %+q, want %+q", in, got, want)
		}
	}
}

// The name and the password of SCRAM are prepared (RFC 5802 §2.2, §5.1), on both sides.
func TestSCRAMPrepares(t *testing.T) {
	server, err := NewServer("SCRAM-SHA-1", "schl\u00fcssel")
	if err != nil {
		t.Fatal(err)
	}
	client, err := New("SCRAM-SHA-1", nil, Credentials{User: "J\u2168", Password: "schlu\u0308ssel"})
	if err != nil {
		t.Fatal(err)
	}
	_, first, _ := client.Start()
	if !strings.HasPrefix(string(first), "n,,n=JIX,") {
		t.Errorf("%s", first)
	}
	challenge, err := server.First(string(first))
	if err != nil {
		t.Fatal(err)
	}
	response, err := client.Next([]byte(challenge))
	if err != nil {
		t.Fatal(err)
	}
	if given, want, _, err := server.Final(string(response)); err != nil || given != want {
		t.Errorf("the proofs differ: %v", err)
	}
}

func FuzzPrepare(f *testing.F) {
	f.Add("I\u00adX")
	f.Add("\u0627\u0031")
	f.Fuzz(func(t *testing.T, s string) {
		p := prepare(s)
		if again := prepare(p); again != p && utf8.ValidString(s) {
			t.Errorf("%+q: %+q, then %+q", s, p, again)
		}
	})
}
