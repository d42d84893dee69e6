package main

import (
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// ending is what must not outlive the program, the last thing first.
type ending struct {
	mu   sync.Mutex
	todo []func()
}

var atEnd ending

// add has f called where a signal ends the program. What ends by itself may be ended twice.
func (e *ending) add(f func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.todo = append(e.todo, f)
}

// onSignal ends everything at the first SIGINT or SIGTERM.
func (e *ending) onSignal() {
	c := make(chan os.Signal, 1)
	signal.Notify(c, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-c
		e.mu.Lock() // and nothing begins any more
		for i := len(e.todo) - 1; i >= 0; i-- {
			e.todo[i]()
		}
		os.Exit(130)
	}()
}
