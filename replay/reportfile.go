package replay

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"strings"
)

// WriteJSON writes a line of JSON for each difference, then one for the whole.
func (r *Report) WriteJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	for _, d := range r.Differences {
		err := enc.Encode(struct {
			Kind     string `json:"kind"`
			Conn     int    `json:"conn"`
			File     string `json:"file"`
			Line     int    `json:"line"`
			Command  string `json:"command"`
			Text     string `json:"text"`
			Expected string `json:"expected,omitempty"`
			Got      string `json:"got,omitempty"`
		}{"difference", d.Conn, d.Pos.File, d.Pos.Line, d.Command, d.Text, d.Expected, d.Got})
		if err != nil {
			return err
		}
	}
	return enc.Encode(struct {
		Kind      string  `json:"kind"`
		Script    string  `json:"script"`
		Same      int     `json:"same"`
		Different int     `json:"different"`
		Unplayed  int     `json:"unplayed"`
		Seconds   float64 `json:"seconds"`
	}{"summary", r.Script, r.Same, r.Different, r.Unplayed, r.Elapsed.Seconds()})
}

// WriteAnnotations writes a workflow command of GitHub Actions for each difference, which
// shows it at its line.
func (r *Report) WriteAnnotations(w io.Writer) error {
	for _, d := range r.Differences {
		text := d.Command + ": " + d.Text
		if d.Expected != "" {
			text += "\nexpected " + d.Expected
		}
		if d.Got != "" {
			text += "\ngot " + d.Got
		}
		if _, err := fmt.Fprintf(w, "::error file=%s,line=%d::%s\n", property.Replace(d.Pos.File), d.Pos.Line, data.Replace(text)); err != nil {
			return err
		}
	}
	return nil
}

var (
	data     = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	property = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

type junitSuite struct {
	XMLName  xml.Name    `xml:"testsuite"`
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Skipped  int         `xml:"skipped,attr"`
	Time     string      `xml:"time,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Class   string   `xml:"classname,attr"`
	Name    string   `xml:"name,attr"`
	File    string   `xml:"file,attr"`
	Line    int      `xml:"line,attr"`
	Time    string   `xml:"time,attr"`
	Failure *failure `xml:"failure"`
	Skipped *skipped `xml:"skipped"`
}

type failure struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

type skipped struct {
	Message string `xml:"message,attr"`
}

// WriteJUnit writes a test suite with a case for each step.
func (r *Report) WriteJUnit(w io.Writer) error {
	suite := junitSuite{
		Name: r.Script, Tests: len(r.Steps), Failures: r.Different, Skipped: r.Unplayed,
		Time: fmt.Sprintf("%.6f", r.Elapsed.Seconds()),
	}
	for _, s := range r.Steps {
		c := junitCase{
			Class: fmt.Sprintf("%s #%d", r.Script, s.Conn), Name: fmt.Sprintf("%d: %s", s.Pos.Line, s.Command),
			File: s.Pos.File, Line: s.Pos.Line, Time: fmt.Sprintf("%.6f", s.Latency.Seconds()),
		}
		switch s.Outcome {
		case OutcomeUnplayed:
			c.Skipped = &skipped{"unplayed"}
		case OutcomeDifferent:
			c.Failure = &failure{Message: "different"}
			for _, d := range r.Differences {
				if d.Conn == s.Conn && d.Command == s.Command {
					c.Failure.Message = d.Text
					c.Failure.Text += d.Fail()
				}
			}
		}
		suite.Cases = append(suite.Cases, c)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", "  ")
	if err := enc.Encode(suite); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}
