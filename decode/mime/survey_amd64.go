package mime

import "golang.org/x/sys/cpu"

// surveys tells whether there is surveyBlocks, which is several times as fast as looking for one
// thing after the other (BenchmarkBody).
var surveys = cpu.X86.HasAVX2 && cpu.X86.HasPOPCNT

// surveyBlocks looks at n > 0 blocks of 32 octets from p on, and at the octet before p, and adds
// to v what it finds.
//
//go:noescape
func surveyBlocks(p *byte, n int, v *survey)
