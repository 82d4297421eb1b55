//! What objects are asked and what they answer, as one table a class: a call, what it carries, the type of its answer.
//!
//! Old and new code meet while a version rolls out, so both sides read what the other one writes: a field that is added
//! has `#[serde(default)]`, one that is not known is passed over, and none is taken away or given another meaning.
//! `golden/` has what released versions said; `golden.rs` holds this one to it.

use std::marker::PhantomData;

use serde::Serialize;

use crate::platform::Result;

/// A call with the type of its answer.
#[derive(Debug)]
pub struct Asked<Call, Answer> {
    /// The call.
    pub call: Call,
    pub(super) answer: PhantomData<fn() -> Answer>,
}

/// The type of an answer.
#[derive(Debug)]
pub(crate) struct Answers<Answer>(pub(super) PhantomData<fn() -> Answer>);

impl<Answer: Serialize> Answers<Answer> {
    /// The answer as it is sent.
    pub(crate) fn told(self, answer: &Answer) -> Result<String> {
        Ok(serde_json::to_string(answer)?)
    }
}

/// Makes of a table the calls, `asked` to make each of them, and `answers` with the type of each one's answer.
macro_rules! calls {
    (@ $Calls:ident $Name:ident) => { $Calls::$Name };
    (@ $Calls:ident $Name:ident $inner:ident: $Inner:ty) => { $Calls::$Name($inner) };
    (@ $Calls:ident $Name:ident { $($field:ident),* }) => { $Calls::$Name { $($field),* } };
    (
        $(#[$about:meta])*
        $Calls:ident:
        $(
            $(#[$doc:meta])*
            $Name:ident $(($Inner:ty))? $({ $($(#[$said:meta])* $field:ident: $Type:ty),* $(,)? })? => $Answer:ty;
        )*
    ) => {
        $(#[$about])*
        #[derive(Debug, serde::Serialize, serde::Deserialize)]
        pub enum $Calls {
            $($(#[$doc])* $Name $(($Inner))? $({ $($(#[$said])* $field: $Type),* })?,)*
        }

        /// Each call by its name.
        #[allow(non_snake_case, dead_code, reason = "named as the calls that they make; not each is made in its place")]
        pub mod asked {
            use super::*;
            use crate::table::{Asked, calls};

            $(
                $(#[$doc])*
                pub fn $Name($(inner: $Inner)? $($($field: $Type),*)?) -> Asked<$Calls, $Answer> {
                    Asked { call: calls!(@ $Calls $Name $(inner: $Inner)? $({ $($field),* })?), answer: answers::$Name.0 }
                }
            )*
        }

        /// The type of each call's answer.
        #[allow(non_upper_case_globals, reason = "named as the calls")]
        pub(crate) mod answers {
            use super::*;
            use crate::table::Answers;

            $($(#[$doc])* pub(crate) const $Name: Answers<$Answer> = Answers(std::marker::PhantomData);)*
        }

        #[cfg(test)]
        impl $Calls {
            /// The names of all.
            pub(crate) const NAMES: &'static [&'static str] = &[$(stringify!($Name)),*];

            /// Whether the answer to the call of that name can be read, as its asker reads it.
            pub(crate) fn read_answer(name: &str, text: &str) -> std::result::Result<(), serde_json::Error> {
                match name {
                    $(stringify!($Name) => serde_json::from_str::<$Answer>(text).map(drop),)*
                    _ => Err(serde::de::Error::custom("there is no such call")),
                }
            }
        }
    };
}

pub(super) use calls;
