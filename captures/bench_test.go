package captures

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
	"github.com/mailtrace/mailtrace/decode"
	"pgregory.net/rapid"
)

func TestSum(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.OneOf(
			rapid.SliceOfN(rapid.Byte(), 0, 300),
			rapid.Map(rapid.IntRange(0, 300), func(n int) []byte { return bytes.Repeat([]byte{0xff}, n) }),
		).Draw(t, "octets")
		// RFC 1071, word for word.
		var want uint32
		for i := 0; i < len(p); i += 2 {
			word := [2]byte{}
			copy(word[:], p[i:])
			want += uint32(binary.BigEndian.Uint16(word[:]))
		}
		for want>>16 != 0 {
			want = want>>16 + want&0xffff
		}
		if got := fold(sum(0, p)); got != ^uint16(want) {
			t.Fatalf("got %04x, expected %04x", got, ^uint16(want))
		}
	})
}

func BenchmarkSum(b *testing.B) {
	p := make([]byte, segmentSize)
	b.SetBytes(int64(len(p)))
	for b.Loop() {
		sum(0, p)
	}
}

// BenchmarkTape is what one read of 64 KiB costs, and one line of 40 octets.
func BenchmarkTape(b *testing.B) {
	for _, n := range []int{40, 330, 64 << 10} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			r := NewRecorder(io.Discard, Options{Bodies: true, Queue: 1 << 40})
			tape := r.Open(1, decode.FromPeer)
			o := octets(decode.Server, 0, string(make([]byte, n)))
			o.End = n < 64<<10
			b.SetBytes(int64(n))
			b.ReportAllocs()
			for b.Loop() {
				tape.Octets(o)
				tape.Commit()
			}
			if err := r.Close(b.Context()); err != nil && b.Context().Err() == nil {
				b.Fatal(err)
			}
		})
	}
}

// BenchmarkPcapgoWriter is the same with gopacket: its layers and its writer.
func BenchmarkPcapgoWriter(b *testing.B) {
	for _, n := range []int{40, 330, 64 << 10} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			w, err := pcapgo.NewNgWriter(io.Discard, layers.LinkTypeRaw)
			if err != nil {
				b.Fatal(err)
			}
			ip := &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolTCP, SrcIP: []byte{192, 0, 2, 1}, DstIP: []byte{198, 51, 100, 1}}
			tcp := &layers.TCP{SrcPort: 32768, DstPort: 143, ACK: true, PSH: true}
			tcp.SetNetworkLayerForChecksum(ip)
			buf := gopacket.NewSerializeBuffer()
			p := make([]byte, n)
			b.SetBytes(int64(n))
			b.ReportAllocs()
			for b.Loop() {
				for rest := p; len(rest) > 0; rest = rest[min(len(rest), segmentSize):] {
					err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true},
						ip, tcp, gopacket.Payload(rest[:min(len(rest), segmentSize)]))
					if err != nil {
						b.Fatal(err)
					}
					d := buf.Bytes()
					if err := w.WritePacket(gopacket.CaptureInfo{Timestamp: start, CaptureLength: len(d), Length: len(d)}, d); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

func benchFile(b *testing.B, n int) []byte {
	return record(b, options4test(), func(r *Recorder) {
		tape := r.Open(1, decode.FromPeer)
		for at := 0; at < 8<<20; at += n {
			o := octets(decode.Server, at, string(make([]byte, n)))
			o.End = true
			tape.Octets(o)
			tape.Commit()
		}
	})
}

func BenchmarkReader(b *testing.B) {
	for _, n := range []int{40, 330, segmentSize} {
		file := benchFile(b, n)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.SetBytes(int64(len(file)))
			for b.Loop() {
				r, err := NewReader(bytes.NewReader(file))
				for err == nil {
					_, err = r.Next()
				}
				if !errors.Is(err, io.EOF) {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprint("pcapgo ", n), func(b *testing.B) {
			b.SetBytes(int64(len(file)))
			for b.Loop() {
				r, err := pcapgo.NewNgReader(bytes.NewReader(file), pcapgo.DefaultNgReaderOptions)
				for err == nil {
					_, _, _, err = r.ZeroCopyReadPacketDataWithOptions()
				}
				if !errors.Is(err, io.EOF) {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkImport reads a foreign capture of one long body in segments of 1,448 octets.
func BenchmarkImport(b *testing.B) {
	x := newTalk(aClient, aPOP).open().s("+OK hello\r\n").c("RETR 1\r\n")
	line := strings.Repeat(strings.Repeat("a", 70)+"\r\n", 21)[:1448]
	for i := range 2000 {
		x.s(line)
		if i%2 == 1 {
			x.add(decode.Client, "A", "")
		}
	}
	file := foreign(b, x.close())
	b.SetBytes(int64(len(file)))
	b.ReportAllocs()
	for b.Loop() {
		r, err := NewReader(bytes.NewReader(file))
		if err != nil {
			b.Fatal(err)
		}
		for err == nil {
			_, err = r.Next()
		}
	}
}
