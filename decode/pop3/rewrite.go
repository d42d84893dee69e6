package pop3

import (
	"bytes"
	"path"
	"time"

	"github.com/mailtrace/mailtrace/decode"
)

// NewRewriter gives an editor of CAPA replies. It follows the connection with a session
// of its own, which tells what a line is; all else passes octet for octet.
func NewRewriter(w decode.Rewrite) decode.Rewriter {
	return &rewriter{w: w, s: newSession(decode.Options{Secrets: true})}
}

type rewriter struct {
	w       decode.Rewrite
	s       *session
	held    []byte // a capability line that is not whole
	passing bool   // the beginning of the line was given by Flush
	listing bool   // a CAPA reply is going by
	offered bool   // and STLS is in it
}

// Client implements decode.Rewriter.
func (r *rewriter) Client(p []byte) { r.s.Write(decode.Client, time.Time{}, p) }

// Server implements decode.Rewriter.
func (r *rewriter) Server(dst, p []byte) ([]byte, []decode.Edited) {
	var edits []decode.Edited
	for len(p) > 0 && !r.s.opaque {
		r.s.begin()
		if !r.s.multi.active || !r.s.multi.code.is(codeCapa) {
			r.listing = false
			n := r.s.serverStep(time.Time{}, p)
			if n == 0 {
				break // what begins TLS
			}
			dst, p = append(dst, p[:n]...), p[n:]
			continue
		}
		if !r.listing {
			r.listing, r.offered = true, false
		}
		i := bytes.IndexByte(p, '\n')
		part := p[:i+1]
		if i < 0 {
			part = p
		}
		p = p[len(part):]
		r.s.serverStep(time.Time{}, part)
		switch {
		case r.passing:
			dst = append(dst, part...)
			r.passing = i < 0
		case i < 0:
			r.held = append(r.held, part...)
			if len(r.held) > r.s.o.Limits.Line {
				dst = r.Flush(dst)
			}
		default:
			line := part
			if len(r.held) > 0 {
				line = append(r.held, part...)
				r.held = r.held[:0]
			}
			var edit *decode.Edited
			if dst, edit = r.line(dst, line); edit != nil {
				edits = append(edits, *edit)
			}
		}
	}
	return append(dst, p...), edits
}

// line appends what the client shall see of one line of a CAPA reply.
func (r *rewriter) line(dst, line []byte) ([]byte, *decode.Edited) {
	text := bytes.TrimRight(line, "\r\n")
	if string(text) == "." {
		if !r.w.AddStartTLS || r.offered {
			return append(dst, line...), nil
		}
		r.offered = true
		return append(append(dst, "STLS\r\n"...), line...), &decode.Edited{After: "STLS", What: "added STLS"}
	}
	word, rest, _ := bytes.Cut(text, []byte(" "))
	name := upper(word)
	if name == "STLS" {
		if r.w.RemoveStartTLS {
			return dst, &decode.Edited{Before: string(text), What: "removed STLS"}
		}
		r.offered = true
	}
	if glob := r.hides(name); glob != "" {
		return dst, &decode.Edited{Before: string(text), What: "hid " + glob}
	}
	if name != "SASL" {
		return append(dst, line...), nil
	}
	edited, hidden := bytes.Clone(word), ""
	left := 0
	for mechanism := range bytes.FieldsSeq(rest) {
		if glob := r.hides("AUTH=" + upper(mechanism)); glob != "" {
			hidden = glob
			continue
		}
		edited = append(append(edited, ' '), mechanism...)
		left++
	}
	if hidden == "" {
		return append(dst, line...), nil
	}
	e := &decode.Edited{Before: string(text), What: "hid " + hidden}
	if left == 0 {
		return dst, e
	}
	e.After = string(edited)
	return append(append(dst, edited...), line[len(text):]...), e
}

// hides gives the glob that hides a capability, "" for none.
func (r *rewriter) hides(name string) string {
	for _, glob := range r.w.Hide {
		if ok, err := path.Match(upper([]byte(glob)), name); ok && err == nil {
			return glob
		}
	}
	return ""
}

// Flush implements decode.Rewriter.
func (r *rewriter) Flush(dst []byte) []byte {
	if len(r.held) > 0 {
		dst = append(dst, r.held...)
		r.held, r.passing = r.held[:0], true
	}
	return dst
}

// Reset implements decode.Rewriter.
func (r *rewriter) Reset(w decode.Rewrite) {
	r.w, r.held, r.passing, r.listing = w, r.held[:0], false, false
	r.s.Resume(decode.Terminated, time.Time{})
}
