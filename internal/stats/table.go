package stats

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// TableOptions say how Table writes.
type TableOptions struct {
	ASCII     bool
	Each      bool                // each connection too, not only the total of several
	Printable func(string) string // makes what a peer said safe for a terminal
}

// Table writes what was counted, for people.
func Table(w io.Writer, k *Collector, o TableOptions) error {
	all := k.Connections()
	if len(all) == 1 || o.Each {
		for _, c := range all {
			if err := connection(w, c, o); err != nil {
				return err
			}
		}
	}
	if len(all) == 1 {
		return nil
	}
	return connection(w, k.Total(), o)
}

func connection(w io.Writer, c *Connection, o TableOptions) error {
	head := fmt.Sprintf("#%d %s to %s", c.Number, o.Printable(c.Client), o.Printable(c.Upstream))
	if c.Number == 0 {
		head = count(c.Connections, "connection")
	}
	facts := []string{
		head, span(c.Duration, o), count(c.Count, "command"), count(c.RoundTrips, "round trip"),
		"C " + thousands(c.ClientOctets) + " S " + thousands(c.ServerOctets) + " octets",
	}
	if c.Depth > 1 {
		facts = append(facts, fmt.Sprintf("up to %d under way at once", c.Depth))
	}
	if c.Idle > 0 {
		facts = append(facts, span(c.Idle, o)+" in IDLE")
	}
	if _, err := fmt.Fprintln(w, strings.Join(facts, ", ")); err != nil || c.Count == 0 {
		return err
	}
	commands := c.Commands()
	least, most := bounds(commands)
	t := table.NewWriter()
	t.SetStyle(style)
	t.AppendHeader(table.Row{"command", "count", "failed", "p50", "p95", "max", "C octets", "S octets", "trips", scale(least, most, o)})
	configs := []table.ColumnConfig{{Number: 10, Align: text.AlignLeft}}
	for i := 2; i < 10; i++ {
		configs = append(configs, table.ColumnConfig{Number: i, Align: text.AlignRight, AlignHeader: text.AlignRight})
	}
	t.SetColumnConfigs(configs)
	for _, x := range commands {
		failed := ""
		if n := x.Failed + x.Unanswered; n > 0 {
			failed = strconv.Itoa(n)
		}
		h := &x.Latency
		t.AppendRow(table.Row{
			o.Printable(x.Name), thousands(int64(x.Count)), failed, span(h.Quantile(0.5), o), span(h.Quantile(0.95), o), span(h.Max(), o),
			thousands(x.ClientOctets), thousands(x.ServerOctets), thousands(int64(x.RoundTrips)), plot(h.Spread(least, most, plotWidth), o),
		})
	}
	for line := range strings.Lines(t.Render()) {
		if _, err := fmt.Fprintln(w, strings.TrimRight(line, " \n")); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintln(w)
	return err
}

// style has no lines: columns stand apart by two spaces.
var style = table.Style{
	Name: "plain",
	Box:  table.BoxStyle{PaddingRight: "  "},
	Format: table.FormatOptions{
		Header: text.FormatDefault, Row: text.FormatDefault,
	},
	Options: table.Options{},
}

// plotWidth is how many steps a plot has.
const plotWidth = 16

// bounds gives the shortest and the longest latency, as the scale of plots.
func bounds(commands []*Command) (least, most time.Duration) {
	for _, x := range commands {
		if x.Latency.N() == 0 {
			continue
		}
		if low := x.Latency.Quantile(0); least == 0 || low < least {
			least = low
		}
		most = max(most, x.Latency.Max())
	}
	return max(least, time.Microsecond), max(most, time.Microsecond)
}

// scale heads the plots.
func scale(least, most time.Duration, o TableOptions) string {
	from, to := span(least, o), span(most, o)
	n := max(plotWidth-width(from)-width(to), 1)
	return from + strings.Repeat(" ", n) + to
}

func width(s string) int { return text.StringWidthWithoutEscSequences(s) }

// plot draws how many latencies there are in each step: the higher, the more.
func plot(steps []int, o TableOptions) string {
	signs := []rune("▁▂▃▄▅▆▇█")
	if o.ASCII {
		signs = []rune(".:-=+*#@")
	}
	most := 0
	for _, n := range steps {
		most = max(most, n)
	}
	var b strings.Builder
	for _, n := range steps {
		if n == 0 {
			b.WriteByte(' ')
			continue
		}
		b.WriteRune(signs[(n*len(signs)-1)/most])
	}
	return strings.TrimRight(b.String(), " ")
}

// span writes a duration with three digits at most.
func span(d time.Duration, o TableOptions) string {
	micro := " µs"
	if o.ASCII {
		micro = " us"
	}
	switch {
	case d < time.Millisecond:
		return strconv.FormatInt(d.Microseconds(), 10) + micro
	case d < 100*time.Millisecond:
		return strconv.FormatFloat(float64(d)/float64(time.Millisecond), 'f', 1, 64) + " ms"
	case d < time.Second:
		return strconv.FormatInt(d.Milliseconds(), 10) + " ms"
	case d < 100*time.Second:
		return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + " s"
	}
	return d.Round(time.Second).String()
}

func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return thousands(int64(n)) + " " + what
}

func thousands(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
