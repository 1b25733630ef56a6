// The script program, x86_64. rdi: a handle; rsi: the first step. See script.rs for a step's layout.

    .section .rodata.script, "a", @progbits
    .global jacinth_zx_script
    .global jacinth_zx_script_end
    .balign 16
jacinth_zx_script:
    mov r14, rdi
    mov rbx, rsi
1:
    mov rax, [rbx]
    mov rdi, [rbx + 8]
    mov rsi, [rbx + 16]
    mov rdx, [rbx + 24]
    mov r10, [rbx + 32]
    mov r8, [rbx + 40]
    mov r9, [rbx + 48]
    mov r12, [rbx + 56]
    mov r13, [rbx + 64]
    cmp rdi, -1
    cmove rdi, r14
    syscall
    mov [rbx + 72], rax
    mov rbx, [rbx + 80]
    jmp 1b
jacinth_zx_script_end:
