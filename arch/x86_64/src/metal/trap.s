# Ways into the kernel and out of it.
#
# A context block begins with the registers in the order that the pushes in `save_registers` leave
# them, followed by what the stubs and the processor push. On a trap from user mode the trap stack
# ends where that part of the running thread's block ends, so the pushes fill the block itself.

.macro save_registers
    push r15
    push r14
    push r11
    push rcx
    push rbp
    push rbx
    push rax
    push r13
    push r12
    push r9
    push r8
    push r10
    push rdx
    push rsi
    push rdi
.endm

.macro restore_registers
    pop rdi
    pop rsi
    pop rdx
    pop r10
    pop r8
    pop r9
    pop r12
    pop r13
    pop rax
    pop rbx
    pop rbp
    pop rcx
    pop r11
    pop r14
    pop r15
    add rsp, 16                         # vector and error code
.endm

.section .text.trap, "ax", @progbits

# One stub per vector, {stub_bytes} bytes apart. Those of the vectors for which the processor pushes
# no error code push a zero. Three lead to code that does not trust GS: they can come anywhere.
.balign {stub_bytes}
.globl jacinth_trap_stubs
.hidden jacinth_trap_stubs
jacinth_trap_stubs:
.set .Lvector, 0
.rept {vectors}
    .balign {stub_bytes}
    .if (.Lvector == 8) || (.Lvector >= 10 && .Lvector <= 14) || (.Lvector == 17) || (.Lvector == 21) || (.Lvector == 29) || (.Lvector == 30)
    .else
    push 0
    .endif
    push .Lvector
    .if (.Lvector == {nmi}) || (.Lvector == {double_fault}) || (.Lvector == {machine_check})
    jmp jacinth_trap_emergency
    .else
    jmp jacinth_trap
    .endif
    .set .Lvector, .Lvector + 1
.endr

jacinth_trap:
    cld
    save_registers
    mov rdi, rsp
    test byte ptr [rsp + {cs}], 3
    jz jacinth_trap_in_kernel
    swapgs
    mov rsi, gs:[{per_cpu_cpu}]
    mov rsp, gs:[{per_cpu_kernel_stack}]
    xor ebp, ebp
    call {on_user_trap}
    jmp jacinth_return

jacinth_trap_in_kernel:
    call {on_kernel_trap}
    restore_registers
    iretq

jacinth_trap_emergency:
    cld
    save_registers
    mov rdi, rsp
    call {on_emergency}
    ud2

.balign 16
.globl jacinth_trap_syscall
.hidden jacinth_trap_syscall
jacinth_trap_syscall:
    swapgs
    mov gs:[{per_cpu_user_stack}], rsp
    mov rsp, gs:[{per_cpu_context}]
    mov [rsp + {args}], rdi
    mov [rsp + {args} + 8], rsi
    mov [rsp + {args} + 16], rdx
    mov [rsp + {args} + 24], r10
    mov [rsp + {args} + 32], r8
    mov [rsp + {args} + 40], r9
    mov [rsp + {args} + 48], r12
    mov [rsp + {args} + 56], r13
    mov [rsp + {rax}], rax
    mov [rsp + {rbx}], rbx
    mov [rsp + {rbp}], rbp
    mov [rsp + {r14}], r14
    mov [rsp + {r15}], r15
    mov [rsp + {rip}], rcx
    mov [rsp + {rflags}], r11
    mov qword ptr [rsp + {vector}], {syscall_vector}
    mov rdi, rsp
    mov rcx, gs:[{per_cpu_user_stack}]
    mov [rdi + {rsp}], rcx
    mov rsi, gs:[{per_cpu_cpu}]
    mov rdx, rax
    mov rsp, gs:[{per_cpu_kernel_stack}]
    xor ebp, ebp
    call jacinth_syscall
    test rax, rax
    jnz jacinth_return
    # The same thread goes on: Rust kept rbx and r12 to r15, and no call changes where it came from.
    mov rax, rdx
    mov rsp, gs:[{per_cpu_context}]
    mov rcx, [rsp + {rip}]
    mov r11, [rsp + {rflags}]
    mov rdi, [rsp + {args}]
    mov rsi, [rsp + {args} + 8]
    mov rdx, [rsp + {args} + 16]
    mov r10, [rsp + {args} + 24]
    mov r8, [rsp + {args} + 32]
    mov r9, [rsp + {args} + 40]
    mov rbp, [rsp + {rbp}]
    mov rsp, [rsp + {rsp}]
    swapgs
    sysretq

# To user mode: rax is the context block. An address that is not the user's would make `sysret` and
# `iret` fault in the kernel, so it is turned into the fault that the thread would have had.
jacinth_return:
    mov rcx, [rax + {rip}]
    mov rdx, rcx
    shr rdx, {user_address_bits}
    jnz jacinth_bad_return
    cmp qword ptr [rax + {vector}], {syscall_vector}
    jne jacinth_return_from_trap
    mov r11, [rax + {rflags}]
    mov rdi, [rax + {args}]
    mov rsi, [rax + {args} + 8]
    mov rdx, [rax + {args} + 16]
    mov r10, [rax + {args} + 24]
    mov r8, [rax + {args} + 32]
    mov r9, [rax + {args} + 40]
    mov r12, [rax + {args} + 48]
    mov r13, [rax + {args} + 56]
    mov rbx, [rax + {rbx}]
    mov rbp, [rax + {rbp}]
    mov r14, [rax + {r14}]
    mov r15, [rax + {r15}]
    mov rsp, [rax + {rsp}]
    mov rax, [rax + {rax}]
    swapgs
    sysretq

jacinth_return_from_trap:
    mov rsp, rax
    restore_registers
    swapgs
    iretq

jacinth_bad_return:
    mov rdi, rax
    mov rsi, gs:[{per_cpu_cpu}]
    call {on_bad_return}
    jmp jacinth_return

# The first departure of a CPU: rdi is the context block.
.globl jacinth_trap_depart
.hidden jacinth_trap_depart
jacinth_trap_depart:
    mov rax, rdi
    mov rsp, gs:[{per_cpu_kernel_stack}]
    jmp jacinth_return
