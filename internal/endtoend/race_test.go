//go:build race

package endtoend

// slowness is how much less is tried where the race detector makes all of it slow.
const slowness = 10
