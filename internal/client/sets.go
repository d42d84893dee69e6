package client

import "slices"

func sorted(numbers []uint32) []uint32 {
	if slices.IsSorted(numbers) {
		return numbers
	}
	s := slices.Clone(numbers)
	slices.Sort(s)
	return s
}
