// The script program, aarch64. x0: a handle; x1: the first step. See script.rs for a step's layout.

    .section .rodata.script, "a", @progbits
    .global jacinth_zx_script
    .global jacinth_zx_script_end
    .balign 16
jacinth_zx_script:
    mov x20, x0
    mov x19, x1
1:
    ldr x16, [x19]
    ldp x0, x1, [x19, #8]
    ldp x2, x3, [x19, #24]
    ldp x4, x5, [x19, #40]
    ldp x6, x7, [x19, #56]
    cmn x0, #1
    csel x0, x20, x0, eq
    svc #0
    str x0, [x19, #72]
    ldr x19, [x19, #80]
    b 1b
jacinth_zx_script_end:
