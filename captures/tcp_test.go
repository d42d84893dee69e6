package captures

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
	"github.com/gopacket/gopacket/reassembly"
	"github.com/mailtrace/mailtrace/decode"
)

// checkTCP reads a capture with gopacket, as any other program would, verifies every
// checksum, and reassembles the streams: none may lack an octet. It gives the streams as
// "client:port>server:port" to octets.
func checkTCP(t interface {
	Fatalf(string, ...any)
}, file []byte,
) map[string]string {
	r, err := pcapgo.NewNgReader(bytes.NewReader(file), pcapgo.NgReaderOptions{ErrorOnMismatchingLinkType: true})
	if err != nil {
		t.Fatalf("pcapgo: %v", err)
	}
	if r.LinkType() != layers.LinkTypeRaw {
		t.Fatalf("link type %v", r.LinkType())
	}
	pool := &streamPool{octets: map[string]*bytes.Buffer{}, ended: map[string]bool{}}
	assembler := reassembly.NewAssembler(reassembly.NewStreamPool(pool))
	sides := map[string]*side{}
	for n := 0; ; n++ {
		data, info, err := r.ReadPacketData()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("pcapgo: segment %d: %v", n, err)
		}
		p := gopacket.NewPacket(data, layers.LinkTypeRaw, gopacket.Default)
		if p.ErrorLayer() != nil {
			t.Fatalf("segment %d: %v", n, p.ErrorLayer().Error())
		}
		tcp, ok := p.TransportLayer().(*layers.TCP)
		if !ok {
			t.Fatalf("segment %d is no TCP: %v", n, p)
		}
		if err := tcp.SetNetworkLayerForChecksum(p.NetworkLayer()); err != nil {
			t.Fatalf("segment %d: %v", n, err)
		}
		bad, mismatches := p.VerifyChecksums()
		if bad != nil || len(mismatches) > 0 {
			t.Fatalf("segment %d: checksums %v %v", n, bad, mismatches)
		}
		if problem := analyse(sides, p.NetworkLayer().NetworkFlow(), tcp); problem != "" {
			t.Fatalf("segment %d: %s", n, problem)
		}
		assembler.AssembleWithContext(p.NetworkLayer().NetworkFlow(), tcp, context4test{info})
	}
	assembler.FlushAll()
	if pool.problem != "" {
		t.Fatalf("%s", pool.problem)
	}
	out := map[string]string{}
	for k, b := range pool.octets {
		if b.Len() > 0 {
			out[k] = b.String()
		}
	}
	return out
}

// side is one end of a stream.
type side struct {
	end, acked uint32 // of its octets
	last       string // its last segment, if that was an empty ACK
}

// analyse finds what Wireshark would call a duplicate acknowledgement or a full window.
func analyse(sides map[string]*side, ip gopacket.Flow, tcp *layers.TCP) string {
	key := func(a, b any) string { return fmt.Sprint(a, b) }
	from, to := key(ip, tcp.TransportFlow()), key(ip.Reverse(), tcp.TransportFlow().Reverse())
	if sides[from] == nil || tcp.SYN {
		sides[from] = &side{}
	}
	me, other := sides[from], sides[to]
	me.end = tcp.Seq + uint32(len(tcp.Payload))
	if tcp.ACK && other != nil {
		other.acked = tcp.Ack
	}
	if unacked := me.end - me.acked; !tcp.SYN && !tcp.FIN && unacked > 2*ackEvery {
		return fmt.Sprintf("%s: %d octets are not acknowledged", from, unacked)
	}
	last := me.last
	me.last = ""
	if !tcp.SYN && !tcp.FIN && len(tcp.Payload) == 0 {
		me.last = fmt.Sprint(tcp.Seq, tcp.Ack, tcp.Window)
	}
	if me.last != "" && me.last == last {
		return from + ": a duplicate acknowledgement"
	}
	return ""
}

type context4test struct{ info gopacket.CaptureInfo }

func (c context4test) GetCaptureInfo() gopacket.CaptureInfo { return c.info }

type streamPool struct {
	octets  map[string]*bytes.Buffer
	ended   map[string]bool
	problem string
}

func (s *streamPool) New(net, tcp gopacket.Flow, _ *layers.TCP, _ reassembly.AssemblerContext) reassembly.Stream {
	key := func(n, t gopacket.Flow) string { return fmt.Sprintf("%v:%v>%v:%v", n.Src(), t.Src(), n.Dst(), t.Dst()) }
	x := &reassembled{pool: s, fsm: reassembly.NewTCPSimpleFSM(reassembly.TCPSimpleFSMOptions{})}
	x.keys = [2]string{key(net, tcp), key(net.Reverse(), tcp.Reverse())}
	return x
}

type reassembled struct {
	pool *streamPool
	keys [2]string
	fsm  *reassembly.TCPSimpleFSM
}

func (x *reassembled) Accept(tcp *layers.TCP, _ gopacket.CaptureInfo, dir reassembly.TCPFlowDirection, _ reassembly.Sequence, start *bool, _ reassembly.AssemblerContext) bool {
	// The assembler forgets a stream with its second FIN; the last ACK comes behind that.
	last := (x.pool.ended[x.keys[0]] || x.pool.ended[x.keys[1]]) && tcp.ACK && !tcp.SYN && !tcp.FIN && len(tcp.Payload) == 0
	if !last && !x.fsm.CheckState(tcp, dir) {
		x.pool.problem = fmt.Sprintf("%s: TCP does not allow this segment: %x", x.keys[0], tcp.Contents)
	}
	return true
}

func (x *reassembled) ReassembledSG(sg reassembly.ScatterGather, _ reassembly.AssemblerContext) {
	dir, _, _, skip := sg.Info()
	if skip != 0 {
		x.pool.problem = fmt.Sprintf("%s: %d octets are missing", x.keys[0], skip)
	}
	key := x.keys[0]
	if dir == reassembly.TCPDirServerToClient {
		key = x.keys[1]
	}
	n, _ := sg.Lengths()
	if x.pool.octets[key] == nil {
		x.pool.octets[key] = &bytes.Buffer{}
	}
	x.pool.octets[key].Write(sg.Fetch(n))
}

func (x *reassembled) ReassemblyComplete(reassembly.AssemblerContext) bool {
	x.pool.ended[x.keys[0]] = true
	return true
}

func TestStreamsAreTCP(t *testing.T) {
	long := strings.Repeat("0123456789abcde\n", 200_000) // 3.2 MB: acknowledged on the way
	file := record(t, options4test(), func(r *Recorder) {
		session(r)
		tape := r.Open(2, decode.FromProxy)
		for i := 0; i < len(long); i += 50_000 {
			tape.Octets(octets(decode.Server, i, long[i:i+50_000]))
			tape.Commit()
		}
		tape.Mark(mark(decode.Close, decode.NoDir, 9))
		tape.Commit()
	})
	got := checkTCP(t, file)
	want := map[string]string{
		"192.0.2.1:32768>198.51.100.1:4999": "STLS\r\n",
		"198.51.100.1:4999>192.0.2.1:32768": "+OK hello\r\n+OK go\r\n",
		"192.0.2.1:32769>198.51.100.1:4999": "PASS xxxx\r\n",
		"198.51.100.1:4999>192.0.2.1:32769": "+OK bye\r\n",
		"198.51.100.1:1>192.0.2.1:32770":    long,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d[:min(len(d), 4000)])
	}
}

// TestMarksOfBothSides: two marks of one side, one of the other between them, are no
// duplicate acknowledgement.
func TestMarksOfBothSides(t *testing.T) {
	checkTCP(t, record(t, options4test(), func(r *Recorder) {
		tape := r.Open(1, decode.FromPeer)
		for i, d := range []decode.Dir{decode.Client, decode.Server, decode.Client, decode.NoDir, decode.Server, decode.Server} {
			tape.Mark(mark(decode.Edit, d, i))
		}
		tape.Commit()
	}))
}

// TestGreetingTellsPort: where nobody named the protocol, the server's first octets do.
func TestGreetingTellsPort(t *testing.T) {
	file := record(t, options4test(), func(r *Recorder) {
		tape := r.Open(1, decode.FromPeer)
		tape.Mark(mark(decode.Open, decode.NoDir, 0))
		tape.Octets(octets(decode.Client, 1, "early\r\n"))
		tape.Octets(octets(decode.Server, 2, "+OK\r\n"))
		tape.Octets(octets(decode.Client, 3, "QUIT\r\n"))
		tape.Commit()
		tape.Octets(octets(decode.Server, 4, "+OK\r\n"))
		tape.Commit()
	})
	want := map[string]string{
		"192.0.2.1:32768>198.51.100.1:1":    "early\r\n",
		"192.0.2.1:32769>198.51.100.1:4999": "QUIT\r\n",
		"198.51.100.1:4999>192.0.2.1:32769": "+OK\r\n+OK\r\n",
	}
	if d := cmp.Diff(want, checkTCP(t, file)); d != "" {
		t.Error(d)
	}
	told := []string{`1/0  0 open `, `1/0 C 1 "early\r\n"`, `1/0 S 2 "+OK\r\n"`, `1/0 C 3 "QUIT\r\n"`, `1/0 S 4 "+OK\r\n"`}
	if d := cmp.Diff(told, tell(readAll(t, file))); d != "" {
		t.Error(d)
	}
}

// TestCommentsForOthers: what a person sees in Wireshark.
func TestCommentsForOthers(t *testing.T) {
	r, err := pcapgo.NewNgReader(bytes.NewReader(record(t, options4test(), session)), pcapgo.DefaultNgReaderOptions)
	if err != nil {
		t.Fatal(err)
	}
	if s := r.SectionInfo(); s.Application != "mailtrace test" || s.Comment != "mailtrace: capture format=1" {
		t.Errorf("section %+v", s)
	}
	var got []string
	for {
		_, info, o, err := r.ReadPacketDataWithOptions()
		if err != nil {
			break
		}
		for _, c := range o.Comments {
			got = append(got, fmt.Sprintf("%d %s", info.Timestamp.Sub(start).Microseconds(), c))
		}
	}
	want := []string{
		`0 mailtrace: open conn=1 layer=1 client=127.0.0.1:5 protocol=lines note="a \"b\" = c"`,
		`4 mailtrace: tls conn=1 layer=1 leg=server version=1.3`,
		`5 mailtrace: tls conn=1 previous=192.0.2.1:32768 layer=2 leg=client version=1.3`,
		`6 mailtrace: redacted`,
		`7 mailtrace: close conn=1 dir=C layer=2`,
		`9 mailtrace: close conn=1 layer=2 by=client`,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestEndpointsAreUnique(t *testing.T) {
	seen := map[endpoint]bool{}
	last := uint64(firstAddresses + moreAddresses)
	for _, at := range []uint64{0, 1, 253, 254, 255, last - 1} {
		for _, port := range []uint64{0, portsAnAddress - 1} {
			e := clientEndpoint(at*portsAnAddress + port)
			if seen[e] || e.port < firstPort {
				t.Errorf("stream %d/%d: %v", at, port, e)
			}
			seen[e] = true
			if back, err := parseEndpoint(e.String()); err != nil || back != e {
				t.Errorf("%v is read as %v, %v", e, back, err)
			}
		}
	}
	for n, want := range map[uint64]string{
		0: "192.0.2.1:32768", 253*portsAnAddress + 1: "192.0.2.254:32769", 254 * portsAnAddress: "198.18.0.1:32768",
		(last - 1) * portsAnAddress: "198.19.255.254:32768", last * portsAnAddress: "192.0.2.1:32768",
	} {
		if got := clientEndpoint(n).String(); got != want {
			t.Errorf("stream %d: got %s, expected %s", n, got, want)
		}
	}
}
