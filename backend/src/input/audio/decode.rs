//! Sounds by symphonia, which is safe Rust: WAV, FLAC, MP3 and Ogg Vorbis.

use std::io::{Cursor, ErrorKind};

use forebay_contract::{FailureCode, InputKind, MediaType};
use symphonia::core::{
    codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions},
    errors::Error,
    formats::{FormatReader, TrackType, probe::Hint},
    io::MediaSourceStream,
};

use crate::failure::Failure;

/// The most channels that are averaged.
const MAX_CHANNELS: usize = 64;
/// The rates that there are, from telephones to measuring.
const RATES: std::ops::RangeInclusive<u32> = 1000..=1_000_000;

/// A sound that is read as far as somebody wants it.
pub(super) struct Sound<'a> {
    reader: Box<dyn FormatReader + 'a>,
    decoder: Box<dyn AudioDecoder>,
    track: u32,
    rate: u32,
    /// How many samples of each channel it says it has.
    says: Option<u64>,
}

impl<'a> Sound<'a> {
    /// Reads what stands before the sound.
    pub(super) fn open(payload: &'a [u8]) -> Result<Self, Failure> {
        let stream = MediaSourceStream::new(Box::new(Cursor::new(payload)), Default::default());
        let probe = symphonia::default::get_probe();
        let reader = probe.probe(&Hint::new(), stream, Default::default(), Default::default());
        let reader = reader.map_err(|error| if begins_as_sound(payload) { refused(error) } else { no_sound() })?;
        let track = reader.default_track(TrackType::Audio).ok_or_else(unsupported)?;
        let parameters =
            track.codec_params.as_ref().and_then(|parameters| parameters.audio()).ok_or_else(unsupported)?;
        let (track, says, rate) = (track.id, track.num_frames, rate(parameters)?);
        let options = AudioDecoderOptions::default();
        let decoder = symphonia::default::get_codecs().make_audio_decoder(parameters, &options).map_err(refused)?;
        Ok(Self { reader, decoder, track, rate, says })
    }

    /// How many samples a second its header says.
    pub(super) fn rate(&self) -> u32 {
        self.rate
    }

    /// The mean of the channels, from the beginning until there are `most` samples or the sound ends. Reads no further,
    /// and reserves no more than that and one packet.
    pub(super) fn mono(mut self, most: usize) -> Result<Vec<f32>, Failure> {
        let (mut samples, mut packet_samples) = (Vec::new(), Vec::new());
        while samples.len() < most {
            let Some(packet) = self.reader.next_packet().map_err(refused)? else {
                return if self.says.is_some_and(|says| says > samples.len() as u64) {
                    Err(truncated())
                } else {
                    Ok(samples)
                };
            };
            if packet.track_id != self.track {
                continue;
            }
            let decoded = self.decoder.decode(&packet).map_err(refused)?;
            let channels = decoded.spec().channels().count();
            if decoded.spec().rate() != self.rate || !(1..=MAX_CHANNELS).contains(&channels) {
                return Err(changes());
            }
            decoded.copy_to_vec_interleaved::<f32>(&mut packet_samples);
            let means = packet_samples.chunks_exact(channels).map(|frame| frame.iter().sum::<f32>() / channels as f32);
            samples.extend(means.take(most - samples.len()));
        }
        Ok(samples)
    }
}

fn rate(parameters: &AudioCodecParameters) -> Result<u32, Failure> {
    let channels = parameters.channels.as_ref().map_or(1, |channels| channels.count());
    if !(1..=MAX_CHANNELS).contains(&channels) {
        let detail = format!("the sound has {channels} channels; 1 to {MAX_CHANNELS} are taken");
        return Err(Failure::new(FailureCode::AudioUnsupported, detail));
    }
    let rate = parameters.sample_rate.unwrap_or(0);
    if RATES.contains(&rate) {
        return Ok(rate);
    }
    let (least, most) = (RATES.start(), RATES.end());
    let detail = format!("the sound has {rate} samples a second; {least} to {most} are taken");
    Err(Failure::new(FailureCode::AudioUnsupported, detail))
}

fn refused(error: Error) -> Failure {
    match error {
        Error::Unsupported(_) => unsupported(),
        Error::LimitError(_) => {
            Failure::new(FailureCode::AudioUnsupported, "the sound takes too much memory to decode")
        }
        Error::ResetRequired => changes(),
        Error::IoError(error) if error.kind() == ErrorKind::UnexpectedEof => truncated(),
        _ => Failure::new(FailureCode::AudioUndecodable, "the sound is broken"),
    }
}

fn begins_as_sound(payload: &[u8]) -> bool {
    MediaType::of_content(payload).is_some_and(|found| found.kind() == InputKind::Audio)
}

fn no_sound() -> Failure {
    let detail = "this is no sound, or none that is read: send WAV (PCM), FLAC, MP3 or Ogg Vorbis";
    Failure::new(FailureCode::AudioUndecodable, detail)
}

fn truncated() -> Failure {
    Failure::new(FailureCode::AudioUndecodable, "the sound is truncated: it ends before its samples do")
}

fn unsupported() -> Failure {
    let detail = "the sound is of a kind that is not read: send WAV (PCM), FLAC, MP3 or Ogg Vorbis";
    Failure::new(FailureCode::AudioUnsupported, detail)
}

fn changes() -> Failure {
    Failure::new(FailureCode::AudioUnsupported, "the sound changes its rate or channels midway: send one of its parts")
}
