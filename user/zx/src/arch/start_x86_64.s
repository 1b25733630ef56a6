// The entry point, x86_64. rdi: the bootstrap channel.
//
// A static-pie program applies its own R_X86_64_RELATIVE relocations: word at base + offset :=
// base + addend. ELF specification 1.2, part 2; x86-64 psABI 4.4.1.

    .weak _DYNAMIC
    .hidden _DYNAMIC
    .hidden __ehdr_start
    .section .text._start, "ax", @progbits
    .global _start
    .type _start, @function
_start:
    xor ebp, ebp
    lea rcx, [rip + __ehdr_start]   // base: link addresses count from 0
    lea rdx, [rip + _DYNAMIC]
    test rdx, rdx                   // a program at fixed addresses has no dynamic section
    jz .Lzx_relocated
    xor r8d, r8d                    // DT_RELA: offset of the table
    xor r9d, r9d                    // DT_RELASZ: its length in bytes
.Lzx_dynamic:
    mov rax, [rdx]
    test rax, rax                   // DT_NULL
    jz .Lzx_dynamic_end
    cmp rax, 7
    cmove r8, [rdx + 8]
    cmp rax, 8
    cmove r9, [rdx + 8]
    add rdx, 16
    jmp .Lzx_dynamic
.Lzx_dynamic_end:
    add r8, rcx
    add r9, r8
.Lzx_next:
    cmp r8, r9
    jae .Lzx_relocated
    cmp dword ptr [r8 + 8], 8       // R_X86_64_RELATIVE
    jne .Lzx_strange
    mov rax, [r8]
    mov r10, [r8 + 16]
    add r10, rcx
    mov [rcx + rax], r10
    add r8, 24
    jmp .Lzx_next
.Lzx_strange:
    ud2                             // a relocation that a static program cannot have
.Lzx_relocated:
    and rsp, -16
    call jacinth_zx_start
    ud2
    .size _start, . - _start
