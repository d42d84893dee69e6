package mime

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// What plainText calls plain is plain, octet by octet, and it does so of all ordinary text.
func TestPlainText(t *testing.T) {
	if !surveys {
		t.Log("this machine has no survey of blocks: only that plainText never says yes is tested")
	}
	odd := []byte{0, '\r', '\n', 0x80, 0xff, '\v', 0x7f}
	yes := 0
	for range 200_000 {
		p := make([]byte, 1+rand.IntN(3000))
		every := 1 + rand.IntN(1100) // line length
		for i := range p {
			p[i] = byte(1 + rand.IntN(9))
			switch rand.IntN(20_000) {
			case 0:
				p[i] = odd[rand.IntN(len(odd))]
			case 1:
				p[i] = byte(rand.IntN(256))
			}
		}
		for i := rand.IntN(every); i < len(p); i += 2 + rand.IntN(every) {
			if p[i] = '\n'; i > 0 {
				p[i-1] = '\r'
			}
		}
		last, line := byte('x'), rand.Int64N(1100)
		switch rand.IntN(10) {
		case 0:
			last, line = '\n', 0
		case 1:
			last = '\r'
		case 2:
			last, p[0] = '\r', '\n'
		}
		lines, ascii, ok := plainText(p, last, line)
		if !ok {
			continue
		}
		yes++
		before, so := last, line
		wantASCII := true
		for i, c := range p {
			if (c == '\n') != (before == '\r') || c == 0 {
				t.Fatalf("octet %d of %q behind %q is not plain", i, p, last)
			}
			wantASCII = wantASCII && c < 0x80
			if so++; c == '\n' {
				if so-2 > longestLine {
					t.Fatalf("a line of %d octets in %q is called short enough", so, p)
				}
				so = 0
			}
			before = c
		}
		if want := bytes.Count(p, []byte{'\n'}); lines != want {
			t.Fatalf("%d lines of %q, want %d", lines, p, want)
		}
		if ascii != wantASCII {
			t.Fatalf("%q: ASCII %v", p, ascii)
		}
		if got := lineSoFar(p, line); got != so {
			t.Fatalf("%d octets since the last line end of %q, want %d", got, p, so)
		}
	}
	if surveys != (yes > 10_000) {
		t.Errorf("%d texts are plain", yes)
	}
}

func TestPlainTextSaysYes(t *testing.T) {
	text := bytes.Repeat([]byte("The quick brown fox jumps over the lazy dog, and then it goes on.\r\n"), 100)
	for from := range 70 {
		for to := from + surveyBlock + 1; to < len(text); to += 61 {
			last := byte('\n')
			if from > 0 {
				last = text[from-1]
			}
			if _, ascii, ok := plainText(text[from:to], last, int64(from)); ok != surveys || ascii != surveys {
				t.Fatalf("[%d:%d] is not plain", from, to)
			}
		}
	}
}
