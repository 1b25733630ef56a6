//! `zx_obj_type_t`: the kinds of objects.

use crate::numbered::numbered;

numbered! {
    /// The kind of an object (`ZX_OBJ_TYPE_*`), as `ZX_INFO_HANDLE_BASIC` reports it.
    ObjectType {
        /// Nothing in particular.
        None = 0 "NONE",
        /// A process.
        Process = 1 "PROCESS",
        /// A thread.
        Thread = 2 "THREAD",
        /// A virtual memory object.
        Vmo = 3 "VMO",
        /// One end of a channel.
        Channel = 4 "CHANNEL",
        /// An event.
        Event = 5 "EVENT",
        /// A port.
        Port = 6 "PORT",
        /// An interrupt.
        Interrupt = 9 "INTERRUPT",
        /// A PCI device of the kernel's own PCI driver.
        PciDevice = 11 "PCI_DEVICE",
        /// The debug log.
        Log = 12 "LOG",
        /// One end of a socket.
        Socket = 14 "SOCKET",
        /// A resource.
        Resource = 15 "RESOURCE",
        /// One end of an event pair.
        EventPair = 16 "EVENTPAIR",
        /// A job.
        Job = 17 "JOB",
        /// A region of an address space.
        Vmar = 18 "VMAR",
        /// One end of a FIFO.
        Fifo = 19 "FIFO",
        /// A guest.
        Guest = 20 "GUEST",
        /// A guest's virtual CPU.
        Vcpu = 21 "VCPU",
        /// A timer.
        Timer = 22 "TIMER",
        /// An IOMMU.
        Iommu = 23 "IOMMU",
        /// A bus transaction initiator.
        Bti = 24 "BTI",
        /// A scheduling profile.
        Profile = 25 "PROFILE",
        /// Pinned memory.
        Pmt = 26 "PMT",
        /// A suspension of a task.
        SuspendToken = 27 "SUSPEND_TOKEN",
        /// A pager.
        Pager = 28 "PAGER",
        /// An exception that is being handled.
        Exception = 29 "EXCEPTION",
        /// A clock.
        Clock = 30 "CLOCK",
        /// A stream.
        Stream = 31 "STREAM",
        /// A block of message-signalled interrupts.
        Msi = 32 "MSI",
        /// One end of an I/O buffer.
        Iob = 33 "IOB",
        /// A counter.
        Counter = 34 "COUNTER",
        /// A region that I/O buffers share.
        IobSharedRegion = 35 "IOB_SHARED_REGION",
    }
}
