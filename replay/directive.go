package replay

import (
	"path"
	"slices"
	"strings"
	"time"
)

// arguments a directive takes, for messages; the presence of a key says that it is one.
var directiveForms = map[Verb]string{
	Connect: "@connect NAME imap|pop3", Login: "@login", StartTLS: "@starttls", Sync: "@sync",
	Wait: "@wait TIME, such as 30s", Pause: "@pause TIME, such as 200ms", Include: "@include FILE",
	Ordered: "@ordered", Exact: "@exact", AnyOrder: "@any-order", Optional: "@optional", End: "@end",
}

const directiveNames = "connect, login, starttls, sync, wait, pause, include, ordered, exact, any-order, optional or end"

// directive reads what stands behind an "@".
func (s *source) directive(conn, text string, column int) error {
	fields := strings.Fields(text)
	if len(fields) == 0 || text[0] == ' ' || directiveForms[Verb(fields[0])] == "" {
		return errorAt(s.pos(column), "expected behind @ one of %s; found %s", directiveNames, shown(text))
	}
	d := &Directive{Pos: s.pos(0), Verb: Verb(fields[0])}
	args := fields[1:]
	want := 0
	switch d.Verb {
	case Connect:
		want = 2
	case Wait, Pause, Include:
		want = 1
	}
	if len(args) != want {
		return errorAt(s.pos(column-1), "expected %s, found %s", directiveForms[d.Verb], shown("@"+text))
	}
	switch d.Verb {
	case Login, StartTLS, Wait, Pause:
		c, err := s.connection(conn, column-1)
		if err != nil {
			return err
		}
		d.Conn, d.Named, d.Protocol = c.Name, conn != "", c.Protocol
	default:
		if conn != "" {
			return errorAt(s.pos(0), "expected @%s without the name of a connection", d.Verb)
		}
	}
	var err error
	switch d.Verb {
	case Connect:
		err = s.connect(d, args, column)
	case Wait, Pause:
		if d.Time, err = time.ParseDuration(args[0]); err != nil || d.Time <= 0 {
			return errorAt(s.pos(column+len(d.Verb)+1), "expected %s; found %s", directiveForms[d.Verb], shown(args[0]))
		}
	case Include:
		err = s.include(d, args[0], column+len(d.Verb)+1)
	case Ordered, Exact, AnyOrder, Optional:
		s.groups = append(s.groups, d)
	case End:
		if len(s.groups) == 0 {
			return errorAt(s.pos(column-1), "expected no @end: no @ordered, @exact, @any-order or @optional is open")
		}
		s.groups = s.groups[:len(s.groups)-1]
	}
	if err != nil {
		return err
	}
	s.add(d)
	s.at++
	return nil
}

func (s *source) connect(d *Directive, args []string, column int) error {
	d.Conn, d.Protocol = args[0], Protocol(args[1])
	at := s.pos(column + len(Connect) + 1)
	if nameRE.FindString(d.Conn) != d.Conn {
		return errorAt(at, "expected the name of a connection (%s), found %s", namesC, shown(d.Conn))
	}
	if d.Protocol != IMAP && d.Protocol != POP3 {
		return errorAt(at, "expected imap or pop3 behind the name %s, found %s", d.Conn, shown(args[1]))
	}
	if prev := s.conns[d.Conn]; prev != nil {
		return errorAt(at, "expected a new name: %s is connected at line %d of %s", d.Conn, prev.Pos.Line, prev.Pos.File)
	}
	c := &Connection{Name: d.Conn, Protocol: d.Protocol, Pos: d.Pos}
	s.conns[c.Name], s.last = c, c
	s.order = append(s.order, *c)
	return nil
}

// include reads another script in this place. Its groups are its own.
func (s *source) include(d *Directive, name string, column int) error {
	at := s.pos(column)
	if !fileRE.MatchString(name) {
		return errorAt(at, "expected the name of a file, found %s", shown(name))
	}
	file, err := s.local(name, at)
	if err != nil {
		return err
	}
	if s.depth == maxDepth {
		return errorAt(at, "expected at most %d scripts inside one another; does %s include itself?", maxDepth, name)
	}
	content, err := s.open(file)
	if err != nil {
		return errorAt(at, "expected a script %s beside this one: %v", name, err)
	}
	src, err := content.all()
	if err != nil {
		return errorAt(at, "expected a script %s beside this one: %v", name, err)
	}
	d.File = name
	outer := s.rules()
	if d.Script, err = s.file(path.Join(path.Dir(s.name), name), path.Dir(file), src, s.depth+1); err != nil {
		return err
	}
	d.Script.inherit(outer)
	return nil
}

// inherit adds the rules of the groups around an @include to its lines.
func (s *Script) inherit(r Rules) {
	for _, it := range s.Items {
		switch it := it.(type) {
		case *Line:
			it.Rules.Ordered = it.Rules.Ordered || r.Ordered
			it.Rules.Exact = it.Rules.Exact || r.Exact
			it.Rules.AnyOrder = it.Rules.AnyOrder || r.AnyOrder
			it.Rules.Optional = it.Rules.Optional || r.Optional
		case *Directive:
			if it.Script != nil {
				it.Script.inherit(r)
			}
		}
	}
}

// Connection gives the connection of that name.
func (s *Script) Connection(name string) (Connection, bool) {
	i := slices.IndexFunc(s.Conns, func(c Connection) bool { return c.Name == name })
	if i < 0 {
		return Connection{}, false
	}
	return s.Conns[i], true
}
