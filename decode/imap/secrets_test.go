package imap_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/imap"
	"github.com/mailtrace/mailtrace/decode/internal/decodetest"
)

type fataler interface{ Fatal(args ...any) }

// said is what a reader of events, of notes or of the recording can see.
type said struct{ b strings.Builder }

func (s *said) tap(x decode.Octets) { s.b.Write(x.P) }

func (s *said) events(t fataler, events []decode.Event) {
	for i := range events {
		e := &events[i]
		detail, err := json.Marshal(e.Detail)
		if err != nil {
			t.Fatal(err)
		}
		name := ""
		if e.Command != nil {
			name = e.Command.Tag + "\n" + e.Command.Name
		}
		fmt.Fprintf(&s.b, "\n%s\n%s\n%s\n%s\n%s\n%s\n%s\n", e.Text, detail, e.Tag, e.Name, e.Mailbox, name, imap.Protocol.Note(e))
		for _, f := range e.Findings {
			fmt.Fprintf(&s.b, "%s %s\n", f.ID, f.Text)
		}
	}
}

// leak gives a piece of a secret that is left in what can be seen: any four octets of it,
// whatever their case.
func leak(seen string, secrets ...string) string {
	for _, run := range []string{"x", "p", " "} {
		seen = strings.ReplaceAll(seen, strings.Repeat(run, 256), "")
	}
	seen = strings.ToLower(seen)
	for _, s := range secrets {
		s = strings.ToLower(s)
		for i := 0; i+4 <= len(s); i++ {
			if strings.Contains(seen, s[i:i+4]) {
				return s[i : i+4]
			}
		}
	}
	return ""
}

const (
	password = "Zq7kW2vQPm9"
	phrase   = "Zq7k W2v! Pm9j"
)

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// A turn is "C" or "S" and octets.
type turn struct {
	dir    decode.Dir
	octets string
}

func c(s string) turn { return turn{decode.Client, s} }
func s(s string) turn { return turn{decode.Server, s} }

// gap stands for lost octets.
func gap(d decode.Dir, n int64) turn { return turn{d, fmt.Sprintf("\x00gap %d", n)} }

// play feeds turns, the octets cut at one place, and gives what can be seen.
func play(t fataler, o decode.Options, turns []turn, at int) string {
	var seen said
	o.Tap = seen.tap
	session := imap.New(o)
	now := decodetest.Epoch
	for _, x := range turns {
		var n int64
		if _, err := fmt.Sscanf(x.octets, "\x00gap %d", &n); err == nil {
			seen.events(t, session.Gap(x.dir, now, n))
			continue
		}
		pieces := []string{x.octets}
		if at > 0 && at < len(x.octets) {
			pieces = []string{x.octets[:at], x.octets[at:]}
		}
		at -= len(x.octets)
		for _, p := range pieces {
			for len(p) > 0 {
				k, _, events := session.Write(x.dir, now, []byte(p))
				seen.events(t, events)
				if k == 0 {
					break
				}
				p = p[k:]
			}
		}
	}
	seen.events(t, session.Close(decode.Client, now))
	seen.events(t, session.Close(decode.Server, now))
	return seen.b.String()
}

var (
	plain   = b64("\x00u1\x00" + password)
	bare    = strings.TrimRight(plain, "=")
	bearer  = b64("user=u1\x01auth=Bearer " + password + "\x01\x01")
	quoted  = `"` + phrase + `"`
	ready   = s("* OK ready\r\n")
	secrets = []string{password, phrase, b64(password), plain, bearer, b64(phrase)}
)

var dialogues = map[string][]turn{
	"atom":                        {ready, c("a1 LOGIN u1 " + password + "\r\n"), s("a1 NO " + password + " is wrong\r\n")},
	"atom, lower case":            {ready, c("a1 login u1 " + password + "\r\n"), s("a1 no [ALERT] " + password + "\r\n")},
	"bare LF":                     {ready, c("a1 LOGIN u1 " + password + "\n"), s("a1 NO " + password + "\n")},
	"CR CR LF":                    {ready, c("a1 LOGIN u1 " + password + "\r\r\n"), s("a1 NO " + password + "\r\n")},
	"quoted":                      {ready, c("a1 LOGIN \"u1\" " + quoted + "\r\n"), s("a1 NO " + phrase + "\r\n")},
	"three arguments":             {ready, c("a1 LOGIN u1 " + phrase + "\r\n"), s("a1 BAD " + phrase + "\r\n")},
	"no user":                     {ready, c("a1 LOGIN " + password + "\r\n"), s("a1 BAD " + password + "\r\n")},
	"spaces":                      {ready, c("a1 LOGIN   u1   " + phrase + " \r\n"), s("a1 BAD " + phrase + "\r\n")},
	"tabs":                        {ready, c("a1 LOGIN\tu1\t" + password + "\r\n"), s("a1 BAD unknown " + strings.ToUpper("LOGIN\tu1\t"+password) + "\r\n")},
	"tab behind the tag":          {ready, c("a1\tLOGIN u1 " + password + "\r\n"), s("* BAD " + password + "\r\n")},
	"two spaces behind the tag":   {ready, c("a1  LOGIN u1 " + password + "\r\n"), s("a1 BAD " + password + "\r\n")},
	"no tag":                      {ready, c("LOGIN u1 " + password + "\r\n"), s("LOGIN BAD " + password + "\r\n")},
	"odd tag":                     {ready, c("a\"1 LOGIN u1 " + password + "\r\n"), s("* BAD " + password + "\r\n")},
	"plus tag":                    {ready, c("a+1 LOGIN u1 " + password + "\r\n"), s("* BAD " + password + "\r\n")},
	"8-bit tag":                   {ready, c("a\xe91 LOGIN u1 " + password + "\r\n"), s("* BAD " + password + "\r\n")},
	"NUL":                         {ready, c("a1 LOGIN u1 \x00" + password + "\r\n"), s("* BAD " + password + "\r\n")},
	"unfinished quotes":           {ready, c("a1 LOGIN u1 \"" + phrase + "\r\n"), s("a1 BAD missing quote near " + phrase + "\r\n")},
	"CRLF in quotes":              {ready, c("a1 LOGIN u1 \"ab\r\n" + phrase + "\"\r\n"), s("a1 BAD\r\n" + "Zq7k BAD " + phrase + "\r\n")},
	"CRLF in the user's quotes":   {ready, c("a1 LOGIN \"u\r\n1\" " + phrase + "\r\n"), s("a1 BAD\r\n1\" BAD " + phrase + "\r\n")},
	"literal":                     {ready, c("a1 LOGIN u1 {14}\r\n"), s("+ go\r\n"), c(phrase), c("\r\n"), s("a1 NO " + phrase + "\r\n")},
	"literals":                    {ready, c("a1 LOGIN {2}\r\n"), s("+ go\r\n"), c("u1 {14}\r\n"), s("+ go\r\n"), c(phrase + "\r\n"), s("a1 NO " + phrase + "\r\n")},
	"non-sync":                    {ready, c("a1 LOGIN {2+}\r\nu1 {14+}\r\n" + phrase + "\r\n"), s("a1 NO " + phrase + "\r\n")},
	"literal8":                    {ready, c("a1 LOGIN u1 ~{14+}\r\n" + phrase + "\r\n"), s("a1 NO " + phrase + "\r\n")},
	"literal and more":            {ready, c("a1 LOGIN u1 {14+}\r\n" + phrase + " " + password + "\r\n"), s("a1 NO " + password + " " + phrase + "\r\n")},
	"literal too short":           {ready, c("a1 LOGIN u1 {5+}\r\n" + phrase + "\r\n"), s("a1 NO\r\n* BAD " + phrase[5:] + "\r\n")},
	"literal with CRLF":           {ready, c("a1 LOGIN u1 {16+}\r\nZq7k W2v!\r\n Pm9j\r\n"), s("a1 NO " + "Zq7k W2v!\r\n")},
	"literal then rest":           {ready, c("a1 LOGIN {2+}\r\nu1 " + quoted + "\r\n"), s("a1 NO " + phrase + "\r\n")},
	"literal of nothing":          {ready, c("a1 LOGIN {0+}\r\n " + password + "\r\n"), s("a1 NO " + password + "\r\n")},
	"refused, and sent anyway":    {ready, c("a1 LOGIN u1 {14}\r\n"), s("a1 BAD no\r\n"), c(phrase + "\r\n"), s("Zq7k BAD unknown W2V!\r\n")},
	"user refused, sent anyway":   {ready, c("a1 LOGIN {2}\r\n"), s("a1 BAD no\r\n"), c("u1 " + password + "\r\n"), s("u1 BAD unknown " + strings.ToUpper(password) + "\r\n")},
	"user refused, literal":       {ready, c("a1 LOGIN {2}\r\n"), s("a1 BAD no\r\n"), c("u1 {14}\r\n" + phrase + "\r\n"), s("u1 BAD\r\nZq7k BAD " + phrase + "\r\n")},
	"literal, answer before +":    {ready, c("a1 LOGIN u1 {11}\r\n" + password), s("a1 NO " + password + "\r\n"), c("\r\n")},
	"answer in mid-literal":       {ready, c("a1 LOGIN u1 {11}\r\n" + password[:8]), s("a1 NO not " + password[:8] + "\r\n"), c(password[8:] + "\r\n")},
	"password {":                  {ready, c("a1 LOGIN u1 " + password + "{x}\r\n"), s("a1 NO " + password + "\r\n")},
	"untagged":                    {ready, c("a1 LOGIN u1 " + password + "\r\n"), s("* NO " + password + " is wrong\r\n* BYE " + password + "\r\na1 NO\r\n")},
	"behind the completion":       {ready, c("a1 LOGIN u1 " + password + "\r\n"), s("a1 NO\r\n* BYE " + password + " is wrong\r\n")},
	"no status":                   {ready, c("a1 LOGIN u1 " + password + "\r\n"), s("error near " + password + "\r\n*" + password + "\r\n+" + password + "\r\n* Error: " + password + "\r\na1 NO\r\n")},
	"echo as tag":                 {ready, c("a1 AUTHENTICATE PLAIN\r\n"), s("+\r\n"), c(plain + "\r\n"), s("a1 NO\r\n"), c(plain + "\r\n"), s(bare + " BAD what\r\n" + plain + " BAD what\r\n")},
	"code":                        {ready, c("a1 LOGIN u1 " + password + "\r\n"), s("a1 NO [X " + password + "] x\r\n")},
	"continuation request":        {ready, c("a1 LOGIN u1 " + password + "\r\n"), s("+ " + b64(password) + "\r\na1 NO\r\n")},
	"same tag twice":              {ready, c("a1 LOGIN u1 " + password + "\r\na1 LOGIN u1 " + phrase + "\r\n"), s("a1 NO\r\na1 NO " + phrase + password + "\r\n")},
	"unknown tag":                 {ready, c("a1 LOGIN u1 " + password + "\r\n"), s("b1 NO " + password + "\r\na1 NO\r\n")},
	"line begun before":           {ready, s("* BAD "), c("a1 LOGIN u1 " + password + "\r\n"), s(password + "\r\na1 NO\r\n")},
	"initial response":            {ready, c("a1 AUTHENTICATE PLAIN " + plain + "\r\n"), s("a1 NO " + plain + " " + bare + " " + password + "\r\n")},
	"initial response, no pad":    {ready, c("a1 AUTHENTICATE PLAIN " + bare + "\r\n"), s("a1 NO " + plain + " " + bare + " " + password + "\r\n")},
	"initial response as literal": {ready, c(fmt.Sprintf("a1 AUTHENTICATE PLAIN {%d+}\r\n%s\r\n", len(plain), plain)), s("a1 NO " + plain + " " + password + "\r\n")},
	"no mechanism":                {ready, c("a1 AUTHENTICATE " + plain + "\r\n"), s("a1 NO unsupported " + plain + "\r\n")},
	"no mechanism, no pad":        {ready, c("a1 AUTHENTICATE " + bare + "\r\n"), s("a1 NO unsupported " + bare + "\r\n")},
	"tab behind the mechanism":    {ready, c("a1 AUTHENTICATE PLAIN\t" + plain + "\r\n"), s("a1 NO unsupported " + plain + "\r\n")},
	"exchange":                    {ready, c("a1 AUTHENTICATE PLAIN\r\n"), s("+ \r\n"), c(plain + "\r\n"), s("a1 NO " + plain + "\r\n")},
	"exchange, bearer":            {ready, c("a1 AUTHENTICATE XOAUTH2\r\n"), s("+ \r\n"), c(bearer + "\r\n"), s("+ " + b64(`{"status":"400"}`) + "\r\n"), c("\r\n"), s("a1 NO " + password + "\r\n")},
	"exchange, LOGIN":             {ready, c("a1 AUTHENTICATE LOGIN\r\n"), s("+ \r\n"), c("dTE=\r\n"), s("+ \r\n"), c(b64(password) + "\r\n"), s("a1 NO " + password + "\r\n")},
	"exchange of words":           {ready, c("a1 AUTHENTICATE PLAIN\r\n"), s("+ \r\n"), c(phrase + "\r\n"), s("a1 NO " + phrase + "\r\n")},
	"cancelled, then sent":        {ready, c("a1 AUTHENTICATE PLAIN\r\n"), s("+ \r\n"), c("*\r\n"), s("a1 BAD\r\n"), c(plain + "\r\n"), s(plain + " BAD unknown\r\n* BAD " + plain + "\r\n")},
	"refused, then sent":          {ready, c("a1 AUTHENTICATE PLAIN\r\n"), s("a1 NO\r\n"), c(plain + "\r\n"), s(plain + " BAD unknown\r\n")},
	"response behind a command":   {ready, c("a1 AUTHENTICATE PLAIN\r\na2 NOOP\r\n" + plain + "\r\n"), s("a1 NO\r\na2 OK\r\n" + plain + " BAD\r\n")},
	"two exchanges":               {ready, c("a1 AUTHENTICATE PLAIN\r\na2 AUTHENTICATE PLAIN\r\n" + plain + "\r\n" + b64(password) + "\r\n"), s("a1 NO\r\n+ \r\na2 NO " + plain + " " + b64(password) + "\r\n")},
	"two exchanges, in turn":      {ready, c("a1 AUTHENTICATE PLAIN\r\na2 AUTHENTICATE PLAIN\r\n"), s("a2 NO\r\n"), c(plain + "\r\n"), s("a1 NO " + plain + "\r\n")},
	"wrapped response":            {ready, c("a1 AUTHENTICATE PLAIN\r\n"), s("+ \r\n"), c(plain[:12] + "\r\n" + plain[12:] + "\r\n"), s("a1 NO " + plain[:12] + "\r\n" + plain[12:] + " BAD\r\n")},
	"pipelined LOGIN":             {ready, c("a1 AUTHENTICATE PLAIN\r\na2 LOGIN u1 " + password + "\r\n"), s("a1 NO " + password + "\r\na2 NO " + password + "\r\n")},
	"unknown command":             {ready, c("a1 XLOGIN u1 " + password + "\r\n"), s("a1 BAD " + password + "\r\n")},
	"unknown command, literal":    {ready, c("a1 XLOGIN u1 {11+}\r\n" + password + "\r\n"), s("a1 BAD " + password + "\r\n")},
	"password as command":         {ready, c("u1 " + password + "\r\n"), s("u1 BAD unknown command " + strings.ToUpper(password) + "\r\n")},
	"UID password":                {ready, c("u1 UID " + password + "\r\n"), s("u1 BAD unknown command " + strings.ToUpper(password) + "\r\n")},
	"password alone":              {ready, c(password + "\r\n"), s(password + " BAD unknown command\r\n* BAD " + password + "\r\n")},
	"POP3":                        {ready, c("USER u1\r\n"), s("USER BAD\r\n"), c("PASS " + password + "\r\n"), s("PASS BAD unknown command " + password + "\r\n")},
	"HTTP":                        {ready, c("GET /?p=" + password + " HTTP/1.1\r\nAuthorization: Basic " + b64(password) + "\r\nCookie: " + password + "\r\n\r\n"), s("GET BAD /?p=" + password + "\r\n")},
	"under PREAUTH":               {s("* PREAUTH hi\r\n"), c("a1 LOGIN {2}\r\n"), s("a1 BAD\r\n"), c("u1 " + password + "\r\n"), s("u1 BAD " + password + "\r\n")},
	"logged in, LOGIN again":      {s("* PREAUTH hi\r\n"), c("a1 LOGIN u1 " + password + "\r\nu1 " + password + "\r\n"), s("a1 BAD " + password + "\r\nu1 BAD " + password + "\r\n")},
	"behind a gap":                {ready, gap(decode.Client, 12), c("1 " + password + "\r\n"), s("a1 NO " + password + "\r\n")},
	"behind an unknown gap":       {ready, c("a1 LOGIN u1 {11}\r\n"), gap(decode.Client, -1), c("k " + password[4:] + "\r\n"), s("a1 NO " + password[4:] + "\r\n")},
	"gap in a literal":            {ready, c("a1 LOGIN u1 {14}\r\n"), gap(decode.Client, 2), c(phrase[2:] + "\r\n"), s("a1 NO " + phrase[2:] + "\r\n")},
	"gap that ends a literal":     {ready, c("a1 LOGIN u1 {14}\r\n"), gap(decode.Client, 14), c(" " + password + "\r\n"), s("a1 NO " + password + "\r\n")},
	"gap over a literal":          {ready, c("a1 LOGIN u1 {3}\r\n"), gap(decode.Client, 8), c(phrase + "\r\n"), s("a1 NO " + phrase + "\r\n")},
	"gap in mid-line":             {ready, c("a1 LOGIN u1 " + password[:6]), gap(decode.Client, 1), c(password[7:] + "\r\n"), s("a1 NO " + password[:6] + "\r\n")},
	"server gap":                  {ready, c("a1 LOGIN u1 " + password + "\r\n"), gap(decode.Server, 9), s("near " + password + "\r\n* BYE " + password + "\r\n")},
	"server gap in an exchange":   {ready, c("a1 AUTHENTICATE PLAIN\r\n"), gap(decode.Server, 20), c(phrase + "\r\n"), s("Zq7k BAD W2v!\r\n")},
	"closed in mid-line":          {ready, c("a1 LOGIN u1 " + password)},
	"closed in mid-literal":       {ready, c("a1 LOGIN u1 {20}\r\n" + password)},
	"closed in the server's line": {ready, c("a1 LOGIN u1 " + password + "\r\n"), s("a1 NO " + password)},
	"behind STARTTLS":             {ready, c("a1 STARTTLS\r\na2 LOGIN u1 " + password + "\r\n"), s("a1 NO\r\na2 NO " + password + "\r\n")},
	"behind STARTTLS, in half":    {ready, c("a1 STARTTLS\r\na2 LOGIN u1 " + password), s("a1 OK\r\n")},
	"after IDLE":                  {ready, c("a1 IDLE\r\n"), s("+ idling\r\n"), c(password + "\r\n"), s("a1 BAD " + password + "\r\n")},
	"many logins": append([]turn{ready}, func() (turns []turn) {
		for i := range 100 {
			turns = append(turns, c(fmt.Sprintf("b%d LOGIN u1 %s%d\r\n", i, strings.Repeat("pw", 5), i)))
		}
		return append(turns, c("a1 LOGIN u1 "+password+"\r\n"), s("a1 NO "+password+"\r\n"))
	}()...),
}

// Nothing of a secret can be seen, wherever the octets are cut.
func TestSecretsNeverShow(t *testing.T) {
	for name, turns := range dialogues {
		t.Run(name, func(t *testing.T) {
			total := 0
			for _, x := range turns {
				total += len(x.octets)
			}
			for at := range min(total, 400) {
				seen := play(t, decode.Options{}, turns, at)
				if l := leak(seen, secrets...); l != "" {
					t.Fatalf("cut at %d: %q is left in\n%s", at, l, seen)
				}
			}
			// The same under compression, where the client's octets lie in one piece.
			if seen := playCompressed(t, turns); leak(seen, secrets...) != "" {
				t.Fatalf("compressed: %q is left in\n%s", leak(seen, secrets...), seen)
			}
		})
	}
}

// playCompressed plays the turns behind COMPRESS.
func playCompressed(t *testing.T, turns []turn) string {
	client, server := newDeflater(t), newDeflater(t)
	all := []turn{s("* OK ready\r\n"), c("z1 COMPRESS DEFLATE\r\n"), s("z1 OK\r\n")}
	for _, x := range turns[1:] {
		if strings.HasPrefix(x.octets, "\x00gap") {
			return ""
		}
		z := client
		if x.dir == decode.Server {
			z = server
		}
		all = append(all, turn{x.dir, z.flush(x.octets)})
	}
	return play(t, decode.Options{}, all, 0)
}

// Lines longer than what is kept, at every length around the limit.
func TestSecretsInLongLines(t *testing.T) {
	const limit = 64 << 10
	for name, build := range map[string]func(pad string) []turn{
		"user":   func(pad string) []turn { return []turn{ready, c("a1 LOGIN " + pad + " " + password + "\r\n")} },
		"quoted": func(pad string) []turn { return []turn{ready, c("a1 LOGIN \"" + pad + "\" \"" + phrase + "\"\r\n")} },
		"spaces": func(pad string) []turn {
			return []turn{ready, c("a1 LOGIN u1" + strings.Repeat(" ", len(pad)) + password + "\r\n")}
		},
		"password":  func(pad string) []turn { return []turn{ready, c("a1 LOGIN u1 " + pad + password + "\r\n")} },
		"tag":       func(pad string) []turn { return []turn{ready, c(pad + " LOGIN u1 " + password + "\r\n")} },
		"word":      func(pad string) []turn { return []turn{ready, c("a1 " + pad + " " + password + "\r\n")} },
		"mechanism": func(pad string) []turn { return []turn{ready, c("a1 AUTHENTICATE " + pad + " " + plain + "\r\n")} },
		"mechanism2": func(pad string) []turn {
			return []turn{ready, c("a1 AUTHENTICATE PLAIN" + strings.Repeat(" ", len(pad)) + plain + "\r\n")}
		},
		"response": func(pad string) []turn {
			return []turn{ready, c("a1 AUTHENTICATE PLAIN\r\n"), s("+\r\n"), c(pad + plain + "\r\n")}
		},
		"rest":    func(pad string) []turn { return []turn{ready, c("a1 LOGIN {2+}\r\nu1 " + pad + password + "\r\n")} },
		"nothing": func(pad string) []turn { return []turn{ready, c(pad + password + "\r\n")} },
		"literal": func(pad string) []turn {
			return []turn{ready, c("a1 LOGIN " + pad + " {14+}\r\n" + phrase + "\r\n"), s("a1 NO " + phrase + "\r\n")}
		},
		"answered meanwhile": func(pad string) []turn {
			return []turn{ready, c("a1 AUTHENTICATE PLAIN\r\n"), c(pad + plain[:10]), s("a1 NO\r\n"), c(plain[10:] + "\r\n")}
		},
		"echo": func(pad string) []turn {
			return []turn{ready, c("a1 LOGIN u1 " + password + "\r\n"), s("a1 NO " + pad + password + "\r\n")}
		},
		"echo, no status": func(pad string) []turn {
			return []turn{ready, c("a1 LOGIN u1 " + password + "\r\n"), s("!" + pad + password + "\r\n")}
		},
		"echo, begun before": func(pad string) []turn {
			return []turn{ready, s("* NO " + pad), c("a1 LOGIN u1 " + password + "\r\n"), s(password + "\r\n")}
		},
	} {
		t.Run(name, func(t *testing.T) {
			for n := limit - 50; n < limit+6; n++ {
				turns := build(strings.Repeat("p", n))
				for _, cut := range []int{0, 100, limit + 40} {
					seen := play(t, decode.Options{}, turns, cut)
					if l := leak(seen, secrets...); l != "" {
						at := strings.Index(strings.ToLower(seen), l)
						t.Fatalf("padding of %d, cut at %d: %q is left in …%q", n, cut, l, seen[max(0, at-60):min(len(seen), at+60)])
					}
				}
				if n%11 == 0 {
					var chunks []decodetest.Chunk
					for _, x := range turns {
						if k := len(chunks); k > 0 && chunks[k-1].Dir == x.dir {
							chunks[k-1].Octets = append(chunks[k-1].Octets, x.octets...)
							continue
						}
						chunks = append(chunks, decodetest.Chunk{Dir: x.dir, Octets: []byte(x.octets)})
					}
					same(t, chunks)
				}
			}
		})
	}
}

// same decodes again what a recorder got: the events are equal.
func same(t *testing.T, chunks []decodetest.Chunk) {
	t.Helper()
	whole := decodetest.Run(imap.New, decode.Options{}, chunks, nil, true)
	cut := decodetest.Run(imap.New, decode.Options{}, chunks, func(p []byte) (out [][]byte) {
		for len(p) > 0 {
			n := min(len(p), 1000)
			out, p = append(out, p[:n]), p[n:]
		}
		return out
	}, true)
	decodetest.Same(t, "cut", whole.Events, cut.Events)
	again := decodetest.Run(imap.New, decode.Options{Inflated: true}, whole.Tapped, nil, true)
	decodetest.Same(t, "decoded again", whole.Events, again.Events)
	for _, d := range []decode.Dir{decode.Client, decode.Server} {
		if w, g := decodetest.Joined(whole.Tapped, d), decodetest.Joined(cut.Tapped, d); !bytes.Equal(w, g) {
			t.Fatalf("%s: the recorder got other octets of cut writes", d)
		}
	}
}

// The dialogues decode equally from what a recorder got of them, whatever the cuts.
func TestSecretDialoguesDecodeAgain(t *testing.T) {
	for name, turns := range dialogues {
		t.Run(name, func(t *testing.T) {
			var chunks []decodetest.Chunk
			for _, x := range turns {
				if strings.HasPrefix(x.octets, "\x00gap") {
					return
				}
				chunks = append(chunks, decodetest.Chunk{Dir: x.dir, Octets: []byte(x.octets)})
			}
			i := 0
			decodetest.Properties(t, imap.New, chunks, func(n int) int { i++; return i * 7 % (n + 1) })
		})
	}
}

// Whatever a server says, and whenever it says it, no form of login shows its secret in what
// the client sent.
func TestSecretsOfClientsThatDoNotWait(t *testing.T) {
	logins := []string{
		"a1 LOGIN u1 " + password + "\r\n", "a2 login \"u1\" " + quoted + "\r\n", "a1 LOGIN u1 {14}\r\n" + phrase + "\r\n", "a1 LOGIN {2}\r\nu1 {11}\r\n" + password + "\r\n",
		"a2 LOGIN {2+}\r\nu1 {14+}\r\n" + phrase + "\r\n", "a1 LOGIN {2}\r\nu1 " + password + "\r\n", "a1 LOGIN {2}\r\nu1 " + quoted + "\r\n", "a1 LOGIN \"u1\" {0}\r\n" + password + "\r\n",
		"a1 AUTHENTICATE PLAIN\r\n" + plain + "\r\n", "a1 AUTHENTICATE PLAIN " + plain + "\r\n", "a2 AUTHENTICATE LOGIN\r\ndTE=\r\n" + b64(password) + "\r\n",
		"a1 AUTHENTICATE XOAUTH2 " + bearer + "\r\n\r\n", "a2 AUTHENTICATE PLAIN\r\n*\r\n" + plain + "\r\n", "a1 AUTHENTICATE PLAIN {20}\r\n" + b64(password) + plain[:4] + "\r\n",
		"a1 XLOGIN " + password + "\r\n", plain + "\r\n", "a1 LOGIN u1 " + password + "\n",
	}
	others := []string{"a3 NOOP\r\n", "a3 IDLE\r\n", "DONE\r\n", "*\r\n", "a3 CAPABILITY\r\n", "a3 SELECT INBOX\r\n", "\r\n", "a3 UNAUTHENTICATE\r\n", "a3 XFOO bar\r\n", "a3 STARTTLS\r\n"}
	replies := []string{
		"* OK ready\r\n", "* PREAUTH hi\r\n", "+ \r\n", "+\r\n", "a1 OK\r\n", "a1 NO\r\n", "a1 BAD x\r\n", "a2 OK\r\n", "a2 NO\r\n", "a3 OK\r\n", "a3 NO\r\n", "* BYE x\r\n", "* 1 EXISTS\r\n",
		"* 1 FETCH (BODY[] {3}\r\nabc)\r\n", "a1 O", "* LIST () NIL {2}\r\n", "nonsense\r\n",
	}
	rapid.Check(t, func(t *rapid.T) {
		var turns []turn
		for range rapid.IntRange(1, 20).Draw(t, "turns") {
			if rapid.Bool().Draw(t, "server") {
				turns = append(turns, s(rapid.SampledFrom(replies).Draw(t, "reply")))
				continue
			}
			from := logins
			if rapid.IntRange(0, 2).Draw(t, "what") == 0 {
				from = others
			}
			// The client's lines come in pieces, so that the server may speak between them.
			text := rapid.SampledFrom(from).Draw(t, "line")
			at := rapid.IntRange(0, len(text)).Draw(t, "piece")
			turns = append(turns, c(text[:at]))
			for range rapid.IntRange(0, 2).Draw(t, "between") {
				turns = append(turns, s(rapid.SampledFrom(replies).Draw(t, "reply")))
			}
			turns = append(turns, c(text[at:]))
		}
		seen := play(t, decode.Options{}, turns, 0)
		if l := leak(seen, secrets...); l != "" {
			t.Fatalf("%q is left of\n%+v\nin\n%s", l, turns, seen)
		}
	})
}
