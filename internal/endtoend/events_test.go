package endtoend

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/mailtrace/mailtrace/decode"
)

// events is a Sink that keeps everything but long texts.
type events struct {
	mu   sync.Mutex
	cond *sync.Cond
	all  []decode.Event
}

func newEvents() *events {
	e := &events{}
	e.cond = sync.NewCond(&e.mu)
	return e
}

const textKept = 512

func (e *events) Events(list []decode.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, x := range list {
		x.Text = append([]byte(nil), x.Text[:min(len(x.Text), textKept)]...)
		e.all = append(e.all, x)
	}
	e.cond.Broadcast()
}

func (e *events) count() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.all)
}

// wait waits for an event that ok accepts and gives it.
func (e *events) wait(t tester, what string, ok func(*decode.Event) bool) decode.Event {
	t.Helper()
	late := false
	timer := time.AfterFunc(patience, func() {
		e.mu.Lock()
		late = true
		e.mu.Unlock()
		e.cond.Broadcast()
	})
	defer timer.Stop()
	e.mu.Lock()
	defer e.mu.Unlock()
	for from := 0; ; {
		for ; from < len(e.all); from++ {
			if ok(&e.all[from]) {
				return e.all[from]
			}
		}
		if late {
			t.Fatalf("no %s among the events:\n%s", what, e.dump())
		}
		e.cond.Wait()
	}
}

// closed waits for the end of a connection and tells what its last event says.
func (e *events) closed(t tester, conn int) *decode.CloseDetail {
	t.Helper()
	x := e.wait(t, "end of the connection", func(x *decode.Event) bool {
		return x.Kind == decode.Close && x.Dir == decode.NoDir && x.Conn == conn && x.Origin == decode.FromPeer
	})
	return x.Detail.(*decode.CloseDetail)
}

// kept are the events of a kind.
func (e *events) kept(k decode.Kind) []decode.Event {
	e.mu.Lock()
	defer e.mu.Unlock()
	var list []decode.Event
	for _, x := range e.all {
		if x.Kind == k {
			list = append(list, x)
		}
	}
	return list
}

// findings are the identities of all findings.
func (e *events) findings() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	var ids []string
	for _, x := range e.all {
		for _, f := range x.Findings {
			ids = append(ids, f.ID)
		}
	}
	return ids
}

// reasons are what events of a kind give as their reason.
func (e *events) reasons(k decode.Kind) []string {
	var all []string
	for _, x := range e.kept(k) {
		f, _ := x.Detail.(decode.Fields)
		all = append(all, f.Get("reason"))
	}
	return all
}

// whole is all that events say, for a search.
func (e *events) whole() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return write(e.all)
}

// dump is the end of it.
func (e *events) dump() string { return write(e.all[max(0, len(e.all)-100):]) }

func write(list []decode.Event) string {
	var b strings.Builder
	for i := range list {
		x := &list[i]
		fmt.Fprintf(&b, "  %d #%d %s %s %s %.100q %v %v\n", x.Seq, x.Conn, x.Dir, x.Kind, x.Name, x.Text, x.Detail, x.Findings)
	}
	return b.String()
}

// text is the dump for a failed test.
func (e *events) text() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.dump()
}
