package endtoend

import (
	"testing"

	"pgregory.net/rapid"
)

// What is printed live is what the capture tells, for whatever peers say.
func TestEqualRandom(t *testing.T) {
	for _, garbage := range []bool{false, true} {
		name := "mail"
		if garbage {
			name = "garbage"
		}
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				l := startLines(t, outputs{}, nil)
				l.playAll(t, 3, garbage)
				l.equal(t)
			})
		})
	}
}
