package lint

import (
	"io"
	"strconv"

	"github.com/mailtrace/mailtrace/internal/print"
)

// JSON writes a finding a line, as docs/findings.md says.
func JSON(w io.Writer) Format { return &jsonLines{writer{w: w}} }

type jsonLines struct{ writer }

func (j *jsonLines) item(x *Item) error {
	b := append(j.buf, `{"v":1,"file":`...)
	b = print.AppendString(b, x.File)
	b = append(b, `,"conn":`...)
	b = strconv.AppendInt(b, int64(x.Event.Conn), 10)
	b = append(b, `,"seq":`...)
	b = strconv.AppendUint(b, x.Event.Seq, 10)
	b = append(b, `,"protocol":`...)
	b = print.AppendString(b, x.Event.Protocol)
	b = append(b, `,"kind":`...)
	b = print.AppendString(b, x.Event.Kind.String())
	command := ""
	if c := x.Event.Command; c != nil {
		command = c.Name
	}
	b = append(b, `,"command":`...)
	b = print.AppendString(b, command)
	b = append(b, `,"line":`...)
	b = print.AppendString(b, x.Event.Text)
	b = append(b, `,"finding":`...)
	b = print.AppendFinding(b, x.Finding)
	j.buf = append(b, '}', '\n')
	return j.flush()
}

func (j *jsonLines) end(string) error { return nil }
func (j *jsonLines) finish() error    { return nil }
