use serde::{Deserialize, Serialize};

/// What the owner of webhooks wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// `GET /v1/webhooks`: all of them.
    List,
    /// `POST /v1/webhooks`: a new one.
    Create,
    /// `GET /v1/webhooks/{id}`: one of them.
    Get,
    /// `PATCH /v1/webhooks/{id}`: something about it is to be different.
    Change,
    /// `DELETE /v1/webhooks/{id}`: it is to go, with its deliveries.
    Delete,
    /// `POST /v1/webhooks/{id}/rotate`: new keys; the ones before go on for a day.
    Rotate,
    /// `POST /v1/webhooks/{id}/test`: a test is to be sent.
    Test,
    /// `GET /v1/webhooks/{id}/deliveries`: what was sent to it.
    Deliveries,
    /// `POST /v1/webhooks/{id}/deliveries/{delivery}/replay`: a delivery is to be made again.
    Replay,
}

impl Action {
    /// The status of its success.
    pub fn status(self) -> u16 {
        match self {
            Self::List | Self::Get | Self::Change | Self::Rotate | Self::Deliveries => 200,
            Self::Create => 201,
            Self::Test | Self::Replay => 202,
            Self::Delete => 204,
        }
    }
}
