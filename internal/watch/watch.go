package watch

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/mailtrace/mailtrace/internal/client"
)

// What happened.
const (
	Arrived  = "arrived"
	Vanished = "vanished"
	Changed  = "changed" // its flags
)

// News is one thing that happened.
type News struct {
	What    string
	Summary *client.Summary // of what arrived; otherwise UID or ID, and the flags
}

// Options say how to watch.
type Options struct {
	// Renew is how long one IDLE lasts; 0 is 28 min: "at least every 29 minutes" (RFC 2177 §3).
	Renew time.Duration
	// Every is how often a server without IDLE, or a maildrop, is asked; 0 is 1 min.
	Every time.Duration
	// Tell is given news. Its error ends the watch; [ErrEnough] ends it well.
	Tell func(News) error
	// Ready, where set, is called when what is there is known for the first time.
	Ready func(messages int)
	// Say, where set, is told of connections that were lost and come back.
	Say func(text string)

	pause func(context.Context, time.Duration) error // nil waits
}

// ErrEnough ends a watch.
var ErrEnough = errors.New("watch: enough")

func (o *Options) renew() time.Duration {
	if o.Renew > 0 {
		return o.Renew
	}
	return 28 * time.Minute
}

func (o *Options) every() time.Duration {
	if o.Every > 0 {
		return o.Every
	}
	return time.Minute
}

func (o *Options) wait(ctx context.Context, d time.Duration) error {
	if o.pause != nil {
		return o.pause(ctx, d)
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// The pauses before a connection is tried again: from the least, doubled, to the most, each between a half
// and the whole of it, so that many clients of a server that was down do not come at once.
const (
	leastPause = time.Second
	mostPause  = 2 * time.Minute
)

// again runs session until it ends for good: an error that a new connection may mend is waited out, once
// the first was well.
func (o *Options) again(ctx context.Context, session func(known func()) error) error {
	begun := false
	pause := leastPause
	for {
		err := session(func() { begun, pause = true, leastPause })
		var refused *client.AuthError
		switch {
		case err == nil, errors.Is(err, ErrEnough):
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case !begun, errors.As(err, &refused):
			return err
		}
		d := pause/2 + rand.N(pause/2)
		if o.Say != nil {
			o.Say(fmt.Sprintf("%s; trying again in %v", err, d.Round(time.Second)))
		}
		if err := o.wait(ctx, d); err != nil {
			return err
		}
		pause = min(2*pause, mostPause)
	}
}
