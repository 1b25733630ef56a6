//! What the kernel, or whoever starts a program, gives it.

use alloc::string::String;
use alloc::vec::Vec;

use jacinth_abi::processargs::{
    BOOTDATA_ACPI, BOOTDATA_DEVICE_TREE, Header, PA_IOPORT_RESOURCE, PA_IRQ_RESOURCE,
    PA_JOB_DEFAULT, PA_MMIO_RESOURCE, PA_PROC_SELF, PA_SMC_RESOURCE, PA_SYSTEM_RESOURCE,
    PA_THREAD_SELF, PA_USER0, PA_VMAR_ROOT, PA_VMO_BOOTDATA, PA_VMO_BOOTFS, PROTOCOL,
    handle_argument, handle_kind,
};
use jacinth_abi::{Record, Status};

use crate::channel::handle_at;
use crate::{Channel, Handle, Job, Process, Resource, Thread, Vmar, Vmo};

/// What a program returns that panicked.
pub const PANIC_RETURN_CODE: i64 = 63;
/// The largest message that start-up reads, in bytes: it happens before there is a heap.
pub(crate) const MAX_BYTES: usize = 4096;
/// The most handles that start-up takes.
pub(crate) const MAX_HANDLES: usize = 64;

/// What the machine says of itself.
#[derive(Debug)]
pub enum Tables {
    /// ACPI tables: see [`Acpi`](crate::acpi::Acpi).
    Acpi(Vmo),
    /// A flattened device tree: see [`DeviceTree`](crate::device_tree::DeviceTree).
    DeviceTree(Vmo),
    /// This program was given neither.
    None,
}

/// The handles and arguments of a program, by what they are; what was not given is `None`.
///
/// The first process has everything but `smc` on x86_64 and `io_ports` on aarch64.
#[derive(Debug)]
pub struct Startup {
    /// This process.
    pub process: Option<Process>,
    /// Its first thread.
    pub thread: Option<Thread>,
    /// The job for processes that it makes.
    pub job: Option<Job>,
    /// Its address space.
    pub root_vmar: Vmar,
    /// Physical addresses.
    pub mmio: Option<Resource>,
    /// Interrupts.
    pub irq: Option<Resource>,
    /// I/O ports, x86_64.
    pub io_ports: Option<Resource>,
    /// Secure monitor calls, aarch64.
    pub smc: Option<Resource>,
    /// Everything else.
    pub system: Option<Resource>,
    /// The boot archive: see [`cpio`](crate::cpio).
    pub bootfs: Option<Vmo>,
    /// What the machine says of itself.
    pub tables: Tables,
    /// Handles by the names that [`Builder::handle`](crate::process::Builder::handle) gave them.
    pub named: Vec<(String, Handle)>,
    /// Other handles with their `PA_HND` words.
    pub others: Vec<(u32, Handle)>,
    /// The arguments.
    pub args: Vec<String>,
    /// The bootstrap channel, which may bring more messages.
    pub bootstrap: Channel,
}

impl Startup {
    /// Reads the first message of the bootstrap channel.
    ///
    /// # Errors
    /// Those of `zx_channel_read`; IO_DATA_INTEGRITY for a message that is not a start-up message,
    /// NOT_FOUND when it brings no address space.
    pub fn read(bootstrap: Channel) -> Result<Self, Status> {
        let mut bytes = [0; MAX_BYTES];
        let mut handles = [0; MAX_HANDLES * 4];
        let (num_bytes, num_handles) = bootstrap
            .read_into(&mut bytes, &mut handles)
            .map_err(|(status, ..)| status)?;
        let message = bytes.get(..num_bytes).unwrap_or_default();
        let header = Header::from_bytes(message);
        let infos = message.get(header.handle_info_off as usize..);
        if header.protocol != PROTOCOL || infos.is_none_or(|infos| infos.len() < num_handles * 4) {
            return Err(Status::IO_DATA_INTEGRITY);
        }
        let infos = infos.unwrap_or_default().chunks_exact(4);
        let values = handles.chunks_exact(4).take(num_handles);
        let pairs = || {
            let infos = infos.clone().map(word);
            infos.zip(values.clone())
        };
        let root = pairs().find(|(info, _)| handle_kind(*info) == PA_VMAR_ROOT);
        let (_, root) = root.ok_or(Status::NOT_FOUND)?;
        // From here on there is a heap: it lies in this region.
        #[cfg(all(target_os = "none", feature = "global-allocator"))]
        crate::heap::place_in(word(root));
        let mut startup = Self::empty(bootstrap, Vmar::from(handle_at(root)));
        let names = strings(message, header.names_off, header.names_num);
        for (info, value) in pairs().filter(|(info, _)| handle_kind(*info) != PA_VMAR_ROOT) {
            startup.keep(info, handle_at(value), &names);
        }
        #[cfg(target_os = "none")]
        if let Some(process) = &startup.process {
            crate::start::is_process(process.value());
        }
        startup.args = strings(message, header.args_off, header.args_num);
        Ok(startup)
    }

    fn empty(bootstrap: Channel, root_vmar: Vmar) -> Self {
        Self {
            process: None,
            thread: None,
            job: None,
            root_vmar,
            mmio: None,
            irq: None,
            io_ports: None,
            smc: None,
            system: None,
            bootfs: None,
            tables: Tables::None,
            named: Vec::new(),
            others: Vec::new(),
            args: Vec::new(),
            bootstrap,
        }
    }

    /// Takes the handle of that name out, as the kind of object that it should be; calls on another
    /// kind answer WRONG_TYPE.
    pub fn take<T: From<Handle>>(&mut self, name: &str) -> Option<T> {
        let index = self.named.iter().position(|(known, _)| known == name)?;
        Some(self.named.swap_remove(index).1.into())
    }

    /// Puts a handle where it belongs.
    fn keep(&mut self, info: u32, handle: Handle, names: &[String]) {
        match (handle_kind(info), handle_argument(info)) {
            (PA_PROC_SELF, _) => {
                crate::sys::note_own_process(handle.value());
                self.process = Some(handle.into());
            }
            (PA_THREAD_SELF, _) => self.thread = Some(handle.into()),
            (PA_JOB_DEFAULT, _) => self.job = Some(handle.into()),
            (PA_MMIO_RESOURCE, _) => self.mmio = Some(handle.into()),
            (PA_IRQ_RESOURCE, _) => self.irq = Some(handle.into()),
            (PA_IOPORT_RESOURCE, _) => self.io_ports = Some(handle.into()),
            (PA_SMC_RESOURCE, _) => self.smc = Some(handle.into()),
            (PA_SYSTEM_RESOURCE, _) => self.system = Some(handle.into()),
            (PA_VMO_BOOTFS, _) => self.bootfs = Some(handle.into()),
            (PA_VMO_BOOTDATA, BOOTDATA_ACPI) => self.tables = Tables::Acpi(handle.into()),
            (PA_VMO_BOOTDATA, BOOTDATA_DEVICE_TREE) => {
                self.tables = Tables::DeviceTree(handle.into());
            }
            (PA_USER0, index) if (index as usize) < names.len() => {
                self.named.push((names[index as usize].clone(), handle));
            }
            _ => self.others.push((info, handle)),
        }
    }
}

fn word(bytes: &[u8]) -> u32 {
    let mut word = [0; 4];
    word.copy_from_slice(bytes);
    u32::from_le_bytes(word)
}

/// The strings of a table: each ends with a NUL.
fn strings(message: &[u8], offset: u32, count: u32) -> Vec<String> {
    let table = message.get(offset as usize..).unwrap_or_default();
    let strings = table.split(|byte| *byte == 0).take(count as usize);
    strings
        .map(|text| String::from_utf8_lossy(text).into_owned())
        .collect()
}
