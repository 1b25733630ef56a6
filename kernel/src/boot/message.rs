//! The one message that the first process finds in its channel (tasks.md §9.2): what each handle is,
//! and the arguments.

use super::BootError;
use crate::Kernel;
use crate::mem::{KVec, Key, NoMemory};
use crate::object::{Channel, Handle, ObjectRef, Peer};
use crate::task::Process;
use jacinth_abi::{Field, Rights, Signals, processargs};

/// The handles of the first message, and what each is.
#[derive(Default)]
pub(super) struct Gifts {
    handles: KVec<Option<Handle>>,
    infos: KVec<u32>,
}

impl Gifts {
    /// Adds a handle to an object.
    ///
    /// # Errors
    /// [`NoMemory`].
    pub(super) fn add(
        &mut self,
        kernel: &mut Kernel,
        object: ObjectRef,
        rights: Rights,
        info: u32,
    ) -> Result<(), NoMemory> {
        self.handles.reserve(1, &mut kernel.mem.budget)?;
        self.infos.push(info, &mut kernel.mem.budget)?;
        let handle = Handle::new(&mut kernel.objects, object, rights);
        self.handles.push(Some(handle), &mut kernel.mem.budget)
    }
}

impl Kernel {
    /// Makes the bootstrap channel with its one message; the value of the end that `process` gets.
    ///
    /// # Errors
    /// [`BootError::NoMemory`].
    pub(super) fn bootstrap_channel(
        &mut self,
        process: Key<Process>,
        mut gifts: Gifts,
        args: &[&str],
    ) -> Result<u32, BootError> {
        let bytes = self.message_bytes(&gifts.infos, args)?;
        self.objects.channels.reserve(&mut self.mem.budget)?;
        self.reserve_handles(process, 1)?;
        let count = gifts.handles.len();
        let budget = &mut self.mem.budget;
        let message = self.objects.message_of(&bytes, count, budget)?;

        // commit
        let koid = self.objects.new_koid();
        // The writing end is the kernel's and closed at once: the message stays readable.
        let peer_koid = self.objects.new_koid();
        let peer = Peer {
            key: None,
            koid: peer_koid,
        };
        let mut end = Channel::new(koid, Signals::READABLE | Signals::PEER_CLOSED, peer);
        if let Some(message) = self.objects.messages.get_mut(message) {
            let handles = gifts.handles.iter_mut().filter_map(Option::take);
            handles.for_each(|handle| message.push_handle(handle));
        }
        end.messages.push_back(&mut self.objects.messages, message);
        let key = self.objects.channels.insert_reserved(end);
        let handle = Handle::new(
            &mut self.objects,
            ObjectRef::Channel(key),
            Rights::DEFAULT_CHANNEL,
        );
        Ok(self
            .objects
            .get_mut(process)
            .handles
            .insert_reserved(handle))
    }

    /// The processargs message (tasks.md §9.2): header, handle infos, argument strings.
    fn message_bytes(&mut self, infos: &[u32], args: &[&str]) -> Result<KVec<u8>, BootError> {
        let count = |len: usize| u32::try_from(len).map_err(|_| BootError::NoMemory);
        let header_bytes = processargs::Header::SIZE;
        let args_off = header_bytes.wrapping_add(infos.len().wrapping_mul(4));
        let header = processargs::Header {
            protocol: processargs::PROTOCOL,
            version: processargs::VERSION,
            handle_info_off: count(header_bytes)?,
            args_off: count(args_off)?,
            args_num: count(args.len())?,
            ..processargs::Header::default()
        };
        let mut bytes = KVec::new();
        let budget = &mut self.mem.budget;
        let mut start = [0u8; processargs::Header::SIZE];
        header.put(&mut start);
        bytes.extend_from_slice(&start, budget)?;
        for info in infos {
            bytes.extend_from_slice(&info.to_le_bytes(), budget)?;
        }
        for arg in args {
            bytes.extend_from_slice(arg.as_bytes(), budget)?;
            bytes.push(0, budget)?;
        }
        Ok(bytes)
    }
}
