package pop3_test

import (
	"flag"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/internal/decodetest"
	"github.com/mailtrace/mailtrace/decode/pop3"
)

var update = flag.Bool("update", false, "write the goldens")

func transcripts(t testing.TB) []string {
	t.Helper()
	paths, err := filepath.Glob("testdata/*.script")
	if err != nil || len(paths) == 0 {
		t.Fatal("no transcripts", err)
	}
	return paths
}

func load(t testing.TB, path string) []run {
	t.Helper()
	var runs []run
	for _, c := range decodetest.Load(t, path) {
		runs = append(runs, run{c.Dir, string(c.Octets)})
	}
	return runs
}

func TestTranscripts(t *testing.T) {
	for _, path := range transcripts(t) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			runs := load(t, path)
			w := play(decode.Options{}, runs, whole)
			decodetest.Golden(t, strings.TrimSuffix(path, ".script")+".golden", strings.Split(strings.TrimSuffix(table(w.events), "\n"), "\n"), *update)
			for _, o := range []decode.Options{{}, {Secrets: true}, {Mid: true}, {Limits: decode.Limits{Line: 48, Commands: 1, Queue: 3}}} {
				for _, n := range [...]int{2, 7} {
					check(t, o, runs, every(n))
				}
			}
		})
	}
}

// No secret is left in what a recorder or a reader of events gets, wherever the reads
// were cut.
func TestSecretsAreFilled(t *testing.T) {
	secrets := []string{"secret", "quux", "c2VjcmV0", "AHUxAHNlY3JldA", "c4c9334bac560ecc", "c2Vj"}
	for _, path := range transcripts(t) {
		runs := load(t, path)
		total := 0
		for _, r := range runs {
			total += len(r.p)
		}
		for at := range total {
			off := 0
			w := play(decode.Options{}, runs, func(p string) []string {
				i := at - off
				off += len(p)
				if i <= 0 || i >= len(p) {
					return whole(p)
				}
				return []string{p[:i], p[i:]}
			})
			everything := table(w.events) + joined(w.tapped, decode.Client) + joined(w.tapped, decode.Server)
			everything = strings.ReplaceAll(everything, "UGFzc3dvcmQ6", "") // "Password:"
			for _, secret := range secrets {
				if strings.Contains(strings.ToLower(everything), strings.ToLower(secret)) {
					t.Fatalf("%s, cut at %d: %q is left in\n%s", path, at, secret, everything)
				}
			}
		}
	}
}

func fuzz(f *testing.F, prologue []run, seeds ...string) {
	chunks := make([]decodetest.Chunk, 0, len(prologue))
	for _, r := range prologue {
		chunks = append(chunks, decodetest.Chunk{Dir: r.dir, Octets: []byte(r.p)})
	}
	decodetest.Fuzz(f, pop3.New, chunks, seeds...)
}

var login = []run{s("+OK\r\n"), c("USER u1\r\n"), s("+OK\r\n"), c("PASS secret\r\n"), s("+OK\r\n")}

func FuzzGreeting(f *testing.F) {
	fuzz(f, nil, "\xfe+OK ready\r\n\xfeQUIT\r\n", "GET / HTTP/1.1\r\n\r\n", "\x16\x03\x01\x00", "\xfe-ERR no\r\n")
}

func FuzzAuthorization(f *testing.F) {
	fuzz(f, []run{s("+OK <1@x>\r\n")}, "CAPA\r\n\xfe+OK\r\nSTLS\r\n.\r\n", "USER u1\r\nPASS secret\r\n\xfe+OK\r\n-ERR secret\r\n",
		"APOP u1 abcdef\r\n\xfe-ERR abcdef\r\n", "STLS\r\nNOOP\r\n\xfe+OK\r\n+OK\r\n\xfe\x16\x03", "ST\xfe+OK\r\n\xfeLS\r\n", "STLS\r\n\xfe-ERR\r\n\xfeNOOP\r\n")
}

func FuzzSASL(f *testing.F) {
	fuzz(f, []run{s("+OK\r\n"), c("AUTH PLAIN\r\n"), s("+ \r\n")}, "AHUxAHNlY3JldA==\r\n\xfe-ERR AHUxAHNlY3JldA== secret\r\n",
		"*\r\n\xfe-ERR cancelled\r\n", "STAT\r\n\xfe-ERR\r\n\xfeAHUxAHNlY3JldA==\r\n", "dTE=\r\n\xfe+OK UGFzc3dvcmQ6\r\n\xfec2VjcmV0\r\n\xfe+OK c2VjcmV0\r\n")
}

func FuzzTransaction(f *testing.F) {
	fuzz(f, login, "RETR 1\r\n\xfe+OK\r\nSubject: x\r\n\r\n..\r\n.\r\n", "RETR 1\r\nTOP 1 0\r\n\xfe+OK\r\n.\n+OK\r\n.\r-ERR\r\n",
		"LIST\r\nUIDL\r\n\xfe+OK\r\n1 2\r\n.\r+OK\r\n1 a\r\n.\n", "XFOO\r\n\xfe+OK\r\nrow\r\n.\r\n\xfeNOOP\r\n\xfe+OK\r\n",
		"RETR 1\r\n\xfe+OK\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n.\r\n", "DELE 1\r\nQUIT\r\n\xfe+OK\r\n+OK\r\n")
}
