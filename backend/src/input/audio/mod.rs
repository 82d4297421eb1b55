//! Sounds: decoded, resampled, cut off or filled up.

mod decode;
mod resample;
mod wav;

use forebay_contract::FailureCode;

use self::{decode::Sound, resample::Rates};
use crate::{array::Array, failure::Failure, model::AudioTable};

/// One sound as the model wants it: its channels averaged, from −1 to 1, at the model's rate, cut off or filled up with
/// silence; `[1, samples]`, and whether it has more. No more of it is decoded than the model takes, however long it is.
pub(super) fn prepare(payload: &[u8], table: &AudioTable) -> Result<(Array<f32>, bool), Failure> {
    let payload = wav::with_lengths(payload)?;
    let sound = Sound::open(&payload)?;
    let rates = Rates::new(sound.rate(), table.sample_rate);
    let heard = sound.mono(rates.enough_for(table.samples))?;
    if heard.is_empty() {
        return Err(Failure::new(FailureCode::AudioUndecodable, "the sound is empty: it has no samples"));
    }
    if !heard.iter().all(|sample| sample.is_finite()) {
        return Err(Failure::new(FailureCode::AudioUndecodable, "the sound holds NaN or infinity"));
    }
    let truncated = rates.made_of(heard.len()) > table.samples as u64;
    let mut data = resample::resample(&heard, rates, table.samples);
    data.resize(table.samples, 0.0);
    let broken = || Failure::new(FailureCode::AudioUndecodable, "the sound cannot be read");
    Array::new(vec![1, table.samples], data).map(|array| (array, truncated)).ok_or_else(broken)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use hound::{SampleFormat, WavSpec, WavWriter};
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
        assert_eq!(code(&wav(WavSpec { sample_rate: 999, ..MONO }, &[1])), FailureCode::AudioUnsupported);
        let float = WavSpec { bits_per_sample: 32, sample_format: SampleFormat::Float, ..MONO };
        let mut nan = wav(float, &[1, 2]);
        let end = nan.len();
        nan[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
        assert_eq!(code(&nan), FailureCode::AudioUndecodable);
    }

    /// With `length` where the length of the `data` chunk stands, and of the whole.
    fn says(length: u32, samples: &[i32]) -> Vec<u8> {
        let mut wav = wav(MONO, samples);
        let at = wav.windows(4).position(|tag| tag == b"data").unwrap() + 4;
        wav[at..at + 4].copy_from_slice(&length.to_le_bytes());
        wav[4..8].copy_from_slice(&length.to_le_bytes());
        wav
    }

    #[test]
    fn a_wav_from_a_pipe_goes_as_far_as_its_bytes() {
        for length in [0, u32::MAX, 0x7FFF_FFFF, 0x7FFF_F000, 0xFFFF_FFF0] {
            let (array, truncated) = prepare(&says(length, &[1 << 14, 1 << 13]), &TABLE).unwrap();
            assert_eq!((array.data(), truncated), (&[0.5, 0.25, 0.0, 0.0][..], false), "{length:x}");
        }
        assert_eq!(code(&says(5000, &[1, 2])), FailureCode::AudioUndecodable, "a file that is cut off");
        assert_eq!(code(&says(0, &[])), FailureCode::AudioUndecodable, "no samples");
    }

    #[test]
    fn another_rate_is_made_the_models() {
        let tone = |rate: u32| -> Vec<i32> {
            let phase = |i: i32| std::f64::consts::TAU * 440.0 * f64::from(i) / f64::from(rate);
            (0..(rate / 10) as i32).map(|i| (phase(i).sin() * 16_384.0) as i32).collect()
        };
        let table = AudioTable { sample_rate: 8000, samples: 600 };
        let (expect, _) = prepare(&wav(MONO, &tone(8000)), &table).unwrap();
        for sample_rate in [44_100, 48_000, 16_000, 22_050] {
            let spec = WavSpec { sample_rate, ..MONO };
            let (found, truncated) = prepare(&wav(spec, &tone(sample_rate)), &table).unwrap();
            assert!(truncated, "a tenth of a second has 800 samples");
            let off = found.data().iter().zip(expect.data()).skip(20).map(|(one, other)| (one - other).abs());
            assert!(off.fold(0.0, f32::max) < 0.01, "{sample_rate}");
        }
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
