//go:build interop

package interop

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
)

// popTalk is a client's side of a POP3 connection, spoken command by command.
type popTalk struct {
	t    *testing.T
	conn net.Conn
	r    *bufio.Reader
}

func startPopTalk(t *testing.T, port int) *popTalk {
	t.Helper()
	c := dialRaw(t, port, proxyCA())
	p := &popTalk{t, c, bufio.NewReader(c)}
	p.line()
	return p
}

func (p *popTalk) line() string {
	p.t.Helper()
	line, err := p.r.ReadString('\n')
	if err != nil {
		p.t.Fatalf("after %q: %v", line, err)
	}
	return strings.TrimSuffix(line, "\r\n")
}

// lines reads a multi-line response up to its end.
func (p *popTalk) lines() []string {
	p.t.Helper()
	var all []string
	for {
		line := p.line()
		if line == "." {
			return all
		}
		all = append(all, line)
	}
}

func (p *popTalk) send(commands string) {
	p.t.Helper()
	if _, err := io.WriteString(p.conn, commands); err != nil {
		p.t.Fatal(err)
	}
}

// status says a command and checks the status indicator of the answer.
func (p *popTalk) status(command, want string) string {
	p.t.Helper()
	p.send(command + "\r\n")
	line := p.line()
	if !strings.HasPrefix(line, want) {
		p.t.Errorf("%s: expected %s, got %s", command, want, line)
	}
	return line
}

// list says a command that has a multi-line response.
func (p *popTalk) list(command string) []string {
	p.t.Helper()
	if line := p.status(command, "+OK"); !strings.HasPrefix(line, "+OK") {
		return nil
	}
	return p.lines()
}

// capabilities asks for what the server offers, each with its arguments.
func (p *popTalk) capabilities() map[string]string {
	p.t.Helper()
	offers := map[string]string{}
	for _, line := range p.list("CAPA") {
		name, arguments, _ := strings.Cut(strings.ToUpper(line), " ")
		offers[name] = arguments
	}
	return offers
}

// TestTalkPOP3 says to each server all that it offers and understands.
func TestTalkPOP3(t *testing.T) {
	for _, s := range []*server{lab.open, lab.cyrus, lab.courier} {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			a := accountOf("drop")
			r := startProxy(t, proxyOptions{upstreams: []string{s.url("pop3", "tls")}, listen: []string{"pop3s"}})

			p := startPopTalk(t, r.ports[0])
			offers := p.capabilities()
			if _, ok := offers["LANG"]; ok {
				p.list("LANG")
				p.status("LANG *", "+OK")
			}
			if _, ok := offers["UTF8"]; ok {
				p.status("UTF8", "+OK")
			}
			p.status("USER "+a.user, "+OK")
			p.status("PASS "+a.password, "+OK")
			offers = p.capabilities()
			p.status("STAT", "+OK")
			p.list("LIST")
			p.status("LIST 1", "+OK")
			p.status("LIST 99", "-ERR")
			p.list("UIDL")
			p.status("UIDL 1", "+OK")
			for n := range a.messages {
				p.list(fmt.Sprintf("TOP %d 0", n+1))
				p.list(fmt.Sprintf("TOP %d 5", n+1))
				p.list(fmt.Sprintf("RETR %d", n+1))
			}
			p.status("RETR 99", "-ERR")
			if _, ok := offers["PIPELINING"]; ok {
				p.send("STAT\r\nLIST\r\nRETR 1\r\nNOOP\r\nTOP 2 1\r\nUIDL\r\n")
				p.line()
				for _, lines := range []bool{true, true, false, true, true} {
					if line := p.line(); !strings.HasPrefix(line, "+OK") {
						t.Errorf("pipelined: %s", line)
					} else if lines {
						p.lines()
					}
				}
			}
			p.status("DELE 1", "+OK")
			p.status("RETR 1", "-ERR")
			p.list("LIST")
			p.status("STAT", "+OK")
			p.status("RSET", "+OK")
			p.status("NOOP", "+OK")
			p.status("DELE 2", "+OK")
			p.list("UIDL")
			p.status("QUIT", "+OK")

			p = startPopTalk(t, r.ports[0])
			plain := base64.StdEncoding.EncodeToString([]byte("\x00" + a.user + "\x00" + a.password))
			if strings.Contains(offers["SASL"], "PLAIN") {
				p.status("AUTH PLAIN "+plain, "+OK")
			} else {
				p.status("USER "+a.user, "+OK")
				p.status("PASS "+a.password, "+OK")
			}
			if n := len(p.list("LIST")); n != a.messages-1 {
				t.Errorf("expected %d messages after one was deleted, got %d", a.messages-1, n)
			}
			p.status("QUIT", "+OK")

			p = startPopTalk(t, r.ports[0])
			p.status("USER "+a.user, "+OK")
			p.status("PASS wrong", "-ERR")
			p.status("QUIT", "+OK")

			shown := r.finish(t)
			if bad := troubles(shown); bad != nil {
				t.Errorf("%d events of trouble, the first %v", len(bad), bad[0])
			}
			judge(t, s.name, "talk", "tls", shown)
			t.Logf("%d commands; capabilities %v", len(ofKind(shown, "command")), offers)
		})
	}
}
