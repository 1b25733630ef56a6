// What the compiler calls to copy and fill memory. Its own versions, built for a target without
// floating point and without unaligned access, move bytes one by one as soon as source and
// destination are not aligned alike, and nothing that is short is aligned. The kernel runs with its
// MMU on and alignment checks off (start.s), and only normal memory is copied: so pairs of registers
// at any address. Short blocks are loaded from both ends, which may overlap, before anything is
// stored.

.section .text.memory, "ax"

// fn(to: x0, from: x1, bytes: x2) -> to
.global memcpy
.hidden memcpy
.balign 16
memcpy:
    add     x4, x1, x2
    add     x5, x0, x2
    cmp     x2, #16
    b.ls    1f
    cmp     x2, #64
    b.hi    5f
    ldp     x6, x7, [x1]
    ldp     x8, x9, [x4, #-16]
    cmp     x2, #32
    b.ls    0f
    ldp     x10, x11, [x1, #16]
    ldp     x12, x13, [x4, #-32]
    stp     x10, x11, [x0, #16]
    stp     x12, x13, [x5, #-32]
0:  stp     x6, x7, [x0]
    stp     x8, x9, [x5, #-16]
    ret
1:  cmp     x2, #8
    b.lo    2f
    ldr     x6, [x1]
    ldr     x7, [x4, #-8]
    str     x6, [x0]
    str     x7, [x5, #-8]
    ret
2:  tbz     x2, #2, 3f
    ldr     w6, [x1]
    ldr     w7, [x4, #-4]
    str     w6, [x0]
    str     w7, [x5, #-4]
    ret
3:  cbz     x2, 4f
    lsr     x3, x2, #1                  // one to three bytes: first, middle, last
    ldrb    w6, [x1]
    ldrb    w7, [x1, x3]
    ldrb    w8, [x4, #-1]
    strb    w6, [x0]
    strb    w7, [x0, x3]
    strb    w8, [x5, #-1]
4:  ret
5:  mov     x3, x0
6:  ldp     x6, x7, [x1]
    ldp     x8, x9, [x1, #16]
    ldp     x10, x11, [x1, #32]
    ldp     x12, x13, [x1, #48]
    add     x1, x1, #64
    stp     x6, x7, [x3]
    stp     x8, x9, [x3, #16]
    stp     x10, x11, [x3, #32]
    stp     x12, x13, [x3, #48]
    add     x3, x3, #64
    sub     x2, x2, #64
    cmp     x2, #64
    b.hi    6b
    ldp     x6, x7, [x4, #-64]          // the last 64, some of them again
    ldp     x8, x9, [x4, #-48]
    ldp     x10, x11, [x4, #-32]
    ldp     x12, x13, [x4, #-16]
    stp     x6, x7, [x5, #-64]
    stp     x8, x9, [x5, #-48]
    stp     x10, x11, [x5, #-32]
    stp     x12, x13, [x5, #-16]
    ret

// fn(to: x0, from: x1, bytes: x2) -> to
.global memmove
.hidden memmove
.balign 16
memmove:
    sub     x3, x0, x1
    cmp     x3, x2
    b.lo    1f                          // to begins inside from: backwards
    neg     x3, x3
    cmp     x3, x2
    b.hs    memcpy
    mov     x3, xzr                     // from begins inside to: forwards
0:  cmp     x3, x2
    b.eq    2f
    ldrb    w6, [x1, x3]
    strb    w6, [x0, x3]
    add     x3, x3, #1
    b       0b
1:  cbz     x2, 2f
    sub     x2, x2, #1
    ldrb    w6, [x1, x2]
    strb    w6, [x0, x2]
    b       1b
2:  ret

// fn(to: x0, byte: w1, bytes: x2) -> to
.global memset
.hidden memset
.balign 16
memset:
    and     x1, x1, #0xff
    orr     x1, x1, x1, lsl #8
    orr     x1, x1, x1, lsl #16
    orr     x1, x1, x1, lsl #32
    add     x5, x0, x2
    cmp     x2, #16
    b.lo    2f
    stp     x1, x1, [x0]
    stp     x1, x1, [x5, #-16]
    cmp     x2, #32
    b.ls    1f
    add     x3, x0, #16                 // all in between, in steps that end 16 before the end
    sub     x4, x5, #16
0:  stp     x1, x1, [x3], #16
    cmp     x3, x4
    b.lo    0b
1:  ret
2:  tbz     x2, #3, 3f
    str     x1, [x0]
    str     x1, [x5, #-8]
    ret
3:  tbz     x2, #2, 4f
    str     w1, [x0]
    str     w1, [x5, #-4]
    ret
4:  cbz     x2, 1b
    lsr     x3, x2, #1
    strb    w1, [x0]
    strb    w1, [x0, x3]
    strb    w1, [x5, #-1]
    ret
