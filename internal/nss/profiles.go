package nss

import (
	"os"
	"path/filepath"
	"slices"
)

// Store is the file of a profile that holds its certificates.
const Store = "cert9.db"

// homes are where Thunderbird keeps its profiles, below the user's home directory.
var homes = []string{
	".thunderbird",
	"snap/thunderbird/common/.thunderbird",
	".var/app/org.mozilla.Thunderbird/.thunderbird",
	".var/app/net.thunderbird.Thunderbird/.thunderbird",
	"Library/Thunderbird/Profiles",
}

// Profiles gives the directories of Thunderbird's profiles that have a store, where Thunderbird
// keeps them by itself; home is the user's home directory.
func Profiles(home string) []string {
	var dirs []string
	for _, h := range homes {
		in := filepath.Join(home, filepath.FromSlash(h))
		entries, err := os.ReadDir(in)
		if err != nil {
			continue // no such Thunderbird here
		}
		for _, e := range entries {
			if dir := filepath.Join(in, e.Name()); HasStore(dir) {
				dirs = append(dirs, dir)
			}
		}
	}
	slices.Sort(dirs)
	return dirs
}

// HasStore tells whether a directory is a profile with a store.
func HasStore(dir string) bool {
	info, err := os.Stat(filepath.Join(dir, Store))
	return err == nil && info.Mode().IsRegular()
}
