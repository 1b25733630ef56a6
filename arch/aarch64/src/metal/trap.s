// Exception vectors. In user mode SP_EL1 points at the running thread's context, where all its
// registers go at once; the kernel then runs on its CPU's own stack. It takes no exceptions itself:
// one in kernel mode is a bug, reported on a stack of its own.

.arch_extension fp
.arch_extension simd

.macro save
    stp     x0, x1, [sp, #0]
    stp     x2, x3, [sp, #16]
    stp     x4, x5, [sp, #32]
    stp     x6, x7, [sp, #48]
    stp     x8, x9, [sp, #64]
    stp     x10, x11, [sp, #80]
    stp     x12, x13, [sp, #96]
    stp     x14, x15, [sp, #112]
    stp     x16, x17, [sp, #128]
    stp     x18, x19, [sp, #144]
    stp     x20, x21, [sp, #160]
    stp     x22, x23, [sp, #176]
    stp     x24, x25, [sp, #192]
    stp     x26, x27, [sp, #208]
    stp     x28, x29, [sp, #224]
    mrs     x9, sp_el0
    stp     x30, x9, [sp, #240]
    mrs     x9, elr_el1
    mrs     x10, spsr_el1
    stp     x9, x10, [sp, #{pc}]
    mrs     x9, tpidr_el0
    str     x9, [sp, #{thread_pointer}]
    mov     x11, sp                     // the context; x0 to x7 and x16 are as they were
    mrs     x9, tpidr_el1
    ldp     x9, x12, [x9, #{stack_top}] // and the number of the CPU
    mov     sp, x9
    mov     x29, xzr
.endm

.section .text.vectors, "ax"
.balign 2048
.global jacinth_vectors
jacinth_vectors:
.rept 8                                 // from kernel mode
    b       kernel_fault
    .balign 128
.endr
    save                                // from 64-bit user mode
    b       user_sync
    .balign 128
    save
    b       user_interrupt
    .balign 128
    save
    b       user_interrupt
    .balign 128
    save
    b       user_sync                   // an SError has its own class in ESR_EL1
    .balign 128
.rept 4                                 // from 32-bit user mode, which nothing can enter
    save
    b       user_sync
    .balign 128
.endr

user_sync:
    mrs     x9, esr_el1
    lsr     x10, x9, #26
    cmp     x10, #{svc}
    b.ne    1f
    // The arguments are kept twice: the kernel may write the answer over the first meanwhile.
    stp     x0, x1, [x11, #{args}]
    stp     x2, x3, [x11, #{args} + 16]
    stp     x4, x5, [x11, #{args} + 32]
    stp     x6, x7, [x11, #{args} + 48]
    str     x11, [sp, #-16]!
    mov     x0, x11
    mov     x1, x12
    mov     x2, x16                     // the number of the call
    bl      jacinth_syscall
    cbnz    x0, resume
    // The same thread goes on, with the answer: system registers are as they were, and Rust kept
    // x19 to x28.
    mov     x0, x1
    ldr     x1, [sp]
    mov     sp, x1
    ldp     x29, x30, [sp, #232]
    ldp     x17, x18, [sp, #136]
    ldp     x15, x16, [sp, #120]
    ldp     x13, x14, [sp, #104]
    ldp     x11, x12, [sp, #88]
    ldp     x9, x10, [sp, #72]
    ldp     x7, x8, [sp, #56]
    ldp     x5, x6, [sp, #40]
    ldp     x3, x4, [sp, #24]
    ldp     x1, x2, [sp, #8]
    eret

1:  mov     x0, x11
    mov     x1, x9
    bl      {fault}
    b       resume

user_interrupt:
    mov     x0, x11
    bl      {interrupt}

// x0: the context that goes on
resume:
    mov     sp, x0
    ldp     x1, x2, [sp, #{pc}]
    ldr     x3, [sp, #{thread_pointer}]
    msr     elr_el1, x1
    msr     spsr_el1, x2
    msr     tpidr_el0, x3
    ldp     x30, x1, [sp, #240]
    msr     sp_el0, x1
    ldp     x28, x29, [sp, #224]
    ldp     x26, x27, [sp, #208]
    ldp     x24, x25, [sp, #192]
    ldp     x22, x23, [sp, #176]
    ldp     x20, x21, [sp, #160]
    ldp     x18, x19, [sp, #144]
    ldp     x16, x17, [sp, #128]
    ldp     x14, x15, [sp, #112]
    ldp     x12, x13, [sp, #96]
    ldp     x10, x11, [sp, #80]
    ldp     x8, x9, [sp, #64]
    ldp     x6, x7, [sp, #48]
    ldp     x4, x5, [sp, #32]
    ldp     x2, x3, [sp, #16]
    ldp     x0, x1, [sp, #0]
    eret

// fn(context, stack_top) -> !: the first departure of a CPU, its stack left behind.
.global jacinth_depart
jacinth_depart:
    b       resume

// A fault of the kernel: onto the emergency stack, with a frame record that leads the backtrace
// back to where it was. TPIDRRO_EL0 is user-readable, but this is the end of all users.
kernel_fault:
    msr     tpidrro_el0, x0
    mrs     x0, tpidr_el1
    ldr     x0, [x0, #{emergency_top}]
    sub     x0, x0, #304                // the record, then KernelRegisters
    stp     x2, x3, [x0, #32]
    stp     x4, x5, [x0, #48]
    stp     x6, x7, [x0, #64]
    stp     x8, x9, [x0, #80]
    stp     x10, x11, [x0, #96]
    stp     x12, x13, [x0, #112]
    stp     x14, x15, [x0, #128]
    stp     x16, x17, [x0, #144]
    stp     x18, x19, [x0, #160]
    stp     x20, x21, [x0, #176]
    stp     x22, x23, [x0, #192]
    stp     x24, x25, [x0, #208]
    stp     x26, x27, [x0, #224]
    stp     x28, x29, [x0, #240]
    mov     x2, sp
    stp     x30, x2, [x0, #256]
    mrs     x2, tpidrro_el0
    stp     x2, x1, [x0, #16]
    mrs     x3, elr_el1
    mrs     x4, spsr_el1
    stp     x3, x4, [x0, #272]
    mrs     x5, esr_el1
    mrs     x6, far_el1
    stp     x5, x6, [x0, #288]
    add     x3, x3, #1                  // backtraces show the byte before the place of return
    stp     x29, x3, [x0, #0]
    mov     x29, x0
    mov     sp, x0
    add     x0, x0, #16
    bl      {kernel}
    brk     #0

// fn(context): saves the FP and SIMD state.
.global jacinth_fp_save
jacinth_fp_save:
    mrs     x1, fpsr
    mrs     x2, fpcr
    stp     x1, x2, [x0, #{fp}]
    add     x0, x0, #{vectors}
    stp     q0, q1, [x0, #0]
    stp     q2, q3, [x0, #32]
    stp     q4, q5, [x0, #64]
    stp     q6, q7, [x0, #96]
    stp     q8, q9, [x0, #128]
    stp     q10, q11, [x0, #160]
    stp     q12, q13, [x0, #192]
    stp     q14, q15, [x0, #224]
    stp     q16, q17, [x0, #256]
    stp     q18, q19, [x0, #288]
    stp     q20, q21, [x0, #320]
    stp     q22, q23, [x0, #352]
    stp     q24, q25, [x0, #384]
    stp     q26, q27, [x0, #416]
    stp     q28, q29, [x0, #448]
    stp     q30, q31, [x0, #480]
    ret

// fn(context): loads the FP and SIMD state.
.global jacinth_fp_load
jacinth_fp_load:
    ldp     x1, x2, [x0, #{fp}]
    msr     fpsr, x1
    msr     fpcr, x2
    add     x0, x0, #{vectors}
    ldp     q0, q1, [x0, #0]
    ldp     q2, q3, [x0, #32]
    ldp     q4, q5, [x0, #64]
    ldp     q6, q7, [x0, #96]
    ldp     q8, q9, [x0, #128]
    ldp     q10, q11, [x0, #160]
    ldp     q12, q13, [x0, #192]
    ldp     q14, q15, [x0, #224]
    ldp     q16, q17, [x0, #256]
    ldp     q18, q19, [x0, #288]
    ldp     q20, q21, [x0, #320]
    ldp     q22, q23, [x0, #352]
    ldp     q24, q25, [x0, #384]
    ldp     q26, q27, [x0, #416]
    ldp     q28, q29, [x0, #448]
    ldp     q30, q31, [x0, #480]
    ret
