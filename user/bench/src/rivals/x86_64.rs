//! The figures on x86_64.

use super::{Rival, SEL4, ZIRCON, row};

pub(super) const RIVALS: &[Rival] = &[
    row(
        "empty system call",
        150,
        &[
            (ZIRCON, 160),
            ("seL4, NBSend to a null capability", 344),
            ("Linux, getppid", 337),
        ],
    ),
    row("handle_close of 0", 160, &[(ZIRCON, 189)]),
    row("object_get_info HANDLE_VALID", 250, &[(ZIRCON, 467)]),
    row("clock_get_monotonic", 170, &[(ZIRCON, 207)]),
    row("handle_duplicate + close", 600, &[(ZIRCON, 1_725)]),
    row("event_create + close", 900, &[(ZIRCON, 2_207)]),
    row("vmo_create + close", 1_200, &[(ZIRCON, 3_614)]),
    row("vmo_create + commit + close", 2_000, &[(ZIRCON, 6_144)]),
    row(
        "vmo_create_physical",
        600,
        &[(ZIRCON, 2_192), ("seL4, retype", 958)],
    ),
    row(
        "vmo_create_physical + close",
        1_000,
        &[(ZIRCON, 3_832), (SEL4, 1_735)],
    ),
    row(
        "device 4 KiB",
        2_500,
        &[
            (ZIRCON, 18_079),
            (SEL4, 3_192),
            ("Linux, resource file", 20_486),
            ("Linux, vfio", 30_600),
        ],
    ),
    row(
        "device 2 MiB",
        2_500,
        &[
            (ZIRCON, 442_660),
            ("seL4, one frame", 3_145),
            ("Linux, resource file", 92_700),
            ("Linux, /dev/mem", 398_953),
            ("Linux, vfio", 18_400),
        ],
    ),
    row(
        "device 64 MiB",
        4_000,
        &[
            (ZIRCON, 13_488_020),
            ("seL4, 32 frames", 72_740),
            ("Linux, resource file", 2_332_377),
            ("Linux, /dev/mem", 12_180_602),
            ("Linux, vfio", 20_300),
        ],
    ),
    row(
        "device 1 GiB",
        2_500,
        &[
            (ZIRCON, 215_485_260),
            ("seL4, one frame", 3_152),
            ("seL4, 512 frames", 1_151_390),
            ("Linux, resource file", 36_789_905),
            ("Linux, /dev/mem", 194_157_476),
            ("Linux, vfio", 12_000),
        ],
    ),
    row("page fault of a physical VMO", 1_000, &[(ZIRCON, 3_983)]),
    row("map + fault + unmap of a page", 3_500, &[(ZIRCON, 17_651)]),
    row("object_signal", 250, &[(ZIRCON, 621), (SEL4, 374)]),
    row(
        "object_wait_one, already signalled",
        400,
        &[(ZIRCON, 1_423)],
    ),
    row("channel write + read, 8 bytes", 800, &[(ZIRCON, 2_423)]),
    row("channel write + read, 1 KiB", 1_200, &[(ZIRCON, 4_470)]),
    row(
        "channel write + read, 8 bytes and a handle",
        1_100,
        &[(ZIRCON, 3_173)],
    ),
    row("channel_create + close both", 1_500, &[(ZIRCON, 5_338)]),
    row(
        "channel_call, two threads",
        1_500,
        &[
            (ZIRCON, 7_287),
            ("seL4, call + reply", 457),
            ("Linux, futex", 7_183),
            ("Linux, pipe", 12_942),
        ],
    ),
    row(
        "channel_call, two processes",
        1_600,
        &[
            (ZIRCON, 7_469),
            ("seL4, call + reply", 461),
            ("Linux, pipe", 12_942),
        ],
    ),
];
