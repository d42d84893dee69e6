package lint

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"path/filepath"

	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/rules"
)

// SARIF writes one log of one run (OASIS SARIF 2.1.0). A finding's place is its capture, and
// in it, as a logical location, connection, direction and offset.
func SARIF(w io.Writer, version string) Format {
	return &sarif{writer: writer{w: w}, version: version}
}

type sarif struct {
	writer
	version string
	begun   bool
}

// The objects of the format, as far as they are used. Names are those of SARIF 2.1.0 §3.
type (
	message struct {
		Text string `json:"text"`
	}
	reportingDescriptor struct {
		ID                   string         `json:"id"`
		ShortDescription     message        `json:"shortDescription"`
		Help                 message        `json:"help"`
		DefaultConfiguration map[string]any `json:"defaultConfiguration"`
	}
	artifactLocation struct {
		URI string `json:"uri"`
	}
	physicalLocation struct {
		ArtifactLocation artifactLocation `json:"artifactLocation"`
	}
	logicalLocation struct {
		FullyQualifiedName string `json:"fullyQualifiedName"`
	}
	location struct {
		PhysicalLocation physicalLocation  `json:"physicalLocation"`
		LogicalLocations []logicalLocation `json:"logicalLocations"`
	}
	result struct {
		RuleID     string         `json:"ruleId"`
		Level      string         `json:"level"`
		Message    message        `json:"message"`
		Locations  []location     `json:"locations"`
		Properties map[string]any `json:"properties"`
	}
)

func (s *sarif) begin() error {
	s.begun = true
	var table []reportingDescriptor
	for _, r := range rules.All() {
		table = append(table, reportingDescriptor{
			ID: r.ID, ShortDescription: message{r.Text}, Help: message{r.Text + " (" + r.Ref + ")"},
			DefaultConfiguration: map[string]any{"level": r.Severity.String()},
		})
	}
	driver := map[string]any{"name": "mailtrace", "version": s.version, "rules": table}
	b, err := encode(map[string]any{"driver": driver})
	if err != nil {
		return err
	}
	s.buf = append(s.buf, `{"$schema":"https://json.schemastore.org/sarif-2.1.0.json","version":"2.1.0","runs":[{"tool":`...)
	s.buf = append(append(s.buf, b...), `,"results":[`...)
	return nil
}

func (s *sarif) item(x *Item) error {
	if s.begun {
		s.buf = append(s.buf, ',')
	} else if err := s.begin(); err != nil {
		return err
	}
	where := fmt.Sprintf("#%d", x.Event.Conn)
	if x.Dir != decode.NoDir {
		where += fmt.Sprintf(" %s@%d", x.Dir, x.Span.Off)
	}
	text := x.Text
	if x.Fact != "" {
		text = x.Fact + ": " + x.Text
	}
	b, err := encode(result{
		RuleID: x.ID, Level: x.Severity.String(), Message: message{text + " (" + x.Ref + ")"},
		Locations: []location{{
			PhysicalLocation: physicalLocation{artifactLocation{(&url.URL{Path: filepath.ToSlash(x.File)}).String()}},
			LogicalLocations: []logicalLocation{{where}},
		}},
		Properties: map[string]any{"seq": x.Event.Seq, "protocol": x.Event.Protocol},
	})
	if err != nil {
		return err
	}
	s.buf = append(append(s.buf, '\n'), b...)
	return s.flush()
}

func (s *sarif) end(string) error { return nil }

func (s *sarif) finish() error {
	if !s.begun {
		if err := s.begin(); err != nil {
			return err
		}
	}
	s.buf = append(s.buf, "]}]}\n"...)
	return s.flush()
}

// encode writes JSON without the escapes for HTML.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("lint: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
