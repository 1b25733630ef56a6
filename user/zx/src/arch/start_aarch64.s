// The entry point, aarch64. x0: the bootstrap channel. Programs are linked at fixed addresses.

    .section .text._start, "ax", @progbits
    .global _start
    .type _start, @function
_start:
    mov x29, xzr
    mov x30, xzr
    mov x9, sp
    and x9, x9, #-16
    mov sp, x9
    bl jacinth_zx_start
    brk #1
    .size _start, . - _start
