//! Configuration space over a machine of two functions: BARs are read, sized and assigned.

use std::cell::RefCell;
use std::rc::Rc;

use zx::abi::SYSCALLS;
use zx::pci::{BUS_BYTES, Bar, BarSpace, Bdf, Ecam, Window};
use zx::{Arg, Handle, Seam, Status, VmOptions, Vmar, Vmo, Width, set_host};

/// Where configuration space is mapped.
const BASE: u64 = 0x10_0000_0000;
const GIB: u64 = 1 << 30;
const MIB: u64 = 1 << 20;

/// A function: the bits that its registers keep, and what they hold.
struct Function {
    device: u64,
    masks: [u32; 16],
    words: RefCell<[u32; 16]>,
}

impl Function {
    /// A function with these BARs as masks.
    fn new(device: u64, header: u32, bars: &[u32]) -> Self {
        let mut masks = [0; 16];
        // The command register, but not the status behind it.
        masks[1] = 0x07;
        masks[4..4 + bars.len()].copy_from_slice(bars);
        let mut words = masks.map(|_| 0);
        words[0] = 0x1110_1AF4;
        words[3] = header << 16;
        // Flags are hard-wired: the low bits of a mask that no address has.
        for (word, mask) in words[4..].iter_mut().zip(bars) {
            let flags = if mask & 1 == 1 { 0x3 } else { 0xF };
            let is_high = *mask == u32::MAX;
            *word = if is_high { 0 } else { mask & flags };
        }
        Self {
            device,
            masks,
            words: RefCell::new(words),
        }
    }

    fn write(&self, index: usize, value: u32) {
        let mut words = self.words.borrow_mut();
        let flags = match self.masks[index] {
            u32::MAX => 0,
            mask if (4..10).contains(&index) => mask & 0xF,
            _ => 0,
        };
        let kept = self.masks[index];
        words[index] = (words[index] & !kept) | (value & kept) | flags;
    }
}

struct Machine(Vec<Function>);

impl Machine {
    fn at(&self, at: u64) -> Option<(&Function, usize)> {
        let into = at - BASE;
        let function = self
            .0
            .iter()
            .find(|function| function.device == into >> 15)?;
        let register = usize::try_from(into & 0x7FFF).unwrap();
        (register < 64).then_some((function, register))
    }
}

impl Seam for Machine {
    fn call(&self, number: u64, args: &mut [Arg<'_>]) -> i64 {
        let call = SYSCALLS.iter().find(|call| call.number == number).unwrap();
        if call.name == "vmar_map" {
            let Arg::Out(place) = args.last_mut().unwrap() else {
                panic!("memory to write was expected");
            };
            place.copy_from_slice(&BASE.to_le_bytes());
        }
        0
    }

    fn load(&self, at: u64, width: Width) -> u64 {
        let ones = u64::MAX >> (64 - width.bytes() * 8);
        self.at(at).map_or(ones, |(function, register)| {
            let word = u64::from(function.words.borrow()[register / 4]);
            (word >> (register % 4 * 8)) & ones
        })
    }

    fn store(&self, at: u64, _width: Width, value: u64) {
        let (function, register) = self.at(at).expect("only functions are written to");
        assert!(
            register.is_multiple_of(4),
            "only whole registers, and the command"
        );
        function.write(register / 4, u32::try_from(value).unwrap());
    }

    fn prepare(&self, _: Box<dyn FnOnce(u64) + Send>) -> (u64, u64) {
        panic!("no thread was expected");
    }
}

/// Runs a program on a machine of an ivshmem-like device and a bridge with one BAR.
fn with<R>(program: impl FnOnce(&Ecam) -> R) -> R {
    let device = [
        0xFFFF_FF00, // 256 bytes, 32-bit
        0xFFFF_FFE1, // 32 ports
        0xC000_000C, // 1 GiB, wide, prefetchable: low half
        u32::MAX,    // and high half
        0x0000_0000, // none
        0xFFF0_0008, // 1 MiB, 32-bit, prefetchable
    ];
    let machine = Machine(vec![
        Function::new(1, 0, &device),
        Function::new(2, 1, &[0xFFFF_F004, u32::MAX, 0xFFFF_FFFF]),
    ]);
    set_host(Some(Rc::new(machine)));
    let vmar = Vmar::from(Handle::from_value(3));
    let vmo = Vmo::from(Handle::from_value(7));
    let region = vmar.map_at(VmOptions::PERM_READ, 0, &vmo, 0, BUS_BYTES);
    let result = program(&Ecam::new(region.unwrap(), 0));
    drop((vmar, vmo));
    set_host(None);
    result
}

const fn at(device: u8) -> Bdf {
    Bdf {
        bus: 0,
        device,
        function: 0,
    }
}

const fn bar(index: u8, space: BarSpace, address: u64, bytes: u64) -> Bar {
    Bar {
        index,
        space,
        address,
        bytes,
    }
}

#[test]
fn bars_are_sized() {
    with(|ecam| {
        let wanted = [
            bar(0, BarSpace::Memory32, 0, 256),
            bar(1, BarSpace::Io, 0, 32),
            bar(2, BarSpace::Prefetchable64, 0, GIB),
            bar(5, BarSpace::Prefetchable32, 0, MIB),
        ];
        assert_eq!(ecam.bars(at(1)), wanted);
        // What a bridge has behind its two BARs is no BAR.
        assert_eq!(ecam.bars(at(2)), [bar(0, BarSpace::Memory64, 0, 4096)]);
        assert_eq!(ecam.bars(at(3)), []);
        assert_eq!(ecam.read16(at(1), 4), 0, "nothing answers yet");
    });
}

#[test]
fn bars_are_assigned_where_they_can_be() {
    with(|ecam| {
        let low = Window::new(0x1000_0000, 0x1000_0000, 64 * MIB);
        let high = Window::new(0x80_0000_0000, 0x90_0000_0000, 4 * GIB);
        let mut windows = [low.clone(), high.clone()];
        assert_eq!(ecam.assign(&mut windows), Ok(()));
        let addresses = |device| -> Vec<_> {
            let bars = ecam.bars(at(device)).into_iter();
            bars.filter(|bar| bar.space.is_memory())
                .map(|bar| bar.address)
                .collect()
        };
        assert_eq!(addresses(1), [0x1010_1000, 0x80_0000_0000, 0x1000_0000]);
        assert_eq!(addresses(2), [0x1010_0000]);
        assert_eq!(ecam.read16(at(1), 4), 2);
        assert_eq!(high.physical_of(0x80_0000_0000, GIB), Some(0x90_0000_0000));
        // Again: all keep what they have.
        let mut windows = [low.clone(), high.clone()];
        assert_eq!(ecam.assign(&mut windows), Ok(()));
        assert_eq!(addresses(1), [0x1010_1000, 0x80_0000_0000, 0x1000_0000]);
    });
}

#[test]
fn windows_may_be_too_small() {
    with(|ecam| {
        let mut windows = [Window::new(0x1000_0000, 0x1000_0000, 64 * MIB)];
        assert_eq!(ecam.assign(&mut windows), Err(Status::NO_RESOURCES));
    });
    let window = Window::new(0x1000, 0x2000, 0x1000);
    assert_eq!(window.physical_of(0x1800, 0x800), Some(0x2800));
    assert_eq!(window.physical_of(0x1800, 0x801), None);
    assert_eq!(window.physical_of(0xFFF, 1), None);
}
