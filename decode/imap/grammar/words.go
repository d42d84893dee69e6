package grammar

// words finds what is known of a word, ASCII case aside. For the few words of a table it is
// faster than a map, which BenchmarkWords shows: it makes no copy in upper case and compares one or
// two words.
type words[T any] [64][]known[T]

type known[T any] struct {
	word  string // in upper case
	value T
}

func wordsOf[T any](m map[string]T) *words[T] {
	t := new(words[T])
	for w, v := range m {
		b := &t[slot([]byte(w))]
		*b = append(*b, known[T]{w, v})
	}
	return t
}

// slot is where a word stands. 0x20 makes lower case of letters.
func slot(w []byte) int {
	if len(w) == 0 {
		return 0
	}
	return (int(w[0]|0x20)*5 + int(w[len(w)-1]|0x20)*9 + len(w)*13) & 63
}

// of gives the value of a word, the zero value where the table does not have it.
func (t *words[T]) of(w []byte) (v T) {
	for i := range t[slot(w)] {
		if k := &t[slot(w)][i]; equalFold(w, k.word) {
			return k.value
		}
	}
	return v
}
