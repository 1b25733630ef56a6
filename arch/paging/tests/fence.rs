//! The fence, against a set of frames.

use std::collections::BTreeSet;

use jacinth_kernel::{PAGE_SIZE, PhysAddr, PhysRun};
use jacinth_paging::{Fence, Refused};
use proptest::prelude::*;

fn run(first: u64, pages: u64) -> PhysRun {
    PhysRun {
        base: PhysAddr::new(first * PAGE_SIZE),
        pages,
    }
}

#[test]
fn memory_is_ram_that_is_not_private() {
    let fence = Fence::new(&[run(0x100, 0x400)], &[run(0x200, 0x10)]).unwrap();
    assert_eq!(fence.check_memory(run(0x100, 0x100)), Ok(()));
    assert_eq!(fence.check_memory(run(0x210, 0x2f0)), Ok(()));
    assert_eq!(fence.check_memory(run(0x1ff, 2)), Err(Refused));
    assert_eq!(fence.check_memory(run(0x20f, 1)), Err(Refused));
    assert_eq!(fence.check_memory(run(0x100, 0x400)), Err(Refused));
    assert_eq!(fence.check_memory(run(0xff, 2)), Err(Refused));
    assert_eq!(fence.check_memory(run(0x4ff, 2)), Err(Refused));
    assert_eq!(fence.check_memory(run(0x1000, 1)), Err(Refused));
    assert_eq!(fence.private_frames(), 0x10);
}

#[test]
fn a_device_touches_neither_ram_nor_the_kernels_devices() {
    let fence = Fence::new(&[run(0x100, 0x400)], &[run(0x9000, 1), run(0x4f0, 0x20)]).unwrap();
    assert_eq!(fence.check_device(run(0x8000, 0x1000)), Ok(()));
    assert_eq!(fence.check_device(run(0x9001, 1)), Ok(()));
    assert_eq!(fence.check_device(run(0x8fff, 2)), Err(Refused));
    assert_eq!(fence.check_device(run(0xff, 2)), Err(Refused));
    assert_eq!(fence.check_device(run(0x4ff, 2)), Err(Refused));
    // A private range that sticks out of RAM is private where it sticks out too.
    assert_eq!(fence.check_device(run(0x50f, 1)), Err(Refused));
    assert_eq!(fence.check_device(run(0x510, 1)), Ok(()));
    assert_eq!(
        fence.check_device(PhysRun {
            base: PhysAddr::new(!0xfff),
            pages: 2
        }),
        Err(Refused)
    );
    assert_eq!(
        fence.check_device(PhysRun {
            base: PhysAddr::new(0),
            pages: u64::MAX
        }),
        Err(Refused)
    );
}

#[test]
fn ram_runs_that_touch_are_one() {
    let fence = Fence::new(
        &[run(0x200, 0x100), run(0x100, 0x100), run(0x280, 0x100)],
        &[],
    )
    .unwrap();
    assert_eq!(fence.check_memory(run(0x100, 0x280)), Ok(()));
    assert_eq!(fence.check_memory(run(0x100, 0x281)), Err(Refused));
}

#[test]
fn an_empty_fence_refuses_memory() {
    let fence = Fence::new(&[], &[]).unwrap();
    assert_eq!(fence.check_memory(run(1, 1)), Err(Refused));
    assert_eq!(fence.check_device(run(1, 1)), Ok(()));
}

const RAM: [(u64, u64); 3] = [(10, 130), (200, 64), (300, 1)];

proptest! {
    #[test]
    fn claims_are_a_set(
        private in prop::collection::vec((0_u64..320, 1_u64..90), 0..4),
        steps in prop::collection::vec((0_u64..320, any::<bool>()), 0..60),
        asks in prop::collection::vec((0_u64..320, 1_u64..150), 1..60),
    ) {
        let is_ram = |frame: &u64| RAM.iter().any(|(first, pages)| (*first..first + pages).contains(frame));
        let device = |frame: u64| private.iter().any(|(first, pages)| {
            let sticks_out = (*first..first + pages).any(|frame| !is_ram(&frame));
            sticks_out && (*first..first + pages).contains(&frame)
        });
        let mut model: BTreeSet<u64> =
            private.iter().flat_map(|(first, pages)| *first..first + pages).filter(is_ram).collect();
        let runs = private.iter().map(|(first, pages)| run(*first, *pages)).collect::<Vec<_>>();
        let mut fence = Fence::new(&RAM.map(|(first, pages)| run(first, pages)), &runs).unwrap();
        for (frame, is_claim) in steps {
            let address = run(frame, 1).base;
            if is_claim {
                fence.claim(address);
                model.extend(Some(frame).filter(is_ram));
            } else {
                fence.release(address);
                model.remove(&frame);
            }
            prop_assert_eq!(fence.is_private(address), model.contains(&frame));
        }
        prop_assert_eq!(fence.private_frames(), u64::try_from(model.len()).unwrap());
        for (first, pages) in asks {
            let mut frames = first..first + pages;
            let is_memory = frames.clone().all(|frame| is_ram(&frame) && !model.contains(&frame));
            prop_assert_eq!(fence.check_memory(run(first, pages)).is_ok(), is_memory);
            let is_device = !frames.any(|frame| is_ram(&frame) || device(frame));
            prop_assert_eq!(fence.check_device(run(first, pages)).is_ok(), is_device);
        }
    }
}
