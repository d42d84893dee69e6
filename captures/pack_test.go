package captures

// pack compresses text as one frame or member.
func pack(c Compression, text string) string {
	return string(newPacker(c).pack([][]byte{[]byte(text)}))
}
