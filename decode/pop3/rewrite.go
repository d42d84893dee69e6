package pop3

import "github.com/mailtrace/mailtrace/decode"

// NewRewriter gives an editor of CAPA replies.
func NewRewriter(w decode.Rewrite) decode.Rewriter { return nil }
