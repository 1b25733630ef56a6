//! The table of system calls: the one list from which everything else follows.

/// Hands the table of system calls to the macro `$callback`.
///
/// Each row reads `number family: name(argument: Type, …);` under its doc comment, whose first
/// paragraph says what the call does, followed by `Rights:` and `Errors:` lines. Types are
/// `Handle` (u32), `u32`, `u64`, `i64`, `Koid` (u64), `In<T>` (a user address that is read),
/// `Out<T>` (written). A call's Zircon name is `zx_` and the row's name.
///
/// Argument types are resolved where `$callback` is defined, so each side says what `In<T>` is.
#[macro_export]
macro_rules! syscalls {
    ($callback:ident) => {
        $callback! {
            /// Closes a handle; 0 is accepted and does nothing.
            ///
            /// Rights: none. Errors: BAD_HANDLE.
            0 handle: handle_close(handle: Handle);
            /// Closes many handles; entries that are 0 are skipped, every good one is closed.
            ///
            /// Rights: none. Errors: BAD_HANDLE (one or more entries were bad), INVALID_ARGS (array).
            1 handle: handle_close_many(handles: In<u32>, count: u64);
            /// Makes a second handle to the same object with the same or fewer rights.
            ///
            /// Rights: DUPLICATE. Errors: BAD_HANDLE, ACCESS_DENIED, INVALID_ARGS (rights not a subset, `out`), NO_MEMORY.
            2 handle: handle_duplicate(handle: Handle, rights: u32, out: Out<u32>);
            /// Exchanges a handle for a new one with the same or fewer rights; the source is closed in every case but NO_MEMORY.
            ///
            /// Rights: none. Errors: BAD_HANDLE, INVALID_ARGS (rights not a subset, `out`), NO_MEMORY.
            3 handle: handle_replace(handle: Handle, rights: u32, out: Out<u32>);
            /// Copies out a record, or a list of records, about an object.
            ///
            /// Rights: by topic (INSPECT for most). Errors: NOT_SUPPORTED (topic), BAD_HANDLE, WRONG_TYPE, ACCESS_DENIED, OUT_OF_RANGE (a resource that does not cover SYSTEM base INFO), BAD_STATE (what it asks about is dead), BUFFER_TOO_SMALL, INVALID_ARGS, NO_MEMORY.
            4 object: object_get_info(handle: Handle, topic: u32, buffer: Out<u8>, buffer_size: u64, actual: Out<u64>, avail: Out<u64>);
            /// Reads a property of an object.
            ///
            /// Rights: GET_PROPERTY. Errors: INVALID_ARGS (value), BAD_HANDLE, ACCESS_DENIED, NOT_SUPPORTED, BUFFER_TOO_SMALL, WRONG_TYPE.
            5 object: object_get_property(handle: Handle, property: u32, value: Out<u8>, value_size: u64);
            /// Sets a property of an object.
            ///
            /// Rights: SET_PROPERTY, and WRITE for the content size. Errors: INVALID_ARGS (value, or one that cannot be), BAD_HANDLE, ACCESS_DENIED, NOT_SUPPORTED, BUFFER_TOO_SMALL, WRONG_TYPE, PEER_CLOSED (a socket's write threshold).
            6 object: object_set_property(handle: Handle, property: u32, value: In<u8>, value_size: u64);
            /// Waits until one of the wanted signals is active, or the deadline (ns, monotonic) passes.
            ///
            /// Rights: WAIT. Errors: BAD_HANDLE, ACCESS_DENIED, NOT_SUPPORTED, TIMED_OUT, CANCELED, INVALID_ARGS (observed).
            7 object: object_wait_one(handle: Handle, signals: u32, deadline: i64, observed: Out<u32>);
            /// Clears and sets signals of an object.
            ///
            /// Rights: SIGNAL. Errors: BAD_HANDLE, ACCESS_DENIED, NOT_SUPPORTED, INVALID_ARGS (a bit that users may not touch).
            8 object: object_signal(handle: Handle, clear_mask: u32, set_mask: u32);
            /// Creates a resource that covers part of what its parent covers.
            ///
            /// Rights: WRITE on the parent. Errors: INVALID_ARGS, BAD_HANDLE, WRONG_TYPE, ACCESS_DENIED, BAD_STATE, NOT_FOUND, NO_MEMORY.
            9 resource: resource_create(parent: Handle, options: u32, base: u64, size: u64, name: In<u8>, name_size: u64, out: Out<u32>);
            /// Creates a VMO of zero-filled memory that is committed on demand.
            ///
            /// Rights: none. Errors: INVALID_ARGS, OUT_OF_RANGE, NO_MEMORY.
            10 vmo: vmo_create(size: u64, options: u32, out: Out<u32>);
            /// Creates a VMO that stands for a fixed range of physical memory.
            ///
            /// Rights: none on the resource. Errors: INVALID_ARGS, OUT_OF_RANGE, BAD_HANDLE, WRONG_TYPE, ACCESS_DENIED, NO_MEMORY.
            11 vmo: vmo_create_physical(resource: Handle, paddr: u64, size: u64, out: Out<u32>);
            /// Creates a child of a VMO: a slice shares pages of its parent, a reference everything, a snapshot what neither writes.
            ///
            /// Rights: DUPLICATE and READ, and RESIZE for a resizable reference. Errors: OUT_OF_RANGE, INVALID_ARGS, BAD_HANDLE, WRONG_TYPE, ACCESS_DENIED, NOT_SUPPORTED, BAD_STATE, NO_MEMORY.
            12 vmo: vmo_create_child(handle: Handle, options: u32, offset: u64, size: u64, out: Out<u32>);
            /// Reads the size of a VMO in bytes.
            ///
            /// Rights: none. Errors: BAD_HANDLE, WRONG_TYPE, INVALID_ARGS (`size`).
            13 vmo: vmo_get_size(handle: Handle, size: Out<u64>);
            /// Copies bytes out of a VMO.
            ///
            /// Rights: READ. Errors: BAD_HANDLE, WRONG_TYPE, ACCESS_DENIED, NOT_SUPPORTED (physical), OUT_OF_RANGE, BAD_STATE (not cached), NOT_FOUND or ACCESS_DENIED (buffer), NO_MEMORY.
            14 vmo: vmo_read(handle: Handle, buffer: Out<u8>, offset: u64, buffer_size: u64);
            /// Copies bytes into a VMO.
            ///
            /// Rights: WRITE. Errors: as `vmo_read`.
            15 vmo: vmo_write(handle: Handle, buffer: In<u8>, offset: u64, buffer_size: u64);
            /// Sets the memory type that mappings of a VMO get.
            ///
            /// Rights: MAP. Errors: INVALID_ARGS, BAD_HANDLE, WRONG_TYPE, ACCESS_DENIED, BAD_STATE.
            16 vmo: vmo_set_cache_policy(handle: Handle, policy: u32);
            /// Maps a VMO into a region.
            ///
            /// Rights: MAP on the VMO, and READ, WRITE, EXECUTE on both for what is asked. Errors: BAD_HANDLE, WRONG_TYPE, NOT_SUPPORTED, ACCESS_DENIED, INVALID_ARGS, OUT_OF_RANGE, BAD_STATE, ALREADY_EXISTS, NO_RESOURCES, NO_MEMORY.
            17 vmar: vmar_map(handle: Handle, options: u32, vmar_offset: u64, vmo: Handle, vmo_offset: u64, len: u64, mapped_addr: Out<u64>);
            /// Removes the mappings, and the parts of mappings, in an address range.
            ///
            /// Rights: none (OP_CHILDREN where the range covers regions). Errors: BAD_HANDLE, WRONG_TYPE, INVALID_ARGS, BAD_STATE, NO_MEMORY (a mapping is cut in two).
            18 vmar: vmar_unmap(handle: Handle, addr: u64, len: u64);
            /// Changes the permissions of an address range.
            ///
            /// Rights: READ, WRITE, EXECUTE for what is asked. Errors: BAD_HANDLE, WRONG_TYPE, ACCESS_DENIED, INVALID_ARGS, BAD_STATE, NOT_FOUND, NO_MEMORY.
            19 vmar: vmar_protect(handle: Handle, options: u32, addr: u64, len: u64);
            /// Ends the calling process with a return code; does not return.
            20 task: process_exit(return_code: i64);
            /// Ends the calling thread; does not return.
            21 task: thread_exit();
            /// Sleeps until the deadline (ns, monotonic).
            22 time: nanosleep(deadline: i64);
            /// Reads the monotonic clock in ns.
            ///
            /// Errors: INVALID_ARGS (`now`).
            23 time: clock_get_monotonic(now: Out<i64>);
            /// Writes text to the kernel's console.
            ///
            /// Errors: INVALID_ARGS (buffer).
            24 system: debug_write(buffer: In<u8>, buffer_size: u64);
            /// Answers the page size in bytes, as the call's value.
            25 system: system_get_page_size();
            /// Answers the number of CPUs, as the call's value.
            26 system: system_get_num_cpus();
            /// Copies out the kernel's version string with its NUL.
            ///
            /// Errors: INVALID_ARGS (buffer), BUFFER_TOO_SMALL (`version_size` < the string and its NUL).
            27 system: system_get_version_string(version: Out<u8>, version_size: u64);
            /// Reads the first message of a channel.
            ///
            /// Rights: READ. Errors: BAD_HANDLE, WRONG_TYPE, ACCESS_DENIED, NOT_SUPPORTED (options), INVALID_ARGS, SHOULD_WAIT, PEER_CLOSED, BUFFER_TOO_SMALL.
            28 channel: channel_read(handle: Handle, options: u32, bytes: Out<u8>, handles: Out<u32>, num_bytes: u32, num_handles: u32, actual_bytes: Out<u32>, actual_handles: Out<u32>);
            /// Changes the size of a resizable VMO; what lies behind the new end is gone.
            ///
            /// Rights: WRITE, and RESIZE on a resizable VMO. Errors: BAD_HANDLE, WRONG_TYPE, ACCESS_DENIED, UNAVAILABLE (not resizable), OUT_OF_RANGE, BAD_STATE (pinned pages would go), NO_MEMORY.
            29 vmo: vmo_set_size(handle: Handle, size: u64);
            /// Reads the stream size (content size) of a VMO in bytes.
            ///
            /// Rights: none. Errors: BAD_HANDLE, WRONG_TYPE, INVALID_ARGS (`size`).
            30 vmo: vmo_get_stream_size(handle: Handle, size: Out<u64>);
            /// Sets the stream size (content size) of a VMO in bytes, without resizing it.
            ///
            /// Rights: WRITE. Errors: BAD_HANDLE, WRONG_TYPE, ACCESS_DENIED, OUT_OF_RANGE (more than the VMO's size), NOT_SUPPORTED (physical or contiguous), BAD_STATE (not cached), NO_MEMORY.
            31 vmo: vmo_set_stream_size(handle: Handle, size: u64);
            /// Exchanges a VMO handle for one with EXECUTE as well; the source is closed in every case but NO_MEMORY.
            ///
            /// Rights: none; `vmex` is the SYSTEM resource with base VMEX, or 0. Errors: BAD_HANDLE, WRONG_TYPE, OUT_OF_RANGE, INVALID_ARGS (`out`), NO_MEMORY.
            32 vmo: vmo_replace_as_executable(handle: Handle, vmex: Handle, out: Out<u32>);
            /// Does something to a range of a VMO: commits, decommits, zeroes it, maintains caches, locks, gives hints.
            ///
            /// Rights: WRITE or READ, by operation. Errors: INVALID_ARGS, BAD_HANDLE, WRONG_TYPE, ACCESS_DENIED, NOT_SUPPORTED, OUT_OF_RANGE, BAD_STATE, UNAVAILABLE, NO_MEMORY.
            33 vmo_range: vmo_op_range(handle: Handle, op: u32, offset: u64, size: u64, buffer: Out<u8>, buffer_size: u64);
            /// Moves pages from one VMO to another.
            ///
            /// Rights: WRITE on the destination, READ and WRITE on the source. Errors: INVALID_ARGS, BAD_HANDLE, WRONG_TYPE, ACCESS_DENIED, NOT_SUPPORTED, BAD_STATE, OUT_OF_RANGE, NO_MEMORY.
            34 vmo_range: vmo_transfer_data(dst_vmo: Handle, options: u32, offset: u64, length: u64, src_vmo: Handle, src_offset: u64);
            /// Makes a region inside a region.
            ///
            /// Rights: READ, WRITE, EXECUTE for each of CAN_MAP_READ, CAN_MAP_WRITE, CAN_MAP_EXECUTE. Errors: BAD_HANDLE, WRONG_TYPE, ACCESS_DENIED, INVALID_ARGS, BAD_STATE, ALREADY_EXISTS, NO_RESOURCES, NO_MEMORY.
            35 vmar: vmar_allocate(parent_vmar: Handle, options: u32, offset: u64, size: u64, child_vmar: Out<u32>, child_addr: Out<u64>);
            /// Unmaps everything below a region and gives its addresses back to its parent.
            ///
            /// Rights: OP_CHILDREN. Errors: BAD_HANDLE, WRONG_TYPE, ACCESS_DENIED, NOT_SUPPORTED (a root region), BAD_STATE.
            36 vmar: vmar_destroy(handle: Handle);
            /// Does something to the memory mapped in an address range: commits, decommits, zeroes, maps it, gives hints.
            ///
            /// Rights: none (OP_CHILDREN where the range covers regions). Errors: BAD_HANDLE, WRONG_TYPE, INVALID_ARGS, OUT_OF_RANGE, BAD_STATE, ACCESS_DENIED, NOT_SUPPORTED, NO_MEMORY.
            37 vmar_range: vmar_op_range(handle: Handle, op: u32, address: u64, size: u64, buffer: Out<u8>, buffer_size: u64);
            /// Makes the object that stands for an IOMMU; device addresses of a stub IOMMU are physical ones.
            ///
            /// Rights: none on the resource, which covers SYSTEM base IOMMU. Errors: BAD_HANDLE, WRONG_TYPE, OUT_OF_RANGE, INVALID_ARGS, NOT_SUPPORTED, NO_MEMORY.
            38 bti: iommu_create(resource: Handle, iommu_type: u32, desc: In<u8>, desc_size: u64, out: Out<u32>);
            /// Makes a bus transaction initiator: the authority to pin memory for a device.
            ///
            /// Rights: none. Errors: INVALID_ARGS, BAD_HANDLE, WRONG_TYPE, NO_MEMORY.
            39 bti: bti_create(iommu: Handle, options: u32, bti_id: u64, out: Out<u32>);
            /// Pins pages of a VMO and tells their device addresses.
            ///
            /// Rights: MAP on both; on the VMO READ for PERM_READ and PERM_EXECUTE, WRITE for PERM_WRITE. Errors: BAD_HANDLE, WRONG_TYPE, ACCESS_DENIED, INVALID_ARGS, OUT_OF_RANGE, BAD_STATE (something is in quarantine), NO_MEMORY.
            40 bti: bti_pin(handle: Handle, options: u32, vmo: Handle, offset: u64, size: u64, addrs: Out<u64>, num_addrs: u64, pmt: Out<u32>);
            /// Unpins what dead holders of pins left behind: no device uses it any more.
            ///
            /// Rights: WRITE. Errors: BAD_HANDLE, WRONG_TYPE, ACCESS_DENIED.
            41 bti: bti_release_quarantine(handle: Handle);
            /// Unpins pages; the handle is always closed.
            ///
            /// Rights: none. Errors: BAD_HANDLE, WRONG_TYPE.
            42 bti: pmt_unpin(handle: Handle);
            /// Creates a VMO of zero-filled memory in one run of physical addresses.
            ///
            /// Rights: MAP on the BTI. Errors: INVALID_ARGS, BAD_HANDLE, WRONG_TYPE, ACCESS_DENIED, OUT_OF_RANGE, NO_MEMORY.
            43 bti: vmo_create_contiguous(bti: Handle, size: u64, alignment_log2: u32, out: Out<u32>);
            /// Makes a thread of a process, which does not run yet.
            ///
            /// Rights: MANAGE_THREAD on the process. Errors: INVALID_ARGS (options, name, `out`), BAD_HANDLE, WRONG_TYPE, ACCESS_DENIED, BAD_STATE (the process is over), NO_MEMORY.
            44 thread: thread_create(process: Handle, name: In<u8>, name_size: u64, options: u32, out: Out<u32>);
            /// Starts a thread of a process that runs.
            ///
            /// Rights: MANAGE_THREAD. Errors: BAD_HANDLE, WRONG_TYPE, ACCESS_DENIED, BAD_STATE (started before, or the process does not run), INVALID_ARGS (entry).
            45 thread: thread_start(handle: Handle, entry: u64, stack: u64, arg1: u64, arg2: u64);
            /// Lets other threads run first.
            ///
            /// Errors: INVALID_ARGS (options).
            46 thread: thread_legacy_yield(options: u32);
            /// Kills a process, or a job with all that is in it; does not return when that is the caller.
            ///
            /// Rights: DESTROY. Errors: BAD_HANDLE, ACCESS_DENIED, WRONG_TYPE (a thread, or no task).
            47 task: task_kill(handle: Handle);
            /// Makes a process with an empty address space.
            ///
            /// Rights: MANAGE_PROCESS on the job. Errors: INVALID_ARGS (options, name, `process`, `vmar`), BAD_HANDLE, WRONG_TYPE, ACCESS_DENIED, BAD_STATE (the job was killed), NO_MEMORY.
            48 process: process_create(job: Handle, name: In<u8>, name_size: u64, options: u32, process: Out<u32>, vmar: Out<u32>);
            /// Starts a process with its first thread, which is given a handle; that one is gone in any case.
            ///
            /// Rights: WRITE on both, TRANSFER on `arg1`. Errors: BAD_HANDLE, WRONG_TYPE, ACCESS_DENIED, BAD_STATE, INVALID_ARGS (entry), NO_MEMORY.
            49 process: process_start(process: Handle, thread: Handle, entry: u64, stack: u64, arg1: Handle, arg2: u64);
            /// Copies bytes out of another process's memory, up to the end of the mapping they are in.
            ///
            /// Rights: READ and WRITE. Errors: BAD_HANDLE, WRONG_TYPE, ACCESS_DENIED, INVALID_ARGS, BAD_STATE (the process is over), NOT_FOUND (nothing is mapped there), NO_MEMORY.
            50 process: process_read_memory(handle: Handle, vaddr: u64, buffer: Out<u8>, buffer_size: u64, actual: Out<u64>);
            /// Copies bytes into another process's memory, up to the end of the mapping they go to.
            ///
            /// Rights: WRITE. Errors: as `process_read_memory`.
            51 process: process_write_memory(handle: Handle, vaddr: u64, buffer: In<u8>, buffer_size: u64, actual: Out<u64>);
            /// Makes a job in a job.
            ///
            /// Rights: MANAGE_JOB on the parent. Errors: INVALID_ARGS (options, `out`), BAD_HANDLE, WRONG_TYPE, ACCESS_DENIED, OUT_OF_RANGE (too deep), BAD_STATE (the parent was killed), NO_MEMORY.
            52 job: job_create(parent: Handle, options: u32, out: Out<u32>);
            /// Makes a handle to a process's thread, or to a job's job or process.
            ///
            /// Rights: ENUMERATE. Errors: BAD_HANDLE, ACCESS_DENIED (also: rights that the parent's handle lacks), NOT_FOUND, WRONG_TYPE, INVALID_ARGS (`out`), NO_MEMORY.
            53 object: object_get_child(handle: Handle, koid: u64, rights: u32, out: Out<u32>);
            /// Says what the processes of a job may do; jobs made in it later begin with that.
            ///
            /// Rights: SET_POLICY. Errors: INVALID_ARGS, BAD_HANDLE, WRONG_TYPE, ACCESS_DENIED, BAD_STATE (it has children), OUT_OF_RANGE (more entries than conditions), NOT_SUPPORTED (unknown action), ALREADY_EXISTS (another action is fixed).
            54 job: job_set_policy(handle: Handle, options: u32, topic: u32, policy: In<u8>, count: u32);
            /// Stops a thread, or all threads of a process, until the token is closed.
            ///
            /// Rights: WRITE, looked at before the type. Errors: BAD_HANDLE, ACCESS_DENIED, WRONG_TYPE, NOT_SUPPORTED (the caller, or its process), BAD_STATE (dying or dead), NO_MEMORY, INVALID_ARGS (`token`).
            55 task: task_suspend(handle: Handle, token: Out<u32>);
            /// Reads a part of the registers of a thread that is suspended.
            ///
            /// Rights: READ. Errors: BAD_HANDLE, WRONG_TYPE, ACCESS_DENIED, INVALID_ARGS (kind, buffer), NOT_SUPPORTED (a kind that the machine does not have), BUFFER_TOO_SMALL, BAD_STATE (not suspended).
            56 thread_state: thread_read_state(handle: Handle, kind: u32, buffer: Out<u8>, buffer_size: u64);
            /// Writes a part of the registers of a thread that is suspended; what user mode may not change stays.
            ///
            /// Rights: WRITE. Errors: NOT_SUPPORTED (a kind for debuggers, or one that the machine does not have), BAD_HANDLE, WRONG_TYPE, ACCESS_DENIED, INVALID_ARGS (kind, buffer, an address that is not the user's), BUFFER_TOO_SMALL, BAD_STATE (not suspended).
            57 thread_state: thread_write_state(handle: Handle, kind: u32, buffer: In<u8>, buffer_size: u64);
            /// Has a job killed when a process in it, or below it, ends.
            ///
            /// Rights: DESTROY on the job, WAIT on the process. Errors: INVALID_ARGS (options, a process that is not below the job), BAD_HANDLE, WRONG_TYPE, ACCESS_DENIED, ALREADY_BOUND (the process is critical to a job).
            58 job: job_set_critical(job: Handle, options: u32, process: Handle);
            /// Creates a channel on which the exceptions of a thread, a process or a job are told.
            ///
            /// Rights: INSPECT, DUPLICATE, TRANSFER, MANAGE_THREAD; ENUMERATE on processes and jobs. Errors: INVALID_ARGS (options, a debugger of a thread, `out`), ACCESS_DENIED (also: policy), BAD_HANDLE, WRONG_TYPE, BAD_STATE (the task is over), ALREADY_BOUND, NO_MEMORY.
            60 exception: task_create_exception_channel(handle: Handle, options: u32, out: Out<u32>);
            /// Makes a handle to the thread that is in an exception, with the rights of the handle that the channel was created through.
            ///
            /// Rights: none. Errors: BAD_HANDLE, WRONG_TYPE, INVALID_ARGS (`out`), NO_MEMORY.
            61 exception: exception_get_thread(handle: Handle, out: Out<u32>);
            /// As `exception_get_thread`, for the thread's process.
            ///
            /// Rights: none. Errors: as `exception_get_thread`, ACCESS_DENIED (the channel is a thread's).
            62 exception: exception_get_process(handle: Handle, out: Out<u32>);
            /// Creates a profile: how urgent threads are, and on which CPUs they may run.
            ///
            /// Rights: none on the resource, which must be SYSTEM and cover PROFILE. Errors: ACCESS_DENIED (also: policy), BAD_HANDLE, WRONG_TYPE, OUT_OF_RANGE, INVALID_ARGS (options, record, `profile`, `out`), NOT_SUPPORTED (deadlines, regions), NO_MEMORY.
            67 profile: profile_create(resource: Handle, options: u32, profile: In<u8>, out: Out<u32>);
            /// Schedules a thread by a profile from now on.
            ///
            /// Rights: MANAGE_THREAD, APPLY_PROFILE on the profile. Errors: INVALID_ARGS (options), BAD_HANDLE, WRONG_TYPE, ACCESS_DENIED, BAD_STATE (the thread is over).
            68 profile: object_set_profile(handle: Handle, profile: Handle, options: u32);
            /// Creates a channel: two ends, each of which reads what is written to the other.
            ///
            /// Rights: none. Errors: INVALID_ARGS (options, `out0`, `out1`), ACCESS_DENIED (policy), NO_MEMORY.
            70 channel: channel_create(options: u32, out0: Out<u32>, out1: Out<u32>);
            /// Writes a message of bytes and handles; the handles are gone whatever comes of it, but for NO_MEMORY.
            ///
            /// Rights: WRITE; TRANSFER on the handles. Errors: INVALID_ARGS, BAD_HANDLE, WRONG_TYPE, ACCESS_DENIED, OUT_OF_RANGE, NOT_SUPPORTED (an end into itself), PEER_CLOSED, NO_MEMORY.
            71 channel_write: channel_write(handle: Handle, options: u32, bytes: In<u8>, num_bytes: u32, handles: In<u32>, num_handles: u32);
            /// As `channel_write`, saying of each handle whether it is moved or duplicated, its type and its rights.
            ///
            /// Rights: WRITE; TRANSFER on the handles, DUPLICATE on those that stay. Errors: as `channel_write`, with the one of each handle in its `result`.
            72 channel_write: channel_write_etc(handle: Handle, options: u32, bytes: In<u8>, num_bytes: u32, handles: Out<u8>, num_handles: u32);
            /// As `channel_read`, with the type and the rights of each handle.
            ///
            /// Rights: READ. Errors: as `channel_read`.
            73 channel: channel_read_etc(handle: Handle, options: u32, bytes: Out<u8>, handles: Out<u8>, num_bytes: u32, num_handles: u32, actual_bytes: Out<u32>, actual_handles: Out<u32>);
            /// Writes a message under a fresh transaction id, and waits for the message that answers it.
            ///
            /// Rights: READ and WRITE; TRANSFER on the handles. Errors: as `channel_write`, BUFFER_TOO_SMALL, TIMED_OUT, CANCELED.
            74 channel_call: channel_call(handle: Handle, options: u32, deadline: i64, args: In<u8>, actual_bytes: Out<u32>, actual_handles: Out<u32>);
            /// As `channel_call`, with handles as in `channel_write_etc` and `channel_read_etc`.
            ///
            /// Rights: as `channel_call`. Errors: as `channel_call`.
            75 channel_call: channel_call_etc(handle: Handle, options: u32, deadline: i64, args: In<u8>, actual_bytes: Out<u32>, actual_handles: Out<u32>);
            /// Creates an event: an object that has signals.
            ///
            /// Rights: none. Errors: INVALID_ARGS (options, `out`), ACCESS_DENIED (policy), NO_MEMORY.
            76 event: event_create(options: u32, out: Out<u32>);
            /// Creates a pair of events, each of which can signal the other.
            ///
            /// Rights: none. Errors: NOT_SUPPORTED (options), INVALID_ARGS (`out0`, `out1`), ACCESS_DENIED (policy), NO_MEMORY.
            77 event: eventpair_create(options: u32, out0: Out<u32>, out1: Out<u32>);
            /// Clears and sets signals of the other end.
            ///
            /// Rights: SIGNAL_PEER. Errors: BAD_HANDLE, ACCESS_DENIED, NOT_SUPPORTED, INVALID_ARGS (a bit that users may not touch), PEER_CLOSED.
            78 object: object_signal_peer(handle: Handle, clear_mask: u32, set_mask: u32);
            /// Waits until one of several objects has one of its wanted signals, or the deadline (ns, monotonic) passes.
            ///
            /// Rights: WAIT on each. Errors: OUT_OF_RANGE (more than 64), INVALID_ARGS (items), BAD_HANDLE, ACCESS_DENIED, NOT_SUPPORTED, TIMED_OUT, CANCELED, NO_MEMORY.
            79 wait_many: object_wait_many(items: Out<u8>, num_items: u64, deadline: i64);
            /// Creates a port: a queue of packets that threads wait for.
            ///
            /// Rights: none. Errors: INVALID_ARGS (options, `out`), ACCESS_DENIED (policy), NO_MEMORY.
            80 port: port_create(options: u32, out: Out<u32>);
            /// Queues a packet of the user's; more than 4097 that nobody takes end the process.
            ///
            /// Rights: WRITE. Errors: BAD_HANDLE, WRONG_TYPE, ACCESS_DENIED, INVALID_ARGS (packet), NO_MEMORY.
            81 port: port_queue(handle: Handle, packet: In<u8>);
            /// Takes the oldest packet, waiting for one until the deadline (ns, monotonic).
            ///
            /// Rights: READ. Errors: BAD_HANDLE, WRONG_TYPE, ACCESS_DENIED, TIMED_OUT, INVALID_ARGS (packet).
            82 port: port_wait(handle: Handle, deadline: i64, packet: Out<u8>);
            /// Takes back waits that were made through a handle with a key, and the packets that came of them.
            ///
            /// Rights: WRITE on the port, WAIT on the source. Errors: BAD_HANDLE, WRONG_TYPE, ACCESS_DENIED, NOT_SUPPORTED, NOT_FOUND.
            83 port: port_cancel(handle: Handle, source: Handle, key: u64);
            /// Takes back all waits and packets with a key.
            ///
            /// Rights: WRITE. Errors: INVALID_ARGS (options), BAD_HANDLE, WRONG_TYPE, ACCESS_DENIED, NOT_FOUND.
            84 port: port_cancel_key(handle: Handle, options: u32, key: u64);
            /// Has a packet queued in a port when an object has one of the wanted signals.
            ///
            /// Rights: WAIT on the object, WRITE on the port. Errors: INVALID_ARGS (options), BAD_HANDLE, WRONG_TYPE, ACCESS_DENIED, NOT_SUPPORTED, NO_MEMORY.
            85 port: object_wait_async(handle: Handle, port: Handle, key: u64, signals: u32, options: u32);
            /// Creates a timer: an object that is signalled at a time.
            ///
            /// Rights: none. Errors: INVALID_ARGS (clock, options, `out`), ACCESS_DENIED (policy), NO_MEMORY.
            86 timer: timer_create(options: u32, clock_id: u32, out: Out<u32>);
            /// Arms a timer for a deadline (ns), and clears its signal.
            ///
            /// Rights: WRITE. Errors: OUT_OF_RANGE (slack below 0), BAD_HANDLE, WRONG_TYPE, ACCESS_DENIED.
            87 timer: timer_set(handle: Handle, deadline: i64, slack: i64);
            /// Disarms a timer, and clears its signal.
            ///
            /// Rights: WRITE. Errors: BAD_HANDLE, WRONG_TYPE, ACCESS_DENIED.
            88 timer: timer_cancel(handle: Handle);
            /// Reads the boot clock in ns.
            ///
            /// Errors: INVALID_ARGS (`now`).
            89 time: clock_get_boot(now: Out<i64>);
            /// Reads the counter that the clocks follow.
            ///
            /// Errors: INVALID_ARGS (`now`).
            90 time: ticks_get(now: Out<i64>);
            /// Answers how often that counter counts in a second, as the call's value.
            91 time: ticks_per_second();
            /// Fills a buffer of at most 256 bytes with random bytes.
            ///
            /// Errors: INVALID_ARGS (buffer, or more than 256 bytes).
            92 system: cprng_draw(buffer: Out<u8>, buffer_size: u64);
            /// Waits while a word of memory has a value, until a thread of the process wakes who waits at that address, or the deadline (ns, monotonic) passes.
            ///
            /// Rights: none. Errors: INVALID_ARGS (address; owner of another process, not started, the caller, or a waiter there), BAD_STATE (another value), BAD_HANDLE, WRONG_TYPE, TIMED_OUT, NO_MEMORY.
            93 futex: futex_wait(value_ptr: In<u32>, current_value: u32, new_owner: Handle, deadline: i64);
            /// Wakes some of those that wait at an address, the oldest first; nobody owns it then.
            ///
            /// Errors: INVALID_ARGS (address).
            94 futex: futex_wake(value_ptr: In<u32>, wake_count: u32);
            /// Wakes some of those that wait at an address, and has more of them wait at another one.
            ///
            /// Rights: none. Errors: INVALID_ARGS (addresses, which are two; owner as in `futex_wait`, or a waiter at either), BAD_STATE (another value), BAD_HANDLE, WRONG_TYPE, NO_MEMORY.
            95 futex: futex_requeue(value_ptr: In<u32>, wake_count: u32, current_value: u32, requeue_ptr: In<u32>, requeue_count: u32, new_requeue_owner: Handle);
            /// Wakes the one that has waited longest at an address, which owns it then.
            ///
            /// Errors: INVALID_ARGS (address).
            96 futex: futex_wake_single_owner(value_ptr: In<u32>);
            /// As `futex_requeue`, with one woken, which owns the first address then.
            ///
            /// Rights: none. Errors: as `futex_requeue`.
            97 futex: futex_requeue_single_owner(value_ptr: In<u32>, current_value: u32, requeue_ptr: In<u32>, requeue_count: u32, new_requeue_owner: Handle);
            /// Tells which thread owns an address that threads wait at: its koid, or 0.
            ///
            /// Errors: INVALID_ARGS (address, `koid`), NO_MEMORY.
            98 futex: futex_get_owner(value_ptr: In<u32>, koid: Out<u64>);
            /// Stores a word, wakes some of those that wait there, closes a handle, and ends the thread: it returns on an error only.
            ///
            /// Rights: none. Errors: INVALID_ARGS (address), NO_MEMORY.
            99 futex: futex_wake_handle_close_thread_exit(value_ptr: Out<u32>, wake_count: u32, new_value: u32, close_handle: Handle);
            /// Creates a FIFO: two ends, each of which takes elements of one size that the other reads; at most 4096 bytes of them.
            ///
            /// Rights: none. Errors: INVALID_ARGS (options, `out0`, `out1`), ACCESS_DENIED (policy), OUT_OF_RANGE (size), NO_MEMORY.
            100 fifo: fifo_create(elem_count: u64, elem_size: u64, options: u32, out0: Out<u32>, out1: Out<u32>);
            /// Takes the oldest elements, as many as there are and are asked for.
            ///
            /// Rights: READ. Errors: BAD_HANDLE, WRONG_TYPE, ACCESS_DENIED, OUT_OF_RANGE (another size, or no elements), PEER_CLOSED, SHOULD_WAIT (none there), INVALID_ARGS (data, `actual`), NO_MEMORY.
            101 fifo: fifo_read(handle: Handle, elem_size: u64, data: Out<u8>, count: u64, actual: Out<u64>);
            /// Writes elements, as many as there is room for.
            ///
            /// Rights: WRITE. Errors: BAD_HANDLE, WRONG_TYPE, ACCESS_DENIED, PEER_CLOSED, OUT_OF_RANGE (another size, or no elements), SHOULD_WAIT (no room), INVALID_ARGS (data, `actual`), NO_MEMORY.
            102 fifo: fifo_write(handle: Handle, elem_size: u64, data: In<u8>, count: u64, actual: Out<u64>);
            /// Creates a socket: two ends, each of which takes bytes, or datagrams, that the other reads.
            ///
            /// Rights: none. Errors: ACCESS_DENIED (policy), INVALID_ARGS (options, `out0`, `out1`), NO_MEMORY.
            103 socket: socket_create(options: u32, out0: Out<u32>, out1: Out<u32>);
            /// Writes as many bytes as there is room for, or a datagram.
            ///
            /// Rights: WRITE. Errors: INVALID_ARGS (options, buffer, `actual`), BAD_HANDLE, WRONG_TYPE, ACCESS_DENIED, PEER_CLOSED, BAD_STATE (disabled), SHOULD_WAIT (no room), OUT_OF_RANGE (a datagram that never fits), NO_MEMORY.
            104 socket: socket_write(handle: Handle, options: u32, buffer: In<u8>, buffer_size: u64, actual: Out<u64>);
            /// Reads the oldest bytes, or the oldest datagram, of which is dropped what does not fit.
            ///
            /// Rights: READ. Errors: INVALID_ARGS (options, buffer, `actual`), BAD_HANDLE, WRONG_TYPE, ACCESS_DENIED, PEER_CLOSED, BAD_STATE (the peer's writing is disabled), SHOULD_WAIT (nothing there), NO_MEMORY.
            105 socket: socket_read(handle: Handle, options: u32, buffer: Out<u8>, buffer_size: u64, actual: Out<u64>);
            /// Disables writing to an end of a socket, or enables it again.
            ///
            /// Rights: MANAGE_SOCKET. Errors: INVALID_ARGS (dispositions), BAD_HANDLE, WRONG_TYPE, ACCESS_DENIED, BAD_STATE (enabled before all was read).
            106 socket: socket_set_disposition(handle: Handle, disposition: u32, disposition_peer: u32);
            /// Says whether a value is a handle; asking about one that is none is no use of it.
            ///
            /// Rights: none. Errors: INVALID_ARGS (0), OUT_OF_RANGE (a value that no handle has), NOT_FOUND.
            107 handle: handle_check_valid(handle: Handle);
            /// Stirs bytes, 256 at the most, into what random bytes are made of.
            ///
            /// Errors: INVALID_ARGS (buffer, or more than 256 bytes).
            108 system: cprng_add_entropy(buffer: In<u8>, buffer_size: u64);
            /// Unmaps an address range, closes a handle, and ends the thread: it returns on an error only.
            ///
            /// Rights: as `vmar_unmap`. Errors: as `vmar_unmap`.
            109 vmar: vmar_unmap_handle_close_thread_exit(handle: Handle, addr: u64, size: u64, close_handle: Handle);
        }
    };
}

macro_rules! names {
    ($($(#[$doc:meta])* $number:literal $family:ident: $name:ident($($arg:ident: $type:ty),* $(,)?);)*) => {
        /// Every system call: number, family, name, arguments (name and type), in table order.
        pub const SYSCALLS: &[Syscall] = &[$(Syscall {
            number: $number,
            family: stringify!($family),
            name: stringify!($name),
            arguments: &[$((stringify!($arg), stringify!($type))),*],
            doc: Syscall::doc(&[$(stringify!($doc)),*]),
        }),*];
    };
}

/// One row of the table, for tools that print it.
#[derive(Clone, Copy, Debug)]
pub struct Syscall {
    /// The number in `rax` or `x16`.
    pub number: u64,
    /// The family: the file that holds the kernel's side.
    pub family: &'static str,
    /// The name without `zx_`.
    pub name: &'static str,
    /// Names and types of the arguments.
    pub arguments: &'static [(&'static str, &'static str)],
    /// The doc attributes of the row as tokens (`doc = r" text"`), one a line.
    pub doc: &'static [&'static str],
}

impl Syscall {
    const fn doc(lines: &'static [&'static str]) -> &'static [&'static str] {
        lines
    }
}

syscalls!(names);
