package replay

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// maxDepth bounds how deep scripts include one another.
const maxDepth = 16

// Parse reads a script. Files that it names, with slashes and relative to the script, are
// read through open, which may be nil where there are none. The error is an *Error; src is
// not kept.
func Parse(name string, src []byte, open func(file string) ([]byte, error)) (*Script, error) {
	s, err := ParseTranscript(name, src, open)
	if err != nil {
		return nil, err
	}
	if err := checkSecrets(s); err != nil {
		return nil, err
	}
	return s, nil
}

// ParseTranscript is Parse for the tests of decoders: a password may stand in the text.
func ParseTranscript(name string, src []byte, open func(file string) ([]byte, error)) (*Script, error) {
	if open == nil {
		open = func(string) ([]byte, error) { return nil, errors.New("no files can be read here") }
	}
	return parseFiles(name, src, func(file string) (*Literal, error) {
		octets, err := open(file)
		return &Literal{Octets: octets}, err
	})
}

// parseFiles is ParseTranscript with files that may be large.
func parseFiles(name string, src []byte, open func(file string) (*Literal, error)) (*Script, error) {
	p := &parser{open: open, conns: map[string]*Connection{}}
	return p.file(name, "", src, 0)
}

// ParseFS reads a script from a file system, and the files that it names.
func ParseFS(fsys fs.FS, name string) (*Script, error) {
	src, err := fs.ReadFile(fsys, name)
	if err != nil {
		return nil, err
	}
	dir := path.Dir(name)
	return Parse(name, src, func(file string) ([]byte, error) {
		return fs.ReadFile(fsys, path.Join(dir, file))
	})
}

// ParseFile reads a script from a file. What it names must lie in the file's directory or
// below, symbolic links included.
func ParseFile(name string) (*Script, error) {
	root, err := os.OpenRoot(filepath.Dir(name))
	if err != nil {
		return nil, err
	}
	defer root.Close()
	src, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	script, err := parseFiles(name, src, func(file string) (*Literal, error) { return openBeside(root, filepath.Dir(name), file) })
	if err == nil {
		err = checkSecrets(script)
	}
	if err != nil {
		return nil, err
	}
	return script, nil
}

// openBeside reads a file of a script's directory; what is large stays where it is.
func openBeside(root *os.Root, dir, file string) (*Literal, error) {
	file = filepath.FromSlash(file)
	info, err := root.Stat(file)
	if err != nil || info.Size() <= largeAbove || !info.Mode().IsRegular() {
		octets, err := root.ReadFile(file)
		return &Literal{Octets: octets}, err
	}
	open := func() (*os.File, error) {
		root, err := os.OpenRoot(dir)
		if err != nil {
			return nil, err
		}
		defer root.Close()
		return root.Open(file)
	}
	return &Literal{large: &large{file: fileAt{open}, n: info.Size()}}, nil
}

// parser holds what runs on through included scripts.
type parser struct {
	open  func(string) (*Literal, error)
	conns map[string]*Connection
	last  *Connection // of the last @connect
	order []Connection
}

// source is one script being read.
type source struct {
	*parser
	name   string
	dir    string // of the script, relative to the outermost one
	depth  int
	lines  []string
	at     int // index of the current line
	script *Script
	groups []*Directive
}

func (p *parser) file(name, dir string, src []byte, depth int) (*Script, error) {
	s := &source{parser: p, name: name, dir: dir, depth: depth, script: &Script{Name: name}}
	first := len(p.order)
	s.lines = splitLines(src)
	for s.at = 0; s.at < len(s.lines); {
		if err := s.item(); err != nil {
			return nil, err
		}
	}
	if n := len(s.groups); n > 0 {
		g := s.groups[n-1]
		return nil, errorAt(g.Pos, "expected an @end for this @%s, found the end of the script", g.Verb)
	}
	s.script.Conns = slices.Clone(p.order[first:])
	return s.script, nil
}

// splitLines cuts at LF; CRs before it belong to the line end, so that a script saved with
// CRLF is the same script.
func splitLines(src []byte) []string {
	var lines []string
	for len(src) > 0 {
		line, rest, _ := bytes.Cut(src, []byte("\n"))
		lines = append(lines, string(bytes.TrimRight(line, "\r")))
		src = rest
	}
	return lines
}

func (s *source) pos(column int) Pos { return Pos{File: s.name, Line: s.at + 1, Column: column + 1} }

func (s *source) add(it Item) { s.script.Items = append(s.script.Items, it) }

var (
	nameRE = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]*`)
	namesC = "a letter, then letters, digits, _ and -"
)

// item reads one item: a line, and for a line of the dialogue the blocks beneath.
func (s *source) item() error {
	line := s.lines[s.at]
	switch {
	case strings.Trim(line, " \t") == "":
		s.add(&Blank{Pos: s.pos(0)})
		s.at++
		return nil
	case line[0] == '#':
		s.add(&Comment{Pos: s.pos(0), Text: line[1:]})
		s.at++
		return nil
	case line[0] == '|' || line[0] == '"' || line == "&":
		return errorAt(s.pos(0), "expected C:, S:, S!, @ or #; a block stands directly beneath a C: or S: line")
	}
	conn, rest := "", line
	if !isLead(line) {
		conn = nameRE.FindString(line)
		rest = strings.TrimPrefix(line[len(conn):], " ")
		if conn == "" || len(rest) != len(line)-len(conn)-1 || !isLead(rest) {
			return errorAt(s.pos(0), "expected C:, S:, S!, @ or #, or one of them behind the name of a connection; found %s", shown(line))
		}
	}
	column := len(line) - len(rest)
	if rest[0] == '@' {
		return s.directive(conn, rest[1:], column+1)
	}
	return s.dialogue(conn, rest, column)
}

func isLead(s string) bool {
	for _, lead := range []string{"@", "C:", "S:", "S!"} {
		if strings.HasPrefix(s, lead) {
			return true
		}
	}
	return false
}

// connection finds the connection that a line belongs to.
func (s *source) connection(name string, column int) (*Connection, error) {
	if name == "" {
		if s.last == nil {
			return nil, errorAt(s.pos(column), "expected an @connect NAME imap or @connect NAME pop3 above the first line")
		}
		return s.last, nil
	}
	c := s.conns[name]
	if c == nil {
		return nil, errorAt(s.pos(0), "expected the name of a connection; there is no @connect %s above", name)
	}
	return c, nil
}

func (s *source) dialogue(conn, rest string, column int) error {
	c, err := s.connection(conn, column)
	if err != nil {
		return err
	}
	l := &Line{Pos: s.pos(0), Conn: c.Name, Named: conn != "", Protocol: c.Protocol, Rules: s.rules()}
	if rest[0] == 'S' {
		l.Side = ServerSide
	}
	l.Forbidden = rest[1] == '!'
	text := rest[2:]
	column += 2
	if text != "" {
		if text[0] != ' ' {
			return errorAt(s.pos(column), "expected a space behind %s, found %s", rest[:2], shown(text))
		}
		text = text[1:]
		column++
	}
	if l.Pattern, err = s.pattern(l, text, column); err != nil {
		return err
	}
	if l.Forbidden && len(l.Pattern) == 0 {
		return errorAt(s.pos(column), "expected behind S! what must not come")
	}
	return s.blocks(l)
}

// rules gives what the open groups ask for.
func (s *source) rules() Rules {
	var r Rules
	for _, g := range s.groups {
		switch g.Verb {
		case Ordered:
			r.Ordered = true
		case Exact:
			r.Exact = true
		case AnyOrder:
			r.AnyOrder = true
		case Optional:
			r.Optional = true
		}
	}
	return r
}

// shown gives a text for an error message: quoted, cut short.
func shown(s string) string {
	const most = 40
	switch {
	case s == "":
		return "the end of the line"
	case len(s) > most:
		return quote(s[:most]) + "…"
	}
	return quote(s)
}
