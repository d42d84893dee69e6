package endtoend

import (
	"compress/flate"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/proxy"
)

// secret is what must not be seen anywhere: with octets that are quoted, and letters in
// both cases, so that nothing else looks like it.
const (
	secret = `Zq7-hUnter"2`
	token  = "ya29.Vx8kPq3Tz"
	digest = "c4c9334bac560ecc979e58001b3e22fb"
)

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// attempt is a way to log in: what the client says, in turns, with {tag} where an IMAP tag
// stands. Behind each turn but the last the server says go on.
type attempt struct {
	name  string
	turns []string
	// asks are what the server says between the turns; "" where it says nothing.
	asks []string
	// hides are the secrets in it.
	hides []string
}

var (
	plain  = b64("\x00u1\x00" + secret)
	bearer = b64("n,a=u1,\x01auth=Bearer " + token + "\x01\x01")
	cram   = b64("u1 b913a602c7eda7a495b4e6e7334d3890")
	scram  = b64("c=biws,r=rOprNGfwEbe,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=")
	quoted = `"` + strings.NewReplacer(`"`, `\"`).Replace(secret) + `"`
)

var imapAttempts = []attempt{
	{"LOGIN atom", []string{"{tag} LOGIN u1 " + token + "\r\n"}, nil, []string{token}},
	{"LOGIN quoted", []string{"{tag} LOGIN \"u1\" " + quoted + "\r\n"}, nil, []string{secret}},
	{"LOGIN literals", []string{"{tag} LOGIN {2}\r\n", "u1 {12}\r\n", secret + "\r\n"}, []string{"+ \r\n", "+ \r\n"}, []string{secret}},
	{"LOGIN non-synchronizing", []string{"{tag} login {2+}\r\nu1 {12+}\r\n" + secret + "\r\n"}, nil, []string{secret}},
	{"PLAIN initial", []string{"{tag} AUTHENTICATE PLAIN " + plain + "\r\n"}, nil, []string{secret, plain}},
	{"PLAIN", []string{"{tag} AUTHENTICATE PLAIN\r\n", plain + "\r\n"}, []string{"+ \r\n"}, []string{secret, plain}},
	{"LOGIN mechanism", []string{"{tag} AUTHENTICATE LOGIN\r\n", b64("u1") + "\r\n", b64(secret) + "\r\n"}, []string{"+ VXNlcm5hbWU6\r\n", "+ UGFzc3dvcmQ6\r\n"}, []string{secret}},
	{"CRAM-MD5", []string{"{tag} AUTHENTICATE CRAM-MD5\r\n", cram + "\r\n"}, []string{"+ PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2U+\r\n"}, []string{cram}},
	{"SCRAM", []string{"{tag} AUTHENTICATE SCRAM-SHA-1\r\n", b64("n,,n=u1,r=rOprNG") + "\r\n", scram + "\r\n", "\r\n"}, []string{"+ \r\n", "+ cj1yT3ByTkdm\r\n", "+ dj1ybUY5cHFW\r\n"}, []string{scram}},
	{"OAUTHBEARER", []string{"{tag} AUTHENTICATE OAUTHBEARER " + bearer + "\r\n", "AQ==\r\n"}, []string{"+ eyJzdGF0dXMiOiI0MDEifQ==\r\n"}, []string{token, bearer}},
	{"XOAUTH2", []string{"{tag} AUTHENTICATE XOAUTH2\r\n", bearer + "\r\n"}, []string{"+ \r\n"}, []string{token, bearer}},
	{"a typo", []string{"{tag} LOGINN u1 " + token + "\r\n"}, nil, []string{token}},
	{"no tag", []string{"LOGIN u1 " + token + "\r\n"}, nil, []string{token}},
}

var pop3Attempts = []attempt{
	{"PASS", []string{"USER u1\r\n", "PASS " + secret + "\r\n"}, []string{"+OK\r\n"}, []string{secret}},
	{"pass pipelined", []string{"user u1\r\npass " + secret + "\r\n"}, nil, []string{secret}},
	{"APOP", []string{"APOP u1 " + digest + "\r\n"}, nil, []string{digest}},
	{"PLAIN initial", []string{"AUTH PLAIN " + plain + "\r\n"}, nil, []string{secret, plain}},
	{"PLAIN", []string{"AUTH PLAIN\r\n", plain + "\r\n"}, []string{"+ \r\n"}, []string{secret, plain}},
	{"PLAIN behind +OK", []string{"AUTH PLAIN\r\n", plain + "\r\n"}, []string{"+OK\r\n"}, []string{secret, plain}},
	{"LOGIN mechanism", []string{"AUTH LOGIN\r\n", b64("u1") + "\r\n", b64(secret) + "\r\n"}, []string{"+ VXNlcm5hbWU6\r\n", "+ UGFzc3dvcmQ6\r\n"}, []string{secret}},
	{"CRAM-MD5", []string{"AUTH CRAM-MD5\r\n", cram + "\r\n"}, []string{"+ PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2U+\r\n"}, []string{cram}},
	{"XOAUTH2", []string{"AUTH XOAUTH2 " + bearer + "\r\n"}, nil, []string{token, bearer}},
	{"a typo", []string{"PASSS " + secret + "\r\n"}, nil, []string{secret}},
}

// layer is what lies beneath the sessions.
type layer struct {
	name             string
	listen, upstream string // behind the protocol
	startTLS         bool
	compress         bool
}

var layers = []layer{
	{name: "plain"},
	{name: "TLS", listen: "s", upstream: "s"},
	{name: "STARTTLS", listen: "+starttls", upstream: "+starttls", startTLS: true},
	{name: "COMPRESS", compress: true},
}

func every(l layer) int {
	switch {
	case l.listen != "":
		return 5
	case slowness > 1:
		return 3
	}
	return 1
}

// bothEnds are the two peers of a connection, played from one place: what one says, the
// other has to hear, at once and octet for octet. So each write is a read of the proxy's.
type bothEnds struct {
	t              tester
	client, server net.Conn
	deflate        map[decode.Dir]*pipe
	tag            int
}

// pipe deflates one direction.
type pipe struct {
	w *flate.Writer
	b strings.Builder
}

func (b *bothEnds) pass(d decode.Dir, p string) {
	b.t.Helper()
	from, to := b.client, b.server
	if d == decode.Server {
		from, to = to, from
	}
	if x := b.deflate[d]; x != nil {
		x.b.Reset()
		x.w.Write([]byte(p)) // a Builder takes everything
		x.w.Flush()
		p = x.b.String()
	}
	if _, err := io.WriteString(from, p); err != nil {
		b.t.Fatalf("%s says %.100q: %v", d, p, err)
	}
	got := make([]byte, len(p))
	if _, err := io.ReadFull(to, got); err != nil || string(got) != p {
		b.t.Fatalf("%s says %.100q, and %.100q comes: %v", d, p, got, err)
	}
}

// split passes p in two pieces, cut at n, and in one if there is no such place.
func (b *bothEnds) split(p string, n int) {
	b.t.Helper()
	if n > 0 && n < len(p) {
		b.pass(decode.Client, p[:n])
		p = p[n:]
	}
	b.pass(decode.Client, p)
}

// begin does what comes before the logins.
func (b *bothEnds) begin(protocol string, l layer) {
	b.t.Helper()
	imap := protocol == "imap"
	pick := func(a, c string) string {
		if imap {
			return a
		}
		return c
	}
	b.pass(decode.Server, pick("* OK ready\r\n", "+OK ready <1.2@example.org>\r\n"))
	switch {
	case l.startTLS:
		b.pass(decode.Client, pick("s STARTTLS\r\n", "STLS\r\n"))
		b.pass(decode.Server, pick("s OK go\r\n", "+OK go\r\n"))
		ends := []*peer{newPeer(b.client, decode.Client), newPeer(b.server, decode.Server)}
		var both sync.WaitGroup
		errs := make([]error, 2)
		for i, p := range ends {
			both.Go(func() { errs[i] = p.upgrade() })
		}
		both.Wait()
		if errs[0] != nil || errs[1] != nil {
			b.t.Fatalf("%v", errs)
		}
		b.client, b.server = ends[0].Conn, ends[1].Conn
	case l.compress:
		b.pass(decode.Client, "s COMPRESS DEFLATE\r\n")
		b.pass(decode.Server, "s OK\r\n")
		b.deflate = map[decode.Dir]*pipe{decode.Client: {}, decode.Server: {}}
		for _, p := range b.deflate {
			p.w, _ = flate.NewWriter(&p.b, flate.NoCompression) // a level that there is
		}
	}
}

// login makes one attempt. Turn number cut is divided at each of its octets in turn by
// the caller, who gives the place.
func (b *bothEnds) login(protocol string, a attempt, turn, at int, echo bool) {
	b.t.Helper()
	b.tag++
	tag := fmt.Sprintf("a%d", b.tag)
	for i, text := range a.turns {
		text = strings.ReplaceAll(text, "{tag}", tag)
		if i == turn {
			b.split(text, at)
		} else {
			b.pass(decode.Client, text)
		}
		if i < len(a.asks) {
			b.pass(decode.Server, a.asks[i])
		}
	}
	said := "no"
	if echo { // some servers say what they did not like
		said = "no: " + strings.Join(a.hides, " ")
	}
	switch {
	case protocol == "imap" && a.name == "no tag":
		b.pass(decode.Server, "* BAD no\r\n")
	case protocol == "imap":
		b.pass(decode.Server, tag+" NO "+said+"\r\n")
	default:
		for range strings.Count(strings.Join(a.turns[len(a.turns)-1:], ""), "\r\n") {
			b.pass(decode.Server, "-ERR "+said+"\r\n")
		}
	}
}

// Nothing that is shown, recorded or said has a secret, whichever way it goes, through
// whichever layers, divided wherever.
func TestSecrets(t *testing.T) {
	for protocol, attempts := range map[string][]attempt{"imap": imapAttempts, "pop3": pop3Attempts} {
		for _, under := range layers {
			if under.compress && protocol == "pop3" {
				continue // there is none
			}
			t.Run(protocol+" "+under.name, func(t *testing.T) {
				u := listen(t, under.upstream == "s")
				l := start(t, proxy.Config{Routes: []proxy.Route{route(t, protocol+under.listen, protocol+under.upstream, u.addr)}}, outputs{})
				var hides []string
				for _, a := range attempts {
					client := l.dial(t, 0)
					if under.listen == "s" {
						client = secure(t, client)
					}
					b := &bothEnds{t: t, client: client, server: u.take(t)}
					b.begin(protocol, under)
					for turn, text := range a.turns {
						// TLS is beneath what cuts can do: there, some of them will do.
						for at := 0; at <= len(text); at += every(under) {
							b.login(protocol, a, turn, at, at%2 == 1 && a.name != "a typo")
						}
					}
					b.client.Close()
					b.server.Close()
					hides = append(hides, a.hides...)
				}
				for i := range attempts {
					l.events.closed(t, i+1)
				}
				l.equal(t)
				l.holdsNoSecret(t, hides...)
				if !strings.Contains(string(l.json.bytes()), "xxxxxxxx") {
					t.Error("nothing was filled")
				}
			})
		}
	}
}

// The search finds what it looks for.
func TestSearchFindsSecrets(t *testing.T) {
	for _, before := range []string{"", "\x00u1\x00", "u1\x00u1\x00", "n,a=u1,\x01auth=Bearer "} {
		if leaks([]byte("a1 AUTHENTICATE PLAIN "+b64(before+secret)), secret) == nil {
			t.Errorf("it is not found behind %q", before)
		}
	}
	for _, line := range []string{"PASS " + secret, "a1 LOGIN u1 " + quoted, "pass " + strings.ToLower(secret)} {
		if leaks([]byte(line), secret) == nil {
			t.Errorf("it is not found in %q", line)
		}
	}
}
