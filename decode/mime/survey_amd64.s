#include "go_asm.h"
#include "textflag.h"

DATA ·lf<>+0(SB)/1, $0x0a
GLOBL ·lf<>(SB), RODATA, $1
DATA ·cr<>+0(SB)/1, $0x0d
GLOBL ·cr<>(SB), RODATA, $1
DATA ·zero<>+0(SB)/1, $0x00
GLOBL ·zero<>(SB), RODATA, $1

// func surveyBlocks(p *byte, n int, v *survey)
TEXT ·surveyBlocks(SB), NOSPLIT, $0-24
	MOVQ p+0(FP), SI
	MOVQ n+8(FP), CX
	MOVQ v+16(FP), DI
	VPBROADCASTB ·lf<>(SB), Y10
	VPBROADCASTB ·cr<>(SB), Y11
	VPBROADCASTB ·zero<>(SB), Y12
	VPXOR Y4, Y4, Y4    // LFs and CRs that are no pair
	VPXOR Y5, Y5, Y5    // all octets, ORed
	VPCMPEQB Y6, Y6, Y6 // the least octet of each lane
	VPXOR Y9, Y9, Y9    // LFs, as 64-bit sums
	XORQ R8, R8         // stretches without LF

stretch:
	MOVQ $const_stretchBlocks, DX
	CMPQ CX, DX
	CMOVQLT CX, DX
	SUBQ DX, CX
	VPXOR Y8, Y8, Y8 // LFs of the stretch, by lane

block:
	VMOVDQU (SI), Y0
	VPCMPEQB -1(SI), Y11, Y3
	VPCMPEQB Y0, Y10, Y2
	VPXOR Y2, Y3, Y3
	VPOR Y3, Y4, Y4
	VPOR Y0, Y5, Y5
	VPMINUB Y0, Y6, Y6
	VPSUBB Y2, Y8, Y8
	ADDQ $32, SI
	DECQ DX
	JNE block

	VPSADBW Y8, Y12, Y8
	VPADDQ Y8, Y9, Y9
	VPTEST Y8, Y8
	SETEQ AX
	MOVBQZX AX, AX
	ADDQ AX, R8
	TESTQ CX, CX
	JNE stretch

	VEXTRACTI128 $1, Y9, X8
	VPADDQ X8, X9, X9
	VPSRLDQ $8, X9, X8
	VPADDQ X8, X9, X9
	VMOVQ X9, R9
	VPCMPEQB Y6, Y12, Y6
	VPMOVMSKB Y4, AX
	VPMOVMSKB Y5, BX
	VPMOVMSKB Y6, DX
	VZEROUPPER
	ADDQ R9, survey_lines(DI)
	ADDQ R8, survey_empty(DI)
	ORL AX, survey_unpaired(DI)
	ORL BX, survey_beyond(DI)
	ORL DX, survey_nul(DI)
	RET
