# From the reset of another CPU to 64-bit Rust. Assembled behind start.s, whose constants and
# temporary tables it uses.
#
# The trampoline is copied to a page below 1 MiB, where the CPU begins in 16-bit mode, with that page
# as its code segment. One CPU at a time comes this way: `cpus.rs` says where it goes.

.set CR0_ON, 0x80010011                 # paging, write protection, protected mode; caches on

.section .rodata.cpu, "a", @progbits
.code16
.globl jacinth_cpu_trampoline
.hidden jacinth_cpu_trampoline
jacinth_cpu_trampoline:
    cli
    cld
    movl $CR4_PAE, %eax
    movl %eax, %cr4
    movl $start_pml4, %eax
    movl %eax, %cr3
    movl $EFER, %ecx
    rdmsr
    orl $EFER_LME_NXE, %eax
    wrmsr
    lgdtl %cs:(cpu_gdt_pointer - jacinth_cpu_trampoline)
    movl $CR0_ON, %eax
    movl %eax, %cr0
    ljmpl $8, $cpu_start64
cpu_gdt_pointer:
    .word start_gdt_pointer - start_gdt - 1
    .long start_gdt
.globl jacinth_cpu_trampoline_end
.hidden jacinth_cpu_trampoline_end
jacinth_cpu_trampoline_end:

.section .start.text, "ax", @progbits
.code64
cpu_start64:
    xorl %eax, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %fs
    movl %eax, %gs
    movl %eax, %ss
    movabsq $cpu_start_high, %rax
    jmpq *%rax

# The temporary tables and the final ones show this code at the same place.
.section .text.cpu, "ax", @progbits
cpu_start_high:
    movq {next_root}(%rip), %rax
    movq %rax, %cr3
    movq {next_stack}(%rip), %rsp
    movq {next_cpu}(%rip), %rdi
    xorl %ebp, %ebp
    callq {start_other}
    ud2
