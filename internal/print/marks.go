package print

import (
	"bytes"
	"strings"
	"time"

	"github.com/mailtrace/mailtrace/decode"
)

// handshake prints a TLS handshake.
func (t *text) handshake(c *connection, e *decode.Event) {
	f := fieldsOf(e)
	leg := f.Get("leg")
	if what := failure(e); what != "" {
		what = legName(leg) + what
		if c.opening != nil {
			t.fail(c, what, f.Get("hint"))
			return
		}
		t.words = append(append(append(t.words[:0], t.signs.no...), ' '), what...)
		t.print(row{conn: c, at: e.Time, mark: "==", text: t.words, own: true, style: trouble})
		t.hint(c, f.Get("hint"))
		return
	}
	if c.opening != nil {
		c.opening.server, c.opening.served = f, e.Time
		return
	}
	t.secured(c, e.Time, f)
}

// secured prints a handshake that succeeded.
func (t *text) secured(c *connection, at time.Time, f decode.Fields) {
	leg := f.Get("leg")
	c.clientTLS = c.clientTLS || leg != "server"
	c.serverTLS = c.serverTLS || leg != "client"
	t.words = appendVersions(t.words[:0], f)
	split := len(t.words)
	if leg != "client" {
		t.words = append(t.words, certificate(f.Get("verified"))...)
	}
	if leg == "both" || leg == "client" { // a client of ours has no leg beside the server's
		if len(t.words) > split {
			t.words = append(t.words, " · "...)
		}
		t.words = append(t.words, "client accepted ours"...)
	}
	t.print(row{conn: c, at: at, mark: "==", text: t.words[:split:split], own: true, note: t.words[split:]})
	if t.o.Verbose {
		t.restOf(c, f, "leg", "version", "client-version", "verified")
	}
}

func legName(leg string) string {
	switch leg {
	case "client", "server":
		return leg + " leg: "
	case "both":
		return "both legs: "
	}
	return ""
}

// appendVersions says which TLS is spoken on which leg.
func appendVersions(dst []byte, f decode.Fields) []byte {
	tls := func(version string) string {
		switch {
		case version == "":
			return "TLS"
		case strings.HasPrefix(version, "TLS") || strings.HasPrefix(version, "SSL"):
			return version
		}
		return "TLS " + version
	}
	version, clients := f.Get("version"), f.Get("client-version")
	switch leg := f.Get("leg"); {
	case leg == "client" || leg == "server":
		if leg == "client" && clients != "" {
			version = clients
		}
		return append(append(append(append(dst, tls(version)...), " on the "...), leg...), " leg"...)
	case clients != "" && clients != version:
		dst = append(append(dst, tls(version)...), " to the server, "...)
		return append(append(dst, tls(clients)...), " to the client"...)
	}
	if dst = append(dst, tls(version)...); f.Get("leg") == "" {
		return dst
	}
	return append(dst, " on both legs"...)
}

func certificate(verified string) string {
	switch verified {
	case "yes":
		return "server cert valid"
	case "no":
		return "server cert not verified"
	case "":
		return ""
	}
	if why, ok := strings.CutPrefix(verified, "no: "); ok {
		return "server cert not valid: " + why
	}
	return "server cert: " + verified
}

// layer prints where compression begins or ends.
func (t *text) layer(c *connection, e *decode.Event) {
	note := t.noted(c, e)
	text := e.Text
	if len(text) == 0 {
		text = []byte("layer changes")
		if e.Name != "" {
			text = []byte("layer " + e.Name)
		}
	}
	t.print(row{conn: c, at: e.Time, mark: "==", text: text, note: note})
}

// malformed prints a line that the grammar does not know.
func (t *text) malformed(c *connection, e *decode.Event) {
	t.words = append(t.words[:0], "malformed"...)
	t.addNoted(c, e)
	t.print(row{conn: c, at: e.Time, mark: markOf(e.Dir, e.Origin), text: e.Text, note: t.words, style: caution, tone: caution})
	t.hint(c, fieldsOf(e).Get("hint"))
	if e.Dir != decode.NoDir {
		t.announced(c, e)
	}
}

// lost prints that framing, decoding or octets were lost.
func (t *text) lost(c *connection, e *decode.Event) {
	f := fieldsOf(e)
	s := trouble
	t.words = t.words[:0]
	switch e.Kind {
	case decode.Desync:
		t.words = append(t.words, "framing lost"...)
	case decode.Opaque:
		s = caution
		t.words = append(t.words, "not decoded from here"...)
	case decode.Undelivered:
		t.words = append(t.words, "not delivered"...)
	}
	if e.Dir != decode.NoDir {
		t.words = append(append(t.words, ", "...), e.Dir.String()...)
		if e.Kind != decode.Opaque && e.Span.Len > 0 {
			t.words = appendPlain(append(t.words, '@'), e.Span.Off)
		}
	}
	if n := f.Get("octets"); n != "" {
		t.words = append(append(append(t.words, ": "...), n...), " octets"...)
	}
	reason := f.Get("reason")
	if !bytes.HasPrefix(e.Text, []byte(reason)) {
		t.words = append(append(t.words, ": "...), reason...)
	}
	if what := f.Get("error"); what != "" {
		t.words = append(append(t.words, ": "...), what...)
	}
	if len(e.Text) > 0 {
		t.words = append(append(t.words, ": "...), e.Text...)
	}
	if note := t.noteOf(e); note != reason { // which stands there already
		t.addSaid(c, note, false)
	}
	t.print(row{conn: c, at: e.Time, mark: "!!", text: t.words, style: s})
	t.hint(c, f.Get("hint"))
}

// edit prints what the proxy changed: what the peer saw instead, and what stood there.
func (t *text) edit(c *connection, e *decode.Event) {
	f := fieldsOf(e)
	t.words = append(t.words[:0], "edited by mailtrace"...)
	t.addNote(f.Get("what"))
	after := f.Get("after")
	if after == "" {
		after = "(left out)"
	}
	t.print(row{conn: c, at: e.Time, mark: "~~", text: []byte(after), note: t.words, style: caution})
	if before := f.Get("before"); before != "" {
		t.table = append(t.table[:0], "was "...)
		t.visible = t.show(t.visible[:0], []byte(before), false)
		t.table, _ = appendMiddle(t.table, t.visible, t.width-textColumn-6, t.signs.cut)
		t.sub(c, t.table, dim)
	}
}
