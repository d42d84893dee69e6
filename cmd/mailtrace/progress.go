package main

import (
	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// bar shows on a terminal how far long work has come: rate and time left. On anything else it is nil, and
// does nothing.
type bar struct{ b *progressbar.ProgressBar }

// progress begins a bar for so many messages.
func (u *ui) progress(messages int, wanted bool) *bar {
	if !wanted || messages < 2 || !term.IsTerminal(int(u.err.Fd())) {
		return nil
	}
	return &bar{progressbar.NewOptions(messages,
		progressbar.OptionSetWriter(u.err), progressbar.OptionSetDescription("mailtrace:"), progressbar.OptionShowCount(),
		progressbar.OptionShowIts(), progressbar.OptionSetItsString("messages"), progressbar.OptionSetPredictTime(true),
		progressbar.OptionThrottle(100_000_000), progressbar.OptionClearOnFinish(), progressbar.OptionFullWidth(),
	)}
}

func (b *bar) add(n int) {
	if b != nil {
		_ = b.b.Add(n) // a terminal that takes nothing is no reason to stop
	}
}

// end takes the bar away.
func (b *bar) end() {
	if b != nil {
		_ = b.b.Clear()
	}
}
