package mailsync

import (
	"strings"

	"github.com/mailtrace/mailtrace/internal/mailfile"
)

// FolderDir gives the directory of a mailbox below the root; "" for INBOX.
func FolderDir(name, delimiter string) string {
	if strings.EqualFold(name, "INBOX") {
		return ""
	}
	levels := []string{name}
	if delimiter != "" {
		levels = strings.Split(name, delimiter)
	}
	return mailfile.FolderName(levels)
}
