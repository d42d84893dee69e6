package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/mailtrace/mailtrace/captures"
	"github.com/mailtrace/mailtrace/decode"
	"github.com/mailtrace/mailtrace/decode/registry"
)

// record writes a capture of one session that fetches body times times.
func record(path string, body []byte, times int) error {
	f, err := captures.Create(path, true)
	if err != nil {
		return err
	}
	r := captures.NewRecorder(f, captures.Options{Protocols: registry.All, Bodies: true, Queue: 1 << 40})
	tape := r.Open(1, decode.FromPeer)
	trace := decode.NewTrace(decode.TraceOptions{
		Options: decode.Options{Bare: true, Tap: tape.Octets}, Conn: 1, Protocol: registry.ByName("imap"), Keep: tape.Mark,
	})
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	trace.Mark(decode.Mark{Time: now, Kind: decode.Open, Fields: decode.Fields{{Key: "protocol", Value: "imap"}}})
	say := func(d decode.Dir, p []byte) {
		for len(p) > 0 {
			now = now.Add(100 * time.Microsecond)
			n := min(len(p), 64<<10)
			trace.Write(d, now, p[:n])
			tape.Commit()
			p = p[n:]
		}
	}
	say(decode.Server, []byte("* OK [CAPABILITY IMAP4rev1] ready\r\n"))
	say(decode.Client, []byte("a1 LOGIN user password\r\n"))
	say(decode.Server, []byte("a1 OK done\r\n"))
	say(decode.Client, []byte("a2 SELECT INBOX\r\n"))
	say(decode.Server, []byte("* 20000 EXISTS\r\n* OK [UIDVALIDITY 1] ok\r\n* OK [UIDNEXT 40000] ok\r\na2 OK [READ-WRITE] done\r\n"))
	for i := range times {
		say(decode.Client, fmt.Appendf(nil, "b%d FETCH 1:* (UID FLAGS BODY[])\r\n", i))
		say(decode.Server, body)
		say(decode.Server, fmt.Appendf(nil, "b%d OK done\r\n", i))
	}
	say(decode.Client, []byte("z LOGOUT\r\n"))
	say(decode.Server, []byte("* BYE\r\nz OK done\r\n"))
	trace.Mark(decode.Mark{Time: now, Kind: decode.Close, Fields: decode.Fields{{Key: "by", Value: "server"}}})
	tape.Commit()
	err = r.Close(context.Background())
	return errors.Join(err, f.Close())
}

// scan is what a capture is measured against: it reads the blocks of a pcapng file and looks
// for line ends in them, and nothing else.
func scan(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	in := bufio.NewReaderSize(f, 64<<10)
	var head [8]byte
	var block []byte
	blocks, lines := 0, 0
	for {
		if _, err := io.ReadFull(in, head[:]); err != nil {
			if errors.Is(err, io.EOF) {
				break
			}
			return err
		}
		n := int(binary.LittleEndian.Uint32(head[4:])) - len(head)
		if n < 4 {
			return fmt.Errorf("bench: a block of %d octets", n)
		}
		block = slices.Grow(block[:0], n)[:n]
		if _, err := io.ReadFull(in, block); err != nil {
			return err
		}
		blocks++
		for p := block; ; lines++ {
			i := bytes.IndexByte(p, '\n')
			if i < 0 {
				break
			}
			p = p[i+1:]
		}
	}
	fmt.Println(blocks, lines)
	return nil
}

// reading compares mailtrace show with scan and with tshark.
func reading(binary string, rounds int, dir string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	what := workloads()
	fmt.Printf("%-36s %10s %10s %6s   %-14s %s\n", "reading a capture", "mailtrace", "line scan", "ratio", "spread", "limit")
	path := filepath.Join(dir, "read.pcapng")
	for _, w := range []struct {
		name  string
		body  []byte
		times int
	}{
		{"message of 64 MiB", what["BIG"], 2}, {"5,000 messages of 4 KiB", what["MESSAGES"], 6}, {"20,000 envelopes of 330 octets", what["ROWS"], 20},
	} {
		if err := record(path, w.body, w.times); err != nil {
			return err
		}
		octets := float64(len(w.body) * w.times)
		mine, bare, ratios, err := pairs(rounds, octets, []string{binary, "show", "--format", "none", path}, []string{self, "-scan", path})
		if err != nil {
			return err
		}
		fmt.Printf("%-36s %5.0f MB/s %5.0f MB/s %6.2f   %.2f to %.2f   at least 0.25\n", w.name, median(mine), median(bare), median(ratios),
			slices.Min(ratios), slices.Max(ratios))
	}
	if err := sameTotals(binary, path); err != nil {
		return err
	}
	if err := against(binary, path, what); err != nil {
		return err
	}
	fmt.Printf("\n%-36s %10s %10s\n", "growth", "mailtrace", "a MiB")
	for _, mib := range []int{10, 100, 1000} {
		times := mib << 20 / len(what["MESSAGES"])
		body := what["MESSAGES"]
		if times == 0 {
			body, times = body[:strings.LastIndex(string(body[:10<<20]), "\r\n* ")+2], 1
		}
		if err := record(path, body, times); err != nil {
			return err
		}
		took, err := timed([]string{binary, "show", "--format", "none", path})
		if err != nil {
			return err
		}
		fmt.Printf("%-36s %7.0f ms %7.2f ms\n", fmt.Sprintf("%d MiB of messages", mib), took.Seconds()*1e3, took.Seconds()*1e3/(float64(len(body)*times)/(1<<20)))
	}
	return nil
}

// patience is how long tshark may take. It is given up then: its dissector needs time that
// grows with the square of a message's length.
const patience = time.Minute

// against compares mailtrace show with tshark, where there is one.
func against(binary, path string, what answers) error {
	tshark, err := exec.LookPath("tshark")
	if err != nil {
		fmt.Println("tshark is not installed: not compared")
		return nil
	}
	one := messages(1, 4096)
	all := slices.Concat(what["BIG"], what["MESSAGES"], what["ROWS"], what["MESSAGES"], what["ROWS"])
	fmt.Printf("\n%-36s %10s %10s %6s   %s\n", "against tshark -Y imap", "mailtrace", "tshark", "ratio", "limit")
	for _, w := range []struct {
		name  string
		body  []byte
		times int
		limit string
	}{
		{"64 MiB, 10,000 of 4 KiB, 40,000 rows", all, 1, "at least 30"},
		{"a FETCH for each of 30,000 of 4 KiB", one, 30_000, ""},
	} {
		if err := record(path, w.body, w.times); err != nil {
			return err
		}
		ours, err := timed([]string{binary, "show", "--format", "none", path})
		if err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		begin := time.Now()
		err = exec.CommandContext(ctx, tshark, "-r", path, "-Y", "imap").Run()
		cancel()
		theirs, more := time.Since(begin), ""
		switch {
		case ctx.Err() != nil && theirs >= patience:
			more = ">"
		case err != nil:
			return fmt.Errorf("tshark: %w", err)
		}
		octets := float64(len(w.body)*w.times) / 1e6
		fmt.Printf("%-36s %5.0f MB/s %5.1f MB/s %1s%5.1f   %s\n", w.name, octets/ours.Seconds(), octets/theirs.Seconds(), more,
			theirs.Seconds()/ours.Seconds(), w.limit)
	}
	return nil
}

// pairs times two programs in turns, in octets a second.
func pairs(rounds int, octets float64, a, b []string) (x, y, ratios []float64, err error) {
	for round := range rounds + 1 {
		ta, err := timed(a)
		if err != nil {
			return nil, nil, nil, err
		}
		tb, err := timed(b)
		if err != nil {
			return nil, nil, nil, err
		}
		if round == 0 && rounds > 1 {
			continue // it warms up
		}
		x, y = append(x, octets/ta.Seconds()/1e6), append(y, octets/tb.Seconds()/1e6)
		ratios = append(ratios, tb.Seconds()/ta.Seconds())
		if rounds == 1 {
			break
		}
	}
	return x, y, ratios, nil
}

func timed(argv []string) (time.Duration, error) {
	cmd := exec.Command(argv[0], argv[1:]...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	begin := time.Now()
	if err := cmd.Run(); err != nil {
		return 0, fmt.Errorf("%s: %w: %s", argv[0], err, stderr.String())
	}
	return time.Since(begin), nil
}

// sameTotals holds what --format none says of a capture against the events of --format json.
func sameTotals(binary, path string) error {
	var said bytes.Buffer
	none := exec.Command(binary, "show", "--format", "none", path)
	none.Stderr = &said
	if err := none.Run(); err != nil {
		return err
	}
	events := exec.Command(binary, "show", "--format", "json", path)
	out, err := events.StdoutPipe()
	if err != nil {
		return err
	}
	if err := events.Start(); err != nil {
		return err
	}
	connections, commands, errs, warnings := 0, 0, 0, 0
	in := json.NewDecoder(out)
	for {
		var e struct {
			Kind     string
			Findings []struct{ Severity string }
		}
		if err := in.Decode(&e); err != nil {
			break
		}
		switch e.Kind {
		case "open":
			connections++
		case "command":
			commands++
		}
		for _, f := range e.Findings {
			switch f.Severity {
			case "error":
				errs++
			case "warning":
				warnings++
			}
		}
	}
	if err := events.Wait(); err != nil {
		return err
	}
	want := fmt.Sprintf("%d connection, %d commands", connections, commands)
	if errs > 0 {
		want += fmt.Sprintf(", %d errors", errs)
	}
	want += fmt.Sprintf(", %d warnings", warnings)
	if !strings.Contains(said.String(), want) {
		return fmt.Errorf("bench: --format none says %q, --format json comes to %q", said.String(), want)
	}
	fmt.Printf("totals of both formats: %s\n", want)
	return nil
}
