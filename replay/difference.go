package replay

import (
	"fmt"
	"strings"
)

// Difference is a place where the peer did not say what the script expects.
type Difference struct {
	Pos      Pos
	Conn     int    // number of the connection, from 1; 0 where only one was played
	Command  string // the command that it belongs to, as the script has it
	Text     string // what is different, in words
	Expected string // the line of the script; empty for what is not listed
	Got      string // what came; empty for nothing

	line *Line  // the line that came differently
	came *reply // IMAP: the response that came in its place
	body *lines // POP3: the body that came in the place of another
}

// lines are a body that is expected, and what came, as they are on the wire.
type lines struct {
	want []expected // without the final "."
	got  [][]byte
}

// String gives file:line:column, then the rest on lines of their own.
func (d Difference) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v: %s", d.Pos, d.Text)
	if d.Expected != "" {
		fmt.Fprintf(&b, "\n\texpected %s", d.Expected)
	}
	if d.Got != "" {
		fmt.Fprintf(&b, "\n\tgot      %s", d.Got)
	}
	return b.String()
}

// hide fills secrets that a server echoes.
func (p *player) hide(s string) string {
	for _, secret := range []string{p.opts.Password, p.opts.Token} {
		if len(secret) >= 4 {
			s = strings.ReplaceAll(s, secret, strings.Repeat("x", len(secret)))
		}
	}
	return s
}

func (p *player) differ(l *Line, text, got string) {
	p.res.Differences = append(p.res.Differences, Difference{
		Pos: l.Pos, Text: text, Expected: l.Pattern.String(), Got: p.hide(got), line: l,
	})
}

func (p *player) unlisted(at Pos, text, got string) {
	p.res.Differences = append(p.res.Differences, Difference{Pos: at, Text: text, Got: p.hide(got)})
}
