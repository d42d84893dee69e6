package mime_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mailtrace/mailtrace/decode/mime"
)

// fetch gives a joiner a piece of the message, in two writes.
func fetch(j *mime.Joiner, key mime.Key, message string, origin, asked, total int) ([]*mime.Part, []mime.Octets, bool) {
	from := min(origin, len(message))
	text := message[from:min(from+asked, len(message))]
	p := j.Begin(key, int64(origin), int64(asked), int64(total))
	p.Write([]byte(text[:len(text)/2]))
	p.Write([]byte(text[len(text)/2:]))
	return p.End()
}

var inPieces = crlf(sent + "Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b\nContent-Transfer-Encoding: base64\n\nAAAA\n--b--\n")

func TestJoinerInOrder(t *testing.T) {
	want := scan(mime.Joiner{}.Limits, inPieces)
	for size := 1; size <= len(inPieces)+1; size++ {
		var j mime.Joiner
		for at := 0; ; at += size {
			parts, gaps, done := fetch(&j, mime.Key{Number: 7, UID: true}, inPieces, at, size, 0)
			if !done {
				continue
			}
			if d := cmp.Diff(want, parts); d != "" || len(gaps) > 0 {
				t.Fatalf("pieces of %d: gaps %v, %s", size, gaps, d)
			}
			if at > len(inPieces) {
				t.Fatalf("pieces of %d: not done before %d", size, at)
			}
			break
		}
		if p, more := j.Problems(); len(p) > 0 || more > 0 {
			t.Fatalf("pieces of %d: %v", size, p)
		}
	}
}

func TestJoinerOverlapsAndTotal(t *testing.T) {
	var j mime.Joiner
	n := len(inPieces)
	for _, p := range [][2]int{{0, 50}, {0, 50}, {20, 50}, {10, 5}} {
		if _, _, done := fetch(&j, mime.Key{}, inPieces, p[0], p[1], n); done {
			t.Fatalf("done after %v", p)
		}
	}
	parts, gaps, done := fetch(&j, mime.Key{}, inPieces, 60, n-60, n)
	if d := cmp.Diff(scan(j.Limits, inPieces), parts); d != "" || len(gaps) > 0 || !done {
		t.Fatalf("done %v, gaps %v, %s", done, gaps, d)
	}
}

func TestJoinerGap(t *testing.T) {
	var j mime.Joiner
	at := strings.Index(inPieces, "one")
	fetch(&j, mime.Key{}, inPieces, 0, at, 0)
	parts, gaps, done := fetch(&j, mime.Key{}, inPieces, at+2, 1000, 0)
	if d := cmp.Diff([]mime.Octets{{Off: int64(at), Len: 2}}, gaps); d != "" || !done {
		t.Fatalf("done %v, gaps %s", done, d)
	}
	want := scan(j.Limits, inPieces)
	want[0].Cut, want[1].Cut = true, true
	if d := cmp.Diff(want, parts); d != "" {
		t.Fatal(d)
	}
	if p, _ := j.Problems(); len(p) > 0 {
		t.Fatalf("what is missing is no problem of the message: %v", p)
	}
}

func TestJoinerOfASection(t *testing.T) {
	var j mime.Joiner
	key := mime.Key{Section: "1"}
	fetch(&j, key, "some text", 4, 2, 0)
	parts, gaps, done := fetch(&j, key, "some text", 6, 9, 0)
	if d := cmp.Diff([]mime.Octets{{Len: 4}}, gaps); d != "" || parts != nil || !done {
		t.Fatalf("parts %v, done %v, gaps %s", parts, done, d)
	}
}

func TestJoinerIsBounded(t *testing.T) {
	var j mime.Joiner
	for n := range uint32(mime.MaxJoined + 5) {
		fetch(&j, mime.Key{Number: n}, inPieces, 0, 10, 0)
	}
	if j.Lost() != 5 {
		t.Errorf("%d given up, want 5", j.Lost())
	}
	if _, gaps, done := fetch(&j, mime.Key{Number: mime.MaxJoined}, inPieces, 10, 1000, 0); len(gaps) > 0 || !done {
		t.Errorf("a message in progress was given up: done %v, gaps %v", done, gaps)
	}
}

// FuzzJoiner holds pieces of any order against the message that they are of.
func FuzzJoiner(f *testing.F) {
	f.Add(inPieces, []byte{0, 50, 50, 50, 100, 200})
	f.Add(inPieces, []byte{10, 50, 0, 50, 70, 100, 250, 3})
	f.Fuzz(func(t *testing.T, message string, script []byte) {
		var j mime.Joiner
		due, missing := int64(0), []mime.Octets(nil)
		for ; len(script) >= 2; script = script[2:] {
			origin, asked := int(script[0]), int(script[1])+1
			parts, gaps, done := fetch(&j, mime.Key{}, message, origin, asked, len(message))
			came := max(min(len(message)-origin, asked), 0)
			if came > 0 && int64(origin) > due {
				missing = append(missing, mime.Octets{Off: due, Len: int64(origin) - due})
			}
			if came > 0 {
				due = max(due, int64(origin+came))
			}
			if !done {
				continue
			}
			if due > 0 && int64(len(message)) > due {
				// An empty piece behind the end of what the client has not fetched.
				missing = append(missing, mime.Octets{Off: due, Len: int64(max(origin, len(message))) - due})
			}
			if due > 0 && int64(origin) < due || came > 0 {
				if len(missing) == 0 && due == int64(len(message)) {
					if d := cmp.Diff(scan(j.Limits, message), parts); d != "" || len(gaps) > 0 {
						t.Fatalf("%q: gaps %v %s", message, gaps, d)
					}
				} else if fmt.Sprint(gaps) != fmt.Sprint(missing) {
					t.Fatalf("%q: gaps %v, want %v", message, gaps, missing)
				}
			}
			due, missing = 0, nil
		}
	})
}
