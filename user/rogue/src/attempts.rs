//! Every way to a device that a program could think of, and the error that its call documents.

use alloc::format;
use alloc::string::String;

use zx::abi::limits::{HANDLE_FIXED_BITS, PAGE_SIZE};
use zx::abi::{IommuType, ResourceKind};
use zx::sys::{self, Input, Output};
use zx::{
    Address, CachePolicy, Process, Resource, Rights, Startup, Status, VmOptions, Vmo, VmoOptions,
    fill_random,
};

use crate::{map_at, tell};

/// How many handle values are guessed.
const GUESSES: usize = 500;

/// An attempt's answer.
type Answer = Result<(), Status>;

/// What the rogue knows and holds.
pub(crate) struct Knowledge<'a> {
    start: &'a Startup,
    /// The device's physical address.
    paddr: u64,
    /// The values of init's handles to its resource, to the device's VMO and to the driver.
    inits: [u32; 3],
    /// The driver's koid.
    driver: u64,
    /// Where the driver has mapped the device.
    mapped: u64,
    /// A handle to the device's VMO that must not be mapped.
    vmo: Vmo,
    /// A resource for the page next to the device's.
    near: Resource,
    /// A resource for an interrupt.
    irq: Resource,
    process: Process,
}

/// A number among the arguments, in hexadecimal.
pub(crate) fn number(args: &[String], index: usize) -> Result<u64, Status> {
    let text = args.get(index).ok_or(Status::INVALID_ARGS)?;
    u64::from_str_radix(text, 16).map_err(|_| Status::INVALID_ARGS)
}

/// Makes all attempts; the return code.
pub(crate) fn make(start: &mut Startup) -> Result<i64, Status> {
    let missing = Status::NOT_FOUND;
    let (vmo, near) = (start.take("vmo"), start.take("near"));
    let (irq, process) = (start.take("irq"), start.process.take());
    let value = |index| number(&start.args, index).map(|value| value as u32);
    let knowledge = Knowledge {
        paddr: number(&start.args, 1)?,
        inits: [value(2)?, value(3)?, value(4)?],
        driver: number(&start.args, 5)?,
        mapped: number(&start.args, 6)?,
        vmo: vmo.ok_or(missing)?,
        near: near.ok_or(missing)?,
        irq: irq.ok_or(missing)?,
        process: process.ok_or(missing)?,
        start,
    };
    let mut reached = false;
    let mut row = |text: &str, expected: Status, got: Answer| {
        reached |= got.is_ok();
        tell(&knowledge.start.bootstrap, text, Err(expected), got);
    };
    by_address(&knowledge, &mut row);
    by_resource(&knowledge, &mut row);
    by_vmo(&knowledge, &mut row)?;
    by_others(&knowledge, &mut row);
    let own = by_mapping(&knowledge);
    let text = "vmar_map: own memory at the driver's address";
    tell(&knowledge.start.bootstrap, text, Ok(()), own);
    Ok(if reached { crate::REACHED } else { 0 })
}

/// A call that makes an object through a handle's value, which is closed again.
fn physical(resource: u32, paddr: u64, size: u64) -> Answer {
    let mut out = [0; 4];
    sys::vmo_create_physical(resource, paddr, size, &mut out)?;
    zx::Handle::from_value(u32::from_le_bytes(out)).close()
}

/// With the address alone, and values of handles.
fn by_address(knowledge: &Knowledge<'_>, row: &mut dyn FnMut(&str, Status, Answer)) {
    let paddr = knowledge.paddr;
    let bad = Status::BAD_HANDLE;
    let mut create = |what: &str, expected, handle| {
        let text = format!("vmo_create_physical: {what}");
        row(&text, expected, physical(handle, paddr, PAGE_SIZE));
    };
    let [resource, ..] = knowledge.inits;
    create("no resource", bad, 0);
    create("the value of init's handle", bad, resource);
    create(
        "its own process",
        Status::WRONG_TYPE,
        knowledge.process.value(),
    );
    let vmar = knowledge.start.root_vmar.value();
    create("its address space", Status::WRONG_TYPE, vmar);
    create(
        "an interrupt resource",
        Status::WRONG_TYPE,
        knowledge.irq.value(),
    );
    row(
        &format!("vmo_create_physical: {GUESSES} guesses"),
        bad,
        guess(paddr),
    );
}

/// OK if any value opens the device, else the best known error.
fn guess(paddr: u64) -> Answer {
    let mut word = [0; 4];
    for _ in 0..GUESSES {
        fill_random(&mut word);
        let value = u32::from_le_bytes(word) | HANDLE_FIXED_BITS;
        match physical(value, paddr, PAGE_SIZE) {
            Ok(()) => return Ok(()),
            // A lucky guess hit one of its own handles: they are tried by name.
            Err(Status::BAD_HANDLE | Status::WRONG_TYPE | Status::ACCESS_DENIED) => {}
            Err(other) => return Err(other),
        }
    }
    Err(Status::BAD_HANDLE)
}

/// With a resource for the neighbourhood.
fn by_resource(knowledge: &Knowledge<'_>, row: &mut dyn FnMut(&str, Status, Answer)) {
    let (near, paddr) = (&knowledge.near, knowledge.paddr);
    let denied = Status::ACCESS_DENIED;
    let text = "vmo_create_physical: a resource for the next page";
    row(text, denied, physical(near.value(), paddr, PAGE_SIZE));
    let text = "vmo_create_physical: this page and the next one";
    let both = physical(near.value(), paddr, 2 * PAGE_SIZE);
    row(text, denied, both);
    let mmio = ResourceKind::Mmio;
    let wider = near.create_child(mmio, 0, paddr, 2 * PAGE_SIZE, "rogue");
    row(
        "resource_create: more than its own",
        denied,
        wider.map(drop),
    );
    let system = near.create_child(ResourceKind::System, 0, 0, 1, "rogue");
    row("resource_create: of another kind", denied, system.map(drop));
    let more = near.duplicate_with(Rights::from_bits_retain(
        Rights::DEFAULT_RESOURCE.bits() | Rights::MAP.bits(),
    ));
    let text = "handle_duplicate: the resource, with more rights";
    row(text, Status::INVALID_ARGS, more.map(drop));
}

/// With a handle to the device's VMO that must not be mapped.
fn by_vmo(
    knowledge: &Knowledge<'_>,
    row: &mut dyn FnMut(&str, Status, Answer),
) -> Result<(), Status> {
    let vmo = &knowledge.vmo;
    let (denied, bad) = (Status::ACCESS_DENIED, Status::INVALID_ARGS);
    let root = &knowledge.start.root_vmar;
    let map = |vmo: &Vmo, options| root.map_at(options, 0, vmo, 0, PAGE_SIZE).map(drop);
    let read = VmOptions::PERM_READ;
    row("vmar_map: the VMO, without MAP", denied, map(vmo, read));
    let more = vmo.duplicate_with(Rights::DEFAULT_PHYSICAL_VMO).map(drop);
    row("handle_duplicate: the VMO, with more rights", bad, more);
    let more = vmo.duplicate()?.replace(Rights::DEFAULT_PHYSICAL_VMO);
    row(
        "handle_replace: the VMO, with more rights",
        bad,
        more.map(drop),
    );
    let execute = Vmo::from(vmo.duplicate()?).replace_as_executable(None)?;
    let code = map(&execute, read | VmOptions::PERM_EXECUTE);
    row("vmar_map: the VMO, made executable", denied, code);
    let slice = vmo.slice(0, PAGE_SIZE).map(drop);
    row("vmo_create_child: SLICE, without READ", denied, slice);
    let mut word = [0; 4];
    row("vmo_read: without READ", denied, vmo.read(0, &mut word));
    row("vmo_write: without WRITE", denied, vmo.write(0, &word));
    let policy = vmo.set_cache_policy(CachePolicy::Cached);
    row("vmo_set_cache_policy: without MAP", denied, policy);
    let [_, inits, _] = knowledge.inits;
    let mut at = [0; 8];
    let mapped = sys::vmar_map(root.value(), read, 0, inits, 0, PAGE_SIZE, &mut at);
    let text = "vmar_map: the value of init's handle to the VMO";
    row(text, Status::BAD_HANDLE, mapped);
    Ok(())
}

/// Through other programs, and through devices' own access to memory.
fn by_others(knowledge: &Knowledge<'_>, row: &mut dyn FnMut(&str, Status, Answer)) {
    let own = knowledge.process.value();
    let (bad, wrong) = (Status::BAD_HANDLE, Status::WRONG_TYPE);
    let [.., driver] = knowledge.inits;
    let mut word = [0; 4];
    let found = sys::object_get_child(own, knowledge.driver, Rights::SAME_RIGHTS, &mut word);
    row(
        "object_get_child: the driver's koid",
        Status::NOT_FOUND,
        found,
    );
    let (mut bytes, mut actual) = ([0; 4], [0; 8]);
    let buffer = Output::Here(&mut bytes);
    let read = sys::process_read_memory(driver, knowledge.mapped, buffer, &mut actual);
    let text = "process_read_memory: the value of init's handle";
    row(text, bad, read);
    let text = "task_kill: the value of init's handle";
    row(text, bad, sys::task_kill(driver));
    let create = |job| {
        let name = Input::Here(b"helper");
        sys::process_create(job, name, 0, &mut [0; 4], &mut [0; 4])
    };
    row("process_create: no job", bad, create(0));
    row("process_create: itself as the job", wrong, create(own));
    let stub = IommuType::Stub.number();
    let mut iommu = |resource| sys::iommu_create(resource, stub, Input::Here(&[0]), &mut word);
    row("iommu_create: no resource", bad, iommu(0));
    let near = knowledge.near.value();
    row(
        "iommu_create: the resource for the next page",
        wrong,
        iommu(near),
    );
    let kernel = sys::vmo_read(knowledge.vmo.value(), Output::At(Address::KERNEL, 8), 0);
    row(
        "vmo_read: to where the kernel is",
        Status::ACCESS_DENIED,
        kernel,
    );
}

/// The address at which the driver sees the device means nothing here: there is what this program
/// maps there.
fn by_mapping(knowledge: &Knowledge<'_>) -> Answer {
    let memory = Vmo::create(PAGE_SIZE, VmoOptions::empty())?;
    memory.write(0, &0x600d_u32.to_le_bytes())?;
    let here = map_at(&knowledge.start.root_vmar, &memory, knowledge.mapped)?;
    if here.read32(0) == 0x600d {
        Ok(())
    } else {
        Err(Status::IO_DATA_INTEGRITY)
    }
}
