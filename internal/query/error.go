package query

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Error is a query that cannot be read, and where.
type Error struct {
	Source string
	Column int // in characters, from 1
	What   string
	hint   string
}

// Error points at the column, on lines of their own.
func (e *Error) Error() string {
	line := strings.Map(func(r rune) rune {
		if r < ' ' { // the arrow stays below its column
			return ' '
		}
		return r
	}, e.Source)
	return fmt.Sprintf("query: column %d: %s\n  %s\n  %s^", e.Column, e.What, line, strings.Repeat(" ", e.Column-1))
}

// Hint names what helps; "" where nothing is known to.
func (e *Error) Hint() string { return e.hint }

func (p *parser) errorAt(off int, hint, format string, a ...any) *Error {
	off = min(off, len(p.src))
	return &Error{Source: p.src, Column: utf8.RuneCountInString(p.src[:off]) + 1, What: fmt.Sprintf(format, a...), hint: hint}
}
