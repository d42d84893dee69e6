//go:build !race

package endtoend

// slowness is how much less is tried: nothing without the race detector.
const slowness = 1
