package mailserver

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

func (k *maildir) fits(name string) error {
	dir, err := folderName(name)
	if err == nil && len(dir) > 255 {
		err = errName // no file system takes it
	}
	return err
}

// create makes the directory of a mailbox, its UIDVALIDITY on disk before any client hears
// of it.
func (k *maildir) create(mb *mailbox) error {
	dir, err := folderName(mb.name)
	if err != nil {
		return err
	}
	last := k.inbox.uids.last
	k.inbox.uids.last = mb.validity
	if err := k.inbox.uids.write(k.store.mailboxes[inboxName].msgs); err != nil {
		k.inbox.uids.last = last
		return err
	}
	path := filepath.Join(k.root, dir)
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		if err == nil {
			err = errExists // a folder that came while we run, or something else
		}
		return err
	}
	if err := makeMaildir(path); err != nil {
		return err
	}
	// By this file a delivery agent knows a folder from a Maildir.
	if err := os.WriteFile(filepath.Join(path, "maildirfolder"), nil, 0o600); err != nil {
		return err
	}
	u, err := readUIDs(path)
	if err != nil {
		return err
	}
	u.validity = mb.validity
	if err := u.write(nil); err != nil {
		return err
	}
	mb.dir = &folder{path: path, uids: u}
	return nil
}

// drop takes a folder away at once, by a rename to a name that is no folder's, and then
// removes what is in it.
func (k *maildir) drop(mb *mailbox) error {
	to, err := os.MkdirTemp(k.root, "deleted-")
	if err != nil {
		return err
	}
	if err := os.Rename(mb.dir.path, filepath.Join(to, "folder")); err != nil {
		_ = os.Remove(to) // err is the one that counts
		return err
	}
	mb.dir = nil
	return os.RemoveAll(to)
}

func (k *maildir) rename(mb *mailbox, to string) error {
	dir, err := folderName(to)
	if err != nil {
		return err
	}
	path := filepath.Join(k.root, dir)
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		if err == nil {
			err = errExists
		}
		return err
	}
	if err := os.Rename(mb.dir.path, path); err != nil {
		return err
	}
	mb.dir.path, mb.dir.uids.path = path, filepath.Join(path, uidFile)
	return nil
}

func (k *maildir) subscribe(mb *mailbox, on bool) error {
	u := mb.dir.uids
	was := u.unsubscribed
	u.unsubscribed = !on
	err := u.write(mb.msgs)
	if err != nil {
		u.unsubscribed = was
	}
	return err
}
