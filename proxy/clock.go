package proxy

import "time"

// clock gives times that never go backwards, whatever happens to the machine's: the wall
// clock is read once, and what comes after is measured. Times are UTC and whole
// microseconds, as a capture keeps them, so that a capture tells the same times again.
type clock struct{ wall, mono time.Time }

func newClock() clock {
	now := time.Now()
	return clock{wall: now.UTC().Round(0), mono: now} // Round strips the monotonic reading
}

func (c clock) now() time.Time {
	return c.wall.Add(time.Since(c.mono)).Truncate(time.Microsecond)
}
