package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/mailtrace/mailtrace/internal/message"
)

// shower shows messages on stdout, as the flags of fetch say.
type shower struct {
	u     *ui
	c     *cli.Context
	out   string // where a part goes; "" is stdout
	shown int
}

// between separates what is shown of one message from that of the one before.
func (s *shower) between(title string) error {
	s.shown++
	several := s.c.IsSet("uid") || s.c.IsSet("seq") || s.c.Bool("all")
	if !several || s.json() || s.c.Bool("raw") {
		return nil
	}
	sep := "── "
	if s.u.ascii {
		sep = "-- "
	}
	before := ""
	if s.shown > 1 {
		before = "\n"
	}
	_, err := fmt.Fprintf(s.u.out, "%s%s%s\n", before, sep, title)
	return err
}

func (s *shower) json() bool { return s.c.String("format") == "json" }

// fetchedJSON is what fetch --format json shows of a message.
type fetchedJSON struct {
	Message string          `json:"message"` // "UID 12", "message 3"
	Fields  []message.Field `json:"fields,omitempty"`
	Text    string          `json:"text,omitempty"`
	Parts   []*message.Part `json:"parts,omitempty"`
}

func (s *shower) encode(v fetchedJSON) error {
	enc := json.NewEncoder(s.u.out)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// message shows one that is whole, or its header.
func (s *shower) message(title string, content io.ReadSeeker) error {
	if err := s.between(title); err != nil {
		return &ioError{err: err}
	}
	if s.c.Bool("raw") {
		if _, err := io.Copy(s.u.out, content); err != nil {
			return &ioError{err: err}
		}
		return nil
	}
	m, err := message.Read(content)
	if err != nil {
		return err
	}
	switch {
	case s.json():
		v := fetchedJSON{Message: title, Fields: m.Fields}
		if !s.c.Bool("headers") {
			var text strings.Builder
			if err := m.WriteText(&text); err != nil {
				return err
			}
			_, v.Text, _ = strings.Cut(text.String(), "\n\n")
			v.Parts = m.Parts
		}
		err = s.encode(v)
	case s.c.Bool("headers"):
		w := bufio.NewWriter(s.u.out)
		for _, f := range m.Fields {
			fmt.Fprintf(w, "%s: %s\n", message.Harmless(f.Name), message.Harmless(f.Value)) // errors stay with w
		}
		err = w.Flush()
	default:
		err = m.WriteText(s.u.out)
	}
	if err != nil {
		return &ioError{err: err}
	}
	return nil
}

// structure shows the tree of a message.
func (s *shower) structure(title string, parts []*message.Part) error {
	if err := s.between(title); err != nil {
		return &ioError{err: err}
	}
	if s.json() {
		return s.encode(fetchedJSON{Message: title, Parts: parts})
	}
	for _, row := range message.Rows(parts) {
		if s.u.ascii {
			row = strings.ReplaceAll(row, "·", "-")
		}
		if _, err := fmt.Fprintln(s.u.out, printable(row, s.u.ascii)); err != nil {
			return &ioError{err: err}
		}
	}
	return nil
}

// part shows a part, or stores it.
func (s *shower) part(title string, p *message.Part, r io.Reader) error {
	if s.out != "" {
		file, err := outFile(s.out, p.Name, "part-"+p.Number)
		if err != nil {
			return &ioError{fmt.Errorf("cannot store the part: %w", bare(err)), "name a file that is not there yet, or a directory"}
		}
		n, err := writeTo(file, r)
		if err != nil {
			return &ioError{fmt.Errorf("cannot store the part: %w", bare(err)), "is there room on the disk?"}
		}
		s.u.say("%s: part %s, %s, %s in %s", title, p.Number, p.Type, size(&n), file.Name())
		return nil
	}
	var err error
	if p.IsText() && !s.c.Bool("raw") {
		err = message.WriteLines(bufio.NewWriter(s.u.out), message.Text(r, p.Charset))
	} else {
		_, err = io.Copy(s.u.out, r)
	}
	if err != nil {
		return &ioError{err: err}
	}
	return nil
}
