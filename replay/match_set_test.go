package replay

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// Sets are the same whether they are looked through or looked up.
func TestSetsAlike(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.SampledFrom([]string{"1", "2", "a", "A", `"a"`, `"A"`, "NIL", `"NIL"`, "(a)", "(b a)", "${x}", "${y}", "${known}", "${*}", "x${y}", "xa", "İ", "i̇", "ſ", "s"})
		of := func(s string) []tree {
			l, err := Parse("s", []byte("@connect a imap\nS: * X "+s+"\n"), nil)
			if err != nil {
				t.Fatal(err)
			}
			return replyOf(elemsOf(l.Steps()[1].(*Line).Pattern), "").args
		}
		want := rapid.SliceOfN(word, 0, 8).Draw(t, "want")
		if rapid.Bool().Draw(t, "rest") {
			want = append(want, "${...}")
		}
		// What comes is mostly what is wanted, in another order and form.
		forms := map[string][]string{
			"1": {"1"}, "2": {"2"}, "a": {"a", "A"}, "A": {"a"}, `"a"`: {"a", `"a"`}, `"A"`: {"A", `"a"`}, "NIL": {"nil"}, `"NIL"`: {`"NIL"`, "NIL"},
			"(a)": {"(A)"}, "(b a)": {"(b a)"}, "${x}": {"1", "a"}, "${y}": {"2"}, "${known}": {"a", "A"}, "${*}": {"(q)", "1"}, "x${y}": {"xa", "x2"},
			"xa": {"XA"}, "İ": {"İ", "i̇"}, "i̇": {"i̇"}, "ſ": {"s", "S"}, "s": {"ſ", "S"}, "${...}": {"9"},
		}
		var got []string
		for _, w := range want {
			got = append(got, rapid.SampledFrom(forms[w]).Draw(t, "form"))
		}
		if len(got) > 1 {
			got = rapid.Permutation(got).Draw(t, "got")
		}
		// The same with as many more as it takes to have an index; they match one another alone.
		more := make([]string, fewData+1)
		for i := range more {
			more[i] = fmt.Sprintf("filling%d", i)
		}
		vals := func() *values {
			return &values{given: map[string]string{"known": "a"}, bound: newBindings()}
		}
		few := newMatcher(vals(), false).set(of(strings.Join(want, " ")), of(strings.Join(got, " ")))
		many := newMatcher(vals(), false).set(of(strings.Join(append(more, want...), " ")), of(strings.Join(append(more, got...), " ")))
		if few != many {
			t.Fatalf("%q %q: looked through %v, looked up %v", want, got, few, many)
		}
	})
}

func BenchmarkSetOfSearch(b *testing.B) {
	for _, n := range [...]int{1000, 10000, 100000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var line strings.Builder
			for _, i := range rand.New(rand.NewPCG(1, 2)).Perm(n) {
				fmt.Fprintf(&line, "%d ", i+1)
			}
			var sorted strings.Builder
			for i := range n {
				fmt.Fprintf(&sorted, "%d ", i+1)
			}
			want, _ := trees(octetElems(line.String()))
			got, _ := trees(octetElems(sorted.String()))
			m := newMatcher(&values{given: map[string]string{}, bound: newBindings()}, false)
			for b.Loop() {
				if !m.set(want, got) {
					b.Fatal("not the same")
				}
			}
		})
	}
}
