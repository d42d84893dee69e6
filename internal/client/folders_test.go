package client

import "testing"

// Names travel in UTF-8 where a server speaks IMAP4rev2 alone, and in modified UTF-7 where it speaks
// IMAP4rev1 too (RFC 9051 §5.1, appendix A).
func TestMailboxNames(t *testing.T) {
	const list = "* LIST () \"/\" "
	for _, c := range []struct {
		capabilities, listed string
		opens                map[string]string
	}{
		{"IMAP4rev1", "Entw&APw-rfe", map[string]string{"EXAMINE Entw&APw-rfe": "TAG OK x\r\n"}},
		{"IMAP4rev1 IMAP4rev2", "Entw&APw-rfe", map[string]string{"EXAMINE Entw&APw-rfe": "TAG OK x\r\n"}},
		{"IMAP4rev2", "\"Entw\u00fcrfe\"", map[string]string{"EXAMINE {9": "", "Entw\u00fcrfe": "m4 OK x\r\n"}},
	} {
		answers := loggedIn(c.opens)
		delete(answers, " EXAMINE ")
		answers[" LOGIN "] = "TAG OK in\r\n"
		answers[" LIST "] = list + c.listed + "\r\n" + list + "R&D\r\nTAG OK\r\n"
		answers[" LSUB "] = "TAG OK\r\n"
		answers[" CAPABILITY"] = "* CAPABILITY " + c.capabilities + "\r\nTAG OK\r\n"
		cfg := rogue(t, "imap", "* OK [CAPABILITY "+c.capabilities+"] hi\r\n", answers, "")
		session, err := DialIMAP(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		folders, err := session.Folders(t.Context(), false)
		if err != nil || len(folders) != 2 || folders[0].Name != "Entw\u00fcrfe" || folders[1].Name != "R&D" {
			t.Errorf("%s: %v %+v", c.capabilities, err, folders)
		}
		if _, err := session.Select(t.Context(), "Entw\u00fcrfe", true, "", nil); err != nil {
			t.Errorf("%s: %v", c.capabilities, err)
		}
		_ = session.Logout(t.Context())
	}
}
