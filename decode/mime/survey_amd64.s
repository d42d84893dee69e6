#include "go_asm.h"
#include "textflag.h"

DATA ·lf<>+0(SB)/1, $0x0a
GLOBL ·lf<>(SB), RODATA, $1
DATA ·cr<>+0(SB)/1, $0x0d
GLOBL ·cr<>(SB), RODATA, $1
DATA ·zero<>+0(SB)/1, $0x00
GLOBL ·zero<>(SB), RODATA, $1

// func surveyBlocks(p *byte, n, line int, v *survey)
TEXT ·surveyBlocks(SB), NOSPLIT, $0-32
	MOVQ p+0(FP), SI
	MOVQ n+8(FP), CX
	MOVQ line+16(FP), R10
	MOVQ v+24(FP), DI
	VPBROADCASTB ·lf<>(SB), Y10
	VPBROADCASTB ·cr<>(SB), Y11
	VPBROADCASTB ·zero<>(SB), Y12
	VPXOR Y4, Y4, Y4     // LFs and CRs that are no pair
	VPXOR Y5, Y5, Y5     // all octets, ORed
	VPCMPEQB Y6, Y6, Y6  // the least octet of each lane
	XORQ R8, R8          // LFs
	XORQ R11, R11        // blocks of the longest line
	ADDQ CX, R10         // the block in which the line began, counted down as CX is

block:
	VMOVDQU (SI), Y0
	VPCMPEQB -1(SI), Y11, Y3
	VPCMPEQB Y0, Y10, Y2
	VPXOR Y2, Y3, Y3
	VPOR Y3, Y4, Y4
	VPOR Y0, Y5, Y5
	VPMINUB Y0, Y6, Y6
	VPMOVMSKB Y2, AX
	POPCNTL AX, BX
	ADDQ BX, R8
	MOVQ R10, DX
	SUBQ CX, DX
	CMPQ DX, R11
	CMOVQGT DX, R11
	TESTL AX, AX
	CMOVQNE CX, R10
	ADDQ $32, SI
	DECQ CX
	JNE block

	VPCMPEQB Y6, Y12, Y6
	VPMOVMSKB Y4, AX
	VPMOVMSKB Y5, BX
	VPMOVMSKB Y6, DX
	VZEROUPPER
	ADDQ R8, survey_lines(DI)
	CMPQ R11, survey_longest(DI)
	JLE told
	MOVQ R11, survey_longest(DI)

told:
	ORL AX, survey_unpaired(DI)
	ORL BX, survey_beyond(DI)
	ORL DX, survey_nul(DI)
	RET
