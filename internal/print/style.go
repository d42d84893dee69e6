package print

import (
	"strings"

	"github.com/fatih/color"
)

// style is how a piece of a row is coloured.
type style uint8

const (
	plain   style = iota
	client        // what the client says
	strong        // rules: connections and states
	trouble       // lost framing, errors
	caution       // warnings, lines that the grammar does not know
	dim           // notes
	styles
)

// palette holds the sequences before and behind each style, empty without colour.
type palette [styles]struct{ on, off string }

// newPalette asks the colour library for its sequences once. The decision is that of
// this writer alone: color.NoColor, which looks at stdout, has no say.
func newPalette(on bool) (p palette) {
	if !on {
		return p
	}
	for s, attributes := range [styles][]color.Attribute{
		client:  {color.FgCyan},
		strong:  {color.Bold},
		trouble: {color.FgRed},
		caution: {color.FgYellow},
		dim:     {color.Faint},
	} {
		if len(attributes) == 0 {
			continue
		}
		c := color.New(attributes...)
		c.EnableColor()
		p[s].on, p[s].off, _ = strings.Cut(c.Sprint("\x00"), "\x00")
	}
	return p
}

// signs are the signs of our own.
type signs struct{ rule, bar, ok, no, finding, dot, cut, more, arrow string }

var (
	inUnicode = signs{rule: "─", bar: "┊", ok: "✓", no: "✗", finding: "▲", dot: " · ", cut: "…", more: "…", arrow: " → "}
	inPlain   = signs{rule: "-", bar: "|", ok: "ok", no: "x", finding: "!", dot: " - ", cut: "...", more: "...", arrow: " -> "}
)
