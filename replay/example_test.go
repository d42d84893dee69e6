package replay_test

import (
	"fmt"

	"github.com/mailtrace/mailtrace/replay"
)

func ExampleScript_Chunks() {
	script, err := replay.ParseTranscript("append.script", []byte(`@connect a imap
S: * OK ready
C: a1 LOGIN ${user} ${password}
S: a1 OK done
C: a2 APPEND INBOX {|}
|Subject: hello
|
S: a2 OK [APPENDUID ${v=7} ${uid=4}] done
`), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	chunks, err := script.Chunks(map[string]string{"user": "u1", "password": "two words"})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, c := range chunks {
		from := "S"
		if c.Client {
			from = "C"
		}
		fmt.Printf("%s %q\n", from, c.Octets)
	}
	// Output:
	// S "* OK ready\r\n"
	// C "a1 LOGIN u1 \"two words\"\r\n"
	// S "a1 OK done\r\n"
	// C "a2 APPEND INBOX {18}\r\n"
	// S "+ OK\r\n"
	// C "Subject: hello\r\n\r\n\r\n"
	// S "a2 OK [APPENDUID 7 4] done\r\n"
}
