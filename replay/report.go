package replay

import (
	"fmt"
	"strings"
	"time"
)

// Report is what came of a run: how many steps were the same, were different, or were not
// played. A step is a command with all that answers it, a greeting, or a @login.
type Report struct {
	Script      string // its name
	Same        int
	Different   int
	Unplayed    int
	Differences []Difference
	Steps       []StepReport // in the order of the script
	Elapsed     time.Duration
	Changing    int // steps that were left out since they change the mailbox, or depend on such
}

// StepReport is what came of one step.
type StepReport struct {
	Conn    int // number of the connection in the script, from 1
	Pos     Pos
	Command string // the C: line as the script has it, so without secrets
	Verb    string // the command's name in capitals: "UID FETCH"
	Outcome Outcome
	// Latency is from the command to its completion; 0 where none came.
	Latency time.Duration
}

// Outcome tells how a step ended.
type Outcome string

const (
	OutcomeSame      Outcome = "same"
	OutcomeDifferent Outcome = "different"
	OutcomeUnplayed  Outcome = "unplayed"
)

// Fails tells whether the peer did not do all that the script has.
func (r *Report) Fails() bool { return r.Different > 0 || r.Unplayed > 0 }

// Summary is "40 same, 1 different, 0 unplayed, 0.8 s".
func (r *Report) Summary() string {
	return fmt.Sprintf("%d same, %d different, %d unplayed, %.1f s", r.Same, r.Different, r.Unplayed, r.Elapsed.Seconds())
}

// String gives all differences, each with its command, then the summary.
func (r *Report) String() string {
	var b strings.Builder
	for _, d := range r.Differences {
		b.WriteString(d.Fail())
	}
	return b.String() + r.Summary()
}

// neverCame is the text of a difference where nothing came that was like a line.
const neverCame = "did not come before the completion"

// Fail shows a difference on a few lines: its command and place, what was expected, what came.
func (d Difference) Fail() string {
	head := "FAIL"
	if d.Conn > 0 {
		head += fmt.Sprintf(" #%d", d.Conn)
	}
	head += " " + d.Command
	place := fmt.Sprintf("%s:%d", d.Pos.File, d.Pos.Line)
	text := fmt.Sprintf("%-70s %s\n", head, place)
	if d.Expected == "" || d.Got == "" || d.Text != neverCame {
		text += "     " + d.Text + "\n"
	}
	if d.Expected != "" {
		text += "     expected " + d.Expected + "\n"
	}
	switch {
	case d.Got != "":
		text += "     got      " + strings.ReplaceAll(d.Got, "\n", "\n              ") + "\n"
	case d.Expected != "" && d.Text == neverCame:
		text += "     got      nothing like it\n"
	case d.Expected != "":
		text += "     got      nothing\n"
	}
	return text
}
