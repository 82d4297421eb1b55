//! A limit that many share, without a call for each submission: its keeper lends each account some of it ahead of time.
//!
//! `ledger` is the keeper's side, `holdings` the borrower's, `lease` what they say to one another. Nobody holds more than
//! was lent, and what was lent counts as used until it is given back: however many accounts there are and whatever answers
//! are lost, together they never pass the limit.

pub mod holdings;
pub mod lease;
pub mod ledger;
#[cfg(test)]
mod properties;
mod scope;

pub use scope::Scope;
