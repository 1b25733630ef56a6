# From the PVH entry (32-bit protected mode, no paging, ebx = start info) to 64-bit Rust.
#
# Everything up to `start64` runs where it is loaded. The temporary tables map the first 4 GiB three
# times: as they are, at the physmap, and (the first GiB) at the kernel's own addresses.

.set PRESENT_WRITABLE, 0x3
.set BLOCK, 0x83
.set BLOCK_SHIFT, 21
.set BLOCKS_IN_4_GIB, 2048
.set CR4_PAE, 0x20
.set EFER, 0xc0000080
.set EFER_LME_NXE, 0x900
.set CR0_PG_WP, 0x80010000
.set LONG_MODE_BIT, 29
.set NO_EXECUTE_BIT, 20
.set COM1, 0x3f8
.set DEBUG_EXIT, 0xf4

.section .note.pvh, "a", @note
.balign 4
    .long 4
    .long 4
    .long 18                            # XEN_ELFNOTE_PHYS32_ENTRY
    .asciz "Xen"
    .long pvh_start

.section .start.text, "ax", @progbits
.code32
.globl pvh_start
pvh_start:
    cli
    cld
    movl %ebx, %esi
    rdtsc                               # when the kernel began: edi and ebp keep it
    movl %eax, %ebp
    movl %edx, %edi

    # A processor without 64-bit mode or no-execute pages ends here.
    movl $0x80000001, %eax
    cpuid
    btl $LONG_MODE_BIT, %edx
    jnc 7f
    btl $NO_EXECUTE_BIT, %edx
    jnc 7f

    # 2048 blocks of 2 MiB.
    xorl %ecx, %ecx
1:  movl %ecx, %eax
    shll $BLOCK_SHIFT, %eax
    orl $BLOCK, %eax
    movl %eax, start_pd(, %ecx, 8)
    movl $0, start_pd + 4(, %ecx, 8)
    incl %ecx
    cmpl $BLOCKS_IN_4_GIB, %ecx
    jne 1b

    movl $start_pd + PRESENT_WRITABLE, %eax
    xorl %ecx, %ecx
2:  movl %eax, start_pdpt(, %ecx, 8)
    movl $0, start_pdpt + 4(, %ecx, 8)
    addl $4096, %eax
    incl %ecx
    cmpl $4, %ecx
    jne 2b

    movl $start_pdpt + PRESENT_WRITABLE, start_pml4
    movl $start_pdpt + PRESENT_WRITABLE, start_pml4 + 256 * 8
    movl $start_pdpt_high + PRESENT_WRITABLE, start_pml4 + 511 * 8
    movl $start_pd + PRESENT_WRITABLE, start_pdpt_high + 510 * 8

    movl $CR4_PAE, %eax
    movl %eax, %cr4
    movl $start_pml4, %eax
    movl %eax, %cr3
    movl $EFER, %ecx
    rdmsr
    orl $EFER_LME_NXE, %eax
    wrmsr
    movl %cr0, %eax
    orl $CR0_PG_WP, %eax
    movl %eax, %cr0
    lgdt start_gdt_pointer
    ljmp $8, $start64

7:  movl $start_refusal, %esi
    movl $COM1, %edx
8:  lodsb
    testb %al, %al
    jz 9f
    outb %al, %dx
    jmp 8b
9:  movl ${boot_failed}, %eax
    outl %eax, $DEBUG_EXIT
    hlt
    jmp 9b

.code64
start64:
    xorl %eax, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %fs
    movl %eax, %gs
    movl %eax, %ss
    movl %edi, %ebx
    shlq $32, %rbx
    movl %ebp, %eax
    orq %rax, %rbx
    xorl %eax, %eax
    movabsq $bss_start, %rdi
    movabsq $bss_end, %rcx
    subq %rdi, %rcx
    shrq $3, %rcx
    rep stosq
    movabsq ${stacks} + {stack_top}, %rsp
    xorl %ebp, %ebp
    movl %esi, %edi
    movq %rbx, %rsi
    movabsq ${start}, %rax
    callq *%rax
    ud2

.section .start.data, "aw", @progbits
.balign 8
start_gdt:
    .quad 0
    .quad 0x00209a0000000000            # 64-bit code
start_gdt_pointer:
    .word start_gdt_pointer - start_gdt - 1
    .long start_gdt

start_refusal:
    .asciz "jacinth: cannot boot: the processor has no 64-bit mode or no no-execute pages\r\n"

.section .start.tables, "aw", @nobits
.balign 4096
start_pml4:      .skip 4096
start_pdpt:      .skip 4096
start_pdpt_high: .skip 4096
start_pd:        .skip 4 * 4096
