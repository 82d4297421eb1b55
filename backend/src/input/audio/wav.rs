//! What a WAV from a pipe says of its length: nothing, since its header was written before its sound.

use std::borrow::Cow;

use forebay_contract::FailureCode;

use crate::failure::Failure;

/// Lengths from here on are none: no payload is so long. `ffmpeg` writes 2³² − 1, `sox` and `arecord` about 2³¹.
const UNKNOWN: u32 = 0x7FFF_0000;

/// The same WAV with lengths that are there: a stream goes as far as its bytes do.
///
/// # Errors
/// A file that says its length and has less is truncated.
pub(super) fn with_lengths(payload: &[u8]) -> Result<Cow<'_, [u8]>, Failure> {
    if !matches!(payload, [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'A', b'V', b'E', ..]) {
        return Ok(Cow::Borrowed(payload));
    }
    let undecodable = |detail: &str| Failure::new(FailureCode::AudioUndecodable, detail);
    let data = data_chunk(payload).ok_or_else(|| undecodable("the WAV ends before its sound begins"))?;
    let there = payload.len() - data.start;
    // Nothing in the sound, and nothing that says there is nothing: bytes follow all the same.
    let empty = data.length == 0 && riff_length(payload).is_none_or(|length| length as usize + 8 < payload.len());
    let stream = data.length >= UNKNOWN || (empty && there > 0);
    if !stream && data.length as usize > there {
        return Err(undecodable("the sound is truncated: it ends before the length that its header says"));
    }
    let length = if stream { u32::try_from(there).unwrap_or(u32::MAX) } else { data.length };
    if !stream && riff_length(payload).is_some_and(|length| length as usize + 8 <= payload.len()) {
        return Ok(Cow::Borrowed(payload));
    }
    let mut whole = payload.to_vec();
    for (at, length) in [(4, u32::MAX), (data.start - 4, length)] {
        if let Some(place) = whole.get_mut(at..at + 4) {
            place.copy_from_slice(&length.to_le_bytes());
        }
    }
    Ok(Cow::Owned(whole))
}

fn riff_length(wav: &[u8]) -> Option<u32> {
    wav.get(4..)?.first_chunk().map(|length| u32::from_le_bytes(*length)).filter(|length| *length != 0)
}

/// Where the sound is, and how long it says it is.
struct DataChunk {
    start: usize,
    length: u32,
}

/// Walks a WAV's chunks up to the sound: a name, a length, and the content, which ends at an even place.
fn data_chunk(wav: &[u8]) -> Option<DataChunk> {
    let mut at = 12_usize;
    loop {
        let (name, rest) = wav.get(at..)?.split_first_chunk::<4>()?;
        let length = u32::from_le_bytes(*rest.first_chunk()?);
        let start = at + 8;
        if name == b"data" {
            return Some(DataChunk { start, length });
        }
        at = start.checked_add(length as usize)?.checked_add(length as usize % 2)?;
    }
}
