package mailserver

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
)

func imapPeer(t *testing.T, s *Server) *peer {
	t.Helper()
	addr, _ := start(t, s, nil)
	p := dial(t, addr)
	p.expect("* OK [CAPABILITY IMAP4rev1")
	return p
}

// run sends a command and gives all up to its completion, which has to be OK.
func (p *peer) run(tag, command string) string {
	p.Helper()
	p.send(tag + " " + command + "\r\n")
	all := p.until(tag + " ")
	if last := all[strings.LastIndex(all[:len(all)-2], "\n")+1:]; !strings.HasPrefix(last, tag+" OK") {
		p.Fatalf("%s: %s", command, last)
	}
	return all
}

// opened is a client with INBOX selected.
func opened(t *testing.T, s *Server) *peer {
	t.Helper()
	p := imapPeer(t, s)
	p.run("a", "LOGIN u1 secret")
	p.run("b", "SELECT INBOX")
	return p
}

func lines(s string) []string { return strings.Split(strings.TrimSuffix(s, "\r\n"), "\r\n") }

func (p *peer) has(all string, want ...string) {
	p.Helper()
	for _, w := range want {
		if !strings.Contains(all, w) {
			p.Errorf("missing %q in\n%s", w, all)
		}
	}
}

func TestIMAPSelect(t *testing.T) {
	p := imapPeer(t, &Server{Store: NewStore(DemoMessages(), WithUIDValidity(7))})
	p.run("a", "LOGIN u1 secret")
	p.has(p.run("b", "SELECT inbox"), "* 13 EXISTS\r\n", "[UIDVALIDITY 7]", "[UIDNEXT 14]", "[UNSEEN 3]",
		`* FLAGS (\Answered \Flagged \Deleted \Seen \Draft $Forwarded MonitorAlert)`, `\*)]`, "b OK [READ-WRITE]")
	p.has(p.run("c", "EXAMINE INBOX"), "[PERMANENTFLAGS ()]", "c OK [READ-ONLY]")
	p.ask(`d STORE 1 +FLAGS (\Deleted)`, "d NO")
	p.ask("e EXPUNGE", "e NO")
	p.has(p.run("f", "FETCH 3 BODY[TEXT]<0.4>"), "BODY[TEXT]<0> {4}\r\nThis")
	p.has(p.run("g", "FETCH 3 FLAGS"), "* 3 FETCH (FLAGS ())\r\n")
	p.run("h", "CLOSE")
	p.ask("i SELECT none", "i NO [NONEXISTENT]")
}

func TestIMAPFetchExactly(t *testing.T) {
	msgs := DemoMessages()
	msgs = append(msgs, Message{Octets: []byte("no header at all")}, Message{}, Message{Octets: []byte("A: \xff\nbare\rLF\n\n\x00\n")},
		Message{Octets: []byte("Content-Type: multipart/mixed; boundary=x\r\n\r\nno parts")})
	p := opened(t, &Server{Store: NewStore(msgs)})
	for i, m := range msgs {
		header, body := split(m.Octets)
		for item, want := range map[string][]byte{"BODY[]": m.Octets, "RFC822.HEADER": header, "BODY[TEXT]": body} {
			p.send(fmt.Sprintf("x UID FETCH %d (RFC822.SIZE BODYSTRUCTURE ENVELOPE)\r\n", i+1))
			p.has(p.until("x "), fmt.Sprintf("UID %d", i+1), fmt.Sprintf("RFC822.SIZE %d ", len(m.Octets)), "x OK")
			p.send(fmt.Sprintf("y FETCH %d %s\r\n", i+1, item))
			row := p.line()
			if want := fmt.Sprintf("{%d}\r\n", len(want)); !strings.HasSuffix(row, want) {
				t.Fatalf("%q does not end in %q", row, want)
			}
			got := make([]byte, len(want))
			if _, err := io.ReadFull(p.r, got); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("message %d %s:\n got %q\nwant %q", i+1, item, got, want)
			}
			p.until("y OK")
		}
	}
}

func TestIMAPFetchItems(t *testing.T) {
	p := opened(t, &Server{Store: NewStore(DemoMessages())})
	for _, test := range []struct{ item, want string }{
		{"FLAGS", `* 3 FETCH (FLAGS ())`},
		{"(UID INTERNALDATE)", `* 3 FETCH (UID 3 INTERNALDATE " 6-Jan-2026 08:30:12 +0100")`},
		{"BODY.PEEK[1.1]", "BODY[1.1] {35}\r\nLe plan est joint. =C3=80 demain.\r\n"},
		{"BODY.PEEK[2.MIME]", "Content-Disposition: attachment; filename=\"plan.pdf\"\r\n\r\n"},
		{"BODY.PEEK[2]<0.8>", "BODY[2]<0> {8}\r\nJVBERi0x"},
		{"BODY.PEEK[2]<9999999.9223372036854775807>", "BODY[2]<9999999> {0}\r\n"},
		{"BODY.PEEK[HEADER.FIELDS (date)]", "{41}\r\nDate: Tue, 06 Jan 2026 08:30:12 +0100\r\n\r\n"},
		{"ENVELOPE", `(("Planning" NIL "planning" "example.org"))`},
		{"BODYSTRUCTURE", `(("text" "plain" ("charset" "utf-8") NIL NIL "quoted-printable"`},
		{"BODYSTRUCTURE", `"application" "pdf" ("name" "plan.pdf")`},
		{"BODY[1.2]", `FLAGS (\Seen)`},
	} {
		p.has(p.run("a", "FETCH 3 "+test.item), test.want)
	}
	p.has(p.run("b", "FETCH 4 (BODYSTRUCTURE BODY.PEEK[2.HEADER])"), `"message" "rfc822"`, "Message-ID: <demo.4a@example.org>")
}

func TestIMAPSearch(t *testing.T) {
	p := opened(t, &Server{Store: NewStore(DemoMessages())})
	for _, test := range []struct{ keys, want string }{
		{"ALL", "1 2 3 4 5 6 7 8 9 10 11 12 13"},
		{"SEEN", "1 2 4 11"},
		{"UNSEEN FLAGGED", "7"},
		{"KEYWORD $forwarded", "4"},
		{"FROM robot", "7"},
		{"CHARSET UTF-8 SUBJECT {4+}\r\ndema", "3"},
		{"CHARSET UTF-8 SUBJECT {9+}\r\nM\xc3\xbcnchen ", ""},
		{"CHARSET UTF-8 SUBJECT {8+}\r\nM\xc3\xbcnchen", "5"},
		{"CHARSET UTF-8 BODY {6+}\r\n\xe4\xbc\x9a\xe8\xad\xb0", "13"},
		{"TEXT quarterly", "9"},
		{"BODY quarterly NOT BODY picture", "9"},
		{"SINCE 10-Jan-2026 BEFORE 11-Jan-2026", "10 11"},
		{"SENTON 12-Jan-2026", "13"},
		{"LARGER 3000", "12"},
		{"SMALLER 300", "11"},
		{"OR 1 UID 5", "1 5"},
		{"12:*", "12 13"},
		{"UID 99:*", "13"},
		{"HEADER X-Unbroken \"\"", "12"},
	} {
		got := lines(p.run("a", "SEARCH "+test.keys))[0]
		if want := strings.TrimSpace("* SEARCH " + test.want); got != want {
			t.Errorf("%s: got %q, want %q", test.keys, got, want)
		}
	}
	p.has(p.run("b", "UID SEARCH RETURN (SAVE COUNT MIN MAX) SEEN"), "MIN 1 MAX 11 COUNT 4")
	p.has(p.run("c", "FETCH $ UID"), "* 1 FETCH (UID 1)", "* 11 FETCH (UID 11)")
}

func TestIMAPStoreKeepsSpelling(t *testing.T) {
	p := opened(t, &Server{Store: NewStore(DemoMessages())})
	p.has(p.run("a", `STORE 3 +FLAGS (\seen MixedCase)`), `* 3 FETCH (FLAGS (\Seen MixedCase))`)
	p.has(p.run("b", `UID STORE 3 +FLAGS (mixedcase $Junk)`), `* 3 FETCH (UID 3 FLAGS (\Seen MixedCase $Junk))`)
	p.has(p.run("c", `STORE 3 -FLAGS (MIXEDCASE)`), `* 3 FETCH (FLAGS (\Seen $Junk))`)
	if all := p.run("d", `STORE 3 FLAGS.SILENT ($junk)`); strings.Contains(all, "FETCH") {
		t.Errorf("SILENT speaks: %s", all)
	}
	p.has(p.run("e", "FETCH 3 FLAGS"), `(FLAGS ($Junk))`)
}

func TestIMAPFolders(t *testing.T) {
	p := opened(t, &Server{Store: NewStore(DemoMessages())})
	p.has(p.run("a", `LIST "" *`), "* LIST (\\HasNoChildren) \"/\" INBOX\r\n* LIST (\\HasNoChildren \\Archive) \"/\" \"Archive\"\r\n")
	p.run("b", "CREATE Work/Plans")
	p.ask("b CREATE Work", "b NO [ALREADYEXISTS]") // made with the one below it
	p.has(p.run("c", `LIST "" W%`), `* LIST (\HasChildren) "/" "Work"`)
	p.ask("d CREATE work", "d OK")
	p.ask("d CREATE Work", "d NO [ALREADYEXISTS]")
	p.has(p.run("e", "COPY 1:2 Work/Plans"), "e OK [COPYUID 1795325559 1:2 1:2]")
	p.has(p.run("f", "STATUS Work/Plans (MESSAGES UIDNEXT UIDVALIDITY UNSEEN SIZE)"), `(MESSAGES 2 UIDNEXT 3 UIDVALIDITY 1795325559 UNSEEN 0 SIZE 1092)`)
	p.run("g", "RENAME Work Done")
	p.has(p.run("h", `LIST "" Done*`), `"Done"`, `"Done/Plans"`)
	p.run("i", "DELETE Done/Plans")
	p.ask("j DELETE INBOX", "j NO [CANNOT]")
	p.ask("k DELETE none", "k NO [NONEXISTENT]")
	p.ask("l COPY 1 none", "l NO [TRYCREATE]")
	p.run("m", "UNSUBSCRIBE Trash")
	if all := p.run("n", `LSUB "" *`); strings.Contains(all, "Trash") || !strings.Contains(all, "INBOX") {
		t.Error(all)
	}
	p.has(p.run("o", "NAMESPACE"), `* NAMESPACE (("" "/")) NIL NIL`)
	p.has(p.run("p", `LIST "" ""`), `* LIST (\Noselect) "/" ""`)
	p.has(p.run("q", "UID MOVE 5 Trash"), "* OK [COPYUID 1795325557 5 1]", "* 5 EXPUNGE")
	if all := p.run("r", "COPY 99 Trash"); strings.Contains(all, "COPYUID") {
		t.Error(all)
	}
	p.run("s", "RENAME INBOX Old")
	p.has(p.run("t", "STATUS Old (MESSAGES)"), "MESSAGES 12")
	p.run("u", "UNSELECT")
}

func TestIMAPAppendAndIdle(t *testing.T) {
	store := NewStore(nil, testClock)
	s := &Server{Store: store}
	idler := opened(t, s)
	idler.ask("i IDLE", "+ idling")
	other := dial(t, idler.conn.RemoteAddr().String())
	other.expect("* OK")
	other.run("a", "LOGIN u1 secret")
	other.ask(`b APPEND INBOX ($Forwarded) {5}`, "+")
	other.send("hello\r\n")
	other.expect("b OK [APPENDUID 1795325553 1]")
	idler.expect("* 1 EXISTS")
	if uid, err := store.Append("inbox", Message{Octets: []byte("x")}); uid != 2 || err != nil {
		t.Fatal(uid, err)
	}
	idler.expect("* 2 EXISTS")
	other.run("c", "SELECT INBOX")
	other.run("d", `UID STORE 1 +FLAGS.SILENT (\Deleted)`)
	idler.expect(`* 1 FETCH (UID 1 FLAGS ($Forwarded \Deleted))`)
	other.has(other.run("e", "UID EXPUNGE 1:*"), "* 1 EXPUNGE\r\n")
	idler.expect("* 1 EXPUNGE")
	idler.ask("DONE", "i OK")
	idler.has(idler.run("j", "FETCH 1 (UID INTERNALDATE)"), `UID 2 INTERNALDATE " 1-Feb-2026 12:00:00 +0000"`)
	other.ask("f APPEND none {1+}\r\nx", "f NO [TRYCREATE]")
	if _, err := store.Append("none", Message{}); err == nil {
		t.Error("appended to a mailbox that is not there")
	}
}

// Sequence numbers of one session hold until it is told of the EXPUNGE, whatever another
// session does (RFC 9051 §7.5.1).
func TestIMAPSequenceNumbersHold(t *testing.T) {
	s := &Server{Store: NewStore(DemoMessages())}
	a := opened(t, s)
	b := dial(t, a.conn.RemoteAddr().String())
	b.expect("* OK")
	b.run("a", "LOGIN u1 secret")
	b.run("b", "SELECT INBOX")
	b.run("c", `STORE 1,3:4 +FLAGS (\Deleted)`)
	b.has(b.run("d", "EXPUNGE"), "* 1 EXPUNGE\r\n* 2 EXPUNGE\r\n* 2 EXPUNGE\r\nd OK")
	// FETCH tells of no EXPUNGE, and 3 is still the message that it was.
	if all := a.run("e", "FETCH 3,5 UID"); all != "* 3 FETCH (UID 3)\r\n* 5 FETCH (UID 5)\r\ne OK FETCH completed\r\n" {
		t.Error(all)
	}
	a.has(a.run("f", "NOOP"), "* 1 EXPUNGE\r\n* 2 EXPUNGE\r\n* 2 EXPUNGE\r\nf OK")
	a.has(a.run("g", "FETCH 1:2 UID"), "* 1 FETCH (UID 2)\r\n* 2 FETCH (UID 5)\r\n")
}

// What one protocol removes is gone for the other, and UIDs stay.
func TestBothProtocolsSeeOneStore(t *testing.T) {
	s := &Server{Store: NewStore(DemoMessages())}
	imapAddr, pop3Addr := start(t, s, nil)
	im := dial(t, imapAddr)
	im.expect("* OK")
	im.run("a", "LOGIN u1 secret")
	im.run("b", "SELECT INBOX")
	po := dial(t, pop3Addr)
	po.login()
	im.run("c", `STORE 2 +FLAGS.SILENT (\Deleted)`)
	im.run("d", "EXPUNGE")
	po.ask("RETR 2", "+OK") // this session saw it at login
	po.until(".\r\n")
	po.ask("DELE 1", "+OK")
	po.ask("DELE 2", "+OK")
	im.ask("e NOOP", "e OK")
	im.ask("f IDLE", "+")
	po.ask("QUIT", "+OK")
	im.expect("* 1 EXPUNGE")
	im.ask("DONE", "f OK")
	im.has(im.run("g", "FETCH 1 UID"), "UID 3")
	po = dial(t, pop3Addr)
	po.login()
	po.ask("UIDL 1", "+OK 1 000000036b027e71")
}

func TestIMAPTLS(t *testing.T) {
	server, _ := certificate()
	p := imapPeer(t, &Server{Store: small(), TLSConfig: server, RequireTLS: true})
	p.has(p.run("a", "CAPABILITY"), "STARTTLS", "LOGINDISABLED")
	p.ask("b LOGIN u1 secret", "b NO [PRIVACYREQUIRED]")
	p.ask("c STARTTLS", "c OK")
	p.upgrade()
	p.ask("d AUTHENTICATE PLAIN", "+")
	p.ask("AHUxAHdyb25n", "d NO [AUTHENTICATIONFAILED]")
	p.run("e", "LOGIN u1 secret")

	s := &Server{Store: small(), TLSConfig: server, RequireTLS: true}
	addr, _ := start(t, s, func(ln net.Listener) net.Listener { return tls.NewListener(ln, server) })
	q := dial(t, addr)
	q.upgrade()
	q.expect("* OK [CAPABILITY IMAP4rev1 SASL-IR LITERAL- AUTH=PLAIN]")
	q.run("a", "LOGIN u1 secret")
}

// Close ends sessions wherever they are, and what is left over (goleak) fails the tests.
func TestCloseEndsEverything(t *testing.T) {
	s := &Server{Store: small()}
	imapAddr, pop3Addr := start(t, s, nil)
	dial(t, imapAddr)
	idler := dial(t, imapAddr)
	idler.expect("* OK")
	idler.run("a", "LOGIN u1 secret")
	idler.ask("b IDLE", "+")
	half := dial(t, imapAddr)
	half.expect("* OK")
	half.run("a", "LOGIN u1 secret")
	half.ask("b APPEND INBOX {100}", "+")
	half.send("not all")
	dial(t, pop3Addr).expect("+OK")
	s.Close()
	s.Close()
	if _, err := idler.r.ReadByte(); err == nil {
		t.Error("a connection survived Close")
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.ServePOP3(ln); err == nil {
		t.Error("served after Close")
	}
}

// Close may come at any time while a listener is being taken up.
func TestCloseWhileServeBegins(t *testing.T) {
	for range 200 {
		s := &Server{Store: small()}
		done := make(chan error, 2)
		for _, serve := range []func(net.Listener) error{s.ServeIMAP, s.ServePOP3} {
			go func() { done <- serve(newPipes()) }()
		}
		s.Close()
		for range 2 {
			if err := <-done; err != nil && err != net.ErrClosed {
				t.Fatal(err)
			}
		}
	}
}
