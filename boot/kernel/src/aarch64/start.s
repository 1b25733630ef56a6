// The first instructions: from the loader to Rust in the high half.
//
// Entered by the arm64 Image protocol (Linux Documentation/arch/arm64/booting.rst): MMU off, x0 =
// physical address of the device tree, EL1 or EL2, image at a multiple of 2 MiB. All addressing is
// relative to pc until the MMU is on.
//
//   x19 device tree, physical        x20 start of the image, physical
//   x21 0                            x22 the counter at the first instruction
//
// Other CPUs come the same way, with their number in x19 and 1 in x21. They use the tables that the
// boot CPU made.

.equ BLOCK,     0x709                   // Normal write-back, inner shareable, AF, EL1 only, block
.equ UXN,       1 << 54
.equ NX,        (1 << 54) | (1 << 53)
.equ MAIR,      0x44ff0400              // nGnRnE, nGnRE, write-back, non-cacheable
.equ TCR,       0xb5103510              // 48 bits, 4 KiB granule, write-back walks, both halves
.equ TBI0,      1 << 37
.equ SCTLR_OFF, 0x30d00800              // only what must be one
// M C SA SA0 ITD SED EOS I DZE UCT nTWI nTWE TSCXT EIS UCI nTLSMD LSMAOE; not SPAN: see below.
.equ SCTLR_ON,  0x3455d99d
.equ SPAN,      1 << 23
.equ DTB_MAGIC, 0xedfe0dd0              // d00dfeed, read the wrong way round

.section .head, "ax"
.global _start
_start:
    b       begin
    .word   0
    .quad   0                           // text offset
    .quad   __image_size
    .quad   0b1010                      // little-endian, 4 KiB pages, anywhere in memory
    .quad   0, 0, 0
    .ascii  "ARM\x64"
    .word   0

// Another CPU begins here, started by PSCI with its number in x0.
.global jacinth_secondary
jacinth_secondary:
    mov     x21, #1
    b       both

begin:
    mrs     x22, cntvct_el0
    mov     x21, xzr
both:
    msr     daifset, #0xf
    mov     x19, x0
    adr     x20, _start
    adr     x1, early_vectors
    mrs     x0, CurrentEL
    cmp     x0, #(1 << 2)
    b.eq    at_el1
    cmp     x0, #(2 << 2)
    b.eq    at_el2
    adr     x1, text_el3
    b       refuse

at_el2:
    msr     vbar_el2, x1
    mov     x0, #0x80000000             // EL1 is 64-bit
    movk    x0, #0x0300, lsl #32        // pointer authentication does not trap (API, APK)
    msr     hcr_el2, x0
    isb
    mov     x0, #3                      // EL1 may use the counters and timers
    msr     cnthctl_el2, x0
    msr     cntvoff_el2, xzr
    mov     x0, #0x33ff                 // FP does not trap; what is left is RES1 or vector extensions
    msr     cptr_el2, x0
    msr     hstr_el2, xzr
    msr     vttbr_el2, xzr
    mrs     x0, midr_el1
    msr     vpidr_el2, x0
    mrs     x0, mpidr_el1
    msr     vmpidr_el2, x0
    mrs     x0, mdcr_el2                // keep the number of event counters, trap nothing
    and     x0, x0, #0x1f
    msr     mdcr_el2, x0
    mrs     x0, id_aa64mmfr0_el1        // FEAT_FGT: no fine-grained traps
    ubfx    x0, x0, #56, #4
    cbz     x0, 1f
    msr     S3_4_C1_C1_4, xzr           // HFGRTR_EL2
    msr     S3_4_C1_C1_5, xzr           // HFGWTR_EL2
    msr     S3_4_C1_C1_6, xzr           // HFGITR_EL2
    msr     S3_4_C3_C1_4, xzr           // HDFGRTR_EL2
    msr     S3_4_C3_C1_5, xzr           // HDFGWTR_EL2
1:  mrs     x0, id_aa64pfr0_el1         // GICv3: EL1 may use the system registers
    ubfx    x0, x0, #24, #4
    cbz     x0, 2f
    mrs     x0, S3_4_C12_C9_5           // ICC_SRE_EL2
    mov     x1, #9                      // SRE, Enable
    orr     x0, x0, x1
    msr     S3_4_C12_C9_5, x0
    isb
    msr     S3_4_C12_C11_0, xzr         // ICH_HCR_EL2
2:  ldr     w0, =SCTLR_OFF
    msr     sctlr_el1, x0
    mov     x0, #0x3c5                  // EL1 with its own stack pointer, everything masked
    msr     spsr_el2, x0
    adr     x0, at_el1
    msr     elr_el2, x0
    adr     x1, early_vectors
    eret

at_el1:
    msr     vbar_el1, x1
    msr     tpidr_el1, xzr              // no per-CPU block yet
    msr     spsel, #1
    ldr     w0, =SCTLR_OFF
    msr     sctlr_el1, x0
    isb
    cbnz    x21, has_tables
    tst     x20, #0x1fffff
    adr     x1, text_place
    b.ne    refuse
    cbnz    x19, 1f
    // Loaders of the ELF file pass nothing; QEMU's leaves the device tree at the start of RAM.
    mov     x19, #0x40000000
    ldr     w0, [x19]
    ldr     w2, =DTB_MAGIC
    cmp     w0, w2
    adr     x1, text_dtb
    b.ne    refuse

1:  // Early tables: see aarch64.ld. Low L0, low L1, high L0, high L1, high L2.
    adrp    x0, __early_start
    adrp    x1, __early_end
2:  stp     xzr, xzr, [x0], #16
    cmp     x0, x1
    b.lo    2b

    adrp    x1, __early_start           // identity: the GiB that this code is in
    add     x2, x1, #0x1000
    orr     x3, x2, #3
    ubfx    x4, x20, #39, #9
    str     x3, [x1, x4, lsl #3]
    ldr     x5, =(BLOCK | UXN)
    and     x3, x20, #~0x3fffffff
    orr     x3, x3, x5
    ubfx    x4, x20, #30, #9
    str     x3, [x2, x4, lsl #3]

    add     x6, x1, #0x2000             // high L0
    add     x7, x1, #0x3000             // high L1
    add     x8, x1, #0x4000             // high L2
    orr     x3, x7, #3
    str     x3, [x6, #(511 * 8)]
    orr     x3, x8, #3
    str     x3, [x7, #(510 * 8)]
    ldr     x5, =(BLOCK | NX)           // the device tree: its GiB and the next
    and     x3, x19, #~0x3fffffff
    orr     x3, x3, x5
    str     x3, [x7, #(500 * 8)]
    mov     x4, #0x40000000
    add     x3, x3, x4
    str     x3, [x7, #(501 * 8)]

    ldr     x5, =(BLOCK | UXN)          // the image, until the final tables tell its parts apart
    orr     x3, x20, x5
    ldr     x4, =__image_size
3:  str     x3, [x8], #8
    add     x3, x3, #0x200000
    subs    x4, x4, #0x200000
    b.gt    3b

    // The tables were written around the caches: nothing stale of them may stay there.
    dmb     sy
    adrp    x0, __early_start
    adrp    x2, __early_end
4:  dc      ivac, x0
    add     x0, x0, #16                 // no line is shorter
    cmp     x0, x2
    b.lo    4b
    dsb     sy

has_tables:
    adrp    x1, __early_start
    add     x6, x1, #0x2000
    msr     ttbr0_el1, x1
    msr     ttbr1_el1, x6
    ldr     w0, =MAIR
    msr     mair_el1, x0
    ldr     w0, =TCR
    mrs     x2, id_aa64mmfr0_el1
    and     x3, x2, #0xf                // physical address size: at most 48 bits
    mov     x4, #5
    cmp     x3, x4
    csel    x3, x3, x4, lo
    bfi     x0, x3, #32, #3
    ubfx    x3, x2, #4, #4              // 16-bit ASIDs where there are any
    cmp     x3, #2
    cset    x3, eq
    bfi     x0, x3, #36, #1
    ldr     x3, =TBI0
    orr     x0, x0, x3
    msr     tcr_el1, x0
    mov     x0, #(3 << 20)              // FP and SIMD for everyone, SVE and SME for nobody
    msr     cpacr_el1, x0
    msr     mdscr_el1, xzr              // no debug events
    msr     tpidrro_el0, xzr
    mrs     x0, id_aa64dfr0_el1         // EL0 has no event counters (0xf: none that have a standard)
    ubfx    x0, x0, #8, #4
    sub     x0, x0, #1
    cmp     x0, #0xe
    b.hs    7f
    msr     pmuserenr_el0, xzr
7:
    tlbi    vmalle1
    dsb     nsh
    ic      iallu
    dsb     nsh
    isb
    // Each exception sets PAN where there is PAN; elsewhere the bit must be one.
    ldr     w0, =SCTLR_ON
    mrs     x2, id_aa64mmfr1_el1
    ubfx    x2, x2, #20, #4
    orr     x3, x0, #SPAN
    cmp     x2, #0
    csel    x0, x3, x0, eq
    msr     sctlr_el1, x0
    isb
    ldr     x0, =high
    br      x0

high:
    adrp    x0, early_vectors
    add     x0, x0, :lo12:early_vectors
    msr     vbar_el1, x0
    isb
    cbnz    x21, secondary_high
    adrp    x0, __bss_start
    adrp    x1, __bss_end
5:  stp     xzr, xzr, [x0], #16
    cmp     x0, x1
    b.lo    5b
    adrp    x0, __stack_top
    mov     sp, x0
    mov     x29, xzr
    mov     x30, xzr
    mov     x0, x19
    mov     x1, x20
    mov     x2, x22
    b       {start}

secondary_high:
    mov     x29, xzr
    adrp    x4, {next}
    add     x4, x4, :lo12:{next}
    ldp     x0, x1, [x4]                // root tables of both halves
    ldr     x5, [x4, #16]               // the end of the stack
    adr     x2, jacinth_switch_tables_low
    adr     x3, _start
    sub     x2, x2, x3
    add     x2, x2, x20
    bl      jacinth_switch_tables
    mov     sp, x5
    mov     x30, xzr
    mov     x0, x19
    b       {secondary}

// fn(ttbr1: u64, ttbr0: u64, low: u64): makes other tables the live ones. `low` is the physical
// address of jacinth_switch_tables_low, which runs in the identity map, because the two sets of
// tables map the image by entries of different sizes (break before make).
.global jacinth_switch_tables
jacinth_switch_tables:
    br      x2
.global jacinth_switch_tables_low
jacinth_switch_tables_low:
    msr     ttbr1_el1, x1               // empty
    isb
    tlbi    vmalle1
    dsb     nsh
    isb
    msr     ttbr1_el1, x0
    isb
    ldr     x3, =6f
    br      x3
6:  msr     ttbr0_el1, x1
    isb
    tlbi    vmalle1
    dsb     nsh
    isb
    ret

// Says what x1 points to and ends the machine, through semihosting.
refuse:
    mov     x0, #0x04                   // SYS_WRITE0
    hlt     #0xf000
    adr     x1, refused
    mov     x0, #0x20                   // SYS_EXIT_EXTENDED
    hlt     #0xf000
0:  wfi
    b       0b

// A fault here is one of this file, of the loader, or of a host without semihosting.
.balign 2048
early_vectors:
.rept 16
    b       early_fault
    .balign 128
.endr

early_fault:
    cbnz    x29, 0b                     // a second one
    mov     x29, #1
    adr     x1, text_fault
    mov     x0, #0x04
    hlt     #0xf000
    adr     x1, faulted
    mov     x0, #0x20
    hlt     #0xf000
    b       0b

.balign 8
refused:
    .quad   0x20026, {boot_failed}      // ADP_Stopped_ApplicationExit, exit code
faulted:
    .quad   0x20026, {kernel_panic}
text_el3:
    .asciz  "jacinth: started at EL3, the secure monitor's level: start it at EL1 or EL2\n"
text_place:
    .asciz  "jacinth: the load address must be a multiple of 2 MiB\n"
text_dtb:
    .asciz  "jacinth: no device tree in x0 and none at the start of RAM\n"
text_fault:
    .asciz  "jacinth: exception in the start code\n"
.balign 8
.ltorg
