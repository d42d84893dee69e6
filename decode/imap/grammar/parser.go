package grammar

// parserState is the memory that a Parser uses again.
type parserState struct {
	response Response
	command  Command
}

// Response parses one response. The result is valid until the next call.
func (p *Parser) Response(l *Line) *Response {
	p.response = Response{Problems: p.response.Problems[:0]}
	return &p.response
}

// Command parses one command. The result is valid until the next call.
func (p *Parser) Command(l *Line) *Command {
	p.command = Command{Problems: p.command.Problems[:0]}
	return &p.command
}
