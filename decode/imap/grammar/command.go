package grammar

// commandState is the memory of Command that a Parser uses again.
type commandState struct {
	command Command
}

// Command parses one command. The result is valid until the next call.
func (p *Parser) Command(l *Line) *Command {
	p.command = Command{Problems: p.command.Problems[:0]}
	return &p.command
}
