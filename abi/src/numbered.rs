//! The macro behind enums whose numbers are part of the ABI.

/// Makes an enum with fixed numbers, `number()`, `from_number()`, `name()` and `ALL`.
macro_rules! numbered {
    ($(#[$doc:meta])* $type:ident { $($(#[$item:meta])* $name:ident = $number:literal $label:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $type {
            $($(#[$item])* $name),+
        }

        impl $type {
            /// Every value, by number.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The number on the wire.
            #[must_use]
            pub const fn number(self) -> u32 {
                match self {
                    $(Self::$name => $number),+
                }
            }

            /// The value that a number stands for, if any.
            #[must_use]
            pub const fn from_number(number: u32) -> Option<Self> {
                match number {
                    $($number => Some(Self::$name),)+
                    _ => None,
                }
            }

            /// Zircon's name, without its prefix.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $label),+
                }
            }
        }
    };
}

pub(crate) use numbered;
