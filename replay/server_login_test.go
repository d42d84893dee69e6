package replay

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailtrace/mailtrace/internal/dial"
)

func parsed(t testing.TB, text string) *Script {
	t.Helper()
	s, err := Parse("test.script", []byte(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Each mechanism lets the right password in and no other; the client takes the one that is offered.
func TestServeMechanisms(t *testing.T) {
	for _, mechanism := range [...]string{"SCRAM-SHA-256", "SCRAM-SHA-1", "CRAM-MD5", "PLAIN", "APOP"} {
		text, protocol, said := "@connect a imap\nS: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH="+mechanism+"] hello\n@login\nC: a1 LOGOUT\nS: * BYE\nS: a1 OK\n", IMAP, "AUTHENTICATE"
		switch mechanism {
		case "PLAIN": // the client says LOGIN where it may
			said = "LOGIN"
		case "APOP":
			text, protocol, said = "@connect a pop3\n@login\nC: QUIT\nS: +OK\n", POP3, "APOP"
		}
		for _, password := range [...]string{"sesame", "mustard"} {
			t.Run(mechanism+" "+password, func(t *testing.T) {
				var heard []string
				s := &Server{Script: parsed(t, text), User: "u1", Password: "sesame", Timeout: 5 * time.Second}
				s.Log = func(_ Pos, line string) { heard = append(heard, line) } // of one connection; read behind report
				l, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				u, err := dial.Parse(string(protocol) + "://u1@" + l.Addr().String())
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithCancel(context.Background())
				reports := make(chan *Report, 1)
				go func() {
					r, err := s.Serve(ctx, Listener{Listener: l, Protocol: protocol})
					if err != nil {
						t.Error(err)
					}
					reports <- r
				}()
				// The client plays the login alone, whatever the greeting of the script.
				play := parsed(t, "@connect a "+string(protocol)+"\n@login\n"+text[strings.Index(text, "C: "):])
				c := &Client{URL: u, Password: password, AllowCleartext: true, Timeout: 5 * time.Second}
				_, err = c.Run(context.Background(), play)
				refused := errors.As(err, new(*AuthError))
				if password == "sesame" && err != nil || password != "sesame" && !refused {
					t.Errorf("the client says %v", err)
				}
				if password != "sesame" {
					cancel() // nobody comes again
				}
				r := <-reports
				cancel()
				if want := password == "sesame"; want != (r.Different == 0 && r.Unplayed == 0) {
					t.Errorf("the server says\n%s", r)
				}
				if !slices.ContainsFunc(heard, func(l string) bool { return strings.Contains(l, "C: "+said) }) {
					t.Errorf("expected %s, heard %q", said, heard)
				}
				if all := strings.Join(heard, "\n") + r.String(); strings.Contains(all, password) {
					t.Errorf("the password is told:\n%s", all)
				}
			})
		}
	}
}

// Without a password nothing is offered that needs one.
func TestServeHidesMechanisms(t *testing.T) {
	for _, x := range [...]struct{ text, hidden string }{
		{"@connect a imap\nS: * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN AUTH=SCRAM-SHA-256 AUTH=CRAM-MD5 COMPRESS=DEFLATE STARTTLS] hello\n@login\n", "SCRAM CRAM COMPRESS STARTTLS"},
		{"@connect a pop3\nS: +OK hello <1.2@example.org>\n@login\n", "<"},
	} {
		script := parsed(t, x.text)
		l := pipes()
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() {
			_, err := (&Server{Script: script}).Serve(ctx, Listener{Listener: l, Protocol: script.Conns[0].Protocol})
			done <- err
		}()
		conn := l.dial()
		w := &wire{conn: conn, r: bufio.NewReader(conn)}
		line, err := w.line(5 * time.Second)
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range strings.Fields(x.hidden) {
			if strings.Contains(string(line), word) {
				t.Errorf("%s is offered: %s", word, line)
			}
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// FuzzServe says anything to a server: it ends, and neither panics nor lets go of the bounds.
func FuzzServe(f *testing.F) {
	for _, seed := range [...]string{
		"a LOGIN u p\r\na SELECT {5}\r\nINBOX\r\nb UID FETCH 7 (FLAGS)\r\nc IDLE\r\nDONE\r\nd LOGOUT\r\n",
		"a AUTHENTICATE SCRAM-SHA-256 biwsbj11LHI9eA==\r\n*\r\na AUTHENTICATE CRAM-MD5\r\n=\r\n",
		"a APPEND INBOX (\\Seen) {3+}\r\nabc\r\na SEARCH NOT (OR 1 2) {9999999999999}\r\n",
		"USER u\r\nPASS p q\r\nRETR 1\r\nSTLS\r\nAUTH PLAIN\r\n=\r\nAPOP u 0\r\nQUIT\r\n", "\x16\x03\x01\x00\xff", "a\x00b ((((\r\n",
	} {
		f.Add([]byte(seed), false)
		f.Add([]byte(seed), true)
	}
	scripts := map[bool]*Script{
		false: parsed(f, "@connect a imap\n@connect b imap\na @login\na C: a1 SELECT INBOX\na S: a1 OK\na C: a2 UID FETCH ${u=1} (FLAGS)\na S: a2 OK\na C: a3 IDLE\na S: +\na S: * 1 EXISTS\na C: DONE\na S: a3 OK\nb @login\nb C: b1 SEARCH NOT 1\nb S: * SEARCH\nb S: b1 OK\nb C: b2 APPEND INBOX {|}\n|abc\nb S: b2 OK\n"),
		true:  parsed(f, "@connect a pop3\n@login\nC: RETR 1\nS: +OK\nS: x\nS: .\nC: QUIT\nS: +OK\n"),
	}
	f.Fuzz(func(t *testing.T, said []byte, pop bool) {
		script := scripts[pop]
		l := pipes()
		s := &Server{Script: script, User: "u", Password: "p", Timeout: 5 * time.Second}
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		done := make(chan error, 1)
		go func() {
			_, err := s.Serve(ctx, Listener{Listener: l, Protocol: script.Conns[0].Protocol, Security: dial.Plain})
			done <- err
		}()
		conn := l.dial()
		read := make(chan struct{})
		go func() {
			defer close(read)
			_, _ = io.Copy(io.Discard, conn) // what it answers is not looked at here
		}()
		_, _ = conn.Write(said) // it may have closed before
		_ = conn.Close()
		<-read
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// piped is a listener in memory.
type piped struct {
	come chan net.Conn
	shut chan struct{}
}

func pipes() *piped { return &piped{make(chan net.Conn), make(chan struct{})} }

// dial gives the client's end when the server has its own.
func (p *piped) dial() net.Conn {
	client, server := net.Pipe()
	p.come <- server
	return client
}

func (p *piped) Accept() (net.Conn, error) {
	select {
	case conn := <-p.come:
		return conn, nil
	case <-p.shut:
		return nil, net.ErrClosed
	}
}

func (p *piped) Close() error {
	select {
	case <-p.shut:
	default:
		close(p.shut)
	}
	return nil
}

func (p *piped) Addr() net.Addr { return &net.TCPAddr{} }
