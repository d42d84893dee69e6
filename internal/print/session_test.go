package print

import (
	"time"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/mime"
)

// story builds the events of connections as a decoder would give them, with the notes
// that a protocol would have on them.
type story struct {
	events   []decode.Event
	notes    map[uint64]string
	seq      decode.Sequencer
	start    time.Time
	conn     int
	protocol string
	state    decode.State
	mailbox  string
	offsets  [3]int64
	last     *decode.Command
	commands map[string]*decode.Command
}

var day = time.Date(2026, 11, 22, 9, 14, 2, 118e6, time.UTC)

func newStory() *story { return &story{notes: map[uint64]string{}} }

func (s *story) note(e *decode.Event) string { return s.notes[e.Seq] }

// begin opens a connection.
func (s *story) begin(conn int, protocol string, at time.Time, fields decode.Fields) {
	s.conn, s.protocol, s.start, s.state, s.mailbox = conn, protocol, at, decode.NoState, ""
	s.offsets, s.last, s.commands = [3]int64{}, nil, map[string]*decode.Command{}
	s.add(decode.Event{Time: at, Kind: decode.Open, Detail: fields}, "")
}

func (s *story) at(ms int) time.Time { return s.start.Add(time.Duration(ms) * time.Millisecond) }

func (s *story) add(e decode.Event, note string) *decode.Event {
	e.Conn, e.Protocol, e.Mailbox = s.conn, s.protocol, s.mailbox
	if e.State == decode.NoState {
		e.State = s.state
	}
	if e.Dir != decode.NoDir && e.Span.Len == 0 && e.Text != nil {
		e.Span = decode.Span{Off: s.offsets[e.Dir], Len: int64(len(e.Text)) + 2}
	}
	if e.Span.Len > 0 && e.Kind != decode.MIME && e.Kind != decode.Close {
		s.offsets[e.Dir] = e.Span.End()
	}
	one := []decode.Event{e}
	s.seq.Number(one)
	s.events = append(s.events, one[0])
	if note != "" {
		s.notes[one[0].Seq] = note
	}
	return &s.events[len(s.events)-1]
}

// c is a client command; tag is empty for POP3.
func (s *story) c(ms int, tag, name, text, note string) *decode.Event {
	cmd := &decode.Command{Tag: tag, Name: name, Complete: s.at(ms)}
	s.last = cmd
	s.commands[tag] = cmd
	return s.add(decode.Event{
		Time: s.at(ms), Dir: decode.Client, Kind: decode.CommandLine, Tag: tag, Name: name, Command: cmd, Text: []byte(text),
	}, note)
}

// server is a line of the server that answers nothing.
func (s *story) server(ms int, kind decode.Kind, name, text, note string) *decode.Event {
	return s.add(decode.Event{Time: s.at(ms), Dir: decode.Server, Kind: kind, Name: name, Text: []byte(text)}, note)
}

// answer is a line of the server that answers the command of a tag.
func (s *story) answer(ms, latency int, kind decode.Kind, tag, name, text, note string) *decode.Event {
	cmd := s.commands[tag]
	d := time.Duration(latency) * time.Millisecond
	cmd.First = cmd.Complete.Add(d)
	return s.add(decode.Event{
		Time: s.at(ms), Dir: decode.Server, Kind: kind, Tag: tag, Name: name, Command: cmd, Text: []byte(text), Latency: d, First: d,
	}, note)
}

func (s *story) enter(ms int, state decode.State, note string) {
	s.state = state
	s.add(decode.Event{Time: s.at(ms), Kind: decode.StateChange}, note)
}

func (s *story) tls(ms int) {
	s.add(decode.Event{Time: s.at(ms), Kind: decode.TLS, Detail: decode.Fields{
		{Key: "leg", Value: "both"},
		{Key: "version", Value: "TLS 1.3"},
		{Key: "cipher", Value: "TLS_AES_128_GCM_SHA256"},
		{Key: "client-version", Value: "TLS 1.3"},
		{Key: "client-cipher", Value: "TLS_AES_128_GCM_SHA256"},
		{Key: "sni", Value: "imap.example.org"},
		{Key: "verified", Value: "yes"},
		{Key: "subject", Value: "CN=imap.example.org"},
	}}, "")
}

func (s *story) parts(ms int, of *decode.Command, parts ...mime.Part) {
	for i := range parts {
		p := &parts[i]
		s.add(decode.Event{
			Time: s.at(ms), Dir: decode.Server, Kind: decode.MIME, Command: of, Detail: p,
			Span: decode.Span{Off: s.offsets[decode.Server] + p.Off, Len: p.Size},
		}, "")
	}
}

func (s *story) end(ms int, by string, t decode.Totals, fields decode.Fields) {
	for _, d := range [...]decode.Dir{decode.Client, decode.Server} {
		n := t.ClientOctets
		if d == decode.Server {
			n = t.ServerOctets
		}
		s.add(decode.Event{Time: s.at(ms), Dir: d, Kind: decode.Close, Span: decode.Span{Len: n}}, "")
	}
	t.ClosedBy, t.Duration, t.LastState = by, s.at(ms).Sub(s.start), s.state
	s.add(decode.Event{Time: s.at(ms), Kind: decode.Close, Detail: &decode.CloseDetail{Totals: t, Fields: fields}}, "")
}

// imap tells an IMAP session: login, a message fetched, IDLE, a message expunged.
func (s *story) imap() {
	s.begin(1, "imap", day, decode.Fields{
		{Key: "client", Value: "127.0.0.1:52144"},
		{Key: "listen", Value: "imaps://127.0.0.1:1993"},
		{Key: "upstream", Value: "imaps://imap.example.org"},
		{Key: "protocol", Value: "imap"},
		{Key: "secrets", Value: "no"},
	})
	s.tls(31)
	s.state = decode.NotAuthenticated
	s.server(52, decode.Greeting, "OK",
		"* OK [CAPABILITY IMAP4rev1 SASL-IR LOGIN-REFERRALS ID ENABLE IDLE LITERAL+ AUTH=PLAIN AUTH=LOGIN] Dovecot ready.",
		"greeting · 9 capabilities; LOGIN allowed")
	s.enter(52, decode.NotAuthenticated, "")
	s.c(53, "a1", "LOGIN", "a1 LOGIN u1 xxxxxx", "log in as u1 · password redacted")
	s.answer(61, 8, decode.Completion, "a1", "OK",
		"a1 OK [CAPABILITY IMAP4rev1 SASL-IR LOGIN-REFERRALS ID ENABLE IDLE SORT THREAD=REFERENCES UIDPLUS QUOTA] Logged in",
		"37 capabilities, 30 new")
	s.enter(61, decode.Authenticated, "")
	s.c(62, "a2", "SELECT", "a2 SELECT INBOX", "open INBOX, read-write")
	s.server(64, decode.Untagged, "FLAGS", `* FLAGS (\Answered \Flagged \Deleted \Seen \Draft)`, "5 flags in use here")
	s.server(64, decode.Untagged, "OK", `* OK [PERMANENTFLAGS (\Answered \Flagged \Deleted \Seen \Draft \*)] Flags permitted.`,
		`5 can be stored; \* = new keywords too`)
	s.server(64, decode.Untagged, "EXISTS", "* 3 EXISTS", "3 messages: sequence numbers 1–3")
	s.server(64, decode.Untagged, "RECENT", "* 0 RECENT", "")
	s.server(64, decode.Untagged, "OK", "* OK [UIDVALIDITY 1795325553] UIDs valid", "cached UIDs hold while this is the same")
	s.server(64, decode.Untagged, "OK", "* OK [UIDNEXT 4] Predicted next UID", "new mail gets UID 4 or higher")
	s.mailbox = "INBOX"
	s.answer(65, 3, decode.Completion, "a2", "OK", "a2 OK [READ-WRITE] Select completed (0.001 + 0.000 secs).", "")
	s.enter(65, decode.Selected, "3 messages · read-write")
	s.c(66, "a3", "UID FETCH", "a3 UID FETCH 2 (UID FLAGS BODY.PEEK[])", `all of UID 2; PEEK does not set \Seen`)
	a3 := s.last
	s.server(68, decode.Untagged, "FETCH", "* 2 FETCH (UID 2 FLAGS () BODY[] {3569}", "seq 2 is UID 2 · literal of 3,569 octets")
	off := s.offsets[decode.Server]
	s.parts(68, a3,
		mime.Part{
			Type: "multipart/mixed", Boundary: "=mix", Encoding: "7bit", Off: 243, Size: 3326, Decoded: -1, Lines: 70,
			From: "Alice <alice@example.org>", Subject: "=?utf-8?Q?R=C3=A9union?= demain =?utf-8?B?4pyT?=", Date: "Sun, 22 Nov 2026 09:00:00 +0100",
		},
		mime.Part{Number: "1", Depth: 1, Type: "multipart/alternative", Boundary: "=alt", Encoding: "7bit", Off: 307, Size: 295, Decoded: -1, Lines: 14},
		mime.Part{Number: "1.1", Depth: 2, Type: "text/plain", Charset: "utf-8", Encoding: "quoted-printable", Off: 405, Size: 30, Decoded: -1, Lines: 1},
		mime.Part{Number: "1.2", Depth: 2, Type: "text/html", Charset: "utf-8", Encoding: "quoted-printable", Off: 553, Size: 37, Decoded: -1, Lines: 1},
		mime.Part{Number: "2", Depth: 1, Type: "application/pdf", Name: "plan.pdf", Encoding: "base64", Off: 753, Size: 2804, Decoded: 2048, Lines: 37},
	)
	s.add(decode.Event{Time: s.at(68), Dir: decode.Server, Kind: decode.Literal, Name: "FETCH", Command: a3, Span: decode.Span{Off: off, Len: 3569}}, "")
	s.add(decode.Event{Time: s.at(68), Dir: decode.Server, Kind: decode.Continuation, Name: "FETCH", Command: a3, Text: []byte(")")}, "")
	s.answer(68, 2, decode.Completion, "a3", "OK", "a3 OK Fetch completed.", "1 message")
	s.c(70, "a4", "IDLE", "a4 IDLE", "wait for news; renew within 29 min")
	s.answer(71, 1, decode.ContinuationRequest, "a4", "IDLE", "+ idling", "go ahead: answers a4")
	s.server(41902, decode.Untagged, "EXISTS", "* 4 EXISTS", "push after 41.8 s · 1 new: seq 4, UID ≥ 4")
	s.commands["a4"].Complete = s.at(41903)
	s.add(decode.Event{
		Time: s.at(41903), Dir: decode.Client, Kind: decode.Continuation, Name: "DONE", Command: s.commands["a4"], Text: []byte("DONE"),
	}, "ends a4 IDLE")
	s.answer(41904, 1, decode.Completion, "a4", "OK", "a4 OK Idle completed.", "after DONE")
	s.c(42010, "a5", "UID STORE", `a5 UID STORE 2 +FLAGS.SILENT (\Deleted)`, "mark UID 2 (seq 2) deleted")
	s.answer(42012, 2, decode.Completion, "a5", "OK", "a5 OK Store completed.", "")
	s.c(42013, "a6", "UID EXPUNGE", "a6 UID EXPUNGE 2", "remove it for good (UIDPLUS)")
	s.server(42015, decode.Untagged, "EXPUNGE", "* 2 EXPUNGE", "seq 2 (UID 2) gone · 3–4 are now 2–3")
	s.answer(42015, 2, decode.Completion, "a6", "OK", "a6 OK Expunge completed.", "3 messages left")
	s.c(42016, "a7", "LOGOUT", "a7 LOGOUT", "")
	s.server(42017, decode.Untagged, "BYE", "* BYE Logging out", "announced: server closes next")
	s.mailbox = ""
	s.enter(42017, decode.Logout, "")
	s.answer(42017, 1, decode.Completion, "a7", "OK", "a7 OK Logout completed.", "")
	s.end(42018, "server", decode.Totals{Commands: 7, ClientOctets: 162, ServerOctets: 4587}, decode.Fields{{Key: "by", Value: "server"}})
}

// lines is a Detail that lists what a reply held.
type lines struct {
	Lines       int
	First, Last [][]byte
}

func listed(all ...string) lines { return lines{Lines: len(all), First: list(all...)} }

func list(all ...string) (p [][]byte) {
	for _, x := range all {
		p = append(p, []byte(x))
	}
	return p
}

func (l lines) Rows() (first, last [][]byte, total int) { return l.First, l.Last, l.Lines }

// stuffed is a Detail that says what was un-stuffed.
type stuffed []string

func (r stuffed) Remarks() []string { return r }

// pop3 tells a POP3 session: STLS, listings pipelined, one message too long.
func (s *story) pop3() {
	s.begin(2, "pop3", day.Add(68282*time.Millisecond), decode.Fields{
		{Key: "client", Value: "127.0.0.1:52150"},
		{Key: "listen", Value: "pop3://127.0.0.1:1110"},
		{Key: "upstream", Value: "pop3://pop.example.org"},
		{Key: "protocol", Value: "pop3"},
	})
	status := func(ms, latency int, name, text, note string) *decode.Event {
		return s.answer(ms, latency, decode.Completion, "", name, text, note)
	}
	end := func(ms, latency int, detail any, note string) *decode.Event {
		e := s.answer(ms, latency, decode.Multiline, "", "", "", note)
		e.Text, e.Detail = nil, detail
		e.Span.Len = int64(len(".\r\n"))
		if l, ok := detail.(lines); ok {
			for _, p := range l.First {
				e.Span.Len += int64(len(p) + len("\r\n"))
			}
		}
		s.offsets[decode.Server] = e.Span.End()
		return e
	}
	s.state = decode.Authorization
	s.server(4, decode.Greeting, "+OK", "+OK Dovecot ready.", "greeting · no timestamp, so no APOP")
	s.enter(4, decode.Authorization, "")
	s.c(5, "", "CAPA", "CAPA", "ask what the server can do")
	status(7, 2, "+OK", "+OK", "")
	end(7, 2, listed("TOP", "UIDL", "RESP-CODES", "PIPELINING", "AUTH-RESP-CODE", "STLS", "USER", "SASL PLAIN LOGIN"), "8 capabilities")
	s.c(8, "", "STLS", "STLS", "ask for TLS")
	status(10, 2, "+OK", "+OK Begin TLS negotiation now.", "TLS from here on")
	s.tls(38)
	s.enter(38, decode.Authorization, "")
	s.c(38, "", "CAPA", "CAPA", "asked anew (RFC 2595 §4)")
	status(39, 1, "+OK", "+OK", "")
	end(39, 1, nil, "STLS gone, 7 left")
	s.c(39, "", "USER", "USER u1", "")
	status(41, 2, "+OK", "+OK", "")
	s.c(42, "", "PASS", "PASS xxxxxx", "password redacted")
	status(49, 7, "+OK", "+OK Logged in.", "maildrop locked for us")
	s.enter(49, decode.Transaction, "")
	s.c(50, "", "LIST", "LIST", "")
	list1 := s.last
	s.c(50, "", "UIDL", "UIDL", "")
	uidl := s.last
	s.commands[""] = list1
	status(53, 3, "+OK", "+OK 3 messages:", "")
	end(53, 3, listed("1 255", "2 1405", "3 44"), "3 messages, 1,704 octets")
	s.commands[""] = uidl
	status(53, 3, "+OK", "+OK", "")
	end(53, 3, listed("1 000000016b027e71", "2 000000036b027e71", "3 000000046b027e71"), "3 lasting ids, all distinct")
	s.c(54, "", "RETR", "RETR 1", `all of message 1; POP3 keeps no \Seen`)
	status(56, 2, "+OK", "+OK 255 octets", `body follows, up to a lone "."`)
	s.parts(56, s.last, mime.Part{
		Type: "text/plain", Charset: "utf-8", Encoding: "7bit", Off: 202, Size: 53, Decoded: -1, Lines: 14,
		From: "Bob <bob@example.org>", Subject: "Hello",
	})
	end(56, 2, stuffed{`3 lines un-stuffed, one dot off: 10 ".."  11 "...hidden"  12 "..profile is missing"`}, "255 octets, as LIST said")
	s.c(57, "", "RETR", "RETR 2", `all of message 2; POP3 keeps no \Seen`)
	status(59, 2, "+OK", "+OK 1405 octets", `body follows, up to a lone "."`)
	e := end(59, 2, nil, "1,407 octets")
	e.Findings = []decode.Finding{{
		ID: "pop3.size", Severity: decode.Warning, Ref: "RFC 1939 §11", Dir: decode.Server, Span: decode.Span{Off: 648, Len: 1407},
		Text: "LIST said 1405, 1407 octets came: a client that trusts the size cuts the mail short",
	}}
	s.c(60, "", "QUIT", "QUIT", "deletions, if any, happen now")
	s.enter(60, decode.Update, "0 messages to delete")
	status(61, 1, "+OK", "+OK Logging out.", "")
	s.end(61, "server", decode.Totals{Commands: 10, ClientOctets: 74, ServerOctets: 2076, Warnings: 1}, nil)
}

// trouble tells what goes wrong with connections.
func (s *story) trouble() {
	s.begin(3, "", day.Add(100*time.Second), decode.Fields{
		{Key: "client", Value: "127.0.0.1:52160"}, {Key: "listen", Value: "imaps://127.0.0.1:1993"}, {Key: "upstream", Value: "imaps://imap.example.org"},
	})
	hint := decode.Field{Key: "hint", Value: "the client does not trust the CA: import ~/.config/mailtrace/ca.pem"}
	s.add(decode.Event{Time: s.at(20), Kind: decode.TLS, Detail: decode.Fields{
		{Key: "leg", Value: "server"}, {Key: "version", Value: "TLS 1.3"}, {Key: "verified", Value: "yes"},
	}}, "")
	s.add(decode.Event{Time: s.at(25), Kind: decode.TLS, Detail: decode.Fields{
		{Key: "leg", Value: "client"}, {Key: "error", Value: "remote error: tls: unknown certificate authority"}, {Key: "alert", Value: "unknown_ca"}, hint,
	}}, "")
	s.end(26, "client", decode.Totals{Reason: "TLS handshake with the client failed: alert unknown_ca"}, decode.Fields{hint})

	s.begin(4, "imap", day.Add(101*time.Second), decode.Fields{
		{Key: "client", Value: "127.0.0.1:52161"}, {Key: "listen", Value: "imap://127.0.0.1:1143"}, {Key: "upstream", Value: "imaps://imap.example.org"},
	})
	s.add(decode.Event{Time: s.at(20), Kind: decode.TLS, Detail: decode.Fields{
		{Key: "leg", Value: "server"}, {Key: "version", Value: "TLS 1.2"}, {Key: "verified", Value: "no: self-signed certificate"},
	}}, "")
	s.state = decode.NotAuthenticated
	s.server(30, decode.Greeting, "OK", "* OK ready", "greeting")
	s.enter(30, decode.NotAuthenticated, "in the clear")
	s.add(decode.Event{Time: s.at(31), Dir: decode.Server, Kind: decode.Edit, Detail: decode.Fields{
		{Key: "before", Value: "* CAPABILITY IMAP4rev1 STARTTLS AUTH=SCRAM-SHA-256-PLUS"},
		{Key: "after", Value: "* CAPABILITY IMAP4rev1 STARTTLS"},
		{Key: "what", Value: "hid AUTH=*-PLUS"},
	}}, "")
	s.c(40, "b1", "LOGIN", "b1 LOGIN u1 xxxxxx", "log in as u1 · password redacted")
	e := s.answer(52, 12, decode.Completion, "b1", "NO", "b1 NO [AUTHENTICATIONFAILED] Authentication failed.", "wrong name or password")
	e.Findings = []decode.Finding{
		{ID: "auth.cleartext", Severity: decode.Error, Ref: "RFC 9051 §11.1", Dir: decode.Client, Span: decode.Span{Off: 0, Len: 20}, Text: "whoever is on the way can read the password"},
		{ID: "imap.note", Severity: decode.Note, Text: "worth knowing"},
	}
	s.add(decode.Event{
		Time: s.at(60), Dir: decode.Server, Kind: decode.Malformed, Text: []byte("HELO \x1b]0;owned\a\x9b2J \u202egnp.exe"),
		Detail: decode.Fields{{Key: "reason", Value: "expected a tag"}},
	}, "expected a tag")
	s.add(decode.Event{Time: s.at(61), Dir: decode.Server, Kind: decode.Desync, Span: decode.Span{Off: 900, Len: 12}, Text: []byte("a literal of 12 octets ended early")}, "")
	s.add(decode.Event{Time: s.at(62), Dir: decode.Client, Kind: decode.Undelivered, Detail: decode.Fields{
		{Key: "octets", Value: "120"}, {Key: "error", Value: "write: broken pipe"},
	}}, "")
	s.add(decode.Event{Time: s.at(63), Kind: decode.Opaque, Text: []byte("octets go on untouched and undecoded"), Detail: decode.Fields{{Key: "reason", Value: "decoder stopped"}}}, "")
	s.end(70, "proxy", decode.Totals{Commands: 1, ClientOctets: 20, ServerOctets: 1200, Errors: 1, Warnings: 2, Notes: 1, Unanswered: 1, PendingOctets: 7, Reason: "stopped by a signal"}, nil)

	s.begin(5, "pop3", day.Add(102*time.Second), decode.Fields{{Key: "client", Value: "127.0.0.1:52162"}, {Key: "upstream", Value: "pop3s://pop.example.org"}})
	s.end(3, "server", decode.Totals{Reason: "upstream unreachable"}, decode.Fields{
		{Key: "error", Value: "dial tcp 192.0.2.1:995: connection refused"}, {Key: "hint", Value: "is the port right? pop3s is 995"},
	})
}

// many tells of a mailbox with many messages.
func (s *story) many() {
	s.begin(6, "imap", day.Add(200*time.Second), decode.Fields{{Key: "client", Value: "192.0.2.1:40000"}, {Key: "upstream", Value: "198.51.100.1:143"}})
	s.state, s.mailbox = decode.Selected, "INBOX"
	s.c(1, "f1", "FETCH", "f1 FETCH 1:20000 FLAGS", "flags of seq 1:20000")
	for i := range 20000 {
		s.server(2+i/200, decode.Untagged, "FETCH", "* "+string(appendPlain(nil, int64(i+1)))+" FETCH (FLAGS ())", "")
	}
	s.answer(103, 102, decode.Completion, "f1", "OK", "f1 OK done", "20,000 messages")
	s.c(110, "f2", "FETCH", "f2 FETCH 1:8 FLAGS", "flags of seq 1:8")
	for i := range 8 {
		s.server(111, decode.Untagged, "FETCH", "* "+string(appendPlain(nil, int64(i+1)))+" FETCH (FLAGS ())", "")
	}
	s.answer(112, 2, decode.Completion, "f2", "OK", "f2 OK done", "8 messages")
}

// rest tells what the other stories do not.
func (s *story) rest() {
	s.begin(7, "imap", day.Add(300*time.Second), decode.Fields{{Key: "client", Value: "192.0.2.1:40001"}, {Key: "upstream", Value: "198.51.100.1:143"}})
	s.state = decode.Authenticated
	s.c(1, "z1", "COMPRESS", "z1 COMPRESS DEFLATE", "ask to compress what follows")
	s.answer(2, 1, decode.Completion, "z1", "OK", "z1 OK Begin compression.", "")
	s.add(decode.Event{Time: s.at(2), Kind: decode.Layer, Name: "DEFLATE", Command: s.last, Text: []byte("COMPRESS DEFLATE")}, "both directions are compressed; shown is what is inside")
	s.add(decode.Event{Time: s.at(3), Dir: decode.Client, Kind: decode.FindingOnly, Findings: []decode.Finding{{
		ID: "starttls.command-injection", Severity: decode.Error, Ref: "RFC 9051 §11.1", Text: "octets behind STARTTLS came before TLS began", Dir: decode.Client,
		Span: decode.Span{Off: 20, Len: 12},
	}}}, "")
	s.c(10, "z2", "NOOP", "z2 NOOP", "")
	s.add(decode.Event{Time: s.at(11), Dir: decode.Client, Kind: decode.Close, Span: decode.Span{Len: 40}}, "")
	s.answer(1500, 1490, decode.Completion, "z2", "OK", "z2 OK done", "")
	s.end(1600, "client", decode.Totals{Commands: 2, ClientOctets: 40, ServerOctets: 36, Errors: 1}, nil)
}
