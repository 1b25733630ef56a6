//! Step 4: every documented error that a program can bring about.

use zx::abi::{Property, RSRC_FLAG_EXCLUSIVE, ResourceKind, Topic};
use zx::sys::{self, Output, Place};
use zx::{
    Address, CachePolicy, Region, Resource, Rights, Signals, Startup, Status, VmOptions, Vmo,
    VmoChildOptions, VmoOptions, time,
};

use crate::given;
use crate::machine::{Machine, PAGE};
use crate::report::Report;

/// What the rows need.
struct Bench<'a> {
    start: &'a Startup,
    /// The root resource.
    root: &'a Resource,
    /// A device's page.
    paddr: u64,
    /// A physical VMO over it.
    vmo: Vmo,
    /// Ordinary memory.
    memory: Vmo,
    /// A mapping of it that cannot be written.
    read_only: Region,
}

pub(crate) fn show(report: &mut Report, start: &Startup, machine: &Machine) -> Result<(), Status> {
    report.heading(4, format_args!("Every documented error"));
    report.table();
    let root = given(start.mmio.as_ref())?;
    let paddr = machine.sample().ok_or(Status::NOT_FOUND)?.page();
    let memory = Vmo::create(PAGE, VmoOptions::empty())?;
    let bench = Bench {
        start,
        root,
        paddr,
        vmo: Vmo::create_physical(root, paddr, PAGE)?,
        read_only: start.root_vmar.map(&memory, VmOptions::PERM_READ)?,
        memory,
    };
    arguments(report, &bench);
    resources(report, &bench)?;
    places(report, &bench)?;
    contents(report, &bench)?;
    children(report, &bench)?;
    mappings(report, &bench)?;
    handles(report, &bench)?;
    minting(report, &bench)
}

/// `zx_vmo_create_physical` with the root resource.
fn create(bench: &Bench<'_>, paddr: u64, size: u64) -> Result<(), Status> {
    Vmo::create_physical(bench.root, paddr, size).map(drop)
}

fn arguments(report: &mut Report, bench: &Bench<'_>) {
    let (paddr, bad) = (bench.paddr, Err(Status::INVALID_ARGS));
    let mut row = |what: &str, expected, got| {
        report.error(
            &alloc::format!("vmo_create_physical: {what}"),
            expected,
            got,
        );
    };
    row("size 0", bad, create(bench, paddr, 0));
    row("size not aligned", bad, create(bench, paddr, PAGE + 1));
    row("paddr not aligned", bad, create(bench, paddr + 8, PAGE));
    let too_large = Err(Status::OUT_OF_RANGE);
    row(
        "size beyond any VMO",
        too_large,
        create(bench, 0, !(PAGE - 1)),
    );
    let far = !(PAGE - 1);
    row(
        "end beyond 64 bits",
        too_large,
        create(bench, far, 2 * PAGE),
    );
    row(
        "paddr beyond the machine",
        too_large,
        create(bench, 1 << 60, PAGE),
    );
}

fn resources(report: &mut Report, bench: &Bench<'_>) -> Result<(), Status> {
    let paddr = bench.paddr;
    let mut out = [0; 4];
    let mut through = |what: &str, handle: u32, expected: Status| {
        let got = sys::vmo_create_physical(handle, paddr, PAGE, &mut out);
        report.error(
            &alloc::format!("vmo_create_physical: {what}"),
            Err(expected),
            got,
        );
    };
    through("handle 0", 0, Status::BAD_HANDLE);
    let closed = bench.memory.duplicate()?;
    let value = closed.value();
    closed.close()?;
    through("handle closed before", value, Status::BAD_HANDLE);
    through("handle to a VMO", bench.memory.value(), Status::WRONG_TYPE);
    let irq = given(bench.start.irq.as_ref())?;
    through("resource of kind IRQ", irq.value(), Status::WRONG_TYPE);
    let one_page = page_resource(bench)?;
    let mut beyond = |what: &str, paddr: u64, size: u64| {
        let got = Vmo::create_physical(&one_page, paddr, size).map(drop);
        let text = alloc::format!("vmo_create_physical: {what}");
        report.error(&text, Err(Status::ACCESS_DENIED), got);
    };
    beyond("2 pages of a 1-page resource", paddr, 2 * PAGE);
    beyond("the page behind a resource", paddr + PAGE, PAGE);
    Ok(())
}

/// A resource for half of the device's page: it stands for the whole page.
fn page_resource(bench: &Bench<'_>) -> Result<Resource, Status> {
    let (mmio, size) = (ResourceKind::Mmio, PAGE / 2);
    bench.root.create_child(mmio, 0, bench.paddr, size, "tour")
}

fn places(report: &mut Report, bench: &Bench<'_>) -> Result<(), Status> {
    let count = bench.root.handle_count()?;
    let mut into = |what: &str, address: Address| {
        let out: Place<'_, 4> = address.into();
        let got = sys::vmo_create_physical(bench.root.value(), bench.paddr, PAGE, out);
        let text = alloc::format!("vmo_create_physical: {what}");
        report.error(&text, Err(Status::INVALID_ARGS), got);
    };
    into("out is null", Address::NULL);
    into("out in the kernel's half", Address::KERNEL);
    into("out is not canonical", Address::NON_CANONICAL);
    into("out cannot be written", bench.read_only.address(0));
    report.equal("root handles after that", bench.root.handle_count()?, count);
    Ok(())
}

fn contents(report: &mut Report, bench: &Bench<'_>) -> Result<(), Status> {
    let vmo = &bench.vmo;
    let unsupported = Err(Status::NOT_SUPPORTED);
    let mut word = [0; 4];
    report.error("vmo_read", unsupported, vmo.read(0, &mut word));
    report.error("vmo_write", unsupported, vmo.write(0, &word));
    report.error(
        "vmo_read: nothing, far outside",
        unsupported,
        vmo.read(!0, &mut []),
    );
    let blind = Vmo::from(vmo.duplicate_with(Rights::MAP)?);
    let denied = Err(Status::ACCESS_DENIED);
    report.error("vmo_read: no READ", denied, blind.read(0, &mut word));
    report.error("vmo_write: no WRITE", denied, blind.write(0, &word));
    let content = blind.content_size().map(drop);
    report.error("get CONTENT_SIZE: no GET_PROPERTY", denied, content);
    report.error(
        "set CONTENT_SIZE: no SET_PROPERTY",
        denied,
        blind.set_content_size(1),
    );
    let number = Property::VmoContentSize.number();
    let short = sys::object_get_property(vmo.value(), number, Output::Here(&mut word[..]));
    report.error(
        "get CONTENT_SIZE: 4 bytes",
        Err(Status::BUFFER_TOO_SMALL),
        short,
    );
    Ok(())
}

fn children(report: &mut Report, bench: &Bench<'_>) -> Result<(), Status> {
    let vmo = &bench.vmo;
    let mut child = |what: &str, options, offset, size, expected: Status| {
        let got = vmo.create_child(options, offset, size).map(drop);
        report.error(
            &alloc::format!("vmo_create_child: {what}"),
            Err(expected),
            got,
        );
    };
    let slice = VmoChildOptions::SLICE;
    child(
        "SNAPSHOT",
        VmoChildOptions::SNAPSHOT,
        0,
        PAGE,
        Status::NOT_SUPPORTED,
    );
    child(
        "no type",
        VmoChildOptions::empty(),
        0,
        PAGE,
        Status::INVALID_ARGS,
    );
    child(
        "SLICE, offset not aligned",
        slice,
        1,
        PAGE,
        Status::INVALID_ARGS,
    );
    child("SLICE, not inside", slice, PAGE, PAGE, Status::INVALID_ARGS);
    child("SLICE, size wraps", slice, 0, !0, Status::OUT_OF_RANGE);
    let lone = Vmo::from(vmo.duplicate_with(Rights::READ)?);
    let denied = Err(Status::ACCESS_DENIED);
    report.error(
        "vmo_create_child: no DUPLICATE",
        denied,
        lone.slice(0, PAGE).map(drop),
    );
    let part = vmo.slice(0, PAGE)?;
    let bad_state = Err(Status::BAD_STATE);
    let device = CachePolicy::UncachedDevice;
    report.error(
        "set_cache_policy: it has a child",
        bad_state,
        vmo.set_cache_policy(device),
    );
    report.error(
        "set_cache_policy: it is a child",
        bad_state,
        part.set_cache_policy(device),
    );
    let unknown = sys::vmo_set_cache_policy(vmo.value(), 4);
    report.error("set_cache_policy: 4", Err(Status::INVALID_ARGS), unknown);
    Ok(())
}

fn mappings(report: &mut Report, bench: &Bench<'_>) -> Result<(), Status> {
    let (vmar, vmo) = (&bench.start.root_vmar, &bench.vmo);
    let read = VmOptions::PERM_READ;
    let map = |vmo: &Vmo, options| vmar.map_at(options, 0, vmo, 0, PAGE).map(drop);
    let denied = Err(Status::ACCESS_DENIED);
    let no_map = Vmo::from(vmo.duplicate_with(Rights::READ)?);
    report.error("vmar_map: no MAP", denied, map(&no_map, read));
    let no_write = Vmo::from(vmo.duplicate_with(Rights::READ | Rights::MAP)?);
    let write = read | VmOptions::PERM_WRITE;
    report.error(
        "vmar_map: writable, no WRITE",
        denied,
        map(&no_write, write),
    );
    let only_write = map(vmo, VmOptions::PERM_WRITE);
    report.error(
        "vmar_map: WRITE without READ",
        Err(Status::INVALID_ARGS),
        only_write,
    );
    let stream = read | VmOptions::ALLOW_FAULTS | VmOptions::FAULT_BEYOND_STREAM_SIZE;
    report.error(
        "vmar_map: stream size",
        Err(Status::NOT_SUPPORTED),
        map(vmo, stream),
    );
    let mapping = vmar.map(&no_write, read)?;
    let protect = mapping.protect(write, 0, PAGE);
    report.error("vmar_protect: more than at first", denied, protect);
    let policy = vmo.set_cache_policy(CachePolicy::Cached);
    report.error(
        "set_cache_policy: it is mapped",
        Err(Status::BAD_STATE),
        policy,
    );
    let gone = sys::vmar_unmap(vmar.value(), mapping.address(1), PAGE);
    report.error(
        "vmar_unmap: address not aligned",
        Err(Status::INVALID_ARGS),
        gone,
    );
    mapping.unmap()
}

fn handles(report: &mut Report, bench: &Bench<'_>) -> Result<(), Status> {
    let vmo = &bench.vmo;
    let bad = Err(Status::INVALID_ARGS);
    let more = vmo.duplicate_with(Rights::RESIZE).map(drop);
    report.error("handle_duplicate: more rights", bad, more);
    let single = vmo.duplicate_with(Rights::WAIT)?;
    let denied = Err(Status::ACCESS_DENIED);
    report.error(
        "handle_duplicate: no DUPLICATE",
        denied,
        single.duplicate().map(drop),
    );
    let children = Signals::VMO_ZERO_CHILDREN;
    let signal = vmo.signal(children, Signals::empty());
    report.error("object_signal: ZERO_CHILDREN", bad, signal);
    report.error(
        "object_signal: no SIGNAL",
        denied,
        single.signal(Signals::USER_0, Signals::empty()),
    );
    let wait = single.wait(Signals::USER_0, time::after_ns(1)).map(drop);
    report.error(
        "object_wait_one: nothing happens",
        Err(Status::TIMED_OUT),
        wait,
    );
    let deaf = vmo.duplicate_with(Rights::READ)?;
    report.error("object_wait_one: no WAIT", denied, deaf.pending().map(drop));
    report.error(
        "object_get_info: no INSPECT",
        denied,
        deaf.handle_count().map(drop),
    );
    let info = sys::object_get_info(
        vmo.value(),
        Topic::RESOURCE.0,
        Output::Here(&mut [0; 64]),
        Address::NULL,
        Address::NULL,
    );
    report.error(
        "object_get_info: RESOURCE of a VMO",
        Err(Status::WRONG_TYPE),
        info,
    );
    let closed = sys::handle_close(0x0000_0002);
    report.error(
        "handle_close: no handle's value",
        Err(Status::BAD_HANDLE),
        closed,
    );
    Ok(())
}

fn minting(report: &mut Report, bench: &Bench<'_>) -> Result<(), Status> {
    let (root, paddr, mmio) = (bench.root, bench.paddr, ResourceKind::Mmio);
    let child = |parent: &Resource, kind, flags, base, size| {
        parent
            .create_child(kind, flags, base, size, "tour")
            .map(drop)
    };
    let bad = Err(Status::INVALID_ARGS);
    report.error(
        "resource_create: size 0",
        bad,
        child(root, mmio, 0, paddr, 0),
    );
    report.error("resource_create: wraps", bad, child(root, mmio, 0, !0, 2));
    let unknown_flag = child(root, mmio, 0x0002_0000, paddr, 1);
    report.error("resource_create: unknown flag", bad, unknown_flag);
    let denied = Err(Status::ACCESS_DENIED);
    let other_kind = child(root, ResourceKind::Irq, 0, 1, 1);
    report.error("resource_create: another kind", denied, other_kind);
    let half = page_resource(bench)?;
    let larger = child(&half, mmio, 0, paddr, PAGE);
    report.error("resource_create: more than the parent", denied, larger);
    let shared = child(root, mmio, RSRC_FLAG_EXCLUSIVE, paddr, 1);
    report.error(
        "resource_create: EXCLUSIVE, in use",
        Err(Status::NOT_FOUND),
        shared,
    );
    let second = child(&half, mmio, RSRC_FLAG_EXCLUSIVE, paddr, 1);
    report.error("resource_create: EXCLUSIVE, not by the root", bad, second);
    Ok(())
}
