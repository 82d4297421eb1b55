//! What objects are asked and what they answer, as one table a class: a call, what it carries, the type of its answer.
//!
//! Old and new code meet while a version rolls out, so both sides read what the other one writes: a field that is added
//! has `#[serde(default)]`, one that is not known is passed over, and none is taken away or given another meaning.
//! `golden/` has what released versions said; `golden.rs` holds this one to it.

use crate::platform::Result;

/// A call, and what reads its answer.
///
/// Calls are written and answers read by functions of this crate, whoever asks: what is generic is compiled in each crate
/// that calls it, and types as large as these would be in the bundle twice.
#[derive(Debug)]
pub struct Asked<Call, Answer> {
    /// The call.
    pub call: Call,
    /// Reads its answer.
    pub read: fn(&str) -> Result<Answer>,
}

/// Makes of a table the calls, `asked` to make each of them, and `answers` to write each one's answer. A call whose
/// name on the wire is another than in the code says so by `= "name"`.
macro_rules! calls {
    (% $Name:ident) => { stringify!($Name) };
    (% $Name:ident $wire:literal) => { $wire };
    (@ $Calls:ident $Name:ident) => { $Calls::$Name };
    (@ $Calls:ident $Name:ident $inner:ident: $Inner:ty) => { $Calls::$Name($inner) };
    (@ $Calls:ident $Name:ident { $($field:ident),* }) => { $Calls::$Name { $($field),* } };
    (
        $(#[$about:meta])*
        $Calls:ident:
        $(
            $(#[$doc:meta])*
            $Name:ident $(= $wire:literal)?
                $(($Inner:ty))? $({ $($(#[$said:meta])* $field:ident: $Type:ty),* $(,)? })? => $Answer:ty;
        )*
    ) => {
        $(#[$about])*
        #[derive(Debug, serde::Serialize, serde::Deserialize)]
        pub enum $Calls {
            $($(#[$doc])* $(#[serde(rename = $wire)])? $Name $(($Inner))? $({ $($(#[$said])* $field: $Type),* })?,)*
        }

        /// Each call by its name.
        #[allow(non_snake_case, dead_code, reason = "named as the calls that they make; not each is made in its place")]
        pub mod asked {
            use super::*;
            use crate::call::table::{Asked, calls};

            $(
                $(#[$doc])*
                pub fn $Name($(inner: $Inner)? $($($field: $Type),*)?) -> Asked<$Calls, $Answer> {
                    Asked { call: calls!(@ $Calls $Name $(inner: $Inner)? $({ $($field),* })?), read: read::$Name }
                }
            )*
        }

        impl $Calls {
            /// The call as it is sent.
            pub fn encode(&self) -> crate::platform::Result<String> {
                Ok(serde_json::to_string(self)?)
            }
        }

        #[allow(non_snake_case, reason = "named as the calls")]
        mod read {
            use super::*;

            $(
                pub(super) fn $Name(text: &str) -> crate::platform::Result<$Answer> {
                    Ok(serde_json::from_str(text)?)
                }
            )*
        }

        /// Writes each call's answer.
        #[allow(non_snake_case, dead_code, reason = "named as the calls; some are answered by a text that is ready")]
        pub(crate) mod answers {
            use super::*;

            $(
                pub(crate) fn $Name(answer: &$Answer) -> crate::platform::Result<String> {
                    Ok(serde_json::to_string(answer)?)
                }
            )*
        }

        #[cfg(test)]
        impl $Calls {
            /// The names of all.
            pub(crate) const NAMES: &'static [&'static str] = &[$(calls!(% $Name $($wire)?)),*];

            /// Whether the answer to the call of that name can be read, as its asker reads it.
            pub(crate) fn read_answer(name: &str, text: &str) -> std::result::Result<(), serde_json::Error> {
                match name {
                    $(name if name == calls!(% $Name $($wire)?) => serde_json::from_str::<$Answer>(text).map(drop),)*
                    _ => Err(serde::de::Error::custom("there is no such call")),
                }
            }
        }
    };
}

pub(crate) use calls;
