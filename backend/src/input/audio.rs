use std::io::Cursor;

use forebay_contract::FailureCode;
use hound::{Error, SampleFormat, WavReader};

use crate::{array::Array, failure::Failure, model::AudioTable};

/// The most channels that are averaged.
const MAX_CHANNELS: u16 = 64;

/// One sound as the model wants it: its channels averaged, from −1 to 1, cut off or filled up with silence;
/// `[1, samples]`, and whether it has more. No more of the payload is read than the model takes, and one sample.
pub(super) fn prepare(payload: &[u8], table: &AudioTable) -> Result<(Array<f32>, bool), Failure> {
    let mut reader = WavReader::new(Cursor::new(payload)).map_err(refused)?;
    let spec = reader.spec();
    if spec.sample_rate != table.sample_rate {
        let (found, allowed) = (spec.sample_rate, table.sample_rate);
        let detail = format!("the sound has {found} samples a second; the model takes {allowed}: resample it");
        return Err(Failure::new(FailureCode::AudioUnsupported, detail));
    }
    if !(1..=MAX_CHANNELS).contains(&spec.channels) {
        let detail = format!("the sound has {} channels; 1 to {MAX_CHANNELS} are taken", spec.channels);
        return Err(Failure::new(FailureCode::AudioUnsupported, detail));
    }
    let channels = usize::from(spec.channels);
    let wanted = table.samples.saturating_mul(channels);
    let (data, truncated) = match spec.sample_format {
        SampleFormat::Float => {
            let mut samples = reader.samples::<f32>();
            let data = average(samples.by_ref().take(wanted), channels, 1.0);
            (data, matches!(samples.next(), Some(Ok(_))))
        }
        SampleFormat::Int => {
            let full = f32::from(2_u8).powi(i32::from(spec.bits_per_sample.clamp(1, 32)) - 1);
            let mut samples = reader.samples::<i32>();
            let levels = samples.by_ref().take(wanted).map(|sample| sample.map(|level| level as f32));
            let data = average(levels, channels, full);
            (data, matches!(samples.next(), Some(Ok(_))))
        }
    };
    let mut data = data.map_err(refused)?;
    if data.is_empty() || !data.iter().all(|sample| sample.is_finite()) {
        return Err(Failure::new(FailureCode::AudioUndecodable, "the sound is empty, or holds NaN or infinity"));
    }
    data.resize(table.samples, 0.0);
    let broken = || Failure::new(FailureCode::AudioUndecodable, "the sound cannot be read");
    Array::new(vec![1, table.samples], data).map(|array| (array, truncated)).ok_or_else(broken)
}

/// The mean of each frame's channels, divided by `full`.
fn average(samples: impl Iterator<Item = Result<f32, Error>>, channels: usize, full: f32) -> Result<Vec<f32>, Error> {
    let (mut data, mut sum, mut heard) = (Vec::new(), 0.0, 0);
    for sample in samples {
        sum += sample? / full;
        heard += 1;
        if heard == channels {
            data.push(sum / channels as f32);
            (sum, heard) = (0.0, 0);
        }
    }
    Ok(data)
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn refused(error: Error) -> Failure {
    match error {
        Error::Unsupported | Error::TooWide | Error::InvalidSampleFormat => {
            Failure::new(FailureCode::AudioUnsupported, "the sound is of a kind of WAV that is not read: send PCM")
        }
        _ => Failure::new(FailureCode::AudioUndecodable, "the sound is no WAV, or truncated, or broken"),
    }
}

#[cfg(test)]
mod tests {
    use hound::{WavSpec, WavWriter};
    use proptest::prelude::*;

    use super::*;

    const TABLE: AudioTable = AudioTable { sample_rate: 8000, samples: 4 };

    fn wav(spec: WavSpec, samples: &[i32]) -> Vec<u8> {
        let mut file = Cursor::new(Vec::new());
        let mut writer = WavWriter::new(&mut file, spec).unwrap();
        for sample in samples {
            match spec.sample_format {
                SampleFormat::Int => writer.write_sample(*sample).unwrap(),
                SampleFormat::Float => writer.write_sample(*sample as f32).unwrap(),
            }
        }
        writer.finalize().unwrap();
        file.into_inner()
    }

    const MONO: WavSpec =
        WavSpec { channels: 1, sample_rate: 8000, bits_per_sample: 16, sample_format: SampleFormat::Int };

    fn code(payload: &[u8]) -> FailureCode {
        prepare(payload, &TABLE).unwrap_err().code
    }

    #[test]
    fn channels_are_averaged_and_the_length_is_the_models() {
        for (spec, samples, expect, cut) in [
            (MONO, &[16_384, -32_768][..], [0.5, -1.0, 0.0, 0.0], false),
            (MONO, &[1 << 14; 4], [0.5; 4], false),
            (MONO, &[1 << 14; 9], [0.5; 4], true),
            (WavSpec { channels: 2, ..MONO }, &[16_384, 0, 0, 0], [0.25, 0.0, 0.0, 0.0], false),
            (WavSpec { channels: 2, ..MONO }, &[1 << 14; 10], [0.5; 4], true),
            (WavSpec { bits_per_sample: 8, ..MONO }, &[64, 0, 0, -128], [0.5, 0.0, 0.0, -1.0], false),
            (
                WavSpec { bits_per_sample: 32, sample_format: SampleFormat::Float, ..MONO },
                &[1, -1],
                [1.0, -1.0, 0.0, 0.0],
                false,
            ),
        ] {
            let (array, truncated) = prepare(&wav(spec, samples), &TABLE).unwrap();
            assert_eq!((array.shape(), array.data()), (&[1, 4][..], &expect[..]), "{spec:?}");
            assert_eq!(truncated, cut, "{spec:?} {samples:?}");
        }
    }

    #[test]
    fn what_is_no_sound_of_the_model_is_refused() {
        let whole = wav(MONO, &[1, 2, 3, 4]);
        assert_eq!(code(b""), FailureCode::AudioUndecodable);
        assert_eq!(code(b"RIFF\x04\0\0\0WAVE"), FailureCode::AudioUndecodable);
        assert_eq!(code(&whole[..whole.len() - 3]), FailureCode::AudioUndecodable);
        assert_eq!(code(&wav(MONO, &[])), FailureCode::AudioUndecodable);
        assert_eq!(code(&wav(WavSpec { sample_rate: 44_100, ..MONO }, &[1])), FailureCode::AudioUnsupported);
        let float = WavSpec { bits_per_sample: 32, sample_format: SampleFormat::Float, ..MONO };
        let mut nan = wav(float, &[1, 2]);
        let end = nan.len();
        nan[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
        assert_eq!(code(&nan), FailureCode::AudioUndecodable);
    }

    #[test]
    fn a_header_that_promises_much_reserves_nothing() {
        let mut lies = wav(MONO, &[1, 2]);
        let at = lies.windows(4).position(|tag| tag == b"data").unwrap() + 4;
        lies[at..at + 4].copy_from_slice(&0xFFFF_FFF0_u32.to_le_bytes());
        let table = AudioTable { samples: 1 << 24, ..TABLE };
        assert_eq!(prepare(&lies, &table).unwrap_err().code, FailureCode::AudioUndecodable);
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(payload: Vec<u8>, at in 0_usize..60, byte: u8) {
            let _ = prepare(&payload, &TABLE);
            let mut broken = wav(MONO, &[1, 2, 3, 4]);
            let end = broken.len();
            broken[at % end] = byte;
            if let Ok((array, _)) = prepare(&broken, &TABLE) {
                prop_assert_eq!(array.data().len(), TABLE.samples);
            }
        }
    }
}
