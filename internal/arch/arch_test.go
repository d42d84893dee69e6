package arch

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/mailtrace/mailtrace/"

// testHelp is for tests alone, so what binds the decoders does not bind it.
const testHelp = "decode/internal/decodetest"

// room is a package, or with "/..." all below it too, with the packages of this module
// that it may import. The first room that fits a package counts.
type room struct {
	path   string
	may    []string
	reason string
}

var rooms = []room{
	{"decode/registry", []string{"decode", "decode/imap", "decode/pop3"}, "it lists the protocols, one line each"},
	{testHelp, []string{"decode", "decode/...", "replay"}, "the decoders' tests alone use it: scripts in, events out"},
	{"decode", nil, "every protocol stands on it, so it can stand on none"},
	{"decode/rules", []string{"decode"}, "the table of findings: every protocol refers to it, so it refers to none"},
	{"decode/imap/grammar", []string{"decode", "decode/rules", "decode/internal/fragment"}, "lines in, meaning out: no session, no events"},
	{"decode/imap/...", []string{"decode", "decode/rules", "decode/mime", "decode/internal/...", "decode/imap/..."}, "session, then meaning, then grammar"},
	{"decode/...", []string{"decode", "decode/rules", "decode/mime", "decode/internal/..."}, "a protocol knows the core and no other protocol: adding one is one package and one line in the registry"},
	{"captures/...", []string{"captures/...", "decode", "decode/registry"}, "a capture is read without a proxy, and written without knowing who writes"},
	{"proxy/certs", nil, "a leaf package: replay serves with the same CA"},
	{"proxy", []string{"decode", "proxy/certs", "internal/dial"}, "recorder and printer are interfaces to it: no octet waits for a file or a terminal"},
	{"internal/nss", nil, "a leaf package: profiles of Thunderbird and the program that changes them"},
	{"internal/dial", nil, "a leaf package: proxy and replay both reach servers through it"},
	{"internal/sasl", nil, "a leaf package: whatever logs in asks it"},
	{"internal/accounts", []string{"internal/dial", "internal/sasl"}, "it reads a file; who logs in is its caller's affair"},
	{"internal/oauth", nil, "a leaf package: tokens from an issuer, for whatever logs in"},
	{"internal/spool", nil, "a leaf package: content on its way to a file"},
	{"internal/client", []string{"decode", "decode/...", "internal/dial", "internal/sasl", "internal/spool"}, "a mail client over the decoders: what it shows and where it stores is its caller's affair"},
	{"internal/mailfile", []string{"decode/imap/grammar", "internal/spool"}, "messages into files; who sent them is nothing to it"},
	{"internal/compare", []string{"internal/client", "decode", "decode/registry"}, "the same job over both protocols, measured; terminals are the command's affair"},
	{"internal/offline", []string{"internal/client", "internal/mailfile", "decode/imap/grammar"}, "Maildirs read as mailboxes; no server"},
	{"internal/watch", []string{"internal/client", "decode/imap/..."}, "what happens in a mailbox; terminals are the command's affair"},
	{"internal/mailsync", []string{"internal/client", "internal/mailfile", "decode/imap/..."}, "mailboxes and Maildirs; flags and terminals are the command's affair"},
	{"internal/message", []string{"decode", "decode/mime", "decode/imap/grammar"}, "messages for a person; where they came from is nothing to it"},
	{"internal/query", []string{"decode/imap/grammar", "decode/mime", "internal/client"}, "a language: what is found with it, and where, is its caller's affair"},
	{"internal/credentials", nil, "a leaf package: whatever logs in asks it"},
	{"internal/print", []string{"decode", "decode/mime"}, "it shows events; who made them is nothing to it"},
	{"internal/lint", []string{"decode", "decode/rules", "internal/print"}, "it reports findings; who found them is nothing to it"},
	{"internal/stats", []string{"decode", "internal/print"}, "it counts events; who made them is nothing to it"},
	{"internal/filter", []string{"decode"}, "it chooses events; who made them and who shows them is nothing to it"},
	{"internal/mailserver", []string{"replay", "internal/dial"}, "an ordinary server: mailtrace must find out about it over the wire alone"},
	{"replay", []string{"decode", "decode/...", "captures", "proxy", "proxy/certs", "internal/dial", "internal/sasl"}, "a go test imports it: it brings no command line; what it records goes through the proxy"},
	{"cmd/mailtrace", []string{
		"decode", "decode/...", "captures", "proxy", "proxy/certs", "replay", "internal/dial", "internal/print", "internal/filter", "internal/lint", "internal/stats",
		"internal/mailserver", "internal/credentials", "internal/accounts", "internal/oauth", "internal/client", "internal/sasl", "internal/spool",
		"internal/mailfile", "internal/message", "internal/mailsync", "internal/watch", "internal/offline", "internal/compare",
		"internal/query", "internal/nss",
	}, "the one place where everything is wired together"},
	{"internal/arch", nil, "it reads source, nothing else"},
	{"internal/...", []string{"..."}, "benchmarks and interop runs use the whole"},
}

// outside are modules of others that one room keeps to itself, so that their weight and
// their traps stay in one place.
var outside = []struct {
	prefix string
	in     []string
	reason string
}{
	{"github.com/urfave/cli", []string{"cmd/mailtrace"}, "flags are the command's affair"},
	{"github.com/fatih/color", []string{"cmd/mailtrace", "internal/print"}, "who writes to a terminal decides on colour"},
	{"github.com/gopacket/gopacket", []string{"captures/..."}, "the file format is the captures' affair"},
	{"github.com/BurntSushi/toml", []string{"internal/accounts", "internal/oauth"}, "who reads a file of settings says where it is wrong"},
	{"golang.org/x/oauth2", []string{"internal/oauth"}, "grants and their traps stay in one place"},
	{"github.com/emersion/go-imap", []string{"internal/mailserver", "internal/interop/..."}, "it serves the mailboxes; decoding has to take what go-imap closes the connection on"},
}

// sansIO are what the decoders may not import: the caller brings octets and time, so that
// a capture tells the story that the wire told.
var sansIO = map[string]string{
	"net":        "the caller has the connection",
	"os":         "the caller has the files",
	"log":        "what is worth saying is an event",
	"log/slog":   "what is worth saying is an event",
	"crypto/tls": "decoders see cleartext; a handshake is a mark",
	"syscall":    "the caller has the system",
	"io/ioutil":  "the caller has the files",
	"math/rand":  "the same octets give the same events",
}

// clocks are the functions of package time that look at a clock: an event's time is that
// of its octets.
var clocks = []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker"}

// source is one Go file that is not a test.
type source struct {
	pkg  string // path within the module
	name string
	file *ast.File
}

func sources(t *testing.T) (all []source, fset *token.FileSet) {
	t.Helper()
	root := filepath.Join("..", "..")
	fset = token.NewFileSet()
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if n := d.Name(); p != root && (n[0] == '.' || n == "testdata" || n == "tools") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(p, ".go") || strings.HasSuffix(p, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(fset, p, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		all = append(all, source{path.Dir(rel), rel, file})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) == 0 {
		t.Fatal("no source found")
	}
	return all, fset
}

// fits tells whether a package is what a pattern means.
func fits(pattern, pkg string) bool {
	prefix, below := strings.CutSuffix(pattern, "...")
	if !below {
		return pattern == pkg
	}
	return strings.HasPrefix(pkg+"/", prefix)
}

func isDecoder(pkg string) bool { return fits("decode/...", pkg) && pkg != testHelp }

func anyFits(patterns []string, pkg string) bool {
	for _, p := range patterns {
		if fits(p, pkg) {
			return true
		}
	}
	return false
}

func roomOf(pkg string) *room {
	for i := range rooms {
		if fits(rooms[i].path, pkg) {
			return &rooms[i]
		}
	}
	return nil
}

func imports(f *ast.File) []string {
	var all []string
	for _, spec := range f.Imports {
		// The parser has checked the quotes.
		p, _ := strconv.Unquote(spec.Path.Value)
		all = append(all, p)
	}
	return all
}

// violations gives what a file of a package imports against the rules.
func violations(pkg string, imported []string) (wrong []string) {
	r := roomOf(pkg)
	if r == nil {
		return []string{pkg + " has no room: add one to rooms, with what it may import and why"}
	}
	for _, p := range imported {
		if inner, ok := strings.CutPrefix(p, module); ok {
			if !anyFits(r.may, inner) {
				wrong = append(wrong, fmt.Sprintf("%s may not import %s: %s", pkg, inner, r.reason))
			}
			continue
		}
		for _, o := range outside {
			if strings.HasPrefix(p, o.prefix) && !anyFits(o.in, pkg) {
				wrong = append(wrong, fmt.Sprintf("%s may not import %s: %s", pkg, p, o.reason))
			}
		}
		if isDecoder(pkg) {
			for banned, reason := range sansIO {
				if p == banned || strings.HasPrefix(p, banned+"/") {
					wrong = append(wrong, fmt.Sprintf("%s may not import %s: %s", pkg, p, reason))
				}
			}
		}
	}
	return wrong
}

func TestImports(t *testing.T) {
	all, _ := sources(t)
	for _, s := range all {
		for _, w := range violations(s.pkg, imports(s.file)) {
			t.Errorf("%s: %s", s.name, w)
		}
	}
}

// clockUses gives where a file looks at the clock.
func clockUses(f *ast.File) (at []ast.Node) {
	name := ""
	for _, spec := range f.Imports {
		if spec.Path.Value == `"time"` {
			name = "time"
			if spec.Name != nil {
				name = spec.Name.Name
			}
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		x, ok := sel.X.(*ast.Ident)
		if !ok || x.Name != name || name == "" {
			return true
		}
		for _, c := range clocks {
			if sel.Sel.Name == c {
				at = append(at, sel)
			}
		}
		return true
	})
	return at
}

func TestDecodersHaveNoClock(t *testing.T) {
	all, fset := sources(t)
	for _, s := range all {
		if !isDecoder(s.pkg) {
			continue
		}
		for _, n := range clockUses(s.file) {
			t.Errorf("%v: decode has no clock: an event's time is that of its octets", fset.Position(n.Pos()))
		}
	}
}

// TestRulesBite shows that each rule refuses what it is there for.
func TestRulesBite(t *testing.T) {
	for _, c := range []struct{ pkg, imported string }{
		{"decode", module + "decode/imap"},
		{"decode/imap", module + "decode/pop3"},
		{"decode/imap", "net"},
		{"decode/pop3", "net/textproto"},
		{"decode/internal/fragment", "os"},
		{"decode/mime", "log/slog"},
		{"decode", "crypto/tls"},
		{"captures", module + "proxy"},
		{"proxy", module + "captures"},
		{"proxy", module + "internal/print"},
		{"proxy/certs", module + "internal/dial"},
		{"internal/print", module + "captures"},
		{"replay", module + "internal/print"},
		{"captures", "github.com/urfave/cli/v2"},
		{"cmd/mailtrace", "github.com/gopacket/gopacket/pcapgo"},
		{"elsewhere", "fmt"},
	} {
		if violations(c.pkg, []string{c.imported}) == nil {
			t.Errorf("%s may import %s", c.pkg, c.imported)
		}
	}
	for _, c := range []struct{ pkg, imported string }{
		{"proxy", module + "decode"},
		{"decode/imap", module + "decode/internal/fragment"},
		{"cmd/mailtrace", module + "proxy"},
		{"proxy", "net"},
	} {
		if w := violations(c.pkg, []string{c.imported}); w != nil {
			t.Error(w)
		}
	}
	f, err := parser.ParseFile(token.NewFileSet(), "x.go", "package x\nimport clock \"time\"\nvar a, b = clock.Now(), clock.Second", 0)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(clockUses(f)); n != 1 {
		t.Errorf("%d uses of the clock found, want 1", n)
	}
}
