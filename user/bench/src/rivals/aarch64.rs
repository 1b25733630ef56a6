//! The figures on aarch64.

use super::{Rival, SEL4, ZIRCON, row};

pub(super) const RIVALS: &[Rival] = &[
    row(
        "empty system call",
        150,
        &[
            (ZIRCON, 201),
            ("seL4, NBSend to a null capability", 294),
            ("Linux, getppid", 399),
        ],
    ),
    row("handle_close of 0", 160, &[(ZIRCON, 225)]),
    row("object_get_info HANDLE_VALID", 250, &[(ZIRCON, 497)]),
    row("clock_get_monotonic", 170, &[(ZIRCON, 229)]),
    row("handle_duplicate + close", 600, &[(ZIRCON, 1_742)]),
    row("event_create + close", 900, &[(ZIRCON, 2_168)]),
    row("vmo_create + close", 1_200, &[(ZIRCON, 3_509)]),
    row("vmo_create + commit + close", 2_000, &[(ZIRCON, 5_703)]),
    row(
        "vmo_create_physical",
        600,
        &[(ZIRCON, 2_175), ("seL4, retype", 666)],
    ),
    row(
        "vmo_create_physical + close",
        1_000,
        &[(ZIRCON, 3_762), (SEL4, 1_241)],
    ),
    row(
        "device 4 KiB",
        2_200,
        &[
            (ZIRCON, 21_102),
            (SEL4, 2_338),
            ("Linux, /dev/mem", 19_242),
            ("Linux, vfio", 25_300),
        ],
    ),
    row(
        "device 2 MiB",
        2_200,
        &[
            (ZIRCON, 300_000),
            ("seL4, one frame", 2_309),
            ("Linux, /dev/mem", 280_622),
            ("Linux, vfio", 21_400),
        ],
    ),
    row(
        "device 64 MiB",
        3_500,
        &[
            (ZIRCON, 8_813_000),
            ("seL4, 32 frames", 54_389),
            ("Linux, /dev/mem", 8_398_448),
            ("Linux, vfio", 23_300),
        ],
    ),
    row(
        "device 1 GiB",
        2_200,
        &[
            (ZIRCON, 140_641_000),
            ("seL4, one frame", 2_274),
            ("seL4, 512 frames", 861_543),
            ("Linux, /dev/mem", 133_943_686),
            ("Linux, vfio", 51_200),
        ],
    ),
    row("page fault of a physical VMO", 900, &[(ZIRCON, 2_695)]),
    row("object_signal", 250, &[(ZIRCON, 643), (SEL4, 323)]),
    row(
        "object_wait_one, already signalled",
        400,
        &[(ZIRCON, 1_403)],
    ),
    row("channel write + read, 8 bytes", 800, &[(ZIRCON, 2_360)]),
    row("channel write + read, 1 KiB", 1_000, &[(ZIRCON, 2_696)]),
    row(
        "channel write + read, 8 bytes and a handle",
        1_100,
        &[(ZIRCON, 3_073)],
    ),
    row("channel_create + close both", 1_500, &[(ZIRCON, 5_264)]),
    row(
        "channel_call, two threads",
        1_500,
        &[
            (ZIRCON, 6_704),
            ("seL4, call + reply", 528),
            ("Linux, futex", 11_784),
            ("Linux, pipe", 15_115),
        ],
    ),
    row(
        "channel_call, two processes",
        1_600,
        &[
            (ZIRCON, 6_746),
            ("seL4, call + reply", 528),
            ("Linux, pipe", 15_115),
        ],
    ),
];
