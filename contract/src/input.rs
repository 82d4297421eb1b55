use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest as _, Sha256};

use crate::MediaType;

/// One input in its canonical form: what is digested and what models read.
#[derive(Clone, PartialEq, Eq)]
pub struct Input {
    /// How `bytes` are to be read.
    pub media_type: MediaType,
    /// The payload.
    pub bytes: Vec<u8>,
}

impl Input {
    /// No input: for models whose parameters say it all.
    pub fn empty() -> Self {
        Self { media_type: MediaType::Empty, bytes: Vec::new() }
    }

    /// The SHA-256 of the payload.
    pub fn sha256(&self) -> [u8; 32] {
        Sha256::digest(&self.bytes).into()
    }
}

/// Payloads are never printed.
impl std::fmt::Debug for Input {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Input({}, {} bytes)", self.media_type.name(), self.bytes.len())
    }
}

/// Where a job message keeps its input.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum InputRef {
    /// In the message itself.
    Inline {
        /// How `data` is to be read.
        media_type: MediaType,
        /// The payload; base64 in JSON.
        #[serde(serialize_with = "to_base64", deserialize_with = "from_base64")]
        data: Vec<u8>,
    },
    /// In the bucket, because it is larger than the inline limit.
    Stored {
        /// How the object is to be read.
        media_type: MediaType,
        /// The object's key.
        key: String,
        /// The object's length; a worker refuses to read more.
        bytes: u64,
        /// The object's SHA-256, in hex; a worker refuses anything else.
        sha256: String,
    },
}

impl InputRef {
    /// How the payload is to be read.
    pub fn media_type(&self) -> MediaType {
        match self {
            Self::Inline { media_type, .. } | Self::Stored { media_type, .. } => *media_type,
        }
    }
}

/// Payloads are never printed.
impl std::fmt::Debug for InputRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Inline { media_type, data } => {
                write!(f, "Inline({}, {} bytes)", media_type.name(), data.len())
            }
            Self::Stored { media_type, key, bytes, .. } => {
                write!(f, "Stored({}, {bytes} bytes at {key})", media_type.name())
            }
        }
    }
}

fn to_base64<S: Serializer>(data: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&STANDARD.encode(data))
}

fn from_base64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let text = String::deserialize(deserializer)?;
    STANDARD.decode(text).map_err(|_| de::Error::custom("input data is not base64"))
}
