package replay

import (
	"context"
	"fmt"
	"sync"
)

// Barrier is where the players of one script meet at @sync, and where they keep what its
// variables are bound to. It may be used once.
type Barrier struct {
	bound *bindings

	mu      sync.Mutex
	players int
	waiting int
	open    chan struct{} // closed when all have come, or one has failed
	err     error
}

// NewBarrier makes a barrier for that many calls of Play, one for each connection.
func NewBarrier(players int) *Barrier {
	return &Barrier{bound: newBindings(), players: players, open: make(chan struct{})}
}

// wait blocks until all players have come.
func (b *Barrier) wait(ctx context.Context) error {
	b.mu.Lock()
	if b.err != nil {
		b.mu.Unlock()
		return b.failure()
	}
	open := b.open
	if b.waiting++; b.waiting == b.players {
		b.waiting = 0
		b.open = make(chan struct{})
		close(open)
	}
	b.mu.Unlock()
	select {
	case <-open:
		return b.failure()
	case <-ctx.Done():
		return fmt.Errorf("replay: at @sync: %w", context.Cause(ctx))
	}
}

func (b *Barrier) failure() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err == nil {
		return nil
	}
	return fmt.Errorf("replay: at @sync: another connection failed: %w", b.err)
}

// fail lets go of all who wait, now and later: one player will not come.
func (b *Barrier) fail(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err == nil {
		b.err = err
		close(b.open)
	}
}
