package imap

import (
	"bytes"
	"path"
	"strings"
	"time"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/internal/fragment"
)

// heldLine bounds a capability reply that can be edited; a longer line passes as it is.
const heldLine = 16 << 10

// rewriter edits the capability replies of a server: the untagged CAPABILITY response
// and the CAPABILITY code of a status response (RFC 9051 §7.1, §7.2.2).
//
//	line start ──cannot be a capability reply──► pass to the line's end
//	    │                                              │ {n}: pass n octets
//	    └──held──► whole: edit ──► line start ◄────────┘
//
// After COMPRESS nothing can be edited any more; everything passes.
type rewriter struct {
	how      decode.Rewrite
	lines    fragment.Lines
	passing  bool // the unfinished line is forwarded as it comes
	rest     bool // the line goes on behind a literal
	literal  int64
	spoken   bool // the client sent a command
	greeted  bool // the greetings are over
	ended    bool // COMPRESS
	client   fragment.Lines
	upload   int64 // octets left of the client's literal
	untouch  bool  // it is synchronizing, and no octet of it came yet
	more     bool  // the client's command goes on behind a literal
	tag      string
	compress string // tag of a COMPRESS under way
}

func newRewriter(how decode.Rewrite) decode.Rewriter {
	w := &rewriter{}
	w.Reset(how)
	return w
}

// Reset implements decode.Rewriter.
func (w *rewriter) Reset(how decode.Rewrite) {
	*w = rewriter{how: how, greeted: w.greeted}
	w.lines.Max, w.client.Max = heldLine, heldLine
}

// Client implements decode.Rewriter: it looks for COMPRESS, outside of literals.
func (w *rewriter) Client(p []byte) {
	for len(p) > 0 && !w.ended {
		if w.upload > 0 {
			n := min(w.upload, int64(len(p)))
			w.upload -= n
			w.untouch = false
			p = p[n:]
			continue
		}
		line, n, done := w.client.Take(p, time.Time{})
		p = p[n:]
		if !done {
			return
		}
		var c clientLine
		if c.parseCommand(line.Text); c.kind == isCommand && !w.more {
			w.tag = string(c.tag)
			if c.info != nil && c.info.name == "COMPRESS" {
				w.compress = w.tag
			}
		}
		w.spoken, w.more = true, false
		if spec, ok := fragment.ParseLiteral(line.Tail); ok {
			w.upload, w.untouch, w.more = spec.Octets, !spec.NonSync, true
		}
	}
}

// Server implements decode.Rewriter.
func (w *rewriter) Server(dst, p []byte) ([]byte, []decode.Edited) {
	var edits []decode.Edited
	for len(p) > 0 {
		if w.ended {
			return append(dst, p...), edits
		}
		if w.literal > 0 {
			n := min(w.literal, int64(len(p)))
			dst = append(dst, p[:n]...)
			p = p[n:]
			w.literal -= n
			continue
		}
		if w.lines.Empty() {
			w.passing = w.rest
		}
		held, before := w.lines.Held() // all of the line so far, unless it is passing
		line, n, done := w.lines.Take(p, time.Time{})
		part := p[:n]
		p = p[n:]
		switch kept, _ := w.lines.Held(); {
		case w.passing:
			dst = append(dst, part...)
		case done && !line.Cut:
			out, edit := w.edit(line)
			dst = append(dst, out...)
			edits = append(edits, edit...)
		case done, before+int64(n) > heldLine+2, !mayListCapabilities(kept):
			dst = append(append(dst, held...), part...)
			w.passing = true
		}
		if done {
			w.lineEnds(line)
		}
	}
	return dst, edits
}

// lineEnds follows framing: literals, and the answers to the client's commands.
func (w *rewriter) lineEnds(line fragment.Line) {
	data := true // not a status response, whose text may end in braces
	if !w.rest {
		r := parseResponse(line.Text)
		data = r.kind == decode.Untagged && r.status < 0
		if r.kind == decode.Completion {
			if string(r.tag) == w.compress && w.compress != "" {
				w.ended = r.name == "OK"
				w.compress = ""
			}
			if string(r.tag) == w.tag && w.more && w.untouch {
				w.upload, w.more = 0, false // a refused literal
			}
		}
		if w.spoken || r.kind != decode.Untagged || r.name != "OK" {
			w.greeted = true
		}
	}
	w.rest = false
	if data {
		if spec, ok := fragment.ParseLiteral(line.Tail); ok {
			w.literal, w.rest = spec.Octets, true
		}
	}
}

// Flush implements decode.Rewriter.
func (w *rewriter) Flush(dst []byte) []byte {
	if kept, n := w.lines.Held(); n > 0 && !w.passing {
		dst = append(dst, kept...)
		w.passing = true
	}
	return dst
}

var capabilityWord = []byte("* CAPABILITY ")

// mayListCapabilities tells whether a line that begins with p may turn out to be a
// capability reply.
func mayListCapabilities(p []byte) bool {
	if len(p) > 0 && p[0] == '+' {
		return false
	}
	if len(p) < 2 {
		return true
	}
	if p[0] == '*' && p[1] == ' ' {
		// More spaces than one are none the less taken for one.
		p = append([]byte("* "), bytes.TrimLeft(p[2:], " ")...)
	}
	if p[0] == '*' && p[1] == ' ' && len(p) > 2 && p[2] >= '0' && p[2] <= '9' {
		return false
	}
	n := min(len(p), len(capabilityWord))
	if bytes.EqualFold(p[:n], capabilityWord[:n]) {
		return true
	}
	// tag SP status SP "[CAPABILITY": the code stands right behind the status.
	fields := bytes.SplitN(p, []byte(" "), 3)
	if len(fields) < 3 {
		return len(p) < longestStatus
	}
	code := []byte("[CAPABILITY")
	n = min(len(fields[2]), len(code))
	if len(fields[2]) > n && fields[2][n] != ' ' && fields[2][n] != ']' {
		return false
	}
	return statusName(fields[1]) != "" && bytes.EqualFold(fields[2][:n], code[:n])
}

// edit gives a whole line as the client shall see it.
func (w *rewriter) edit(line fragment.Line) (out []byte, edits []decode.Edited) {
	raw := line.Raw()
	from, to := capabilityList(line.Text)
	if raw == nil || from < 0 {
		return raw, nil
	}
	text := line.Text
	code := text[from-1] != ' ' || bytes.IndexByte(text[:from], '[') >= 0
	if w.how.HideGreetingCapabilities && !w.greeted && code && text[0] == '*' {
		open := bytes.LastIndexByte(text[:from], '[')
		end := min(to+1, len(text))
		if end < len(text) && text[end] == ' ' {
			end++
		}
		out = append(append(bytes.Clone(text[:open]), text[end:]...), line.EOL...)
		return out, []decode.Edited{edited(text, out, "left the CAPABILITY code out of the greeting")}
	}
	list, what := w.editList(strings.Fields(string(text[from:to])))
	if what == "" {
		return raw, nil
	}
	out = bytes.Clone(text[:from])
	if from == to && out[from-1] != ' ' && len(list) > 0 {
		out = append(out, ' ') // there was none
	}
	out = append(out, strings.Join(list, " ")...)
	out = append(append(out, text[to:]...), line.EOL...)
	return out, []decode.Edited{edited(text, out, what)}
}

func edited(before, after []byte, what string) decode.Edited {
	return decode.Edited{Before: string(before), After: string(bytes.TrimRight(after, "\r\n")), What: what}
}

// longestStatus bounds the tag and the status of a line that is held.
const longestStatus = 1 << 10

// capabilityList gives where the capabilities stand in a line, or -1.
func capabilityList(text []byte) (from, to int) {
	r := parseResponse(text)
	switch {
	case r.status > longestStatus:
	case r.kind == decode.Untagged && r.name == "CAPABILITY" && r.number < 0:
		return r.args, len(text)
	case r.status >= 0 && r.kind != decode.ContinuationRequest:
		code, args := respCode(text[r.status:])
		if bytes.EqualFold(code, []byte("CAPABILITY")) {
			from = r.status + 1 + len(code) + min(1, len(args))
			return from, from + len(args)
		}
	}
	return -1, -1
}

// editList gives the capabilities that the client shall see, and what was done to them.
func (w *rewriter) editList(list []string) (out []string, what string) {
	var removed, added []string
	for _, c := range list {
		name := strings.ToUpper(c)
		tls := name == "STARTTLS" || name == "LOGINDISABLED"
		if tls && w.how.RemoveStartTLS || matches(w.how.Hide, name) {
			removed = append(removed, c)
			continue
		}
		out = append(out, c)
	}
	if w.how.AddStartTLS {
		for _, c := range [...]string{"STARTTLS", "LOGINDISABLED"} {
			if !contains(out, c) {
				out = append(out, c)
				added = append(added, c)
			}
		}
	}
	if removed != nil {
		what = "removed " + strings.Join(removed, " ")
	}
	if added != nil {
		if what != "" {
			what += ", "
		}
		what += "added " + strings.Join(added, " ")
	}
	return out, what
}

func contains(list []string, name string) bool {
	for _, c := range list {
		if strings.EqualFold(c, name) {
			return true
		}
	}
	return false
}

func matches(globs []string, name string) bool {
	for _, g := range globs {
		if ok, err := path.Match(strings.ToUpper(g), name); ok && err == nil {
			return true
		}
	}
	return false
}
