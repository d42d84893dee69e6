package grammar

// Detail gives what a reader should see of the response, as a copy that shares no memory with
// the line or the Parser: *Condition for OK, NO, BAD, BYE, PREAUTH and continuation requests, else
// a copy of Data.
func (r *Response) Detail() any {
	return nil
}
