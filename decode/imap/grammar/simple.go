package grammar

// The lines that people wait for most often are the shortest ones. What framing found in them says it
// all, so that nothing is read twice (decode/imap, BenchmarkNoop).

// Alone tells whether a command, by its canonical name, needs neither arguments nor a capability.
func Alone(name string) bool {
	e := commands[name]
	return e != nil && e.parse == nil && len(e.Capabilities) == 0
}

// SimpleCommand gives what Command would of a line that is nothing but a tag and the name of a command
// that stands Alone, nil for a longer line. tag is what stands on the line, name the canonical name of
// what follows it there.
func (p *Parser) SimpleCommand(l *Line, tag, name string) *Command {
	if len(l.Text) != len(tag)+1+len(name) {
		return nil
	}
	p.needs = p.needs[:0]
	c := &p.command
	*c = Command{parser: p, Name: name, Tag: l.Text[:len(tag):len(tag)]}
	return c
}

// SimpleResult gives what Response would of a completion result that is nothing but a tag, OK, NO or BAD,
// and text, nil for any other. tag and name, in upper case, are what stands there.
func (p *Parser) SimpleResult(l *Line, tag, name string) *Response {
	at := len(tag) + 1 + len(name)
	text := l.Text
	if len(text) < at+2 || text[len(tag)] != ' ' || string(text[len(tag)+1:at]) != name || text[at] != ' ' || text[at+1] == '[' {
		return nil
	}
	r := &p.response
	*r = Response{parser: p, Kind: Completion, Tag: text[:len(tag):len(tag)], Name: name, Human: text[at+1 : len(text) : len(text)]}
	return r
}
