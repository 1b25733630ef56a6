//! Records that cross the boundary as bytes, without `unsafe`.

/// A value with a fixed place in a record: an integer, an array of them, or another record.
pub trait Field: Copy {
    /// Bytes it takes.
    const SIZE: usize;
    /// The value of which every byte is zero.
    const ZERO: Self;
    /// Writes it to the start of `bytes`; nothing happens when that is too short.
    fn put(&self, bytes: &mut [u8]);
    /// Reads it from the start of `bytes`; bytes that are missing count as zero.
    fn get(bytes: &[u8]) -> Self;
}

/// A record of the ABI: a `repr(C)` struct whose padding is zero on the wire.
pub trait Record: Field + PartialEq + core::fmt::Debug {
    /// The bytes on the wire, an array.
    type Bytes: AsRef<[u8]> + AsMut<[u8]> + Copy;
    /// The record as bytes.
    fn to_bytes(&self) -> Self::Bytes;
    /// All-zero bytes.
    fn zeroed_bytes() -> Self::Bytes;
    /// Reads the record; bytes that are missing count as zero, further ones are ignored.
    fn from_bytes(bytes: &[u8]) -> Self {
        Self::get(bytes)
    }
}

macro_rules! integer_field {
    ($($type:ty),+) => {$(
        impl Field for $type {
            const SIZE: usize = core::mem::size_of::<$type>();
            const ZERO: Self = 0;

            fn put(&self, bytes: &mut [u8]) {
                if let Some(place) = bytes.get_mut(..Self::SIZE) {
                    place.copy_from_slice(&self.to_le_bytes());
                }
            }

            fn get(bytes: &[u8]) -> Self {
                let mut value = [0; core::mem::size_of::<$type>()];
                value.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
                Self::from_le_bytes(value)
            }
        }
    )+};
}

integer_field!(u8, u16, u32, u64, i32, i64);

/// Lists of koids have records of one number.
impl Record for u64 {
    type Bytes = [u8; 8];

    fn to_bytes(&self) -> Self::Bytes {
        self.to_le_bytes()
    }

    fn zeroed_bytes() -> Self::Bytes {
        [0; 8]
    }
}

impl<T: Field, const N: usize> Field for [T; N] {
    const SIZE: usize = N * T::SIZE;
    const ZERO: Self = [T::ZERO; N];

    fn put(&self, bytes: &mut [u8]) {
        for (value, place) in self.iter().zip(bytes.chunks_mut(T::SIZE)) {
            value.put(place);
        }
    }

    fn get(bytes: &[u8]) -> Self {
        let mut values = Self::ZERO;
        for (value, place) in values.iter_mut().zip(bytes.chunks(T::SIZE)) {
            *value = T::get(place);
        }
        values
    }
}

/// Makes a `repr(C)` struct with the offset of each field asserted, and its [`Record`] code.
macro_rules! record {
    ($(#[$doc:meta])* pub struct $name:ident: $size:literal {
        $($(#[$field_doc:meta])* pub $field:ident: $type:ty = $offset:literal),+ $(,)?
    }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(C)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: $type),+
        }

        const _: () = assert!(core::mem::size_of::<$name>() == $size);
        $(const _: () = assert!(core::mem::offset_of!($name, $field) == $offset);)+

        impl Default for $name {
            fn default() -> Self {
                <Self as $crate::record::Field>::ZERO
            }
        }

        impl $crate::record::Field for $name {
            const SIZE: usize = $size;
            const ZERO: Self = Self { $($field: <$type as $crate::record::Field>::ZERO),+ };

            fn put(&self, bytes: &mut [u8]) {
                $(if let Some(place) = bytes.get_mut($offset..) {
                    $crate::record::Field::put(&self.$field, place);
                })+
            }

            fn get(bytes: &[u8]) -> Self {
                Self { $($field: $crate::record::Field::get(bytes.get($offset..).unwrap_or_default())),+ }
            }
        }

        impl $crate::record::Record for $name {
            type Bytes = [u8; $size];

            fn to_bytes(&self) -> [u8; $size] {
                let mut bytes = [0; $size];
                $crate::record::Field::put(self, &mut bytes);
                bytes
            }

            fn zeroed_bytes() -> [u8; $size] {
                [0; $size]
            }
        }
    };
}

pub(crate) use record;
