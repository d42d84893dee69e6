package grammar

// parserState is the memory that a Parser uses again.
type parserState struct {
	scanner  scanner
	response Response
	commandState
}

// Response parses one response. The result is valid until the next call.
func (p *Parser) Response(l *Line) *Response {
	p.response = Response{Problems: p.response.Problems[:0]}
	return &p.response
}
