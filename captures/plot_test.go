package captures

import (
	"fmt"
	"strings"

	"github.com/mailtrace/mailtrace/decode"
)

// plot tells events without their times.
func plot(events []decode.Event) (lines []string) {
	for _, e := range events {
		line := fmt.Sprintf("#%d %s %s %s", e.Conn, e.Dir, e.Kind, e.State)
		if e.Name != "" {
			line += " " + strings.TrimSpace(e.Tag+" "+e.Name)
		}
		if len(e.Text) > 0 {
			line += fmt.Sprintf(" %q", e.Text)
		}
		if e.Span.Len > 0 {
			line += fmt.Sprintf(" %d+%d", e.Span.Off, e.Span.Len)
		}
		if e.Command != nil {
			line += fmt.Sprintf(" for %d", e.Command.Seq)
		}
		switch d := e.Detail.(type) {
		case decode.Fields:
			line += " " + d.String()
		case *decode.CloseDetail:
			line += fmt.Sprintf(" C %d S %d %s", d.ClientOctets, d.ServerOctets, d.Fields)
		}
		for _, f := range e.Findings {
			line += " " + f.ID
		}
		lines = append(lines, line)
	}
	return lines
}
