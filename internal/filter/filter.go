package filter

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/vm"

	"github.com/mailtrace/mailtrace/decode"
)

// Filter chooses events. It is not safe for use from two goroutines at once.
type Filter struct {
	program *vm.Program
	machine vm.VM
	names   map[string]bool
	detail  func(any) any
	fields  fields
	finds   bool // the expression names what each finding has
	failed  error
}

// Error is an expression that cannot be used, and where.
type Error struct {
	Source string
	Column int // in characters, from 1
	What   string
	hint   string
}

// Error points at the column, on lines of their own.
func (e *Error) Error() string {
	line, column := e.Source, e.Column-1
	for {
		first, rest, more := strings.Cut(line, "\n")
		if n := utf8.RuneCountInString(first); !more || column <= n {
			line = first
			break
		} else {
			line, column = rest, column-n-1
		}
	}
	return fmt.Sprintf("filter: column %d: %s\n  %s\n  %s^", e.Column, e.What, line, strings.Repeat(" ", max(column, 0)))
}

// Hint names what helps.
func (e *Error) Hint() string { return e.hint }

// Compile reads an expression. detail makes of an event's Detail what the field detail is: maps,
// lists, strings, numbers; nil leaves the field empty. The error is an *Error.
func Compile(source string, detail func(any) any) (*Filter, error) {
	if strings.TrimSpace(source) == "" {
		return nil, &Error{Source: source, Column: 1, What: "the expression is empty", hint: namesHint("")}
	}
	t, err := translate(source)
	if err != nil {
		var at *lexError
		if errors.As(err, &at) {
			return nil, &Error{Source: source, Column: column(source, at.off), What: at.what, hint: at.hint}
		}
		return nil, &Error{Source: source, Column: 1, What: err.Error()}
	}
	program, err := expr.Compile(t.text, expr.Env(fields{}), expr.AsBool())
	if err != nil {
		return nil, explain(source, t, err)
	}
	return &Filter{
		program: program, names: t.names, detail: detail, finds: t.names["finding"] || t.names["severity"],
	}, nil
}

func column(source string, off int) int {
	return utf8.RuneCountInString(source[:min(off, len(source))]) + 1
}

// explain puts an error of expr into our words, where the user wrote what it is about.
func explain(source string, t *translated, err error) *Error {
	x := &Error{Source: source, Column: 1, What: err.Error(), hint: namesHint("")}
	var at *file.Error
	if errors.As(err, &at) {
		x.What = ownTypes.Replace(at.Message)
		if hint := hintAt(at.Message); hint != "" {
			x.hint = hint
		}
		off := offsetOf(t.text, at.Line, at.Column)
		x.Column = column(source, t.source(off))
		if name, ok := strings.CutPrefix(at.Message, "unknown name "); ok {
			x.What = "there is no field " + name
			x.hint = namesHint(name)
			if name == strings.ToUpper(name) && nearest(name) == "" {
				x.hint = "text stands in quotes: " + strconv.Quote(name) + "; --filter help lists the fields"
			}
		}
	} else if strings.HasPrefix(err.Error(), "expected bool") {
		x.What = "expected a condition, which is true or false, such as name == \"FETCH\""
	}
	return x
}

// offsetOf is the octet at a line (from 1) and a column (from 0, in characters).
func offsetOf(text string, line, column int) int {
	off := 0
	for ; line > 1; line-- {
		i := strings.IndexByte(text[off:], '\n')
		if i < 0 {
			break
		}
		off += i + 1
	}
	for ; column > 0 && off < len(text); column-- {
		_, n := utf8.DecodeRuneInString(text[off:])
		off += n
	}
	return off
}

func namesHint(wrong string) string {
	if n := nearest(wrong); wrong != "" && n != "" {
		return "did you mean " + n + "? --filter help lists the fields"
	}
	var names []string
	for _, f := range Fields() {
		names = append(names, f.Name)
	}
	return "the fields are " + strings.Join(names, " ") + "; --filter help says what they are"
}

// Match tells whether an event is chosen. An expression that fails on it (a number that is not
// there, say) does not choose it; Err gives the first such failure.
func (f *Filter) Match(e *decode.Event) bool {
	f.fields.set(e, f.uses, f.detail)
	names := [...]string{e.Name, ""}
	if f.names["name"] && e.Kind == decode.Completion && e.Command != nil {
		names[1] = e.Command.Name
	}
	for i := 0; i == 0 || f.finds && i < len(e.Findings); i++ {
		if i < len(e.Findings) {
			f.fields.Finding, f.fields.Severity = e.Findings[i].ID, e.Findings[i].Severity.String()
		}
		for j, name := range names {
			f.fields.Name = name
			if (j == 0 || name != "") && f.try() {
				return true
			}
		}
	}
	return false
}

// Err is the first failure of the expression on an event, nil where there was none.
func (f *Filter) Err() error { return f.failed }

func (f *Filter) uses(name string) bool { return f.names[name] }

func (f *Filter) try() bool {
	v, err := f.machine.Run(f.program, &f.fields)
	if err != nil {
		if f.failed == nil {
			what := err.Error()
			var at *file.Error
			if errors.As(err, &at) {
				what = at.Message
			}
			f.failed = fmt.Errorf("filter: event %d: %s", f.fields.Seq, what)
		}
		return false
	}
	yes, _ := v.(bool)
	return yes
}
