use forebay_contract::ProblemCode;

use crate::Refusal;

/// Why nothing may be posted there.
#[derive(Debug)]
pub enum Unfit {
    /// Deliveries may not go there: why, for the owner.
    Refused(String),
    /// The name leads nowhere.
    NoSuchName,
    /// The resolver did not say.
    Unknown,
}

impl From<Unfit> for Refusal {
    fn from(unfit: Unfit) -> Self {
        match unfit {
            Unfit::Refused(why) => Self::new(ProblemCode::WebhookTargetRefused, why),
            Unfit::NoSuchName => Self::new(ProblemCode::WebhookTargetRefused, "the URL's host has no address"),
            Unfit::Unknown => {
                let detail = "the URL's host cannot be looked up at the moment; try again";
                Self::new(ProblemCode::ResolverUnavailable, detail).with_header("retry-after", "5")
            }
        }
    }
}
